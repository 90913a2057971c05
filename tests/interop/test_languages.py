"""Candidates in C, in Go by its package, in Python through CFFI, and go-leader, in one election.

Whoever leads is killed, or stopped for longer than the lease. They write down what they are told, and the checker of
tests/faults judges it. In the layout go-leader a term of go-leader bears no epoch, and those of libelect count in a key
beside its.
"""

import contextlib
import os
import pathlib
import random
import sys
import time

import faults
import pytest
from checker import Lease, terms_of
from conftest import PEER
from harness import Process
from history import Pause
from host import DIES_WITH_US, until
from stage import Stage

GO = [os.environ["ELECT_CANDIDATE_GO"]]
PROGRAMS = {
    "c": [os.environ["ELECT_CANDIDATE_C"]],
    "go": GO,
    "python": [sys.executable, "-B", pathlib.Path(__file__).with_name("candidate.py"), os.environ["ELECT_CFFI"]],
}
SERVICE = "io.vito.myServiceName"
ROUNDS = max(int(5 * float(os.environ.get("ELECT_TEST_SCALE") or 1)), 5)


class Peer(Process):
    """go-leader, with as much of faults' Candidate as is needed here."""

    def __init__(self, stage, name):
        self.name, self.kind = name, "go-leader"
        times = ["-ttl", f"{stage.lease.ttl_ms}ms", "-retry", "100ms"]
        where = ["-kind", "go-leader", "-redis", stage.store.path, "-key", SERVICE]
        super().__init__(*DIES_WITH_US, PEER, *where, *times, env=stage.env)

    def term(self):
        return len(self.named("elected")) > len(self.named("lost"))

    resume = Process.go_on

    def intervals(self):
        """(from, to) of each term; one that was killed led until then."""
        ends = [event["at"] for event in self.named("lost")] + [self.killed_at]
        return list(zip((event["at"] for event in self.named("elected")), ends, strict=False))


class Election(Stage):
    """One candidate of each kind; one that is killed is replaced."""

    def __init__(self, layout):
        super().__init__()
        self.lease = Lease(1000, 100) if layout == "elect" else Lease(4000, 400)  # go-leader trusts its timer
        self.own = [] if layout == "elect" else [f"name={SERVICE}", f"layout={layout}"]
        self.kinds = [*PROGRAMS] if layout == "elect" else [*PROGRAMS, layout]
        self.fleet, self.peers, self.led = [], [], []

    def stand(self, kind):
        number = len(self.candidates) + len(self.peers)
        if kind in PROGRAMS:
            self.program = PROGRAMS[kind]
            store = f"redis://127.0.0.1:{self.proxy(self.store.path).port}"
            own = ["restart_grace=0", "retry_interval=100ms", *self.own]
            one = self.candidate(f"{kind}-{number}", *own, store=store)
            one.kind = kind
        else:
            one = Peer(self, f"{kind}-{number}")
            self.peers.append(one)
            one.wait_for("standing")
        self.fleet.append(one)

    def next_leader(self, old=None):
        def found():
            return next((one for one in self.fleet if one is not old and one.term()), None)

        with self.explained():
            leader = until(found, "the next leader")
        self.led.append(leader.kind)
        return leader

    def one_round(self, number, leader):
        """While a kind has not led, the others sleep through the end of the leader."""
        new = next((one for one in self.fleet if one.kind not in self.led), None)
        sleepers = [one for one in self.fleet if new and one not in (new, leader)]
        for one in sleepers:
            one.pause()
        if leader in self.peers or number % 2:
            self.fleet.remove(leader)
            leader.crash() if leader in self.peers else leader.kill()
            successor = self.next_leader()
            self.stand(leader.kind)
        else:
            epoch = leader.term()
            leader.pause()
            until(leader.stands_still, "its pause")
            from_ns = time.monotonic_ns()
            successor = self.next_leader(leader)
            self.pauses.append(Pause(leader.name, from_ns, time.monotonic_ns()))
            leader.resume()
            leader.await_("lost", containing=str(epoch))
        for one in sleepers:
            one.resume()
        return successor

    def judge(self):
        verdict = self.verdict()
        print(f"{self.led}: {verdict}")
        assert not verdict.violations(), verdict.violations()
        self.end_peers()
        terms, _ = terms_of(self.history().answers)
        for peer in self.peers:
            for since, to in peer.intervals():
                both = [term for term in terms if term.first_returned_ns < to and term.last_called_ns > since]
                assert not both, f"{peer.name} led from {since} to {to}"
        assert verdict.answers and verdict.accepted

    def end_peers(self):
        for peer in self.peers:
            if peer.poll() is None:
                peer.crash()

    def close(self):
        self.end_peers()
        super().close()


@pytest.mark.parametrize("layout", ["elect", "go-leader"])
def test_whoever_leads_is_killed_and_one_leads(layout):
    with contextlib.closing(Election(layout)) as election:
        election.server()
        for kind in election.kinds:
            election.stand(kind)
        leader = election.next_leader()
        for number in range(ROUNDS):
            leader = election.one_round(number, leader)
        election.judge()
        assert set(election.led) == set(election.kinds)


def test_the_go_package_under_faults():
    """restart_with_data ends no term; each of the others does."""
    ending = [
        faults.pause_leader,
        faults.partition_both_ways,
        faults.partition_from_the_server,
        faults.restart_without_data,
    ]
    with contextlib.closing(Stage()) as stage:
        stage.program = GO
        stage.server()
        field = faults.Field(stage, random.Random(1))
        stage.three()
        faults.restart_with_data(field)
        for fault in ending:
            epoch = field.leader().term()
            fault(field)
            stage.await_leader(epoch)
        verdict = stage.verdict()
        print(verdict)
        assert not verdict.violations(), verdict.violations()
        assert verdict.terms > len(ending) and verdict.accepted > 100
