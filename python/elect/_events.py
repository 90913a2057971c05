"""What happens in an election, as plain data."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from elect._errors import ElectError, Reason, error_of
from elect._native import ffi, lib, text

if TYPE_CHECKING:
    from elect._client import ClientBase


@dataclasses.dataclass(frozen=True)
class LeaderInfo:
    """What is known of a leader. Times are by the leader's clock, in UTC."""

    instance_id: str
    hostname: str
    started_at: datetime.datetime  # when it became the leader
    last_heartbeat: datetime.datetime  # when it last renewed its lease
    address: str
    metadata: str
    epoch: int

    def to_json(self) -> str:
        """The JSON of a health endpoint: times in the form of RFC 3339."""
        values = dataclasses.asdict(self)
        for name in ("started_at", "last_heartbeat"):
            values[name] = values[name].isoformat()
        return json.dumps(values)


class EventKind(enum.Enum):
    """What happened: a term began, or ended; others lead, or nobody; something failed, and is tried again."""

    ELECTED = "elected"
    LOST = "lost"
    LEADER_CHANGED = "leader_changed"
    ERROR = "error"


@dataclasses.dataclass(frozen=True)
class Event:
    """ELECTED has an epoch; LOST that and a reason; LEADER_CHANGED a leader, or None; ERROR an error."""

    kind: EventKind
    epoch: int = 0
    reason: Reason | None = None
    leader: LeaderInfo | None = None
    error: ElectError | None = None


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _time(milliseconds: int) -> datetime.datetime:
    try:
        return _EPOCH + datetime.timedelta(milliseconds=milliseconds)
    except OverflowError:  # another machine says what it likes
        bound = datetime.datetime.max if milliseconds > 0 else datetime.datetime.min
        return bound.replace(tzinfo=datetime.timezone.utc)


def queue_event(unread: deque[Event], event: Event) -> None:
    """As the library does: of what tells only how things are now, the latest counts."""
    if event.kind in (EventKind.LEADER_CHANGED, EventKind.ERROR):
        for old in unread:
            if old.kind is event.kind:
                unread.remove(old)
                break
    unread.append(event)


class EventsBase:
    """An iterator over events that ends with the election, or by ``close``; but for how it waits.

    Who reads slowly hears of every term, of the latest leader and of the latest error."""

    def __init__(self, client: ClientBase) -> None:
        self._client = client
        self._unread: deque[Event] = deque()
        self._over = False
        self._make_lock()

    def _make_lock(self) -> None:
        self._changed = self._client._make_condition(threading.RLock())

    def _put(self, event: Event) -> None:
        with self._changed:
            queue_event(self._unread, event)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the iteration, also of who waits in it."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _forked(self) -> None:
        self._make_lock()
        self._unread.clear()
        self._over = True


def leader_of(leader: Any) -> LeaderInfo | None:
    if leader == ffi.NULL:
        return None
    return LeaderInfo(
        instance_id=text(lib.elect_leader_instance_id(leader)),
        hostname=text(lib.elect_leader_hostname(leader)),
        started_at=_time(lib.elect_leader_started_at_ms(leader)),
        last_heartbeat=_time(lib.elect_leader_last_heartbeat_ms(leader)),
        address=text(lib.elect_leader_address(leader)),
        metadata=text(lib.elect_leader_metadata(leader)),
        epoch=lib.elect_leader_epoch(leader),
    )


def reason_of(event: Any) -> Reason:
    try:
        return Reason(text(lib.elect_reason_name(lib.elect_event_reason(event))))
    except ValueError:
        return Reason.UNKNOWN


def event_of(event: Any) -> Event | None:
    """None for kinds that are not told: CLOSED, and those of a newer library."""
    kind = lib.elect_event_kind(event)
    epoch = lib.elect_event_epoch(event)
    if kind == lib.ELECT_EVENT_ELECTED:
        return Event(EventKind.ELECTED, epoch)
    if kind == lib.ELECT_EVENT_LOST:
        return Event(EventKind.LOST, epoch, reason_of(event))
    if kind == lib.ELECT_EVENT_LEADER_CHANGED:
        return Event(EventKind.LEADER_CHANGED, leader=leader_of(lib.elect_event_leader(event)))
    if kind == lib.ELECT_EVENT_ERROR:
        error = error_of(lib.elect_event_code(event), text(lib.elect_event_text(event)))
        return Event(EventKind.ERROR, error=error)
    return None
