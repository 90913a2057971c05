"""The commands of docs/moving-over.md, walked through beside old copies: one leader all along, no lease waited out."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

import pytest
from conftest import least_url
from host import until

TESTS = pathlib.Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "moving-over.md").read_text()
COMMAND = os.environ.get("ELECT_COMMAND")
# The page's own, for both locks: as a command like the others, of which it needs no more than the store.
PROGRAM = "moving redis://redis.example ./billing-worker"
SECTIONS = {
    "redislock": "redislock, redsync",
    "redsync": "redislock, redsync",
    "maplefile": "MapleFile's leaderelection",
    "elector": "Elector",
    "go-leader": "go-leader",
}
# The clock of the worker's journal less that of the peers.
AHEAD = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


def words_of(command, url):
    """As it is typed, with the test's programs and server for those of the page."""
    known = {"elect": COMMAND, "moving": os.environ["ELECT_MOVING"], "redis://redis.example": url}
    return [known.get(word, word) for word in shlex.split(command)]


def steps_of(section):
    """The page's three commands: join, both locks, leave."""
    text = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    found = re.findall(r"^    (elect run .*)$", text, re.MULTILINE)
    assert len(found) == 3, found
    return found


class Copy:
    """One copy of the service: told by the page how to run, it writes a journal while it works."""

    def __init__(self, url, command, folder):
        self.journal = folder / f"journal-{len(list(folder.iterdir()))}"
        self.journal.touch()
        worker = [sys.executable, "-S", str(TESTS / "cli" / "worker.py"), str(self.journal)]
        words = words_of(command, url)
        assert words.pop() == "./billing-worker"
        options = {"LOCK_TTL": "600s", "RETRY_INTERVAL": "50ms", "RESTART_GRACE": "0"}
        env = {**os.environ, **{f"LEADER_ELECTION_{name}": value for name, value in options.items()}}
        env["ELECT_TEST_JOURNAL"] = str(self.journal)  # of the program
        self.process = subprocess.Popen(
            words + worker, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env
        )
        # From then on its signals are in its own hands.
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        until(lambda: len(list(tasks.iterdir())) > 1, "the start of a copy")

    def lines(self):
        return [line.split() for line in self.journal.read_text().splitlines() if line.count(" ") == 3]

    def works(self):
        return bool(self.lines())

    def stop(self):
        self.process.terminate()
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def terms(self):
        """(from, to, epoch) of each time that it worked."""
        times, epochs = {}, {}
        for _, epoch, at, pid in self.lines():
            times.setdefault(pid, []).append(int(at) - AHEAD)
            epochs[pid] = int(epoch)
        return [(min(at), max(at), epochs[pid]) for pid, at in times.items()]


class Old:
    """A copy as it was before."""

    def __init__(self, fleet, number):
        self.process = fleet.peer(f"old-{number}")

    def works(self):
        return bool(self.process.named("elected"))

    def stop(self):
        self.process.stop()

    def kill(self):
        pass  # the fleet does

    def terms(self):
        return [(since, to, 0) for since, to, _ in self.process.terms()]


@pytest.mark.skipif(not COMMAND, reason="the command is not built")
@pytest.mark.parametrize("kind", SECTIONS)
def test_a_fleet_moves_over_by_the_page_and_back(fleets, kind, tmp_path):
    fleet = fleets(kind, ttl="600s", retry="50ms")
    url = least_url(fleet.server, "elect", fleet.layout)
    join, both, leave = steps_of(SECTIONS[kind])
    steps = (join, both, leave, both, join, None)
    if SECTIONS[kind] == "redislock, redsync":
        steps = (join, PROGRAM, leave, both, PROGRAM, join, None)
    copies, gone = [Old(fleet, 1), Old(fleet, 2)], []
    until(lambda: any(copy.works() for copy in copies), "the first leader")
    try:
        for command in steps:
            for _ in range(2):
                copies.append(Copy(url, command, tmp_path) if command else Old(fleet, len(gone)))
                gone.append(copies.pop(0))
                gone[-1].stop()
                until(lambda: any(copy.works() for copy in copies), "the next leader")
        for copy in copies:
            copy.stop()
    finally:
        for copy in copies:
            copy.kill()
    terms = sorted(term for copy in gone + copies for term in copy.terms())
    assert all(before[1] < after[0] for before, after in zip(terms, terms[1:], strict=False)), terms
    epochs = [epoch for _, _, epoch in terms if epoch]
    assert epochs == sorted(set(epochs)) and len(epochs) >= 5
    forget = join.replace("elect run", "elect forget").partition(" -- ")[0]
    assert subprocess.run(words_of(forget, url), timeout=60, check=False).returncode == 0
    left = [key for key in fleet.server.ask("KEYS", "*") if not key.startswith("elect:")]
    assert left == ([fleet.epoch] if kind == "elector" else [])


def test_the_page_has_the_same_steps_for_a_lock_of_ones_own():
    assert steps_of("A lock of your own: SET NX and a loop") == steps_of("redislock, redsync")
