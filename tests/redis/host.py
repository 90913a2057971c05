"""The host that tests run on: its processes, its ports, its Redis server; and how long to wait for anything at all.

Times here are guards against hangs, never measures.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
HANG = 60
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # also where we are killed


def until(condition: Callable[[], T], what: str = "it", seconds: float = HANG) -> T:
    """Waits for a condition and answers its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen in {seconds} s")
        time.sleep(0.005)


def processes() -> Iterator[tuple[int, int, str, bytes]]:
    """(pid, ppid, state, environment) of all that can be seen."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            stat = pathlib.Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            environ = pathlib.Path(entry.path, "environ").read_bytes()
        except OSError:
            continue
        yield int(entry.name), int(stat[1]), stat[0], environ


def marked(mark: str) -> list[int]:
    """Those whose environment bears this, and that are no zombies."""
    word = mark.encode()
    return [pid for pid, _, state, environ in processes() if word in environ.split(b"\0") and state != "Z"]


def server_program(folder: pathlib.Path) -> str:
    """The servers of distributions are one program of several names, of which the package of tools has one."""
    kind = os.environ.get("ELECT_TEST_SERVER") or "redis"
    found = shutil.which(f"{kind}-server") or shutil.which(f"{kind}-check-rdb")
    assert found, f"neither {kind}-server nor {kind}-check-rdb is in PATH: install the package {kind}-tools"
    link = folder / f"{kind}-server"
    if not link.is_symlink():
        link.symlink_to(found)
    return str(link)


def free_port() -> int:
    """Below those that connections take, so that no client takes it by chance."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
