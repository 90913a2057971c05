"""What an election is, with threads or in asyncio: all of it that does not wait."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from elect._client import ClientBase, take_json
from elect._errors import (
    ClosedError,
    ConfigError,
    LeadershipLostError,
    NotLeaderError,
    StateError,
    check,
    check_options,
    error_of,
)
from elect._events import Event, EventsBase, LeaderInfo, event_of, leader_of, reason_of
from elect._handle import Handle
from elect._native import ffi, lib, named, text
from elect._options import ClientOptions, Duration, ElectionOptions, make_options, milliseconds
from elect._store import Store
from elect._term import TermBase
from elect._worker import Callback, log

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

ClientT = TypeVar("ClientT", bound=ClientBase)
TermT = TypeVar("TermT", bound=TermBase)
EventsT = TypeVar("EventsT", bound=EventsBase)
CallbackT = TypeVar("CallbackT", bound=Callback)

_IS_LEADER = int(ffi.cast("uintptr_t", ffi.addressof(lib, "elect_election_is_leader")))


class ElectionBase(Handle, Generic[ClientT, TermT]):
    """A candidate, or observer. ``is_leader`` comes from Handle."""

    _client_type: type[ClientT]
    _term_type: type[TermT]

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
            self._election = _made(client, own)
        except BaseException:
            if self._owned:
                client.close_at_exit()
            raise
        self._bind(_IS_LEADER, int(ffi.cast("uintptr_t", self._election)), self._election)
        self._client: ClientT = client
        self._begun = False  # started, or stopped
        self._started = False
        self._closed = False
        self._term: TermT | None = None  # under way: ELECTED was read, LOST was not
        self._told: TermT | None = None  # whose beginning callbacks have heard of, and whose end they have not
        self._become: list[Callback] = []
        self._lose: list[Callback] = []
        self._listeners: weakref.WeakSet[EventsBase] = weakref.WeakSet()
        self._users: set[Any] = set()  # the threads, or tasks, that run users' functions now
        self._make_locks()
        self._tag = client.enroll(self)
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
        self._changed = self._client.condition(self._lock)
        self._worker = self._client.worker(self._users, self.name)

    def forked(self, warn: Callable[[], None]) -> None:
        """In the child. What the parent held there is nobody's here."""
        self._unbind(warn)
        self._make_locks()
        self._told = None
        for listener in list(self._listeners):
            listener._forked()

    def in_callback(self) -> bool:
        """Whether callbacks of this election, or the function of ``run``, are run where this is asked."""
        raise NotImplementedError

    # ---- beginning and end ----

    def _keep(self) -> None:
        """From here on it is not collected before it has ended."""
        self._client.check_fork()
        with self._lock:
            if not self._closed:
                self._client.keep(self._tag, self)
            self._begun = True

    def _start(self) -> None:
        self._keep()
        was = "started already" if self._started else "stopped"
        self._check("start", lib.elect_election_start(self._election), was)
        self._started = True

    def _ask_to_stop(self) -> None:
        self._keep()
        check(lib.elect_election_stop(self._election))

    # ---- what is so now ----

    @property
    def name(self) -> str:
        """Of the election."""
        return text(lib.elect_election_name(self._election))

    @property
    def instance_id(self) -> str:
        """Of this candidate."""
        return text(lib.elect_election_instance_id(self._election))

    @property
    def epoch(self) -> int:
        """The fencing token of the term under way, which rises with each; 0 when there is none. It stays while a leader
        that steps down finishes its work."""
        return int(lib.elect_election_epoch(self._election))

    @property
    def lease_remaining(self) -> float:
        """How many seconds the lease is proven to last; 0.0 when there is none."""
        return float(lib.elect_election_lease_ms(self._election)) / 1000

    def check(self) -> None:
        """Raises NotLeaderError unless this candidate leads."""
        if not self.is_leader:
            self._client.check_fork()
            raise NotLeaderError(f"{self.instance_id} does not lead {self.name}")

    def _time_ms(self, option: str) -> int:
        return int(lib.elect_election_time_ms(self._election, named(option)))

    def _leader(self, timeout_ms: int) -> LeaderInfo | None:
        out = ffi.new("elect_leader_t **")
        code = lib.elect_election_leader(self._election, self._time_ms("heartbeat_interval"), timeout_ms, out)
        self._check("leader_info", code, "not started")
        return leader_of(ffi.gc(out[0], lib.elect_leader_free))

    def _check(self, call: str, code: int, state: str) -> None:
        """Says of a state, or an end, what is not possible for it."""
        if code in (lib.ELECT_ESTATE, lib.ELECT_ECLOSED):
            was = "stopped" if code == lib.ELECT_ECLOSED else state
            raise error_of(code, f"{call}: the election {self.name!r} was {was}")
        check(code)

    # ---- what can be asked for ----

    def resign(self, backoff: Duration = 0.0) -> None:
        """Steps down from the term under way, and stands again after backoff seconds. It doesn't wait.

        NotLeaderError: there is none."""
        self._resign(0, backoff)

    def _resign(self, epoch: int, backoff: Duration) -> None:
        self._client.check_fork()
        check(lib.elect_election_resign(self._election, epoch, milliseconds("backoff", backoff)))

    def update(self, **options: Unpack[ElectionOptions]) -> None:
        """Changes ``address`` and ``metadata``."""
        self._client.check_fork()
        made = make_options(options)
        check_options(lib.elect_election_update(self._election, made), made)

    def _report(self, what: str, timeout: Duration) -> concurrent.futures.Future[Any]:
        limit = milliseconds("timeout", timeout)
        return self._client.ask(
            lambda: take_json(
                "status or history", what, lambda name, out: lib.elect_election_report(self._election, name, limit, out)
            )
        )

    def _depose(self, epoch: int, timeout: Duration) -> concurrent.futures.Future[None]:
        limit = milliseconds("timeout", timeout)
        return self._client.ask(lambda: check(lib.elect_election_depose(self._election, epoch, limit)))

    # ---- events ----

    def on_become_leader(self, callback: CallbackT) -> CallbackT:
        """Calls a function, also as a decorator, at the beginning of each term; at once, if one is under way. A term
        that is over before it could be told is not.

        Exceptions are logged. A slow one delays this election's next call only, never the lease."""
        self._client.check_fork()
        with self._lock:
            self._become.append(callback)
            told = self._told
        if told:
            self._worker.add(lambda: [callback] if self._told is told else [])
        return callback

    def on_lose_leadership(self, callback: CallbackT) -> CallbackT:
        """Calls a function, also as a decorator, after the end of each term whose beginning was told.

        The release waits for it, for at most ``drain_timeout``."""
        self._client.check_fork()
        with self._lock:
            self._lose.append(callback)
        return callback

    def _listen(self, events: EventsT) -> EventsT:
        self._client.check_fork()
        with self._lock:
            if self._closed:
                events.close()
            self._listeners.add(events)
        return events

    def take(self, native: Any) -> None:
        """The reader's: nothing in it waits, and no user's code runs. It frees the event; a LOST when its term has no
        more holds, which releases leadership."""
        kind = lib.elect_event_kind(native)
        call: Callable[[], None] | None = None
        try:
            with self._lock:
                if kind == lib.ELECT_EVENT_LOST and self._term:
                    term, self._term = self._term, None
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
            term._let_go(hold)

    # ---- the leader's work ----

    def _refuse_to_wait(self, call: str) -> None:
        """Raises what makes it senseless to wait for leadership."""
        self._client.check_fork()
        if self.in_callback():
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

    def _begin_run(self) -> None:
        self._refuse_to_wait("run")
        with self._lock:
            if not self._begun:
                self._start()

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
        if self._client.inherited or (lasts and (error is None or not keep_standing)):
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
        try:
            if not self._client.inherited:
                self._ask_to_stop()
        finally:
            if not self._client.inherited:  # asked again: Ctrl-C may have come the first time
                for term in mine:
                    self._let_go(term, "work")


def _made(client: ClientBase, options: dict[str, Any]) -> Any:
    """An election of the library's, freed with the object."""
    client.check_fork()
    made = make_options(options)
    out = ffi.new("elect_election_t **")
    check_options(lib.elect_election_new(client.handle, made, out), made)
    return ffi.gc(out[0], lib.elect_election_free)
