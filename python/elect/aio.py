"""The same for asyncio: ``async with elect.aio.LeaderElection(...)``.

No thread runs Python code: the loop reads the library's descriptor. Use an election in the loop that started it;
``is_leader`` and ``epoch`` may be asked in any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Union

from elect._aio_client import Changes, Client
from elect._base import ElectionBase, TermBase
from elect._errors import ClosedError, ConfigError, LeadershipLostError, NotLeaderError, StateError
from elect._events import Event, EventKind, LeaderInfo, event_of, queue_event
from elect._native import lib
from elect._options import ClientOptions
from elect._store import Store
from elect._worker import ask, log

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Self, Unpack

    P = ParamSpec("P")

__all__ = ["Client", "Events", "LeaderElection", "Term"]

T = TypeVar("T")
Callback = Callable[[], Union[object, Awaitable[object]]]
CallbackT = TypeVar("CallbackT", bound=Callback)


class Term(TermBase):
    """The term in which the task of ``LeaderElection.run`` works. ``epoch`` is its fencing token."""

    def __init__(self, election: ElectionBase, epoch: int) -> None:
        super().__init__(election, epoch)
        self._task: asyncio.Future[Any] | None = None

    def _end(self, event: Event, native: Any) -> None:
        self.reason = event.reason
        self._native = native
        if self._task:
            self._task.cancel()


class Events:
    """What ``LeaderElection.events`` answers: an asynchronous iterator that ends with the election, or by ``close``.

    Who reads slowly hears of every term, of the latest leader and of the latest error."""

    def __init__(self) -> None:
        self._unread: deque[Event] = deque()
        self._over = False
        self._changed = Changes()

    def _put(self, event: Event) -> None:
        queue_event(self._unread, event)
        self._changed.notify()

    def close(self) -> None:
        """Ends the iteration, also of a task that waits in it."""
        self._over = True
        self._changed.notify()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._unread:
            if self._over:
                raise StopAsyncIteration
            await self._changed.wait()
        return self._unread.popleft()


class LeaderElection(ElectionBase):
    """As ``elect.LeaderElection``; what waits there is awaited here, and callbacks may be coroutine functions."""

    def __init__(
        self,
        name: str | None = None,
        *,
        store: str | Store | None = None,
        client: Client | None = None,
        _from_env: bool = False,
        **options: Unpack[ClientOptions],
    ) -> None:
        if client is not None and _from_env:
            raise ConfigError("client: what from_env makes has a client of its own")
        self._owned = client is None
        if client is None:
            client = Client(store, _from_env=_from_env, _name=name, **options)
            own: dict[str, Any] = {}
        else:
            own = {**options, "name": name, "store": store}
        super().__init__(client, own)
        self._aio = client
        self._changed = Changes()
        self._term: Term | None = None  # under way: ELECTED was read, LOST was not
        self._told: Term | None = None  # whose beginning callbacks have heard of, and whose end they have not
        self._leader_info: LeaderInfo | None = None
        self._become: list[Callback] = []
        self._lose: list[Callback] = []
        self._listeners: weakref.WeakSet[Events] = weakref.WeakSet()
        self._calls: deque[Callable[[], Awaitable[None]]] = deque()
        self._users: set[asyncio.Task[Any]] = set()  # the tasks that run users' functions now
        self._calling = False
        self._enroll()

    @classmethod
    def from_env(
        cls, name: str | None = None, *, store: str | Store | None = None, **options: Unpack[ClientOptions]
    ) -> Self:
        """As ``elect.LeaderElection.from_env``."""
        return cls(name, store=store, _from_env=True, **options)

    # ---- beginning and end ----

    async def start(self) -> None:
        """Stands in the election. Once. Does not wait for the store."""
        self._aio.attach()
        self._start()

    async def stop(self) -> None:
        """Ends it for good, and waits until leadership is released. In a callback, and in run's task, it only asks."""
        if not self._closed:
            self._client.check_fork()
            self._aio.attach()
        self._ask_to_stop()
        if self.in_callback():
            if self._owned:
                self._aio.ask_to_close()
        elif self._owned:
            await self._aio.close()
        else:
            while not self._closed:
                await self._changed.wait()

    def in_callback(self) -> bool:
        """Whether this task runs callbacks of this election, or the function of ``run``."""
        return asyncio.current_task() in self._users

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._client.inherited:
            await self.stop()

    # ---- what is so now ----

    @property
    def leader_info(self) -> LeaderInfo | None:
        """What was last heard of the leader; None when nobody leads, or nothing is known yet. It asks nobody."""
        return self._leader_info

    @property
    def leader_id(self) -> str | None:
        """The leader's instance id, as ``leader_info`` has it."""
        return self._leader_info.instance_id if self._leader_info else None

    async def ask_leader(self) -> LeaderInfo | None:
        """What is known of the leader; asks the store when that is older than a heartbeat.

        StoreError, WaitTimeoutError."""
        self._client.check_fork()
        return await asyncio.wrap_future(ask(lambda: self._leader(self._heartbeat_ms, self._ttl_ms)))

    async def report(self, what: str, timeout: float = 30.0) -> Any:
        """As ``elect.LeaderElection.report``."""
        self._client.check_fork()
        self._aio.attach()
        return await asyncio.wrap_future(ask(lambda: self._report(what, timeout)))

    async def depose(self, epoch: int = 0, timeout: float = 30.0) -> None:
        """As ``elect.LeaderElection.depose``."""
        self._client.check_fork()
        self._aio.attach()
        await asyncio.wrap_future(ask(lambda: self._depose(epoch, timeout)))

    async def wait_elected(self) -> None:
        """Waits until this candidate leads. ClosedError when it was stopped, StateError when it was not started,
        observes, or in a callback."""
        self._client.check_fork()
        if self.in_callback():
            raise StateError("a callback can't wait: the events that it waits for come after it")
        self._check_wait()
        while not self.is_leader:
            if self._closed:
                raise ClosedError("the election was stopped")
            await self._changed.wait()

    # ---- events ----

    def on_become_leader(self, callback: CallbackT) -> CallbackT:
        """As ``elect.LeaderElection.on_become_leader``."""
        self._client.check_fork()
        self._become.append(callback)
        told = self._told
        if told:

            async def late() -> None:
                if self._told is told:
                    await self._call(callback)

            self._add(late)
        return callback

    def on_lose_leadership(self, callback: CallbackT) -> CallbackT:
        """As ``elect.LeaderElection.on_lose_leadership``."""
        self._client.check_fork()
        self._lose.append(callback)
        return callback

    def events(self) -> Events:
        """An asynchronous iterator over what happens from now on, which ends with the election."""
        self._client.check_fork()
        events = Events()
        if self._closed:
            events.close()
        self._listeners.add(events)
        return events

    def take(self, native: Any) -> None:
        """As that of ``elect.LeaderElection``, in the loop."""
        event = event_of(native)
        if event and event.kind is EventKind.ELECTED:
            self._term = Term(self, event.epoch)
            self._add(functools.partial(self._tell_become, self._term))
        elif event and event.kind is EventKind.LOST and self._term:
            self._term._end(event, native)
            self._add(functools.partial(self._tell_lose, self._term))
            self._term = None
        elif event and event.kind is EventKind.LEADER_CHANGED:
            self._leader_info = event.leader
        self._closed = self._closed or lib.elect_event_kind(native) == lib.ELECT_EVENT_CLOSED
        for listener in self._listeners:
            if event:
                listener._put(event)
            elif self._closed:
                listener.close()
        self._changed.notify()

    def _add(self, call: Callable[[], Awaitable[None]]) -> None:
        """Calls run in order, in a task that exists only while there are some."""
        self._calls.append(call)
        if not self._calling:
            self._begin_calls()

    def _begin_calls(self) -> None:
        self._calling = True
        task = asyncio.get_running_loop().create_task(self._run_calls())
        self._users.add(task)
        task.add_done_callback(self._end_calls)

    async def _run_calls(self) -> None:
        while self._calls:
            await self._calls.popleft()()

    def _end_calls(self, task: asyncio.Task[None]) -> None:
        self._users.discard(task)
        self._calling = False
        if self._calls:  # it was cancelled before it began
            self._begin_calls()

    async def _tell_become(self, term: Term) -> None:
        self._told = term
        for callback in list(self._become):
            await self._call(callback)

    async def _tell_lose(self, term: Term) -> None:
        self._told = None
        try:
            for callback in list(self._lose):
                await self._call(callback)
        finally:
            term._let_go("callbacks")

    async def _call(self, callback: Callback) -> None:
        try:
            result = callback()
            if inspect.isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError):  # also the end of asyncio.run ends one callback, not those after it
            log.exception("a callback of the election %r raised", self.name)

    # ---- the leader's work ----

    async def run(self, func: Callable[[Term], Awaitable[T]], *, keep_standing: bool = False) -> T | None:
        """Stands in the election, unless it does already, and runs ``func(term)`` as a task while this candidate leads.

        The task is cancelled when the term ends. The rules are those of ``elect.LeaderElection.run``; when ``run`` is
        cancelled, so is the task, and leadership is released when it has ended."""
        self._client.check_fork()
        if self.in_callback():
            raise StateError("run in a callback, or in run: the term that it waits for comes after that")
        self._aio.attach()
        if not self._begun:
            self._start()
        mine: list[Term] = []
        try:
            while True:
                term = await self._claim(mine)
                if term is None:
                    return None
                over, result = await self._lead(term, func, keep_standing)
                if over:
                    return result
                term._let_go("work")
        finally:
            if not self._client.inherited:
                self._ask_to_stop()
                for term in mine:
                    term._let_go("work")
                await self.stop()

    async def _claim(self, mine: list[Term]) -> Term | None:
        """A term that nobody works in yet, in ``mine`` too; None when the election has ended."""
        while True:
            if self._term and not self._term._claimed and self.is_leader:  # one that is over already is not begun
                mine[:] = [self._term]
                self._term._claim()
                return self._term
            if self._closed:
                return None
            await self._changed.wait()

    async def _lead(
        self, term: Term, func: Callable[[Term], Awaitable[T]], keep_standing: bool
    ) -> tuple[bool, T | None]:
        async def work() -> T:
            return await func(term)

        task = term._task = asyncio.get_running_loop().create_task(work())
        self._users.add(task)
        cancelled = await self._until_done(task)
        self._users.discard(task)
        over = self._client.inherited or not term.stopping
        error = None if task.cancelled() else task.exception()
        if cancelled:
            if error:
                log.warning("the leader's work failed when it was cancelled", exc_info=error)
            raise cancelled
        if task.cancelled():
            if over:
                raise asyncio.CancelledError
            return False, None
        if error is None:
            return over, task.result()
        if over and not keep_standing:
            raise error
        if over:
            log.error("the leader's work failed; standing again", exc_info=error)
            with contextlib.suppress(NotLeaderError):
                term.resign(self._retry)
        elif not isinstance(error, LeadershipLostError):
            log.warning("the leader's work failed after its term was lost", exc_info=error)
        return False, None

    async def _until_done(self, task: asyncio.Task[Any]) -> asyncio.CancelledError | None:
        """Waits for the task also when we are cancelled: then it is, and leadership is given up; the answer says so."""
        cancelled = None
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = error
                self._ask_to_stop()
                task.cancel()
        return cancelled

    def leader_only(self, func: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T | None]]:
        """As ``elect.LeaderElection.leader_only``, for coroutine functions."""

        @functools.wraps(func)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
            return await func(*args, **kwargs) if self.is_leader else None

        return guarded
