"""What was found wrong with other elections over such stores, a test for each."""

from __future__ import annotations

import time

import pytest
from checker import Lease
from faults import LOCK, TERM
from host import until
from proxy import DOWN
from stage import Candidate, Stage


def calm(stage: Stage, *more: str, ttl_ms: int = 1000, name: str = "a") -> Candidate:
    stage.lease = Lease(ttl_ms, max(ttl_ms // 10, 20))
    return stage.candidate(name, "restart_grace=0", *more)


# ---- a lock in Redis with a counter of epochs beside it ----


def test_stop_deletes_the_key_and_hands_over_at_once(stage: Stage) -> None:
    """Not when the lease is over: that would be ten seconds later."""
    server = stage.server()
    first = calm(stage, ttl_ms=10_000)
    first.await_("elected")
    second = calm(stage, ttl_ms=10_000, name="b")
    second.await_("leader", containing="a ")
    left_ms = server.do("PTTL", LOCK)
    asked = first.ask("stop")
    assert asked.rest == "ELECT_OK 0"
    elected = second.await_("elected")
    assert elected.at_ns - asked.at_ns < left_ms * 1_000_000
    assert server.do("GET", LOCK).startswith("b ")
    assert not stage.verdict().violations()


def test_a_slow_callback_does_not_delay_renewals(stage: Stage) -> None:
    """Of ELECTED; two leases long."""
    stage.server()
    first = calm(stage, "--slow-ms=7000", ttl_ms=3000)
    elected = first.await_("elected")
    second = calm(stage, ttl_ms=3000, name="b")
    time.sleep(6.5)
    assert not second.said("elected"), "while the callback runs"
    led = [answer.called_ns for answer in stage.history().answers if answer.leads]
    assert max(led) > elected.at_ns + 6_000_000_000
    first.ask("stop")
    second.await_("elected")
    assert not stage.verdict().violations()


def test_one_failed_renewal_costs_nothing(stage: Stage) -> None:
    """Its connection is gone, and for a moment there is no other."""
    stage.server()
    leader = calm(stage, ttl_ms=4000)
    epoch = leader.await_("elected").epoch
    rival = calm(stage, ttl_ms=4000, name="b")
    assert leader.proxy
    leader.proxy.refuse()
    time.sleep(0.2)
    leader.proxy.heal()
    time.sleep(4)
    assert leader.term() == epoch
    assert not rival.said("elected")
    assert not stage.verdict().violations()


def test_losing_the_epoch_does_not_restart_it(stage: Stage) -> None:
    server = stage.server()
    for name in "ab":
        calm(stage, name=name)
    epochs = [stage.await_leader().term()]
    for loss in (["FLUSHALL"], ["DEL", TERM, LOCK]):
        stage.known_by_all()
        server.do(*loss)
        epochs.append(stage.await_leader(epochs[-1]).term())
    assert epochs == sorted(set(epochs)) and epochs[0] > 10**15
    assert not stage.verdict().violations()


@pytest.mark.parametrize("ttl_ms", [100, 300, 999])
def test_a_lease_of_less_than_a_second_elects(stage: Stage, ttl_ms: int) -> None:
    stage.server()
    calm(stage, ttl_ms=ttl_ms).await_("elected")
    time.sleep(1)
    stage.await_leader()
    assert not stage.verdict().violations()


def test_stop_before_start(stage: Stage) -> None:
    stage.server()
    idle = calm(stage, "--idle")
    assert idle.ask("stop").rest == "ELECT_OK 0"
    assert idle.ask("join 10000").rest == "ELECT_OK"
    assert idle.ask("start").rest == "ELECT_ESTATE"
    assert idle.end() == 0
    assert not idle.said("elected")


# ---- a lock in Redis with random values ----


def test_start_and_at_once_stop_leaves_no_zombie(stage: Stage) -> None:
    server = stage.server()
    stage.lease = Lease(1000, 100)
    blinking = stage.candidate("a", "restart_grace=0", "--idle", records=False)
    assert blinking.ask("blink 50").rest == "0"
    assert server.do("EXISTS", LOCK) == 0
    assert calm(stage, name="b").await_("elected"), "nobody else holds it"


@pytest.mark.parametrize("down", ["killed", "hung"])
def test_stop_while_the_store_is_down(stage: Stage, down: str) -> None:
    """Not the leader from then on, whatever becomes of the release."""
    server = stage.server()
    leader = calm(stage)
    leader.await_("elected")
    if down == "killed":
        server.kill()
    else:
        server.freeze()
    stopped = leader.ask("stop")
    assert stopped.rest == "ELECT_OK 0"
    assert leader.ask("join 30000").rest == "ELECT_OK"
    late = [answer for answer in stage.history().answers if answer.leads and answer.called_ns > stopped.at_ns]
    assert not late
    assert leader.end() == 0


def test_a_lost_reply_to_a_renewal_costs_nothing(stage: Stage) -> None:
    """The renewal was done; its answer is lost, with its connection."""
    stage.server()
    leader = calm(stage, ttl_ms=5000)
    epoch = leader.await_("elected").epoch
    proxy = leader.proxy
    assert proxy
    for number in range(1, 4):
        proxy.lose_reply()
        until(lambda: proxy.swallow == 0, f"lost reply number {number}")
        before = len(proxy.sent)
        until(lambda: len(proxy.sent) > before, "a renewal after it")  # noqa: B023
        assert leader.term() == epoch
    assert not stage.verdict().violations()


def test_a_way_that_dies_silently_costs_nothing(stage: Stage) -> None:
    """Without a reset: nothing tells of it but the silence, and a new connection works."""
    stage.server()
    leader = calm(stage, ttl_ms=6000)
    epoch = leader.await_("elected").epoch
    assert leader.proxy
    for _ in range(2):
        leader.proxy.deaden()
        time.sleep(7)
        assert leader.term() == epoch
    assert not stage.verdict().violations()


def test_a_lost_reply_to_an_acquire_does_not_lock_itself_out(stage: Stage) -> None:
    """The lock is its own: it leads long before that would have expired."""
    server = stage.server()
    idle = calm(stage, "--idle", ttl_ms=30_000)
    assert idle.proxy
    while idle.proxy.requests["INFO"] == 0:
        time.sleep(0.01)
    time.sleep(0.3)
    idle.proxy.lose_reply()
    started = idle.ask("start")
    elected = idle.await_("elected")
    assert idle.proxy.swallow == 0
    assert elected.at_ns - started.at_ns < 20_000_000_000
    assert server.do("GET", LOCK).startswith("a ")
    assert not stage.verdict().violations()


def test_an_undrained_queue_does_not_hang_stop(stage: Stage) -> None:
    stage.server()
    leader = calm(stage, "--events=queue")
    assert leader.ask("wait 20000").rest == "ELECT_OK"
    assert leader.ask("stop").rest == "ELECT_OK 0"
    assert leader.ask("join 20000").rest == "ELECT_OK"
    assert leader.ask("close 20000").rest == "ELECT_OK"
    assert leader.end() == 0


def test_error_comes_after_lost(stage: Stage) -> None:
    """With a margin that no timer is late by: else it says that it was paused."""
    stage.server()
    stage.lease = Lease(4000, 1500)
    leader = stage.candidate("a", "restart_grace=0")
    epoch = leader.await_("elected").epoch
    assert leader.proxy
    leader.proxy.partition()
    lost = leader.await_("lost")
    error = leader.await_("error")
    assert lost.rest == f"{epoch} unreachable" and lost.at_ns < error.at_ns
    assert not stage.verdict().violations()


# ---- all of them ----


def test_a_partition_has_one_leader(stage: Stage) -> None:
    """The others led twice for 8 to 24 seconds."""
    stage.server()
    for name in "ab":
        calm(stage, name=name)
    for _ in range(4):
        stage.cut_leader()
    verdict = stage.verdict()
    assert not verdict.violations() and verdict.terms >= 5


def test_a_hung_store_is_given_up_before_the_lease_ends(stage: Stage) -> None:
    """The others took two leases, or never did."""
    server = stage.server()
    leader = calm(stage)
    leader.await_("elected")
    time.sleep(0.5)
    server.freeze()
    leader.await_("lost")
    assert leader.proxy
    last_answered_ns = leader.proxy.sent[-1]
    led = max(answer.called_ns for answer in stage.history().answers if answer.leads)
    assert led - last_answered_ns < 1_000_000_000
    server.thaw()
    assert not stage.verdict().violations()


def test_the_first_answer_after_a_pause_is_right(stage: Stage) -> None:
    """Of the others it was wrong five or six times of six."""
    stage.server()
    leader = calm(stage)
    for _ in range(6):
        epoch = stage.await_leader().term()
        stage.pause(leader, 2.0)
        leader.await_("lost", containing=str(epoch))
    pauses = [pause for pause in stage.pauses if pause.to_ns - pause.from_ns > 1_000_000_000]
    assert len(pauses) == 6
    assert not stage.verdict().violations()


def test_a_renewal_that_arrives_late_is_no_answer_to_the_next(stage: Stage) -> None:
    """Answers are held back for longer than a lease, and then come all at once."""
    stage.server()
    for name in "ab":
        calm(stage, name=name)
    for _ in range(2):
        leader = stage.await_leader()
        epoch = leader.term()
        assert leader.proxy
        leader.proxy.partition(DOWN)
        stage.await_leader(epoch)
        leader.proxy.heal()
        time.sleep(0.3)
    assert not stage.verdict().violations()
