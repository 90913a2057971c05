"""One election of the library's: what it answers, and what can be asked of it. No terms, callbacks or threads."""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from elect._client import ClientBase, take_json
from elect._errors import NotLeaderError, check, check_options, error_of
from elect._events import LeaderInfo, leader_of
from elect._handle import Handle
from elect._native import ffi, lib, named, text
from elect._options import Duration, ElectionOptions, make_options, milliseconds

if TYPE_CHECKING:
    from typing_extensions import Unpack

ClientT = TypeVar("ClientT", bound=ClientBase)

_IS_LEADER = int(ffi.cast("uintptr_t", ffi.addressof(lib, "elect_election_is_leader")))


class Candidate(Handle, Generic[ClientT]):
    """A candidate, or observer. ``is_leader`` comes from Handle."""

    def __init__(self, client: ClientT, options: dict[str, Any]) -> None:
        client._check_fork()
        made = make_options(options)
        out = ffi.new("elect_election_t **")
        check_options(lib.elect_election_new(client._handle, made, out), made)
        self._election = ffi.gc(out[0], lib.elect_election_free)
        self._bind(_IS_LEADER, int(ffi.cast("uintptr_t", self._election)), self._election)
        self._client: ClientT = client

    def __repr__(self) -> str:
        term = f", epoch {self.epoch}" if self.epoch else ""
        return f"<{type(self).__name__} {self.name!r}: {self.instance_id}{term}>"

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
            self._client._check_fork()
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
        self._client._check_fork()
        check(lib.elect_election_resign(self._election, epoch, milliseconds("backoff", backoff)))

    def update(self, **options: Unpack[ElectionOptions]) -> None:
        """Changes ``address`` and ``metadata``."""
        self._client._check_fork()
        made = make_options(options)
        check_options(lib.elect_election_update(self._election, made), made)

    def _report(self, what: str, timeout: Duration) -> concurrent.futures.Future[Any]:
        limit = milliseconds("timeout", timeout)
        return self._client._ask(
            lambda: take_json(
                "status or history", what, lambda name, out: lib.elect_election_report(self._election, name, limit, out)
            )
        )

    def _depose(self, epoch: int, timeout: Duration) -> concurrent.futures.Future[None]:
        limit = milliseconds("timeout", timeout)
        return self._client._ask(lambda: check(lib.elect_election_depose(self._election, epoch, limit)))
