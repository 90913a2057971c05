"""Where users' functions run: never on the thread that reads events."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

log = logging.getLogger("elect")
T = TypeVar("T")
Callback = Callable[[], object]
Callbacks = Callable[[], "list[Callback]"]  # asked when their turn has come


def begin(name: str, call: Callable[[], None]) -> None:
    """Runs it on a thread of its own; where none can be had, as while the interpreter ends, on this one."""
    try:
        threading.Thread(target=call, name=name, daemon=True).start()
    except RuntimeError:
        call()


def ask(call: Callable[[], T]) -> concurrent.futures.Future[T]:
    """A call that waits for the store, on a thread of its own: who waits here can be interrupted."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001, it is raised where it was asked for
            future.set_exception(error)

    begin("elect-ask", run)
    return future


@contextlib.contextmanager
def working(users: set[int]) -> Generator[None, None, None]:
    """This thread runs a user's function, whose end others wait for."""
    me = threading.get_ident()
    nested = me in users
    try:  # Ctrl-C may come at any point
        users.add(me)
        yield
    finally:
        if not nested:
            users.discard(me)


def nothing() -> None:
    """What follows callbacks that nobody waits for."""


class Worker:
    """Runs callbacks one after the other, on a thread that exists only while there are some."""

    caught: type[BaseException] = BaseException  # sys.exit() in one ends nothing: the thread is not the user's

    def __init__(self, users: set[int], name: str) -> None:
        self._users = users  # the threads that run users' functions now
        self._name = name  # of the election
        self._lock = threading.RLock()  # a signal's handler, or a finalizer, may come in between
        self._calls: collections.deque[tuple[Callbacks, Callable[[], None]]] = collections.deque()
        self._running = False

    def add(self, callbacks: Callbacks, done: Callable[[], None] = nothing) -> None:
        """Calls them, and then done, after what was added before."""
        with self._lock:
            self._calls.append((callbacks, done))
            idle, self._running = not self._running, True
        if idle:
            self._begin()

    def _begin(self) -> None:
        begin("elect-callbacks", self._run)

    def _run(self) -> None:
        with working(self._users):
            try:
                while call := self._next():
                    self._call(*call)
            except BaseException:  # a test's own failure
                self._running = False
                raise

    def _next(self) -> tuple[Callbacks, Callable[[], None]] | None:
        with self._lock:
            if self._calls:
                return self._calls.popleft()
            self._running = False
            return None

    def _call(self, callbacks: Callbacks, done: Callable[[], None]) -> None:
        try:
            for callback in callbacks():
                try:
                    callback()
                except self.caught:
                    log.exception("a callback of the election %r raised", self._name)
        finally:
            done()
