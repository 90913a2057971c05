"""LeaderElection, with threads."""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from elect._base import ElectionBase, TermBase
from elect._client import SLICE_MS, Client
from elect._errors import ClosedError, ConfigError, LeadershipLostError, NotLeaderError, StateError, WaitTimeoutError
from elect._events import Event, EventKind, LeaderInfo, event_of, queue_event
from elect._native import lib
from elect._options import ClientOptions
from elect._store import Store
from elect._worker import ask, log, working

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Self, Unpack

    P = ParamSpec("P")

T = TypeVar("T")
Callback = Callable[[], object]
CallbackT = TypeVar("CallbackT", bound=Callback)


class Term(TermBase):
    """The term in which the function of ``LeaderElection.run`` works. ``epoch`` is its fencing token."""

    def __init__(self, election: ElectionBase, epoch: int) -> None:
        super().__init__(election, epoch)
        self._over = threading.Event()

    def _end(self, event: Event, native: Any) -> None:
        self.reason = event.reason
        self._native = native
        self._over.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps for timeout seconds, or until the term ends: True then. ``while not term.wait(5): work()``."""
        return self._over.wait(timeout) or self.stopping


class Events:
    """What ``LeaderElection.events`` answers: an iterator that ends with the election, or by ``close``.

    Who reads slowly hears of every term, of the latest leader and of the latest error."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._unread: deque[Event] = deque()
        self._over = False
        self._changed = threading.Condition(threading.RLock())

    def _put(self, event: Event) -> None:
        with self._changed:
            queue_event(self._unread, event)
            self._changed.notify()

    def close(self) -> None:
        """Ends the iteration, also of a thread that waits in it."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _forked(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._unread.clear()
        self._over = True

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        while self._unread or not self._over:
            self._client.wait_for(self._changed, lambda: bool(self._unread) or self._over)
            with contextlib.suppress(IndexError):  # another thread was faster
                return self._unread.popleft()
        self._client.check_fork()
        raise StopIteration


class LeaderElection(ElectionBase):
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
        try:
            super().__init__(client, own)
        except BaseException:
            if self._owned:
                client.close()
            raise
        self._threads = client
        self._users: set[int] = set()  # the threads that run users' functions now
        self._worker = client.worker(self._users)
        self._changed = threading.Condition(self._lock)
        self._term: Term | None = None  # under way: ELECTED was read, LOST was not
        self._told: Term | None = None  # whose beginning callbacks have heard of, and whose end they have not
        self._become: list[Callback] = []
        self._lose: list[Callback] = []
        self._listeners: weakref.WeakSet[Events] = weakref.WeakSet()
        self._enroll()

    @classmethod
    def from_env(
        cls, name: str | None = None, *, store: str | Store | None = None, **options: Unpack[ClientOptions]
    ) -> Self:
        """What is not given here comes from ``LEADER_ELECTION_STORE``, ``LEADER_ELECTION_NAME``,
        ``LEADER_ELECTION_LOCK_TTL`` and so on, one for each option."""
        return cls(name, store=store, _from_env=True, **options)

    # ---- beginning and end ----

    def start(self) -> None:
        """Stands in the election. Once. Does not wait for the store."""
        self._start()

    def stop(self) -> None:
        """Ends it for good, and waits until leadership is released: at most ``drain_timeout`` and the time limit of a
        request. In a callback it only asks. May be called again."""
        self._ask_to_stop()
        if self.in_callback():
            if self._owned:
                self._threads.ask_to_close()
        elif self._owned:
            self._threads.close()
        else:
            self._threads.wait_for(self._changed, lambda: self._closed)

    def in_callback(self) -> bool:
        """Whether this thread runs a callback of this election, or the function of ``run``; or reads events."""
        return threading.get_ident() in self._users or self._threads.reads()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._client.inherited:
            self.stop()

    # ---- what is so now ----

    @property
    def leader_info(self) -> LeaderInfo | None:
        """What is known of the leader; None when nobody leads. It asks the store, once and with a time limit, only when
        what is known is older than a heartbeat. StoreError, WaitTimeoutError."""
        self._client.check_fork()
        left_ms = self._ttl_ms
        while True:
            try:
                return self._leader(self._heartbeat_ms, min(left_ms, SLICE_MS))
            except WaitTimeoutError:
                left_ms -= SLICE_MS
                if left_ms <= 0:
                    raise

    @property
    def leader_id(self) -> str | None:
        """The leader's instance id, as fresh as ``leader_info``; None when nobody leads."""
        leader = self.leader_info
        return leader.instance_id if leader else None

    def report(self, what: str, timeout: float = 30.0) -> Any:
        """``"status"``, or ``"history"`` (the last terms), as the command ``elect`` prints them."""
        self._client.check_fork()
        self._client.begin()
        return ask(lambda: self._report(what, timeout)).result()

    def depose(self, epoch: int = 0, timeout: float = 30.0) -> None:
        """Asks the leader of this epoch, 0 for whoever leads, through the store, to resign. An observer may."""
        self._client.check_fork()
        self._client.begin()
        ask(lambda: self._depose(epoch, timeout)).result()

    def wait_elected(self, timeout: float | None = None) -> bool:
        """Waits until this candidate leads, for at most timeout seconds; does it? ClosedError when it was stopped,
        StateError when it was not started, observes, or in a callback."""
        self._client.check_fork()
        if self.in_callback():
            raise StateError("a callback can't wait: the events that it waits for come after it")
        self._check_wait()
        self._threads.wait_for(self._changed, lambda: self._closed or self.is_leader, timeout)
        leads = self.is_leader
        if self._closed and not leads:
            raise ClosedError("the election was stopped")
        return leads

    # ---- events ----

    def on_become_leader(self, callback: CallbackT) -> CallbackT:
        """Calls a function, also as a decorator, at the beginning of each term; at once, if one is under way.

        Exceptions are logged. A slow one delays this election's next call only, never the lease."""
        self._client.check_fork()
        with self._lock:
            self._become.append(callback)
            told = self._told
        if told:
            self._worker.add(lambda: self._call(callback) if self._told is told else None)
        return callback

    def on_lose_leadership(self, callback: CallbackT) -> CallbackT:
        """Calls a function, also as a decorator, after the end of each term whose beginning was told.

        The release waits for it, for at most ``drain_timeout``."""
        self._client.check_fork()
        with self._lock:
            self._lose.append(callback)
        return callback

    def events(self) -> Events:
        """An iterator over what happens from now on, which ends with the election."""
        self._client.check_fork()
        events = Events(self._threads)
        with self._lock:
            if self._closed:
                events.close()
            self._listeners.add(events)
        return events

    def take(self, native: Any) -> None:
        """The reader's: nothing in it waits, and no user's code runs. A LOST is freed, and leadership released, when
        its term has no more holds."""
        event = event_of(native)
        call: Callable[[], None] | None = None
        with self._lock:
            if event and event.kind is EventKind.ELECTED:
                self._term = Term(self, event.epoch)
                call = functools.partial(self._tell_become, self._term)
            elif event and event.kind is EventKind.LOST and self._term:
                self._term._end(event, native)
                call = functools.partial(self._tell_lose, self._term)
                self._term = None
            self._closed = self._closed or lib.elect_event_kind(native) == lib.ELECT_EVENT_CLOSED
            for listener in self._listeners:
                if event:
                    listener._put(event)
                elif self._closed:
                    listener.close()
            self._changed.notify_all()
        if call:
            self._worker.add(call)

    def _tell_become(self, term: Term) -> None:
        with self._lock:
            self._told = term
            callbacks = list(self._become)
        for callback in callbacks:
            self._call(callback)

    def _tell_lose(self, term: Term) -> None:
        with self._lock:
            self._told = None
            callbacks = list(self._lose)
        try:
            for callback in callbacks:
                self._call(callback)
        finally:
            self._release(term, "callbacks")

    def _call(self, callback: Callback) -> None:
        self._worker.call(callback, self.name)

    def _release(self, term: Term, hold: str) -> None:
        with self._lock:
            term._let_go(hold)

    def forked(self, warn: Callable[[], None]) -> None:
        super().forked(warn)
        self._changed = threading.Condition(self._lock)
        self._worker = self._threads.worker(self._users)
        self._told = None
        for listener in list(self._listeners):
            listener._forked()

    # ---- the leader's work ----

    def run(self, func: Callable[[Term], T], *, keep_standing: bool = False) -> T | None:
        """Stands in the election, unless it does already, and calls ``func(term)`` while this candidate leads. When it

        - returns while the term lasts, its work is done: resigns, stops, and answers what it returned;
        - raises while the term lasts: resigns, stops, and raises; with ``keep_standing`` it logs the exception and
          stands again;
        - returns or raises after the term was lost: stands again.

        After ``stop`` the answer is None. A term begins only after the function of the one before has returned.
        """
        self._client.check_fork()
        if self.in_callback():
            raise StateError("run in a callback, or in run: the term that it waits for comes after that")
        with self._lock:
            if not self._begun:
                self._start()
        mine: list[Term] = []
        try:
            while True:
                with working(self._users):
                    term = self._claim(mine)
                    if term is None:
                        return None
                    over, result = self._lead(term, func, keep_standing)
                if over:
                    return result
                self._release(term, "work")
        finally:
            if not self._client.inherited:
                self._end_run(mine)

    def _claim(self, mine: list[Term]) -> Term | None:
        """A term that nobody works in yet; None when the election has ended. ``mine`` has it before it is held: it is
        released also when Ctrl-C comes in between."""
        while True:
            self._threads.wait_for(self._changed, lambda: self._closed or self._is_free())
            with self._lock:
                if self._term and self._is_free():
                    mine[:] = [self._term]
                    self._term._claim()
                    return self._term
                if self._closed:
                    return None

    def _is_free(self) -> bool:
        """A term that is over already is not begun: its LOST comes."""
        return bool(self._term and not self._term._claimed and self.is_leader)

    def _end_run(self, mine: list[Term]) -> None:
        try:
            self._ask_to_stop()
        finally:
            for term in mine:
                self._release(term, "work")
            self.stop()

    def _lead(self, term: Term, func: Callable[[Term], T], keep_standing: bool) -> tuple[bool, T | None]:
        try:
            result = func(term)
        except Exception as error:
            if self._client.inherited or not (term.stopping or keep_standing):
                raise
            if not term.stopping:
                log.exception("the leader's work failed; standing again")
                with contextlib.suppress(NotLeaderError):
                    term.resign(self._retry)
            elif not isinstance(error, LeadershipLostError):
                log.warning("the leader's work failed after its term was lost", exc_info=True)
            return False, None
        return self._client.inherited or not term.stopping, result

    def leader_only(self, func: Callable[P, T]) -> Callable[P, T | None]:
        """A decorator for periodic jobs: the function runs when this candidate leads, and else the answer is None."""

        @functools.wraps(func)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
            return func(*args, **kwargs) if self.is_leader else None

        return guarded
