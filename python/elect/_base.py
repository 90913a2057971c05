"""What an election is, with threads or in asyncio: terms, callbacks and the leader's work, but for what waits."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from elect._candidate import Candidate, ClientT
from elect._errors import ClosedError, ConfigError, LeadershipLostError, NotLeaderError, StateError, check
from elect._events import Event, EventsBase, event_of, reason_of
from elect._native import ffi, lib
from elect._options import ClientOptions
from elect._store import Store
from elect._term import TermBase
from elect._worker import Callback, log

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

TermT = TypeVar("TermT", bound=TermBase)
EventsT = TypeVar("EventsT", bound=EventsBase)
CallbackT = TypeVar("CallbackT", bound=Callback)


class ElectionBase(Candidate[ClientT], Generic[ClientT, TermT]):
    """A candidate with its terms, and who hears and works in them."""

    _client_type: type[ClientT]
    _term_type: type[TermT]
    _awaits = False  # what users' functions answer

    def __init__(
        self,
        name: str | None = None,
        *,
        store: str | Store | None = None,
        client: ClientT | None = None,
        _from_env: bool = False,
        **options: Unpack[ClientOptions],
    ) -> None:
        if client is not None and _from_env:
            raise ConfigError("client: what from_env makes has a client of its own")
        if not isinstance(client, (self._client_type, type(None))):
            raise ConfigError(f"client: must be the Client of this kind of election, and is of {type(client)}")
        self._owned = client is None
        own: dict[str, Any] = {}
        if client is None:
            client = self._client_type(store, _from_env=_from_env, _name=name, **options)
        else:
            own = {**options, "name": name, "store": store}
        try:
            super().__init__(client, own)
        except BaseException:
            if self._owned:
                client._close_at_exit()
            raise
        self._begun = False  # started, or stopped
        self._started = False
        self._closed = False
        self._running = False  # in run
        self._term: TermT | None = None  # under way: ELECTED was read, LOST was not
        self._held: TermT | None = None  # whose LOST was read, and is not freed
        self._told: TermT | None = None  # whose beginning callbacks have heard of, and whose end they have not
        self._become: list[Callback] = []
        self._lose: list[Callback] = []
        self._listeners: weakref.WeakSet[EventsBase] = weakref.WeakSet()
        self._users: set[Any] = set()  # the threads, or tasks, that run users' functions now
        self._make_locks()
        self._tag = client._enroll(self)
        check(lib.elect_election_queue_events(self._election, self._tag))

    @classmethod
    def from_env(
        cls, name: str | None = None, *, store: str | Store | None = None, **options: Unpack[ClientOptions]
    ) -> Self:
        """What is not given here comes from ``LEADER_ELECTION_STORE``, ``LEADER_ELECTION_NAME``,
        ``LEADER_ELECTION_LOCK_TTL`` and so on, one for each option."""
        return cls(name, store=store, _from_env=True, **options)

    def _make_locks(self) -> None:
        self._lock = threading.RLock()  # a signal's handler, or a finalizer, may come in between
        self._changed = self._client._make_condition(self._lock)
        self._worker = self._client._make_worker(self._users, self.name)

    def _forked(self, warn: Callable[[], None]) -> None:
        """In the child. What the parent held there is nobody's here."""
        self._unbind(warn)
        self._make_locks()
        self._told = None
        for listener in list(self._listeners):
            listener._forked()

    def _is_callback(self) -> bool:
        """Whether callbacks of this election, or the function of ``run``, are run where this is asked."""
        raise NotImplementedError

    def _in_callback(self) -> bool:
        """The same, and in what they began, where that is known: who waits there for the end waits for itself."""
        return self._is_callback()

    # ---- beginning and end ----

    def _keep(self) -> None:
        """From here on it is not collected before it has ended."""
        self._client._check_fork()
        with self._lock:
            if not self._closed:
                self._client._keep(self._tag, self)
            self._begun = True

    def _start(self) -> None:
        self._keep()
        was = "started already" if self._started else "stopped"
        self._check("start", lib.elect_election_start(self._election), was)
        self._started = True

    def _ask_to_stop(self) -> None:
        self._keep()
        check(lib.elect_election_stop(self._election))

    # ---- events ----

    def on_become_leader(self, callback: CallbackT) -> CallbackT:
        """Calls a function, also as a decorator, at the beginning of each term; at once, if one is under way. A term
        that is over before it could be told is not.

        Exceptions are logged. A slow one delays this election's next call only, never the lease."""
        self._refuse_function("on_become_leader", callback)
        self._client._check_fork()
        with self._lock:
            self._become.append(callback)
            told = self._told
        if told:
            self._worker.add(lambda: [callback] if self._told is told else [])
        return callback

    def on_lose_leadership(self, callback: CallbackT) -> CallbackT:
        """Calls a function, also as a decorator, after the end of each term whose beginning was told.

        The release waits for it, for at most ``drain_timeout``."""
        self._refuse_function("on_lose_leadership", callback)
        self._client._check_fork()
        with self._lock:
            self._lose.append(callback)
        return callback

    def _refuse_function(self, call: str, function: object) -> None:
        """Raises what would else be found when it is called, on another thread."""
        if not callable(function):
            raise ConfigError(f"{call}: must be given a function, and not {type(function).__name__}")
        called = (function, type(function).__call__)
        if any(map(inspect.iscoroutinefunction, called)) and not self._awaits:
            raise ConfigError(f"{call}: a coroutine function is for elect.aio, and would never be awaited here")
        if any(map(inspect.isgeneratorfunction, called)) or any(map(inspect.isasyncgenfunction, called)):
            raise ConfigError(f"{call}: must be given a function that works when it is called, and no generator")

    def _listen(self, events: EventsT) -> EventsT:
        self._client._check_fork()
        with self._lock:
            if self._closed:
                events.close()
            self._listeners.add(events)
        return events

    def _take(self, native: Any) -> None:
        """The reader's: nothing in it waits, and no user's code runs. It frees the event; a LOST when its term has no
        more holds, which releases leadership."""
        kind = lib.elect_event_kind(native)
        call: Callable[[], None] | None = None
        try:
            with self._lock:
                if kind == lib.ELECT_EVENT_LOST and self._term:
                    term, self._term, self._held = self._term, None, self._term
                    term._native = native  # before all that may fail: what works in the term has the lease
                    call = functools.partial(self._tell_end, term)
                    term._end(reason_of(native))
                else:
                    native = ffi.gc(native, lib.elect_event_free)
                if kind == lib.ELECT_EVENT_ELECTED:
                    self._term = self._term_type(self, lib.elect_event_epoch(native))
                    call = functools.partial(self._tell_beginning, self._term)
                if kind == lib.ELECT_EVENT_CLOSED:
                    self._closed = True
                    for listener in self._listeners:
                        listener.close()
                self._changed.notify_all()
                event = event_of(native)
                if event:
                    self._hear(event)
        finally:
            if call:
                call()

    def _hear(self, event: Event) -> None:
        for listener in self._listeners:
            listener._put(event)

    def _tell_beginning(self, term: TermT) -> None:
        def callbacks() -> list[Callback]:
            with self._lock:
                if self._term is not term:  # its LOST was read meanwhile
                    return []
                self._told = term
                return list(self._become)

        self._worker.add(callbacks)

    def _tell_end(self, term: TermT) -> None:
        def callbacks() -> list[Callback]:
            with self._lock:
                if self._told is not term:
                    return []
                self._told = None
                return list(self._lose)

        self._worker.add(callbacks, functools.partial(self._let_go, term, "callbacks"))

    def _let_go(self, term: TermT, hold: str) -> None:
        with self._lock:
            if term._let_go(hold):
                self._held = None

    def _abandon(self) -> None:
        """Nobody works any more: nothing holds the release."""
        held = self._held
        if held:
            self._let_go(held, "callbacks")
            self._let_go(held, "work")

    # ---- the leader's work ----

    def _refuse_to_wait(self, call: str) -> None:
        """Raises what makes it senseless to wait for leadership."""
        self._client._check_fork()
        if self._is_callback():
            raise StateError(f"{call}: what it waits for comes after this callback, or function of run, has returned")
        if lib.elect_election_observes(self._election):
            raise StateError(f"{call}: the election {self.name!r} has role=observer, which never leads")

    def _check_wait(self) -> None:
        self._refuse_to_wait("wait_elected")
        code = lib.elect_election_wait(self._election, 0)
        if code != lib.ELECT_ETIMEOUT:
            self._check("wait_elected", code, "not started")

    def _waited(self) -> bool:
        """What a wait for leadership answers."""
        leads = self.is_leader
        if self._closed and not leads:
            raise ClosedError(f"wait_elected: the election {self.name!r} was stopped")
        return leads

    def _begin_run(self, function: object) -> None:
        self._refuse_function("run", function)
        self._refuse_to_wait("run")
        self._client._begin()  # in asyncio it refuses another loop
        with self._lock:
            if self._running:
                raise StateError(f"run: the election {self.name!r} is run already")
            if not self._begun:
                self._start()
            self._running = True

    def _is_free(self) -> bool:
        """Is there a term that nobody works in? One that is over already is not begun: its LOST comes."""
        return bool(self._term and not self._term._claimed and self.is_leader)

    def _claim(self, mine: list[TermT]) -> TermT | None:
        """Such a term. ``mine`` has it before it is held: it is let go also when Ctrl-C comes in between."""
        with self._lock:
            if self._term and self._is_free():
                mine[:] = [self._term]
                self._term._claim()
                return self._term
            return None

    def _is_over(self, term: TermT, error: BaseException | None, keep_standing: bool) -> bool:
        """Whether ``run`` ends by what its function returned or raised; else it stands again, and logs an error."""
        lasts = not term.stopping
        if self._client._inherited or (lasts and (error is None or not keep_standing)):
            return True
        if lasts:
            log.error("the leader's work failed; standing again", exc_info=error)
            with contextlib.suppress(NotLeaderError):
                term.resign(self._time_ms("retry_interval") / 1000)
        elif error is not None and not isinstance(error, LeadershipLostError):
            log.warning("the leader's work failed after its term was lost", exc_info=error)
        return False

    def _end_run(self, mine: list[TermT]) -> None:
        """But for waiting."""
        self._running = False
        try:
            if not self._client._inherited:
                self._ask_to_stop()
        finally:
            if not self._client._inherited:  # asked again: Ctrl-C may have come the first time
                for term in mine:
                    self._let_go(term, "work")
