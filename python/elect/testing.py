"""For tests of what is built on elections: a store in memory whose clock and faults a test commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from elect._client import Client
from elect._election import LeaderElection
from elect._errors import check
from elect._native import lib, named
from elect._wait import SLICE_MS
from elect._worker import Worker

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from elect._options import ElectionOptions


class _Inline(Worker):
    """Calls run where they are added: in the test's thread, in its commands."""

    def _begin(self) -> None:
        self._run()

    caught = Exception  # not what ends a test


class _ManualClient(Client):
    def _begin_to_read(self) -> None:
        """Commands read, and who waits."""

    def _make_worker(self, users: set[int], name: str) -> Worker:
        return _Inline(users, name)

    def _wait_for(self, changed: threading.Condition, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        while not ready() and (end is None or time.monotonic() < end):
            if self._read(SLICE_MS) == lib.ELECT_ECLOSED:
                break
        return ready()

    def _close(self) -> None:
        while lib.elect_client_close(self._handle, 0) == lib.ELECT_ETIMEOUT:
            self._read(SLICE_MS)
        self._read_all()


class MemoryStore:
    """Time stands still but for ``advance``. When a command returns, callbacks of what follows from it have been
    called, in the thread of the command."""

    def __init__(self) -> None:
        self.client: Client = _ManualClient("memory:?clock=manual")

    def election(self, name: str = "job", **options: Unpack[ElectionOptions]) -> LeaderElection:
        """A candidate, to be started by the test."""
        return LeaderElection(name, client=self.client, **options)

    def advance(self, seconds: float = 0.0) -> None:
        """Moves the clock, timer by timer."""
        self._command(f"advance {round(seconds * 1000)}ms")

    def lose(self, name: str = "job") -> None:
        """The leader loses its leadership now: it finds its record deleted."""
        self._command(f"lose {name}")

    def rival(self, name: str = "job") -> None:
        """Somebody else leads from now on, as soon as the store may grant it."""
        self._command(f"rival {name}")

    def retire(self, name: str = "job") -> None:
        """That somebody releases."""
        self._command(f"retire {name}")

    def cut(self, name: str = "job") -> None:
        """The store does not answer any more."""
        self._command(f"cut {name}")

    def heal(self, name: str = "job") -> None:
        """The store answers again."""
        self._command(f"heal {name}")

    def wipe(self) -> None:
        """The store forgets everything, as FLUSHALL would."""
        self._command("wipe")

    def close(self) -> None:
        """Ends all elections on it. The fixture does it."""
        self.client.close()

    def _command(self, command: str) -> None:
        check(lib.elect_memory_command(self.client._handle, named(command)))
        while self._read():  # what was read may have freed a LOST, from which more follows
            check(lib.elect_memory_command(self.client._handle, b"advance 0s"))

    def _read(self) -> bool:
        read = False
        while self.client._read(0) == lib.ELECT_OK:
            read = True
        return read
