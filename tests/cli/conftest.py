"""Real processes of the built command, on local: stores in temporary folders.

What a test starts bears a mark in its environment, which whatever descends from it inherits; after the test nothing
that bears it may be left. Times here are guards against hangs, never measures.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import uuid

import pytest
from host import HANG, marked, processes, until

HERE = pathlib.Path(__file__).parent
WORKER = [sys.executable, "-S", str(HERE / "worker.py")]


def threads(pid):
    """More than one: the process has opened its client, so signals are in its own hands."""
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def healthy(text):
    """In a build with sanitizers they speak on stderr."""
    assert "Sanitizer" not in text and "runtime error:" not in text, text
    return text


class Run(subprocess.Popen):
    """A started command; stderr goes to a file that can be read while it runs."""

    def __init__(self, box, args, **more):
        self.log = box.path / f"stderr-{uuid.uuid4().hex[:8]}"
        self.out = box.path / f"stdout-{uuid.uuid4().hex[:8]}"
        with self.log.open("wb") as err, self.out.open("wb") as out:
            more.setdefault("stderr", err)
            more.setdefault("stdout", out)
            more.setdefault("stdin", subprocess.DEVNULL)
            super().__init__([box.command, *map(str, args)], **more)

    def said(self):
        return healthy(self.log.read_text())

    def printed(self):
        return self.out.read_text()

    def end(self):
        try:
            return self.wait(HANG)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.args} hangs: {self.said()}") from None

    def children(self):
        return [pid for pid, parent, state, _ in processes() if parent == self.pid and state != "Z"]

    def guard(self):
        return until(lambda: (self.children() or [0])[0], "the guard")


class Box:
    """One test's folder, store and processes."""

    def __init__(self, path):
        self.path = path
        self.command = os.environ["ELECT_COMMAND"]
        self.mark = f"ELECT_TEST_MARK={uuid.uuid4().hex}"
        self.store = f"local:{path}/store"
        self.started = []
        ours = ("LEADER_ELECTION_", "ELECT_", "KUBERNETES")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        self.env["HOME"] = str(path)
        self.env["LEADER_ELECTION_STORE"] = self.store
        key, value = self.mark.split("=")
        self.env[key] = value

    def start(self, *args, env=None, **more):
        run = Run(self, args, env={**self.env, **(env or {})}, **more)
        self.started.append(run)
        return run

    def run(self, *args, env=None, drop=(), **more):
        """Runs to the end: exit code, stdout, stderr."""
        whole = {**self.env, **(env or {})}
        for name in drop:
            whole.pop(name, None)
        done = subprocess.run(
            [self.command, *map(str, args)],
            env=whole,
            timeout=HANG,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            **more,
        )
        return done.returncode, done.stdout, healthy(done.stderr)

    def json(self, *args, **more):
        code, out, err = self.run(*args, "--json", **more)
        assert out, err
        return code, json.loads(out)

    def left(self):
        return marked(self.mark)

    def journal(self):
        return Journal(self.path / "journal")


class Journal:
    """What workers wrote: lines of `word epoch nanoseconds pid`, by the machine's one clock."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        if not self.path.exists():
            return []
        rows = [line.split() for line in self.path.read_text().splitlines()]
        return [(row[0], int(row[1]), int(row[2]), int(row[3])) for row in rows if len(row) == 4]

    def starts(self):
        return [line for line in self.lines() if line[0] == "start"]

    def wait_starts(self, count):
        return until(lambda: self.starts() if len(self.starts()) >= count else None, f"start number {count}")

    def check(self):
        """Epochs rise, and nobody worked for a term after the next had begun to work."""
        began, last = {}, {}
        for _, epoch, at, _ in self.lines():
            began[epoch] = min(at, began.get(epoch, at))
            last[epoch] = max(at, last.get(epoch, at))
        order = sorted(began, key=began.get)
        assert order == sorted(order), "epochs did not rise"
        for before, after in zip(order, order[1:], strict=False):
            assert last[before] < began[after], f"terms {before} and {after} overlap"
        return order


@pytest.fixture
def box(tmp_path):
    one = Box(tmp_path)
    yield one
    for run in one.started:
        if run.poll() is None:
            run.send_signal(signal.SIGCONT)
            run.terminate()
    for run in one.started:
        try:
            run.wait(HANG)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
        run.said()
    try:
        until(lambda: not one.left(), "the end of all processes")
    except AssertionError:
        left = one.left()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"left running: {left}") from None
