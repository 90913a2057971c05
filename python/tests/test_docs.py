"""Every program in docs/python.md and in READMEs, as it stands there but for the store."""

from __future__ import annotations

import pathlib
import re
import signal
import subprocess
import sys

import pytest
from host import HANG

ROOT = pathlib.Path(__file__).parents[2]
PAGES = ("README.md", "docs/python.md", "python/README.md")
# What the programs take for granted. Those that would go on for ever are interrupted by their first bill, or stopped.
GIVEN = """
import os, signal, sqlite3, threading
class Jobs:
    running = False
    ran = threading.Event()
    def start(self):
        self.running = True
        self.ran.set()
    def stop_and_wait(self):
        self.running = False
jobs = Jobs()
def serve():
    assert jobs.ran.wait(60)
left = [1, 2]
def work_is_left():
    return left and left.pop()
def bill(epoch):
    assert epoch > 0
    print("billed", flush=True)
    if "while True" in SOURCE:
        os.kill(os.getpid(), signal.SIGINT)
    elif "term.wait" in SOURCE:
        election.stop()
def query(words, *values, timeout):
    with sqlite3.connect(TABLE, timeout=timeout, isolation_level=None) as table:
        table.execute("CREATE TABLE IF NOT EXISTS elections (key PRIMARY KEY, value, version INTEGER)")
        return table.execute(words, values).fetchall()
"""


def programs(kind: str) -> list[tuple[str, str]]:
    """Which page and line, and what."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        for block in re.finditer(rf"^```python{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            found.append((f"{page}:{text.count(chr(10), 0, block.start()) + 1}", block[1]))
    assert found
    return found


def adapted(program: str, local: str, folder: pathlib.Path) -> str:
    (folder / "secret").write_text("secret\n")
    return program.replace("redis://redis.example", local).replace("/run/secrets/redis", str(folder / "secret"))


@pytest.mark.parametrize("program", [pytest.param(text, id=where) for where, text in programs("")])
def test_program(program: str, local: str, tmp_path: pathlib.Path) -> None:
    source = adapted(program, local, tmp_path)
    file = tmp_path / "program.py"
    file.write_text(f"SOURCE, TABLE = {source!r}, {str(tmp_path / 'table')!r}\n{GIVEN}\n{source}")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", str(file)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG, check=False, encoding="utf-8",
        env={"LEADER_ELECTION_STORE": local, "PATH": "/nowhere", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode in ([-signal.SIGINT, 130] if "while True" in program else [0]), done.stderr
    assert ("billed" in done.stdout) == ("bill(" in program), done.stderr
    if "multiprocessing" in program:
        assert done.stdout.count("billed") == 2


def test_a_test_of_users_own(tmp_path: pathlib.Path) -> None:
    ((_, program),) = programs(" pytest")
    (tmp_path / "test_jobs.py").write_text(f"SOURCE = ''\n{GIVEN}\n{program}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG, check=False, encoding="utf-8",
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr
