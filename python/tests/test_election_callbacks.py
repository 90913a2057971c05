"""Callbacks of LeaderElection: their order, what they may do, and what waits for them."""

from __future__ import annotations

import sys
import threading

import elect
import pytest
from conftest import background, threads
from elect import EventKind
from host import HANG, until


def test_callbacks_in_order(client: elect.Client, caplog: pytest.LogCaptureFixture) -> None:
    election = elect.LeaderElection("job", client=client)
    calls: list[str] = []
    names: set[str] = set()

    @election.on_become_leader
    def first() -> None:
        names.add(threading.current_thread().name)
        calls.append(f"become {election.is_leader}")
        raise ValueError("of the first")

    @election.on_become_leader
    def second() -> None:
        calls.append("second")
        sys.exit("of the second")

    @election.on_become_leader
    def third() -> None:
        calls.append("third")

    @election.on_lose_leadership
    def lose() -> None:
        calls.append(f"lose {election.is_leader} {election.epoch > 0}")
        raise KeyError("of the loss")

    @election.on_lose_leadership
    def last() -> None:
        calls.append("last")

    assert first.__name__ == "first"
    with election:
        until(lambda: "third" in calls)
        late = threading.Event()
        election.on_become_leader(late.set)
        assert late.wait(HANG), "a term is under way"
        late.clear()
        election.resign()
        assert late.wait(HANG), "the next term"
    begin, end = ["become True", "second", "third"], ["lose False True", "last"]
    assert calls == begin + end + begin + end
    assert names == {"elect-callbacks"}
    raised = [record for record in caplog.records if "a callback of the election 'job' raised" in record.message]
    assert len(raised) == 6
    assert {type(record.exc_info[1]) for record in raised if record.exc_info} == {ValueError, SystemExit, KeyError}


def test_the_release_waits_for_callbacks(client: elect.Client) -> None:
    one = elect.LeaderElection("job", client=client, instance_id="one")
    two = elect.LeaderElection("job", client=client, instance_id="two", retry_interval=0.02)
    told, losing, on = threading.Event(), threading.Event(), threading.Event()
    one.on_become_leader(told.set)

    @one.on_lose_leadership
    def lose() -> None:
        losing.set()
        on.wait()

    with one:
        assert told.wait(HANG)
        with two:
            until(lambda: two.leader_id == "one")
            stops = background(one.stop)
            assert losing.wait(HANG)
            assert one.is_leader is False
            assert one.epoch > 0, "the lease is still renewed"
            assert two.leader_id == "one"
            assert two.is_leader is False
            on.set()
            stops()
            assert two.wait_elected(HANG)


def test_a_callback_that_never_returns_costs_drain_timeout() -> None:
    told, on = threading.Event(), threading.Event()
    with elect.Client("memory:") as client:
        stuck = elect.LeaderElection("job", client=client, lock_ttl=0.2, drain_timeout=0.05)
        stuck.on_become_leader(told.set)
        stuck.on_lose_leadership(on.wait)
        stuck.start()
        assert told.wait(HANG)
        stuck.stop()
        other = elect.LeaderElection("job", client=client, instance_id="other", retry_interval=0.02)
        with other:
            assert other.wait_elected(HANG)
    on.set()


def test_callbacks_may_end_what_they_are_called_for() -> None:
    for end in ("stop", "close", "stop in become"):
        election = elect.LeaderElection("job", store="memory:")
        over = threading.Event()
        asks = election._client.close if end == "close" else election.stop
        if end == "stop in become":
            election.on_become_leader(asks)
            election.on_lose_leadership(over.set)
        else:
            election.on_lose_leadership(asks)
            election.on_lose_leadership(over.set)
            election.on_become_leader(election.resign)
        with pytest.raises(elect.StateError):
            election.wait_elected()
        events = election.events()
        election.start()
        assert over.wait(HANG)
        assert [event.kind for event in events if event.kind is not EventKind.LEADER_CHANGED][:2] == [
            EventKind.ELECTED,
            EventKind.LOST,
        ]
        until(lambda: not threads(), "the end of the client, which nobody closed")


def test_a_callback_may_not_wait(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)
    other = elect.LeaderElection("other", client=client)
    errors: list[BaseException] = []
    waited: list[bool] = []

    @election.on_become_leader
    def become() -> None:
        for call in (election.wait_elected, lambda: election.run(lambda term: None)):
            try:
                call()
            except elect.StateError as error:
                errors.append(error)
        with other:  # of another election it may
            waited.append(other.wait_elected(HANG))

    with election:
        until(lambda: waited)
    assert len(errors) == 2
    assert waited == [True]


def test_callbacks_may_add_callbacks(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)
    calls: list[str] = []

    @election.on_become_leader
    def become() -> None:
        calls.append("become")
        election.on_become_leader(lambda: calls.append("inner"))
        election.on_lose_leadership(lambda: calls.append("lose"))

    with election:
        until(lambda: "inner" in calls)
    assert calls == ["become", "inner", "lose"]


def test_a_slow_callback_delays_its_own_election_only(client: elect.Client) -> None:
    slow = elect.LeaderElection("slow", client=client, heartbeat_interval=0.1)
    entered, on = threading.Event(), threading.Event()

    @slow.on_become_leader
    def become() -> None:
        entered.set()
        on.wait()

    with slow:
        assert entered.wait(HANG)
        quick = elect.LeaderElection("quick", client=client)
        called = threading.Event()
        quick.on_become_leader(called.set)
        with quick:
            assert called.wait(HANG)
        left = slow.lease_remaining
        until(lambda: slow.lease_remaining > left, "a renewal: never the lease")
        assert slow.is_leader
        on.set()


def test_callbacks_where_no_thread_can_be_had(client: elect.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the end of the interpreter since 3.12, or at a limit: they run on the thread that reads events."""
    election = elect.LeaderElection("job", client=client, drain_timeout=300)
    names: list[str] = []
    for add in (election.on_become_leader, election.on_lose_leadership):
        add(lambda: names.append(threading.current_thread().name))
    client._begin()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with election:
        until(lambda: names)
    assert names == ["elect-events"] * 2
    monkeypatch.undo()


def test_a_term_that_is_over_before_it_could_be_told_is_not_told(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)
    calls: list[tuple[str, int]] = []
    on = threading.Event()
    election.on_become_leader(lambda: calls.append(("become", election.epoch)))
    election.on_lose_leadership(lambda: calls.append(("lose", election.epoch)))
    election._worker.add(lambda: [on.wait])  # the thread is busy
    events = election.events()
    with election:
        first = next(event for event in events if event.kind is EventKind.ELECTED)
        election.resign()
        next(event for event in events if event.kind is EventKind.LOST)
        assert election.epoch == first.epoch, "its release waits for the thread"
        on.set()
        until(lambda: calls)
        second = election.epoch
    assert calls == [("become", second), ("lose", second)]
    assert second > first.epoch
