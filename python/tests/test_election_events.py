"""Events of LeaderElection."""

from __future__ import annotations

import threading
from collections.abc import Callable

import elect
import pytest
from conftest import background
from elect import EventKind, Reason


def test_events(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client, instance_id="one")
    events = election.events()
    with election:
        terms = (event for event in events if event.kind is not EventKind.LEADER_CHANGED)
        first = next(terms)
        election.resign()
        lost, second = next(terms), next(terms)
    last = next(terms)
    assert (first.kind, lost.kind, second.kind, last.kind) == (*[EventKind.ELECTED, EventKind.LOST] * 2,)
    assert first.epoch == lost.epoch < second.epoch == last.epoch
    assert (first.reason, lost.reason, last.reason) == (None, Reason.RESIGNED, Reason.STOPPED)
    assert list(events) == [], "it stays at its end"


def test_events_of_several_who_listen(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client, instance_id="one")
    early, closed = election.events(), election.events()
    waits = [background(lambda: list(early)), background(lambda: list(closed))]
    closed.close()
    assert waits[1]() == []
    third = election.events()
    with election:
        changed = next(event for event in third if event.kind is not EventKind.ELECTED)
        assert changed.leader
        assert changed.leader.instance_id == "one"
    kinds = [event.kind for event in waits[0]()]  # type: ignore[attr-defined]
    assert kinds[0] is EventKind.ELECTED
    assert kinds[-1] is not EventKind.ERROR


def test_unread_events_are_merged() -> None:
    with elect.LeaderElection("job", store="memory:") as election:
        events = election.events()
        for number in range(100):
            events._put(elect.Event(EventKind.ERROR, error=elect.StoreError(str(number))))
            events._put(elect.Event(EventKind.LEADER_CHANGED, epoch=number))
            events._put(elect.Event(EventKind.LOST, epoch=number))
        unread = list(events._unread)
    assert len([event for event in unread if event.kind is EventKind.LOST]) == 100
    errors = [str(event.error) for event in unread if event.kind is EventKind.ERROR]
    assert errors == ["99"]


def test_one_event_is_read_while_another_is_put(client: elect.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_wait_for", lambda *_: True)  # who reads has waited already
    events = elect.LeaderElection("job", client=client).events()
    was_read = threading.Event()
    reads: list[Callable[[], object]] = []

    def read() -> None:
        next(events)
        was_read.set()

    class Compared(elect.Event):
        """With what the event that is put replaces."""

        def __eq__(self, other: object) -> bool:
            reads.append(background(read))
            was_read.wait(0.1)  # it has to wait
            return False

        __hash__ = None  # type: ignore[assignment]

    events._put(Compared(EventKind.LOST))
    for number in range(2):
        events._put(elect.Event(EventKind.ERROR, error=elect.StoreError(str(number))))
    reads[0]()
    assert [str(event.error) for event in events._unread] == ["1"]
