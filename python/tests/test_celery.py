"""The recipes for Celery, as docs/python.md has them, by a real Celery: a pool that forks, and beat by elect run."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from host import DIES_WITH_US, HANG, until

pytest.importorskip("celery")  # in the environment of tests/pypackage
AGES = 5 * HANG  # where others are busy: each of its processes computes for a second before it says anything
PAGE = pathlib.Path(__file__).parents[2] / "docs/python.md"
TELL = """
import fcntl, os
def tell(*words):
    with open(SAID, "a") as said:
        said.write(" ".join(map(str, (os.getpid(), *words))) + "\\n")
"""
# The main process leads in an election of its own before it forks; each task asks for it.
WORKER = """
from celery import Celery
from celery.signals import worker_ready
early = elect.LeaderElection("early", store=STORE)
early.start()
early.wait_elected()
app = Celery("app", broker="memory://localhost")

@worker_process_init.connect
def watch(**_):
    election.on_become_leader(lambda: tell("leads"))
    election.on_lose_leadership(lambda: tell("lost"))

@app.task
def look():
    try:
        tell("inherited", early.is_leader, early.check())
    except elect.ForkedError:
        tell("forked", early.is_leader)

@worker_ready.connect
def send(**_):
    tell("ready", early.is_leader)
    look.delay()
"""
BEAT = """
from celery import Celery
from celery.signals import beat_init
app = Celery("app", broker="memory://localhost")

@beat_init.connect
def begin(**_):
    app.only = open(SAID + ".lock", "w")
    try:
        fcntl.flock(app.only, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tell("beats for", os.environ["ELECT_INSTANCE_ID"])
    except BlockingIOError:
        tell("beats too")
"""


class Stage:
    """Celery's processes in one folder, and what they tell in a file."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.said = folder / "said"
        self.said.touch()
        self.log = folder / "log"

    def write(self, local: str, program: str) -> None:
        head = f"SAID, STORE = {str(self.said)!r}, {local!r}\n{TELL}"
        (self.folder / "app.py").write_text(head + program)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [*DIES_WITH_US, sys.executable, "-m", *command],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def who(self, words: str) -> list[int]:
        """Who told that, in order."""
        return [int(pid) for pid in re.findall(rf"^(\d+) {words}$", self.said.read_text(), re.MULTILINE)]


@contextlib.contextmanager
def ended(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_one_process_of_the_pool_leads_and_then_another(tmp_path: pathlib.Path, local: str) -> None:
    found = re.search(r"^```python celery\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    stage = Stage(tmp_path)
    stage.write(local, found[1].replace("redis://redis.example", f"{local}?lock_ttl=1h") + WORKER)
    worker = stage.start("celery", "-A", "app", "worker", "-c2", "--without-gossip", "--without-mingle")
    with ended(worker):
        first = until(lambda: stage.who("leads"), "a process of the pool leads", AGES)[0]
        assert first != worker.pid
        assert until(lambda: stage.who("forked False"), "a task has run", AGES)[0] != worker.pid
        assert stage.who("ready True") == [worker.pid]
        assert "inherited by fork" in stage.log.read_text()
        os.kill(first, signal.SIGTERM)
        assert until(lambda: stage.who("leads")[1:], "another leads, at once and not after the lease", AGES) != [first]
        assert stage.who("lost") == [first]


def test_one_beat_runs_and_then_another(tmp_path: pathlib.Path, local: str) -> None:
    stage = Stage(tmp_path)
    stage.write(local, BEAT)
    beat = (sys.executable, "-m", "celery", "-A", "app", "beat", "--pidfile=", "-s", str(tmp_path / "schedule"))
    run = ("elect", "run", "beat", "--store", local, "--lock-ttl", "1h", "--instance-id")
    runs = {name: stage.start(*run, name, "--", *beat) for name in ("one", "two")}
    with ended(*runs.values()):
        until(lambda: stage.who("beats for .*"), "a beat", AGES)
        first, second = ("one", "two") if stage.who("beats for one") else ("two", "one")
        runs[first].kill()
        until(lambda: stage.who(f"beats for {second}"), "the other one's, at once and not after the lease", AGES)
        runs[second].terminate()
        assert runs[second].wait(AGES) == 0, stage.log.read_text()
    assert len(stage.who("beats .*")) == 2, "never two at once"
