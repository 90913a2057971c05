"""LeaderElection: what it says, waiting, what can be asked of it, and how it ends."""

from __future__ import annotations

import datetime
import gc
import weakref
from typing import Any

import elect
import pytest
from conftest import background, threads
from elect import EventKind
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
    with elect.LeaderElection("job", client=client, lock_ttl=2) as election:
        election.wait_elected(HANG)
        first = election.epoch
        with pytest.raises(elect.StateError):
            client.forget("job")
        with elect.LeaderElection("job", client=client, role="observer") as observer:
            observer.depose()
        until(lambda: election.epoch > first)
    client.forget("job")
    assert client.report("metrics")


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
