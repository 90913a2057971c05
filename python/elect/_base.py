"""What an election is, with threads or in asyncio."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from elect._client import ClientBase, take_json
from elect._errors import LeadershipLostError, NotLeaderError, Reason, check, check_options
from elect._events import LeaderInfo, leader_of
from elect._handle import Handle
from elect._native import ffi, lib, named, text
from elect._options import ElectionOptions, make_options, times_in

if TYPE_CHECKING:
    from typing_extensions import Unpack

_IS_LEADER = int(ffi.cast("uintptr_t", ffi.addressof(lib, "elect_election_is_leader")))


class ElectionBase(Handle):
    """A candidate, or observer. ``is_leader`` comes from Handle."""

    def __init__(self, client: ClientBase, options: Any) -> None:
        client.check_fork()
        made = make_options(options)
        out = ffi.new("elect_election_t **")
        check_options(lib.elect_election_new(client.handle, made, out), made)
        self._client = client
        self._election: Any = ffi.gc(out[0], lib.elect_election_free)
        self._bind(_IS_LEADER, int(ffi.cast("uintptr_t", self._election)), self._election)
        self._lock = threading.RLock()  # a signal's handler, or a finalizer, may come in between
        self._tag = 0
        self._begun = False
        self._closed = False
        times = times_in(options, client.times)
        ttl = times.get("lock_ttl", 10.0)
        self._ttl_ms = int(ttl * 1000)
        self._heartbeat_ms = int(1000 * times.get("heartbeat_interval", 0.3 * ttl))
        self._retry = times.get("retry_interval", 0.2 * ttl)

    def _enroll(self) -> None:
        """The last that is made: events come from here on."""
        self._tag = self._client.enroll(self)  # type: ignore[arg-type]
        check(lib.elect_election_queue_events(self._election, self._tag))

    def forked(self, warn: Callable[[], None]) -> None:
        """In the child. What the parent held there is nobody's here."""
        self._unbind(warn)
        self._lock = threading.RLock()

    # ---- beginning and end ----

    def _keep(self) -> None:
        """From here on it is not collected before it has ended."""
        self._client.check_fork()
        with self._lock:
            self._begun = True
            if not self._closed:
                self._client.keep(self._tag, self)  # type: ignore[arg-type]

    def _start(self) -> None:
        self._keep()
        check(lib.elect_election_start(self._election))

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

    # ---- what can be asked for ----

    def resign(self, backoff: float = 0.0) -> None:
        """Steps down from the term under way, and stands again after backoff seconds. It doesn't wait.

        NotLeaderError: there is none."""
        self._resign(0, backoff)

    def _resign(self, epoch: int, backoff: float) -> None:
        self._client.check_fork()
        check(lib.elect_election_resign(self._election, epoch, int(backoff * 1000)))

    def update(self, **options: Unpack[ElectionOptions]) -> None:
        """Changes ``address`` and ``metadata``."""
        self._client.check_fork()
        made = make_options(options)
        check_options(lib.elect_election_update(self._election, made), made)

    def _leader(self, max_age_ms: int, timeout_ms: int) -> LeaderInfo | None:
        out = ffi.new("elect_leader_t **")
        check(lib.elect_election_leader(self._election, max_age_ms, timeout_ms, out))
        leader = ffi.gc(out[0], lib.elect_leader_free)
        return leader_of(leader)

    def _report(self, what: str, timeout: float) -> Any:
        milliseconds = int(timeout * 1000)
        return take_json(lambda out: lib.elect_election_report(self._election, named(what), milliseconds, out))

    def _check_wait(self) -> None:
        """Raises what makes it senseless to wait for leadership: it was not started, was stopped, or observes."""
        code = lib.elect_election_wait(self._election, 0)
        if code != lib.ELECT_ETIMEOUT:
            check(code)

    def _depose(self, epoch: int, timeout: float) -> None:
        check(lib.elect_election_depose(self._election, epoch, int(timeout * 1000)))


class TermBase:
    """A term that was won, as seen by the function that works in it."""

    def __init__(self, election: ElectionBase, epoch: int) -> None:
        self._election = election
        self.epoch = epoch  # the fencing token: pass it to what you write to, and let that refuse older ones
        self.reason: Reason | None = None  # why it ended, once that is known
        self._native: Any = None  # its LOST, which holds the release until it is freed
        self._claimed = False  # by run
        self._holds = {"callbacks"}  # what must be over before: those of its end, and the function of run

    def _claim(self) -> None:
        self._claimed = True
        self._holds.add("work")

    def _let_go(self, hold: str) -> None:
        """With the last hold the LOST is freed, not when its last reference is gone. May be done again."""
        self._holds.discard(hold)
        if not self._holds and self._native is not None:
            native, self._native = self._native, None
            ffi.release(native)

    def _state(self) -> tuple[int, float]:
        epoch, lease = ffi.new("uint64_t *"), ffi.new("int64_t *")
        state = lib.elect_election_check(self._election._election, epoch, lease)
        return (int(state), lease[0] / 1000) if epoch[0] == self.epoch else (0, 0.0)

    @property
    def stopping(self) -> bool:
        """No new work may be started: finish what is under way and return."""
        return self._state()[0] != 1

    @property
    def lost(self) -> bool:
        """The lease is over: somebody else may lead. What is still written needs the epoch to be refused by."""
        return self._state()[0] == 0

    @property
    def lease_remaining(self) -> float:
        """How many seconds the lease of this term is proven to last."""
        return self._state()[1]

    def check(self) -> None:
        """Raises LeadershipLostError unless new work of this term may be started."""
        if self.stopping:
            raise LeadershipLostError(self.reason, self.epoch)

    def resign(self, backoff: float = 0.0) -> None:
        """Steps down from this term and stands again after backoff seconds. NotLeaderError when it is over."""
        self._election._resign(self.epoch, backoff)
