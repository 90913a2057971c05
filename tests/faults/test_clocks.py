"""Clocks that run at other rates, and are stepped: where the promise holds, and how far it does not."""

from __future__ import annotations

import time

import pytest
from checker import UNHURRIED
from clocks import Clock
from faults import cut_off, until_seen
from stage import Stage


def slow_and_fast(stage: Stage, slow: float, fast: float) -> None:
    """Two candidates; leases are counted by the first one's clock, and what is left of a lock by the other's."""
    stage.server()
    stage.lease.rate = slow
    for name, rate in (("slow", slow), ("fast", fast)):
        stage.candidate(name, env=Clock(stage.folder / f"{name}.clock", rate).env)


def test_candidates_whose_clocks_are_off_by_less_than_the_margin(stage: Stage) -> None:
    slow_and_fast(stage, 0.92, 1.08)
    for _ in range(4):
        stage.cut_leader()
    verdict = stage.verdict()
    assert not verdict.violations(), verdict.violations()
    assert verdict.terms >= 5


def test_a_clock_that_is_slower_than_the_margin_bears(stage: Stage) -> None:
    """Outside of the promise: two lead, as long as the clock is behind; the writes are fenced."""
    slow_and_fast(stage, 0.7, 1.0)

    def attempt() -> None:
        stage.cut_leader()
        time.sleep(0.5)

    until_seen(stage, {"overlap"}, attempt)
    verdict = stage.verdict()
    assert verdict.kinds() == {"overlap"}, verdict.violations()
    assert verdict.overlap_ns <= stage.lease.longest_ns - 1_000_000 * stage.lease.ttl_ms


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_the_wall_clock_of_a_candidate_is_of_no_meaning(stage: Stage, seconds: float) -> None:
    clock = Clock(stage.folder / "clock")
    stage.server()
    stage.lease = UNHURRIED
    stage.three(env=clock.env)
    for _ in range(2):
        epoch = stage.await_leader().term()
        clock.step_wall(seconds)
        time.sleep(3.5)
        assert stage.await_leader().term() == epoch
        stage.cut_leader()
    verdict = stage.verdict()
    assert not verdict.violations(), verdict.violations()
    assert verdict.terms >= 3


def test_after_a_suspend_nobody_leads_who_did_before(stage: Stage) -> None:
    """The clock has moved on by more than the lease: the very next answer is no."""
    clocks = [Clock(stage.folder / f"clock{i}") for i in range(3)]
    stage.server()
    for i in range(3):
        stage.candidate(f"c{i}", env=clocks[i].env)
    for _ in range(3):
        leader = stage.await_leader()
        epoch = leader.term()
        clocks[int(leader.name[1:])].suspend(5)
        at_ns = time.monotonic_ns()
        assert leader.await_("lost", containing=str(epoch))
        stage.await_leader(epoch)
        late = [a for a in stage.history().answers if a.epoch == epoch and a.leads and a.called_ns > at_ns]
        assert not late, late
    verdict = stage.verdict()
    assert not verdict.violations(), verdict.violations()


def test_a_server_whose_clock_is_stepped_back_makes_them_wait(stage: Stage) -> None:
    clock = Clock(stage.folder / "clock")
    stage.server(env=clock.env)
    stage.three()
    epoch = stage.await_leader().term()
    clock.step_wall(-1.5)
    stage.cut_leader()
    assert stage.await_leader().term() > epoch
    verdict = stage.verdict()
    assert not verdict.violations(), verdict.violations()


def test_a_server_whose_clock_is_stepped_forward_frees_a_lock_that_is_held(stage: Stage) -> None:
    """Outside of the promise: two lead, until the first one's lease is over by its own clock; the writes are fenced."""
    clock = Clock(stage.folder / "clock")
    stage.server(env=clock.env)
    stage.lease = UNHURRIED
    stage.three()
    for _ in range(2):
        leader = stage.await_leader()
        epoch = leader.term()
        cut_off(stage, leader)
        clock.step_wall(30)
        for other in stage.running():
            if other is not leader and other.proxy:
                other.proxy.drop()  # so that it looks again at once
        stage.await_leader(epoch)
        leader.await_("lost", containing=str(epoch))
        assert leader.proxy
        leader.proxy.heal()
    verdict = stage.verdict()
    assert verdict.kinds() <= {"overlap"}, verdict.violations()
    assert verdict.overlaps, "the fault did not show"
    assert verdict.overlap_ns <= stage.lease.longest_ns


@pytest.mark.parametrize("seconds", [30.0, -0.9])
def test_a_step_of_the_servers_clock_is_told(stage: Stage, seconds: float) -> None:
    """By whoever hears of it first after it had heard of it before: the leader, or who leads again."""
    clock = Clock(stage.folder / "clock")
    stage.server(env=clock.env)
    leader = stage.candidate("a")
    leader.await_("elected")
    clock.step_wall(seconds)
    leader.await_("error", containing="store clock stepped by " + ("+" if seconds > 0 else "-"))
    assert not stage.verdict().violations()
