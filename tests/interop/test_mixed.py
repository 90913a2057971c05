"""What is true of every layout in which candidates of libelect and others stand in one election."""

import pytest
from harness import overlaps
from host import until

KINDS = ["redislock", "redsync", "maplefile", "elector", "go-leader"]
every = pytest.mark.parametrize("kind", KINDS)


@every
def test_a_release_lets_the_other_kind_lead(fleets, kind):
    # The TTL is no help here: who leads next has seen the release.
    fleet = fleets(kind, ttl="600s")
    first = fleet.candidate("ours-1")
    first.wait_for("elected")
    theirs = fleet.peer("theirs")
    assert first.stop() == 0
    theirs.wait_for("elected")
    second = fleet.candidate("ours-2")
    second.wait_for("sees")
    theirs.stop()
    assert second.wait_for("elected")["epoch"] > first.wait_for("elected")["epoch"]
    assert second.stop() == 0
    assert fleet.server.ask("EXISTS", fleet.lock) == 0
    fleet.never_two()


@every
def test_candidates_of_libelect_wake_each_other(fleets, kind):
    # Neither the TTL nor the next look at the lock is any help here.
    fleet = fleets(kind, ttl="600s", retry="300s")
    first = fleet.candidate("ours-1")
    first.wait_for("elected")
    second = fleet.candidate("ours-2")
    second.wait_for("sees")
    first.stop()
    assert second.wait_for("elected")["epoch"] > first.wait_for("elected")["epoch"]


@every
def test_a_crash_is_waited_out_to_the_end_of_the_lease(fleets, kind):
    fleet = fleets(kind)
    leader = fleet.candidate("ours-1")
    leader.wait_for("elected")
    theirs = fleet.peer("theirs")
    leader.crash()
    elected = theirs.wait_for("elected")
    assert elected["at"] > leader.killed_at
    second = fleet.candidate("ours-2")
    second.wait_for("sees")
    theirs.crash()
    assert second.wait_for("elected")["epoch"] > leader.wait_for("elected")["epoch"]
    fleet.never_two()


@every
def test_a_lock_that_is_renewed_is_never_taken(fleets, kind):
    """Each kind leads for two TTLs while one of the other kind stands."""
    fleet = fleets(kind)
    for ours in (True, False):
        leader = fleet.either(ours, "leader")
        since = leader.wait_for("elected")["at"]
        other = fleet.either(not ours, "other")
        with pytest.raises(AssertionError):
            other.wait_for("elected", timeout=6.6)
        assert leader.terms()[-1][0] == since and not leader.named("lost")
        other.stop()
        leader.stop()
    fleet.never_two()


@every
def test_a_candidate_that_slept_past_its_lease_led_no_further(fleets, kind):
    fleet = fleets(kind)
    leader = fleet.candidate("ours")
    leader.wait_for("elected")
    leader.pause()
    theirs = fleet.peer("theirs")
    theirs.wait_for("elected")
    leader.go_on()
    assert leader.wait_for("lost")["text"] in ("paused", "taken", "expired", "unreachable")
    fleet.never_two()


def test_a_peer_without_a_deadline_leads_on_after_it_slept(fleets):
    """Its own fault, which no other candidate can take from it. The loops of the other peers keep a deadline."""
    fleet = fleets("go-leader")
    leader = fleet.peer("theirs")
    leader.wait_for("elected")
    ours = fleet.candidate("ours")
    ours.wait_for("sees")
    leader.pause()
    ours.wait_for("elected")
    leader.go_on()
    leader.wait_for("lost")
    assert len(overlaps(fleet.processes)) == 1
    assert not ours.named("lost")


@every
def test_a_crowd_that_comes_and_goes_has_one_leader_at_a_time(fleets, kind):
    """Three of each kind in turn: one stops or dies as soon as it leads, and a new one comes."""
    fleet = fleets(kind, retry="50ms")
    standing = [fleet.either(number % 2 == 0, f"member-{number}") for number in range(4)]
    ended = 0
    for number in range(4, 12):

        def leader():
            return next((one for one in standing if one.named("elected") and not one.named("lost")), None)

        one = until(leader, "a leader")
        standing.remove(one)
        if number % 4 == 3:
            one.crash()
        else:
            one.stop()
        ended += 1
        standing.append(fleet.either(number % 2 == 0, f"member-{number}"))
    assert ended == 8
    fleet.never_two()
