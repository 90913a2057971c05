"""What stands in the store, to the byte, and what each side reads of the other."""

import json
import re
import socket
import subprocess
import time

import pytest
from conftest import PEER
from host import until

KINDS = ["redislock", "redsync", "maplefile", "elector", "go-leader"]
TTL_MS = 20000
VALUES = {
    "redislock": "ours-1",
    "redsync": "ours-1",
    "maplefile": "ours-1",
    "elector": "ours-1",
    "go-leader": "[A-Z2-7]{26}======",
}
every = pytest.mark.parametrize("kind", KINDS)


def keys(fleet):
    return sorted(fleet.server.ask("KEYS", "*"))


@every
def test_the_lock_is_where_and_what_the_others_look_for(fleets, kind):
    fleet = fleets(kind, ttl=f"{TTL_MS // 1000}s")
    ask = fleet.server.ask
    leader = fleet.candidate("ours-1")
    epoch = leader.wait_for("elected")["epoch"]
    assert ask("TYPE", fleet.lock) == "string" and re.fullmatch(VALUES[kind], ask("GET", fleet.lock))
    assert TTL_MS - 10000 < ask("PTTL", fleet.lock) <= TTL_MS
    assert ask("GET", fleet.epoch) == str(epoch) and ask("PTTL", fleet.epoch) == -1
    more = {"maplefile": ["maplefile:leader:info"], "redislock": ["{app-lock}:info"], "redsync": ["{app-lock}:info"]}
    assert keys(fleet) == sorted([fleet.lock, fleet.epoch, *more.get(kind, [])])
    leader.stop()
    assert keys(fleet) == [fleet.epoch]


@every
def test_the_renewed_lock_has_its_whole_ttl_again_in_the_same_unit(fleets, kind):
    fleet = fleets(kind, ttl="2s")
    ask = fleet.server.ask
    leader = fleet.candidate("ours-1")
    leader.wait_for("elected")
    before = ask("PTTL", fleet.lock)
    assert before <= 2000
    value = ask("GET", fleet.lock)

    def longer():
        nonlocal before
        before, last = ask("PTTL", fleet.lock), before
        return before > last and before

    assert 0 < until(longer, "a renewal") <= 2000
    assert ask("GET", fleet.lock) == value


@every
def test_the_name_of_a_foreign_leader_is_its_locks_value(fleets, kind):
    fleet = fleets(kind, ttl="30s")
    theirs = fleet.peer("theirs-1")
    theirs.wait_for("elected")
    value = fleet.server.ask("GET", fleet.lock)
    ours = fleet.candidate("ours-1")
    assert ours.wait_for("sees")["text"] == value
    if kind in ("maplefile", "elector"):
        assert value == "theirs-1"


@every
def test_each_acquire_of_go_leaders_layout_has_a_value_of_its_own(fleets, kind):
    """The others write the instance id, which must therefore be one candidate's alone."""
    fleet = fleets(kind, ttl="30s")
    values = []
    for _ in range(2):
        leader = fleet.candidate("ours-1")
        leader.wait_for("elected")
        values.append(fleet.server.ask("GET", fleet.lock))
        leader.stop()
    assert (values[0] == values[1]) == (kind != "go-leader")


def test_a_redislock_token_that_begins_an_instance_id_takes_its_lock(fleets):
    """redislock compares no more of the lock than its own token: the one trap of ids beside fixed tokens."""
    fleet = fleets("redislock", ttl="2s")
    ours = fleet.candidate("host-10")
    ours.wait_for("elected")
    theirs = fleet.peer("theirs", "-id", "host-1")
    theirs.wait_for("elected")
    assert ours.wait_for("lost")["text"] == "taken"
    assert fleet.server.ask("GET", fleet.lock) == "host-1"


def test_the_electors_epoch_is_counted_up_by_every_win(fleets):
    fleet = fleets("elector", ttl="30s")
    ask = fleet.server.ask
    ask("SET", fleet.epoch, 41)
    first = fleet.candidate("ours-1")
    epochs = [first.wait_for("elected")["epoch"]]
    for number in range(4):
        theirs = fleet.peer(f"theirs-{number}")
        fleet.processes[-2].stop()
        epochs.append(theirs.wait_for("elected")["epoch"])
        assert epochs[-1] == epochs[-2] + 1 == int(ask("GET", fleet.epoch))
        ours = fleet.candidate(f"ours-{number}")
        theirs.stop()
        epochs.append(ours.wait_for("elected")["epoch"])
        assert int(ask("GET", fleet.epoch)) == epochs[-1] > epochs[-2]
    assert epochs == sorted(set(epochs)) and epochs[0] > 41


def test_an_elector_that_leaves_its_key_is_waited_out(fleets):
    """Its v0.1.11 was seen to keep the key when it stops, though it says otherwise."""
    fleet = fleets("elector")
    theirs = fleet.peer("theirs", "-keeps-key")
    theirs.wait_for("elected")
    ours = fleet.candidate("ours")
    ours.wait_for("sees")
    theirs.stop()
    assert ours.wait_for("elected")["at"] > theirs.named("stopping")[0]["at"]
    fleet.never_two()


def look(fleet):
    done = subprocess.run(
        [PEER, "-kind", "maplefile", "-look", "-redis", fleet.address, *fleet.flags],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_maplefiles_consumers_read_our_info(fleets):
    fleet = fleets("maplefile", ttl="2s")
    before = time.time_ns()
    leader = fleet.candidate("ours-1")
    leader.wait_for("elected")
    first = look(fleet)
    assert first["leader_id"] == first["instance_id"] == "ours-1" and first["hostname"] == socket.gethostname()
    # Times may be written in whole milliseconds or seconds.
    assert before - 10**9 <= first["started_at"] <= time.time_ns()
    assert 0 < fleet.server.ask("PTTL", "maplefile:leader:info") <= 2000
    later = until(
        lambda: look(fleet) if look(fleet)["last_heartbeat"] > first["last_heartbeat"] else None, "a heartbeat"
    )
    assert later["started_at"] == first["started_at"]
    text = json.loads(fleet.server.ask("GET", "maplefile:leader:info"))
    for name in ("started_at", "last_heartbeat"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text[name])


def test_we_read_maplefiles_info(fleets):
    fleet = fleets("maplefile", ttl="30s")
    theirs = fleet.peer("theirs-1")
    theirs.wait_for("elected")
    ours = fleet.candidate("ours-1")
    assert ours.wait_for("sees")["text"] == "theirs-1"
