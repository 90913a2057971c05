"""The same for asyncio: ``async with elect.aio.LeaderElection(...)``.

No thread runs Python code: the loop reads the library's descriptor. Use an election in the loop that started it;
``is_leader`` and ``epoch`` may be asked in any thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from elect._aio_client import Client
from elect._aio_worker import within, working
from elect._base import ElectionBase
from elect._errors import Reason
from elect._events import Event, EventKind, EventsBase, LeaderInfo
from elect._options import Duration, time_limit
from elect._term import TermBase
from elect._worker import log

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

__all__ = ["Client", "Events", "LeaderElection", "Term"]

T = TypeVar("T")


class Term(TermBase):
    """The term in which the task of ``LeaderElection.run`` works. ``epoch`` is its fencing token."""

    _task: asyncio.Future[Any] | None = None

    def _end(self, reason: Reason) -> None:
        super()._end(reason)
        if self._task:
            self._task.cancel()


class Events(EventsBase):
    """As ``elect.Events``, an asynchronous iterator."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await self._changed.wait_for(lambda: self._unread or self._over)
        if not self._unread:
            self._client._check_fork()
            raise StopAsyncIteration
        return self._unread.popleft()


class LeaderElection(ElectionBase[Client, Term]):
    """As ``elect.LeaderElection``; what waits there is awaited here, and callbacks may be coroutine functions."""

    _client_type = Client
    _term_type = Term
    _awaits = True
    _leader_info: LeaderInfo | None = None
    _asking: concurrent.futures.Future[LeaderInfo | None] | None = None

    # ---- beginning and end ----

    async def start(self) -> None:
        """Stands in the election. Once. Does not wait for the store."""
        self._client._begin()  # refuses another loop
        self._start()

    async def stop(self) -> None:
        """Ends it for good, and waits until leadership is released. It only asks in a callback, in run's task, and in
        tasks that these began, while they go on."""
        self._ask_to_stop()
        if self._in_callback():
            if self._owned:
                self._client._ask_to_close()
        elif self._owned:
            await self._client.close()
        else:
            await self._changed.wait_for(lambda: self._closed)

    def _is_callback(self) -> bool:
        """Whether this task runs callbacks of this election, or the function of ``run``."""
        return asyncio.current_task() in self._users

    def _in_callback(self) -> bool:
        """Whether it does, or was begun by one that still does."""
        return within(self._users)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._client._inherited:
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

    def _hear(self, event: Event) -> None:
        if event.kind is EventKind.LEADER_CHANGED:
            self._leader_info = event.leader
        super()._hear(event)

    async def ask_leader(self) -> LeaderInfo | None:
        """What is known of the leader; asks the store when that is older than a heartbeat.

        StoreError, WaitTimeoutError."""
        self._client._check_fork()
        if not self._asking or self._asking.done():  # however many ask: each question holds a thread
            self._asking = self._client._ask(lambda: self._leader(self._time_ms("lock_ttl")))
        return await asyncio.wrap_future(self._asking)

    async def report(self, what: str, timeout: Duration = 30.0) -> Any:
        """As ``elect.LeaderElection.report``."""
        return await asyncio.wrap_future(self._report(what, timeout))

    async def depose(self, epoch: int = 0, timeout: Duration = 30.0) -> None:
        """As ``elect.LeaderElection.depose``."""
        await asyncio.wrap_future(self._depose(epoch, timeout))

    async def wait_elected(self, timeout: Duration | None = None) -> bool:
        """As ``elect.LeaderElection.wait_elected``."""
        self._check_wait()
        await self._changed.wait_for(lambda: self._closed or self.is_leader, time_limit("timeout", timeout))
        return self._waited()

    def events(self) -> Events:
        """An asynchronous iterator over what happens from now on, which ends with the election."""
        return self._listen(Events(self._client))

    # ---- the leader's work ----

    async def run(self, func: Callable[[Term], Awaitable[T]], *, keep_standing: bool = False) -> T | None:
        """Stands in the election, unless it does already, and runs ``func(term)`` as a task while this candidate leads.

        The task is cancelled when the term ends. The rules are those of ``elect.LeaderElection.run``; when ``run`` is
        cancelled, so is the task, and leadership is released when it has ended."""
        self._begin_run(func)
        mine: list[Term] = []
        try:
            while True:
                await self._changed.wait_for(lambda: self._closed or self._is_free())
                term = self._claim(mine)
                if term is None:
                    return None
                over, result = await self._lead(term, func, keep_standing)
                if over:
                    return result
                self._let_go(term, "work")
        finally:
            try:
                self._end_run(mine)
            finally:
                if not self._client._inherited:
                    await self.stop()

    async def _lead(
        self, term: Term, func: Callable[[Term], Awaitable[T]], keep_standing: bool
    ) -> tuple[bool, T | None]:
        async def work() -> T:
            with working(self._users):
                return await func(term)

        task = term._task = asyncio.get_running_loop().create_task(work())
        cancelled = await self._until_done(task)
        error = None if task.cancelled() else task.exception()
        if cancelled:
            if error:
                log.warning("the leader's work failed when it was cancelled", exc_info=error)
            raise cancelled
        if not self._is_over(term, error, keep_standing):
            return False, None
        return True, task.result()

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
        self._refuse_function("leader_only", func)

        @functools.wraps(func)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
            return await func(*args, **kwargs) if self.is_leader else None

        return guarded
