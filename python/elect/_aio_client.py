"""The client of elect.aio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any

from elect._client import SLICE_MS, ClientBase
from elect._native import ffi, lib
from elect._options import ClientOptions
from elect._store import Store
from elect._worker import ask

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

_AT_ONCE = 64  # events read before others in the loop have their turn


class Changes:
    """What tasks of one loop wait for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        """Until the next notify."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def notify(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


class Client(ClientBase):
    """A connection to one store, to be shared by elections of one loop. As ``elect.Client``."""

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        _from_env: bool = False,
        _name: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(store, _name, _from_env, options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = Changes()
        self._over = False

    @classmethod
    def from_env(cls, store: str | Store | None = None, **options: Unpack[ClientOptions]) -> Self:
        """As ``elect.Client.from_env``."""
        return cls(store, _from_env=True, **options)

    def attach(self) -> None:
        """Has the running loop read events from now on."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("this client belongs to another loop")
        self.begin()

    def _begin_to_read(self) -> None:
        if self._loop:
            self._loop.add_reader(lib.elect_client_event_fd(self.handle), self._read_some)

    def _read_some(self) -> None:
        for _ in range(_AT_ONCE):
            code = self.read(0)
            if code != lib.ELECT_OK:
                break
        if code == lib.ELECT_ECLOSED and self._loop:
            self._loop.remove_reader(lib.elect_client_event_fd(self.handle))
            self._over = True
            self._ended.notify()

    async def close(self) -> None:
        """Stops every election, waits until they have released, and ends the connection. In a callback it only asks."""
        self.check_fork()
        if not self._over:
            self.attach()  # what has to end needs its events read
            self.ask_to_close()
            if self.in_callback():
                return
            while not self._over:
                await self._ended.wait()
        lib.elect_client_close(self.handle, -1)  # joins what has ended
        if self._server:
            self._server.join()

    def close_at_exit(self) -> None:
        """Where the loop does not read any more, nobody works: what holds a release is let go."""
        event = ffi.new("elect_event_t **")
        while lib.elect_client_close(self.handle, SLICE_MS) == lib.ELECT_ETIMEOUT:
            if self._loop and self._loop.is_running():
                continue
            while lib.elect_client_next_event(self.handle, 0, event) == lib.ELECT_OK:
                lib.elect_event_free(event[0])

    async def report(self, what: str, timeout: float = 30.0) -> Any:
        """As ``elect.Client.report``."""
        self.check_fork()
        self.attach()
        return await asyncio.wrap_future(ask(lambda: self._report(what, timeout)))

    async def forget(self, name: str, timeout: float = 30.0) -> None:
        """As ``elect.Client.forget``."""
        self.check_fork()
        self.attach()
        await asyncio.wrap_future(ask(lambda: self._forget(name, timeout)))

    async def __aenter__(self) -> Self:
        self.attach()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self.inherited:
            await self.close()
