"""What the command says of elections in which others lead."""

import json
import os
import subprocess

import pytest
from conftest import Fleet
from host import until

COMMAND = os.environ.get("ELECT_COMMAND")
KINDS = ["redislock", "maplefile", "elector", "go-leader"]
pytestmark = pytest.mark.skipif(not COMMAND, reason="the command is not built")
every = pytest.mark.parametrize("kind", KINDS)


def words(fleet: Fleet, verb, *more):
    """elect VERB NAME with the fleet's options."""
    options = dict(option.split("=") for option in fleet.options)
    name = options.pop("name")
    flags = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
    return [COMMAND, verb, name, "--store", fleet.url, *flags, *more]


def ask(fleet, verb, *more):
    done = subprocess.run(words(fleet, verb, *more), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@every
def test_status_names_another_leader_and_nothing_that_it_does_not_know(fleets, kind):
    fleet = fleets(kind, ttl="30s")
    assert ask(fleet, "status")[0] == 1
    theirs = fleet.peer("theirs")
    theirs.wait_for("elected")
    value = fleet.server.ask("GET", fleet.lock)
    code, out, _ = ask(fleet, "status")
    first = out.splitlines()[0]
    assert code == 0 and f"LED by {value}" in first
    assert (" for " in first) == (kind == "maplefile") and ("epoch" in first) == (kind == "elector")
    leader = json.loads(ask(fleet, "status", "--json")[1])["leader"]
    assert leader["instance_id"] == value and leader["epoch"] == (1 if kind == "elector" else 0)
    theirs.stop()
    assert ask(fleet, "status")[0] == 1


@every
def test_watch_tells_each_change_between_the_kinds(fleets, kind, tmp_path):
    fleet = fleets(kind, ttl="600s", retry="50ms")
    told, leaders = tmp_path / "told", []
    with told.open("wb") as out:
        watch = subprocess.Popen(words(fleet, "watch", "--json", "--retry-interval", "20ms"), stdout=out)

    def lines():
        return [json.loads(line).get("instance_id") for line in told.read_text().splitlines()]

    try:
        for start in (fleet.peer, fleet.candidate, fleet.peer, fleet.peer):
            process = start(f"member-{len(leaders)}")
            process.wait_for("elected")
            leaders.append(fleet.server.ask("GET", fleet.lock))
            until(lambda: lines()[-1:] == leaders[-1:], "the word of a leader")
            process.stop()
            until(lambda: lines()[-1:] == [None], "the word of nobody")
    finally:
        watch.terminate()
        watch.wait(60)
    assert [leader for leader in lines() if leader] == leaders


@every
def test_only_ours_can_be_asked_to_step_down(fleets, kind):
    fleet = fleets(kind, ttl="600s", retry="50ms")
    theirs = fleet.peer("theirs")
    theirs.wait_for("elected")
    code, _, err = ask(fleet, "step-down")
    assert code == (0 if kind == "elector" else 1) and ("can be asked" in err) == (kind != "elector")
    assert not theirs.named("lost")
    theirs.stop()
    ours = fleet.candidate("ours")
    ours.wait_for("elected")
    assert ask(fleet, "step-down")[0] == 0
    assert ours.wait_for("lost")["text"] == "resigned"
