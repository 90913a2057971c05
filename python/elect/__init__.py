"""Leader election: of all processes that stand in one election, one leads.

::

    election = elect.LeaderElection("billing", store="redis://redis.example")
    election.run(lambda term: bill(term))

``is_leader`` asks a clock and no store: it is True only while the lease is proven to last, also after the process was
stopped or the machine slept. The release waits for callbacks and for the function of ``run``, for at most
``drain_timeout``.
"""

from elect._client import Client
from elect._election import Events, LeaderElection, Term
from elect._errors import (
    AuthError,
    ClosedError,
    ConfigError,
    ConflictError,
    ElectError,
    ForkedError,
    LeadershipLostError,
    NoMemoryError,
    NotLeaderError,
    Reason,
    StateError,
    StoreError,
    UnknownOutcomeError,
    UnreachableError,
    WaitTimeoutError,
)
from elect._events import Event, EventKind, LeaderInfo
from elect._native import lib, text
from elect._options import ClientOptions, Duration, ElectionOptions
from elect._store import Store

__version__ = text(lib.elect_version())
__all__ = [
    "AuthError",
    "Client",
    "ClientOptions",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "Duration",
    "ElectError",
    "ElectionOptions",
    "Event",
    "EventKind",
    "Events",
    "ForkedError",
    "LeaderElection",
    "LeaderInfo",
    "LeadershipLostError",
    "NoMemoryError",
    "NotLeaderError",
    "Reason",
    "StateError",
    "Store",
    "StoreError",
    "Term",
    "UnknownOutcomeError",
    "UnreachableError",
    "WaitTimeoutError",
]
