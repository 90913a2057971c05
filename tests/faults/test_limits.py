"""Where the promise ends: what the store forgets before anybody else has seen it.

Two may lead then. It is counted, ends with the lease of the first, and a register that is fenced never goes back.
"""

from __future__ import annotations

import time

from checker import UNHURRIED
from faults import TERM, cut_off, first_term
from host import until
from proxy import DOWN, UP
from stage import Stage


def bounded(stage: Stage, count: int) -> None:
    verdict = stage.verdict()
    print(verdict)
    assert verdict.kinds() <= {"overlap"}, verdict.violations()
    assert len(verdict.overlaps) == count, verdict.violations()
    assert verdict.overlap_ns <= stage.lease.longest_ns


def test_flush_in_front_of_one_who_knows_nothing(stage: Stage) -> None:
    stage.lease = UNHURRIED
    server = stage.server()
    leader = stage.candidate("a")
    leader.await_("elected")
    newcomer = stage.candidate("b", "--idle")
    cut_off(stage, leader)
    server.do("FLUSHALL")
    newcomer.tell("start")
    newcomer.await_("elected")
    leader.await_("lost")
    bounded(stage, 1)


def test_flush_in_front_of_one_who_knows_an_earlier_term(stage: Stage) -> None:
    """The same with one who has seen the leader: it waits, and nobody else leads meanwhile."""
    server = stage.server()
    leader = stage.candidate("a")
    leader.await_("elected")
    witness = stage.candidate("b")
    witness.await_("leader", containing="a ")
    cut_off(stage, leader)
    server.do("FLUSHALL")
    assert witness.proxy
    witness.proxy.drop()  # so that it looks again at once
    witness.await_("elected")
    bounded(stage, 0)


def test_promotion_of_one_that_never_heard_of_the_first_term(stage: Stage) -> None:
    stage.lease = UNHURRIED
    leader, replica = first_term(stage)
    leader.await_("elected")
    newcomer = stage.candidate("b", "--idle", store=replica.url)
    cut_off(stage, leader)
    replica.do("REPLICAOF", "NO", "ONE")
    assert replica.do("EXISTS", TERM) == 0
    newcomer.tell("start")
    newcomer.await_("elected")
    leader.await_("lost")
    bounded(stage, 1)


def test_promotion_where_writes_wait_for_replicas(stage: Stage) -> None:
    """Nobody leads whom the replica does not know."""
    leader, replica = first_term(stage, "wait_replicas=all")
    until(lambda: stage.store.do("EXISTS", TERM), "an acquire")
    time.sleep(2)
    assert not leader.said("elected")
    assert leader.proxy
    leader.proxy.partition(UP, DOWN)
    replica.do("REPLICAOF", "NO", "ONE")
    newcomer = stage.candidate("b", store=replica.url)
    newcomer.await_("elected")
    bounded(stage, 0)
