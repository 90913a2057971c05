"""LeaderElection, with threads."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from elect._base import ElectionBase
from elect._candidate import Candidate
from elect._client import Client, answer_of
from elect._errors import Reason, WaitTimeoutError
from elect._events import Event, EventsBase, LeaderInfo
from elect._options import Duration, time_limit
from elect._term import TermBase
from elect._wait import SLICE_MS, in_slices
from elect._worker import working

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

T = TypeVar("T")


class Term(TermBase):
    """The term in which the function of ``LeaderElection.run`` works. ``epoch`` is its fencing token."""

    def __init__(self, election: Candidate[Client], epoch: int) -> None:
        super().__init__(election, epoch)
        self._over = threading.Event()

    def _end(self, reason: Reason) -> None:
        super()._end(reason)
        self._over.set()

    def wait(self, timeout: Duration | None = None) -> bool:
        """Sleeps for timeout seconds, or until the term ends: True then. ``while not term.wait(5): work()``."""
        limit = time_limit("timeout", timeout)
        inherited = self._election._client._inherited  # where nothing would end it
        return inherited or in_slices(self._over.wait, limit) or self.stopping


class Events(EventsBase):
    """What ``LeaderElection.events`` answers: an iterator that ends with the election, or by ``close``.

    Who reads slowly hears of every term, of the latest leader and of the latest error."""

    _client: Client

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        while self._unread or not self._over:
            self._client._wait_for(self._changed, lambda: bool(self._unread) or self._over)
            with self._changed, contextlib.suppress(IndexError):  # another thread was faster
                return self._unread.popleft()
        self._client._check_fork()
        raise StopIteration


class LeaderElection(ElectionBase[Client, Term]):
    """One candidate, or observer (``role="observer"``), in the election called ``name``, from ``start`` to ``stop``.

    ::

        with elect.LeaderElection("billing", store="redis://redis.example", lock_ttl=10) as election:
            while True:
                if election.is_leader:
                    bill(election.epoch)
                time.sleep(1)

    With ``client`` it shares a connection and takes the options of ``ElectionOptions`` only. Durations are seconds or
    timedeltas. Create it after a fork, in the process that uses it. Any thread may call it; callbacks run in order, on
    a thread of their own. Raises ConfigError, StoreError.
    """

    _client_type = Client
    _term_type = Term

    # ---- beginning and end ----

    def start(self) -> None:
        """Stands in the election. Once. Does not wait for the store."""
        self._start()

    def stop(self) -> None:
        """Ends it for good, and waits until leadership is released: at most ``drain_timeout`` and the time limit of a
        request. In a callback it only asks. May be called again."""
        self._ask_to_stop()
        if self._in_callback():
            if self._owned:
                self._client._ask_to_close()
        elif self._owned:
            self._client.close()
        else:
            self._client._wait_for(self._changed, lambda: self._closed)

    def _is_callback(self) -> bool:
        """Whether this thread runs a callback of this election, or the function of ``run``; or reads events."""
        return threading.get_ident() in self._users or self._client._reads()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._client._inherited:
            self.stop()

    # ---- what is so now ----

    @property
    def leader_info(self) -> LeaderInfo | None:
        """What is known of the leader; None when nobody leads. It asks the store, once and with a time limit, only when
        what is known is older than a heartbeat. StoreError, WaitTimeoutError."""
        self._client._check_fork()
        left_ms = self._time_ms("lock_ttl")
        while True:
            try:
                return self._leader(min(left_ms, SLICE_MS))
            except WaitTimeoutError:
                left_ms -= SLICE_MS
                if left_ms <= 0:
                    raise

    @property
    def leader_id(self) -> str | None:
        """The leader's instance id, as fresh as ``leader_info``; None when nobody leads."""
        leader = self.leader_info
        return leader.instance_id if leader else None

    def report(self, what: str, timeout: Duration = 30.0) -> Any:
        """``"status"``, or ``"history"`` (the last terms), as the command ``elect`` prints them."""
        return answer_of(self._report(what, timeout))

    def depose(self, epoch: int = 0, timeout: Duration = 30.0) -> None:
        """Asks the leader of this epoch, 0 for whoever leads, through the store, to resign. An observer may."""
        answer_of(self._depose(epoch, timeout))

    def wait_elected(self, timeout: Duration | None = None) -> bool:
        """Waits until this candidate leads, for at most timeout seconds; does it? ClosedError when it was stopped,
        StateError when it was not started, observes, or in a callback."""
        self._check_wait()
        self._client._wait_for(self._changed, lambda: self._closed or self.is_leader, time_limit("timeout", timeout))
        return self._waited()

    def events(self) -> Events:
        """An iterator over what happens from now on, which ends with the election."""
        return self._listen(Events(self._client))

    # ---- the leader's work ----

    def run(self, func: Callable[[Term], T], *, keep_standing: bool = False) -> T | None:
        """Stands in the election, unless it does already, and calls ``func(term)`` while this candidate leads. When it

        - returns while the term lasts, its work is done: resigns, stops, and answers what it returned;
        - raises while the term lasts: resigns, stops, and raises; with ``keep_standing`` it logs the exception and
          stands again;
        - returns or raises after the term was lost: stands again.

        After ``stop`` the answer is None. A term begins only after the function of the one before has returned.
        StateError of an observer, which never leads, in a callback, and of an election that is run already.
        """
        self._begin_run(func)
        mine: list[Term] = []
        try:
            while True:
                with working(self._users):
                    term = self._next_term(mine)
                    if term is None:
                        return None
                    over, result = self._lead(term, func, keep_standing)
                if over:
                    return result
                self._let_go(term, "work")
        finally:
            try:
                self._end_run(mine)
            finally:
                if not self._client._inherited:
                    self.stop()

    def _next_term(self, mine: list[Term]) -> Term | None:
        """None when the election has ended."""
        while True:
            self._client._wait_for(self._changed, lambda: self._closed or self._is_free())
            term = self._claim(mine)
            if term or self._closed:
                return term

    def _lead(self, term: Term, func: Callable[[Term], T], keep_standing: bool) -> tuple[bool, T | None]:
        try:
            result = func(term)
        except Exception as error:
            if self._is_over(term, error, keep_standing):
                raise
            return False, None
        return self._is_over(term, None, keep_standing), result

    def leader_only(self, func: Callable[P, T]) -> Callable[P, T | None]:
        """A decorator for periodic jobs: the function runs when this candidate leads, and else the answer is None."""
        self._refuse_function("leader_only", func)

        @functools.wraps(func)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
            return func(*args, **kwargs) if self.is_leader else None

        return guarded
