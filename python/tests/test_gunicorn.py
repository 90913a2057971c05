"""The recipe for gunicorn, as docs/python.md has it, by a real gunicorn."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import elect
import pytest
from host import HANG, until

pytest.importorskip("gunicorn")  # in the environment of tests/pypackage
PAGE = pathlib.Path(__file__).parents[2] / "docs/python.md"
APPLICATION = """
import logging
logging.basicConfig(level=logging.WARNING)

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {election.is_leader}".encode()]

import os
import elect
election = elect.LeaderElection("early", store=STORE)
if EARLY:
    election.start()
    election.wait_elected()
"""
# Before that, a worker loses the master's signals, which waits for it for 30 s then.
SERVES = """
def post_worker_init(worker):
    worker.log.info("it serves")
"""


def workers_that_serve(said: pathlib.Path) -> int:
    return said.read_text().count("it serves")


@contextlib.contextmanager
def gunicorn(folder: pathlib.Path, local: str, preload: bool, early: bool) -> Iterator[tuple[int, pathlib.Path]]:
    """Two workers; the master's process id, and the file of what all of them say."""
    found = re.search(r"^```python gunicorn\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    recipe = found[1].replace("redis://redis.example", f"{local}?lock_ttl=1s")
    assert "preload_app = True" in recipe
    (folder / "gunicorn.conf.py").write_text(recipe.replace("preload_app = True", f"preload_app = {preload}") + SERVES)
    (folder / "app.py").write_text(f"STORE, EARLY = {local!r}, {early}\n{APPLICATION}")
    said = folder / "said"
    with said.open("wb") as out:
        master = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-w2", "-b", f"unix:{folder}/http", "--no-control-socket", "app:app"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        until(lambda: workers_that_serve(said) == 2, "two workers")
        yield master.pid, said
        master.send_signal(signal.SIGTERM)
        assert master.wait(HANG) == 0, said.read_text()
    finally:
        master.kill()
        master.wait()


def ask(folder: pathlib.Path) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(HANG)
        connection.connect(str(folder / "http"))
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode().rpartition("\r\n\r\n")[2]


@pytest.mark.parametrize("preload", [True, False])
def test_one_worker_leads_and_then_another(tmp_path: pathlib.Path, local: str, preload: bool) -> None:
    observer = elect.LeaderElection("billing", store=local, role="observer")

    def leader() -> int:
        info = observer.leader_info
        return int(info.metadata) if info else 0

    with gunicorn(tmp_path, local, preload, early=False) as (master, said), observer:
        first = until(leader, "a worker leads")
        assert first != master
        os.kill(first, signal.SIGKILL)
        until(lambda: leader() not in (0, first), "another worker leads")
        until(lambda: workers_that_serve(said) == 3, "a worker instead of that")


def test_an_election_of_the_master_never_leads_in_workers_and_they_say_why(tmp_path: pathlib.Path, local: str) -> None:
    with gunicorn(tmp_path, local, preload=True, early=True) as (master, said):
        worker, leads = ask(tmp_path).split()
        assert int(worker) != master
        assert leads == "False"
        until(lambda: "inherited by fork" in said.read_text(), "a warning")
        assert "post_fork" in said.read_text()
