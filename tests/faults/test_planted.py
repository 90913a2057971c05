"""The tests of the tests: bugs that are planted in the library, or in the register, and must be seen by the checker."""

from __future__ import annotations

import time

from checker import UNHURRIED, Lease
from clocks import Clock
from faults import cut_off, first_term, until_seen
from proxy import DOWN, UP
from stage import NO_GUARD, Stage


def planted(stage: Stage, name: str) -> None:
    stage.server()
    stage.three(env={"ELECT_PLANTED": name})


def test_none_is_none(stage: Stage) -> None:
    """The same build without a bug: what is caught below is the bug."""
    planted(stage, "")
    for _ in range(2):
        stage.pause(stage.await_leader(), 1.3)
    assert stage.verdict().kinds() == set()


def test_flag_not_clock(stage: Stage) -> None:
    """The thread that clears the flag may be as quick as the one that asks, but not each time."""
    planted(stage, "flag-not-clock")
    until_seen(stage, {"overlap", "stale"}, lambda: stage.pause(stage.await_leader(), 1.6))
    assert {"overlap", "stale"} <= stage.verdict().kinds()


def test_flag_not_clock_after_a_suspend(stage: Stage) -> None:
    clock = Clock(stage.folder / "clock")
    stage.server()
    leader = stage.candidate("a", env={"ELECT_PLANTED": "flag-not-clock", **clock.env})

    def attempt() -> None:
        epoch = stage.await_leader().term()
        time.sleep(0.15)  # nothing is to be done between two renewals: the library's own thread sleeps
        clock.suspend(5)
        leader.await_("lost", containing=str(epoch))

    until_seen(stage, {"stale"}, attempt)
    assert stage.verdict().kinds() == {"stale"}


def test_margin_zero(stage: Stage) -> None:
    """A clock that is slow by less than the margin bears."""
    stage.server()
    stage.lease.rate = 0.92
    for name, rate in (("slow", 0.92), ("true", 1.0)):
        clock = Clock(stage.folder / f"{name}.clock", rate)
        stage.candidate(name, env={"ELECT_PLANTED": "margin-zero", **clock.env})

    def attempt() -> None:
        stage.cut_leader()
        time.sleep(0.2)

    until_seen(stage, {"overlap", "stale"}, attempt)
    assert {"overlap", "stale"} <= stage.verdict().kinds()


def test_deadline_from_answer(stage: Stage) -> None:
    """Answers come late, and then not at all."""
    stage.lease = Lease(1500, 100)
    planted(stage, "deadline-from-answer")

    def attempt() -> None:
        leader = stage.await_leader()
        assert leader.proxy
        leader.proxy.slow(DOWN, 0.4)
        time.sleep(2)
        epoch = leader.term()
        leader.proxy.partition(UP)
        stage.await_leader(epoch)
        leader.proxy.heal()

    until_seen(stage, {"overlap", "stale"}, attempt)
    with stage.explained():
        assert {"overlap", "stale"} <= stage.verdict().kinds()


def test_forget_highest_epoch(stage: Stage) -> None:
    """Who has seen the term that the store forgot does not wait for its end."""
    stage.lease = UNHURRIED
    server = stage.server()
    env = {"ELECT_PLANTED": "forget-highest-epoch"}
    leader = stage.candidate("a", env=env)
    leader.await_("elected")
    witness = stage.candidate("b", env=env)
    witness.await_("leader", containing="a ")
    cut_off(stage, leader)
    server.do("FLUSHALL")
    assert witness.proxy
    witness.proxy.drop()  # so that it looks again at once
    witness.await_("elected")
    leader.await_("lost")
    assert stage.verdict().kinds() == {"overlap"}


def test_replicas_ignored(stage: Stage) -> None:
    """Who waits for replicas leads although none has it."""
    stage.lease = UNHURRIED
    env = {"ELECT_PLANTED": "redis-replicas-ignored"}
    leader, replica = first_term(stage, "wait_replicas=all", env=env)
    leader.await_("elected")
    newcomer = stage.candidate("b", "--idle", store=replica.url, env=env)
    cut_off(stage, leader)
    replica.do("REPLICAOF", "NO", "ONE")
    newcomer.tell("start")
    newcomer.await_("elected")
    leader.await_("lost")
    assert stage.verdict().kinds() == {"overlap"}


def test_no_fencing(stage: Stage) -> None:
    """A register that takes every write: a leader that was stopped between question and write comes last."""
    stage.guard = NO_GUARD
    stage.server()
    stage.three("--work-us=100000")
    until_seen(stage, {"fence"}, lambda: stage.pause(stage.await_leader(), 2.2))
    assert stage.verdict().kinds() == {"fence"}
