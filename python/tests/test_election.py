"""LeaderElection: state, callbacks, events, waiting, and how it ends."""

from __future__ import annotations

import datetime
import gc
import sys
import threading
import weakref
from typing import Any

import elect
import pytest
from conftest import background, threads
from elect import EventKind, Reason
from host import HANG, until


def test_a_leader_says_what_it_is(client: elect.Client) -> None:
    options: Any = {"hostname": "h", "address": "a:1", "metadata": "m\n\u2713", "instance_id": "one"}
    election = elect.LeaderElection("job", client=client, **options)
    assert (election.is_leader, election.epoch, election.lease_remaining) == (False, 0, 0.0)
    with pytest.raises(elect.NotLeaderError, match="one does not lead job"):
        election.check()
    with election:
        assert election.wait_elected(HANG) is True
        assert election.is_leader is True
        election.check()
        assert election.epoch > 0
        assert 0 < election.lease_remaining <= 10
        info = election.leader_info
        assert info
        assert election.leader_id == info.instance_id == "one"
        assert (info.hostname, info.address, info.metadata, info.epoch) == ("h", "a:1", "m\n\u2713", election.epoch)
        now = datetime.datetime.now(datetime.timezone.utc)
        for time in (info.started_at, info.last_heartbeat):
            assert time.tzinfo is datetime.timezone.utc
            assert abs(now - time) < datetime.timedelta(seconds=HANG)
        with pytest.raises(AttributeError):
            info.epoch = 5  # type: ignore[misc]
        assert '"started_at": "20' in info.to_json()
        assert election.report("status")["state"]
        assert election.report("history")
    assert (election.is_leader, election.epoch) == (False, 0)


def test_nobody_leads(client: elect.Client) -> None:
    with elect.LeaderElection("job", client=client, role="observer", retry_interval=0.05) as observer:
        assert observer.leader_info is None
        assert observer.leader_id is None
        with pytest.raises(elect.StateError):
            observer.wait_elected()
        with pytest.raises(elect.NotLeaderError):
            observer.resign()
        with elect.LeaderElection("job", client=client, instance_id="one") as leader:
            events = observer.events()
            leader.wait_elected(HANG)
            until(lambda: observer.leader_id == "one")
            assert observer.is_leader is False
        assert all(event.kind is EventKind.LEADER_CHANGED for event in [next(events)])


def test_a_follower_waits_and_takes_over(client: elect.Client) -> None:
    with elect.LeaderElection("job", client=client, instance_id="one") as one:
        assert one.wait_elected(HANG)
        with elect.LeaderElection("job", client=client, instance_id="two", retry_interval=0.05) as two:
            assert two.wait_elected(0) is False
            assert two.wait_elected(0.01) is False
            assert two.leader_id == "one"
            waits = background(two.wait_elected)
            first = one.epoch
            one.stop()
            assert waits() is True
            assert two.epoch > first


def test_beginning_and_end(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)
    with pytest.raises(elect.StateError):
        election.wait_elected()
    with pytest.raises(elect.StateError):
        _ = election.leader_info
    election.start()
    with pytest.raises(elect.StateError):
        election.start()
    waits = background(elect.LeaderElection("other", client=client).stop)
    waits()
    election.stop()
    election.stop()
    for call in (election.wait_elected, lambda: election.leader_info):
        with pytest.raises(elect.ClosedError):
            call()
    with pytest.raises(elect.StateError):
        election.start()
    assert list(election.events()) == []
    assert election.name == "job"


def test_stop_before_start() -> None:
    election = elect.LeaderElection("job", store="memory:")
    events = election.events()
    election.stop()
    assert list(events) == []
    with pytest.raises(elect.StateError):
        election.start()
    assert election.run(lambda term: 1) is None


def test_a_closed_client_ends_what_never_began() -> None:
    client = elect.Client("memory:")
    election = elect.LeaderElection("job", client=client)
    waits = background(lambda: list(election.events()))
    client.close()
    assert waits() == []
    election.stop()
    assert election.run(lambda term: 1) is None
    with pytest.raises(elect.ElectError):
        elect.LeaderElection("job", client=client)
    client.close()


def test_stop_after_a_client_that_began_was_closed(client: elect.Client) -> None:
    begun, idle = (elect.LeaderElection(name, client=client) for name in ("begun", "idle"))
    begun.start()
    client.close()
    idle.stop()
    begun.stop()
    assert list(idle.events()) == []


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
    losing, on = threading.Event(), threading.Event()

    @one.on_lose_leadership
    def lose() -> None:
        losing.set()
        on.wait()

    with one:
        one.wait_elected(HANG)
        with two:
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
    on = threading.Event()
    with elect.Client("memory:") as client:
        stuck = elect.LeaderElection("job", client=client, lock_ttl=0.2, drain_timeout=0.05)
        stuck.on_lose_leadership(on.wait)
        stuck.start()
        stuck.wait_elected(HANG)
        stuck.stop()
        other = elect.LeaderElection("job", client=client, instance_id="other", retry_interval=0.02)
        with other:
            assert other.wait_elected(HANG)
    on.set()


def test_callbacks_may_end_what_they_are_called_for() -> None:
    for end in ("stop", "close", "stop in become"):
        election = elect.LeaderElection("job", store="memory:")
        over = threading.Event()
        asks = election._threads.close if end == "close" else election.stop
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
    slow = elect.LeaderElection("slow", client=client, lock_ttl=0.2)
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
        assert slow.is_leader, "and never the lease"
        on.set()


def test_callbacks_where_no_thread_can_be_had(client: elect.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the end of the interpreter since 3.12, or at a limit: they run on the thread that reads events."""
    election = elect.LeaderElection("job", client=client, drain_timeout=300)
    names: list[str] = []
    for add in (election.on_become_leader, election.on_lose_leadership):
        add(lambda: names.append(threading.current_thread().name))
    client.begin()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with election:
        until(lambda: names)
    assert names == ["elect-events"] * 2
    monkeypatch.undo()


def test_events(client: elect.Client) -> None:
    with elect.LeaderElection("job", client=client, instance_id="one") as election:
        events = election.events()
        terms = (event for event in events if event.kind is not EventKind.LEADER_CHANGED)
        first, _ = next(terms), election.resign()
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
    with election:
        election.wait_elected(HANG)
        changed = next(event for event in election.events() if event.kind is not EventKind.ELECTED)
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


def test_resign(client: elect.Client) -> None:
    with elect.LeaderElection("job", client=client) as election:
        election.wait_elected(HANG)
        first = election.epoch
        election.resign(backoff=0.01)
        until(lambda: election.epoch > first)
        with pytest.raises(elect.ConfigError):
            election.resign(-1)
        election.resign(backoff=3600)
        with pytest.raises(elect.NotLeaderError):
            election.resign()


def test_depose_and_forget(client: elect.Client) -> None:
    with elect.LeaderElection("job", client=client, lock_ttl=0.5) as election:
        election.wait_elected(HANG)
        first = election.epoch
        with pytest.raises(elect.StateError):
            client.forget("job")
        with elect.LeaderElection("job", client=client, role="observer") as observer:
            observer.depose()
        until(lambda: election.epoch > first)
    client.forget("job")
    assert client.report("metrics")
    with pytest.raises(elect.ConfigError):
        client.report("nonsense")
    with pytest.raises(ValueError, match="zero byte"):
        client.forget("a\0b")


def test_leader_only(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)

    @election.leader_only
    def job(number: int, *, more: int = 0) -> int:
        """Doubles."""
        return 2 * number + more

    assert (job.__name__, job.__doc__) == ("job", "Doubles.")
    assert job(1) is None
    with election:
        election.wait_elected(HANG)
        assert job(1, more=3) == 5
    assert job(1) is None


def test_one_client_has_many_elections(client: elect.Client) -> None:
    elections = [elect.LeaderElection(f"job-{number}", client=client) for number in range(50)]
    for election in elections:
        election.start()
    for election in elections:
        assert election.wait_elected(HANG)
    assert threads() == ["elect-events"] or set(threads()) == {"elect-events", "elect-callbacks"}


def test_dropped_elections() -> None:
    dropped = elect.LeaderElection("job", store="memory:")
    gone = weakref.ref(dropped)
    own = weakref.ref(dropped._client)
    dropped.on_become_leader(dropped.resign)  # a cycle
    del dropped
    gc.collect()
    assert gone() is None, "one that was never started is collected"
    assert own() is None, "with its client"
    client = elect.Client("memory:")
    elect.LeaderElection("job", client=client).start()
    gc.collect()
    other = elect.LeaderElection("job", client=client, instance_id="other")
    other.start()
    until(lambda: other.leader_id)
    assert other.leader_id != "other", "one that was started stands until its end"
    client.close()


def test_the_handle_outlives_what_is_taken_from_the_election() -> None:
    with elect.LeaderElection("job", store="memory:") as election:
        election.wait_elected(HANG)
        handle, election._election = weakref.ref(election._election), None
        gc.collect()
        assert handle(), "who asks for is_leader holds it"
        assert election.is_leader is True
        election._election = handle()


def test_a_subclass_without_init_does_not_lead() -> None:
    class Mine(elect.LeaderElection):
        def __init__(self) -> None:
            """Forgets the base class."""

    assert Mine().is_leader is False
    with pytest.raises(AttributeError):
        Mine().is_leader = True  # type: ignore[misc]
