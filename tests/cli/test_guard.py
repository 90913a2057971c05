"""Leader, run and guard are killed and stopped. The command never outlives its term; the next has a higher epoch."""

import os
import signal

import pytest
from conftest import WORKER
from host import until

DRAIN = ["--drain-timeout", "500ms"]
# Waited out by who follows; so long that a busy machine does not end it before its time.
TTL = ["--lock-ttl", "4s", "--heartbeat-interval", "200ms", *DRAIN]
LONG = ["--lock-ttl", "1h", "--heartbeat-interval", "1s", *DRAIN]


def pair(box, options, *words):
    """Two runs; answers (who leads, the other)."""
    runs = [box.start("run", *options, "job", "--", *WORKER, box.journal().path, *words) for _ in range(2)]
    box.journal().wait_starts(1)
    leader = until(lambda: next((run for run in runs if run.children()), None), "a leader")
    return leader, next(run for run in runs if run is not leader)


def finish(box, *runs):
    """Who does not lead first, so that nobody takes over."""
    for run in sorted(runs, key=lambda run: bool(run.children())):
        run.terminate()
        run.end()
    return box.journal().check()


def test_kill_of_run_kills_the_group_and_another_leads_at_once(box):
    leader, other = pair(box, LONG, "family", "deaf")
    leader.kill()
    box.journal().wait_starts(2)  # with a lease of an hour: by death, not by time
    assert len(finish(box, other)) == 2


def test_kill_of_the_guard_ends_the_group_and_the_term(box):
    leader, other = pair(box, LONG, "family", "deaf")
    os.kill(leader.guard(), signal.SIGKILL)
    box.journal().wait_starts(2)
    assert leader.poll() is None, "it stands again"
    assert "the guard died" in leader.said()
    assert len(finish(box, leader, other)) == 2


def test_kill_of_the_only_runs_guard_starts_again_with_a_higher_epoch(box):
    run = box.start("run", *LONG, "job", "--", *WORKER, box.journal().path, "family")
    box.journal().wait_starts(1)
    os.kill(run.guard(), signal.SIGKILL)
    box.journal().wait_starts(2)
    assert len(finish(box, run)) == 2


def test_kill_of_the_guard_with_once_is_76(box):
    run = box.start("run", *LONG, "--once", "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    os.kill(run.guard(), signal.SIGKILL)
    assert run.end() == 76


def test_kill_of_the_command_is_its_exit_code(box):
    run = box.start("run", *LONG, "job", "--", *WORKER, box.journal().path, "family")
    pid = box.journal().wait_starts(1)[0][3]
    os.kill(pid, signal.SIGKILL)
    assert run.end() == 137
    assert box.left() == []


def test_a_stopped_run_is_succeeded_and_its_group_is_gone_before(box):
    leader, other = pair(box, TTL, "family", "deaf")
    leader.send_signal(signal.SIGSTOP)
    box.journal().wait_starts(2)
    assert leader.end() == -signal.SIGKILL, "the guard ends a run that hangs"
    assert len(finish(box, other)) == 2


def test_a_stopped_guard_is_killed_with_its_group(box):
    leader, other = pair(box, TTL, "family", "deaf")
    os.kill(leader.guard(), signal.SIGSTOP)
    box.journal().wait_starts(2)
    assert leader.poll() is None
    assert "the guard hangs" in leader.said()
    finish(box, leader, other)


def test_with_both_stopped_nobody_leads(box):
    leader, other = pair(box, TTL, "family")
    guard, epoch = leader.guard(), box.journal().starts()[0][1]
    os.kill(guard, signal.SIGSTOP)
    leader.send_signal(signal.SIGSTOP)
    # The lease has run out by the store's own word, and still nobody else leads.
    until(lambda: box.json("status", "job")[1]["lease_left_ms"] <= 0, "the end of the lease")
    for _ in range(5):
        assert box.run("run", "--try", *TTL, "job", "--", "true")[0] == 75
    assert {line[1] for line in box.journal().starts()} == {epoch}
    os.kill(guard, signal.SIGCONT)
    box.journal().wait_starts(2)
    assert leader.end() == -signal.SIGKILL
    assert len(finish(box, other)) == 2


def test_a_stopped_run_that_goes_on_in_time_goes_on_leading(box):
    run = box.start(
        "run", "--lock-ttl", "30s", "--heartbeat-interval", "300ms", "job", "--", *WORKER, box.journal().path
    )
    box.journal().wait_starts(1)
    run.send_signal(signal.SIGSTOP)
    before = box.json("status", "job")[1]["leader"]["last_heartbeat_ms"]
    run.send_signal(signal.SIGCONT)
    until(lambda: box.json("status", "job")[1]["leader"]["last_heartbeat_ms"] > before + 1000, "renewals")
    assert len(finish(box, run)) == 1


@pytest.mark.parametrize("rounds", [6])
def test_killed_again_and_again_never_two_at_once(box, rounds):
    runs = [box.start("run", *TTL, "job", "--", *WORKER, box.journal().path, "family", "deaf") for _ in range(3)]
    for i in range(rounds):
        box.journal().wait_starts(i + 1)
        leader = until(lambda: next((run for run in runs if run.poll() is None and run.children()), None), "a leader")
        if i % 2 == 0:
            leader.kill()
            leader.end()
            runs.remove(leader)
            runs.append(box.start("run", *TTL, "job", "--", *WORKER, box.journal().path, "family", "deaf"))
        else:
            os.kill(leader.guard(), signal.SIGKILL)
    box.journal().wait_starts(rounds + 1)
    assert len(finish(box, *runs)) >= rounds + 1
