"""How tasks of one loop wait, and where users' functions run there."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import weakref
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from elect._worker import Callback, Callbacks, log, nothing

# The tasks with users' functions that this task is, or descends from: it began with a copy of its creator's context.
_ancestors: contextvars.ContextVar[tuple[weakref.ref[Any], ...]] = contextvars.ContextVar("elect", default=())


def within(users: set[Any]) -> bool:
    """Is this task one of the users, or was it begun, over however many others, by one?"""
    return any(ancestor() in users for ancestor in _ancestors.get())


@contextlib.contextmanager
def working(users: set[Any]) -> Generator[None, None, None]:
    """This task runs a user's function, whose end others wait for."""
    me = asyncio.current_task()
    users.add(me)
    _ancestors.set((*(one for one in _ancestors.get() if one() not in (None, me)), weakref.ref(me)))
    try:
        yield
    finally:
        users.discard(me)


class Changes:
    """The threading.Condition of a loop, where nothing need be locked: between two awaits nobody else runs."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def notify_all(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_for(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Until a notify_all after which it is ready, for at most timeout seconds; is it?"""
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while not ready() and (end is None or loop.time() < end):
            waiter = loop.create_future()
            self._waiting.add(waiter)
            try:
                await asyncio.wait({waiter}, timeout=None if end is None else end - loop.time())
            finally:
                self._waiting.discard(waiter)
        return ready()


class Worker:
    """Runs callbacks one after the other, in a task that exists only while there are some."""

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop], users: set[Any], name: str) -> None:
        self._loop = loop  # of the client, which may not run when something is added
        self._users = users  # the tasks that run users' functions now
        self._name = name  # of the election
        self._calls: deque[tuple[Callbacks, Callable[[], None]]] = deque()
        self._running = False

    def add(self, callbacks: Callbacks, done: Callable[[], None] = nothing) -> None:
        """Calls them, and then done, after what was added before."""
        self._calls.append((callbacks, done))
        if not self._running:
            self._begin()

    def _begin(self) -> None:
        self._running = True  # first, for an eager task runs at once
        task = self._loop().create_task(self._run())
        task.add_done_callback(self._end)

    async def _run(self) -> None:
        with working(self._users):
            while self._calls:
                callbacks, done = self._calls.popleft()
                try:
                    for callback in callbacks():
                        await self._call(callback)
                finally:
                    done()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running = False
        if self._calls:  # it was cancelled before it began
            self._begin()

    async def _call(self, callback: Callback) -> None:
        try:
            result = callback()
            if inspect.isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError):  # also the end of asyncio.run ends one callback, not those after it
            log.exception("a callback of the election %r raised", self._name)
