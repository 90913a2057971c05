"""The client of elect.aio."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from elect._aio_worker import Changes, Worker
from elect._client import ClientBase
from elect._native import ffi, lib
from elect._options import Duration
from elect._wait import SLICE_MS

if TYPE_CHECKING:
    from typing_extensions import Self

_AT_ONCE = 64  # events read before others in the loop have their turn


class Client(ClientBase):
    """A connection to one store, to be shared by elections of one loop. As ``elect.Client``."""

    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread  # that ran the loop last
    _ended: Changes
    _over = False

    def _begin(self) -> None:
        """Has the running loop read events from now on."""
        self._check_fork()
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise RuntimeError("this client belongs to another loop")
        self._loop, self._thread = loop, threading.current_thread()
        super()._begin()

    def _begin_to_read(self) -> None:
        self._ended = Changes()
        asyncio.get_running_loop().add_reader(lib.elect_client_event_fd(self._handle), self._read_some)

    def _read_some(self) -> None:
        self._thread = threading.current_thread()
        code = lib.ELECT_OK
        for _ in range(_AT_ONCE):
            code = self._read(0)
            if code != lib.ELECT_OK:
                break
        if code == lib.ELECT_ECLOSED and self._loop:
            self._loop.remove_reader(lib.elect_client_event_fd(self._handle))
            self._over = True
            self._ended.notify_all()

    def _make_condition(self, lock: threading.RLock) -> Changes:
        return Changes()

    def _make_worker(self, users: set[Any], name: str) -> Worker:
        return Worker(lambda: self._loop or asyncio.get_running_loop(), users, name)

    async def close(self) -> None:
        """Stops every election, waits until they have released, and ends the connection. In a callback it only asks."""
        self._check_fork()
        if not self._over:
            self._begin()  # what has to end needs its events read
            self._ask_to_close()
            if self._in_callback():
                return
            await self._ended.wait_for(lambda: self._over)
        lib.elect_client_close(self._handle, -1)  # joins what has ended
        if self._server:
            self._server.join()

    def _close_at_exit(self) -> None:
        """Where the loop can't run any more, nobody works: whatever holds a release, read or not, is let go."""
        event = ffi.new("elect_event_t **")
        while lib.elect_client_close(self._handle, SLICE_MS) == lib.ELECT_ETIMEOUT:
            if self._loop and not self._has_ended(self._loop):
                continue
            for election in list(self._kept.values()):
                election._abandon()
            while lib.elect_client_next_event(self._handle, 0, event) == lib.ELECT_OK:
                lib.elect_event_free(event[0])

    def _has_ended(self, loop: asyncio.AbstractEventLoop) -> bool:
        """A loop that does not run now may be between two steps, but for one of this thread, which is at its exit."""
        return loop.is_closed() or not self._thread.is_alive() or self._thread is threading.current_thread()

    async def report(self, what: str, timeout: Duration = 30.0) -> Any:
        """As ``elect.Client.report``."""
        return await asyncio.wrap_future(self._report(what, timeout))

    async def forget(self, name: str, timeout: Duration = 30.0) -> None:
        """As ``elect.Client.forget``."""
        await asyncio.wrap_future(self._forget(name, timeout))

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._inherited:
            await self.close()
