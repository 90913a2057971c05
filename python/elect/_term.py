"""A term that was won, as seen by the function that works in it."""

from __future__ import annotations

from typing import Any

from elect._candidate import Candidate
from elect._errors import LeadershipLostError, Reason
from elect._native import ffi, lib
from elect._options import Duration


class TermBase:
    """A term, but for how its function hears of its end."""

    def __init__(self, election: Candidate[Any], epoch: int) -> None:
        self._election = election
        self.epoch = epoch  # the fencing token: pass it to what you write to, and let that refuse older ones
        self.reason: Reason | None = None  # why it ended, once that is known
        self._native: Any = None  # its LOST, which holds the release until it is freed
        self._claimed = False  # by run
        self._holds = {"callbacks"}  # what must be over before: those of its end, and the function of run

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._election.name!r}, epoch {self.epoch}>"

    def _claim(self) -> None:
        self._claimed = True
        self._holds.add("work")

    def _end(self, reason: Reason) -> None:
        self.reason = reason

    def _let_go(self, hold: str) -> bool:
        """With the last hold the LOST is freed, and by nothing else: was it now? May be done again."""
        self._holds.discard(hold)
        if self._holds or self._native is None:
            return False
        native, self._native = self._native, None
        lib.elect_event_free(native)
        return True

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

    def resign(self, backoff: Duration = 0.0) -> None:
        """Steps down from this term and stands again after backoff seconds. NotLeaderError when it is over."""
        self._election._resign(self.epoch, backoff)
