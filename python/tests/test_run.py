"""run: the leader's work and its rules; Term."""

from __future__ import annotations

import contextlib
import logging
import pathlib
import sys
import threading
import time
from typing import Any

import elect
import pytest
from conftest import background
from host import HANG


def candidate(client: elect.Client, **options: Any) -> elect.LeaderElection:
    return elect.LeaderElection("job", client=client, **{"retry_interval": 0.05, **options})


def test_work_that_is_done(client: elect.Client) -> None:
    election = candidate(client)

    def work(term: elect.Term) -> str:
        term.check()
        assert (term.stopping, term.lost, term.reason) == (False, False, None)
        assert term.epoch == election.epoch
        assert 0 < term.lease_remaining <= 10
        assert term.wait(0.001) is False
        return "done"

    assert election.run(work) == "done"
    assert not election.is_leader
    assert election.run(work) is None, "it was stopped"
    with candidate(client, instance_id="next") as following:
        assert following.wait_elected(HANG), "at once: it was released"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_work_that_raises(client: elect.Client, kind: type[BaseException]) -> None:
    election, error = candidate(client), kind("of the work")

    def work(term: elect.Term) -> None:
        raise error

    with pytest.raises(kind) as caught:
        election.run(work)
    assert caught.value is error
    assert not election.is_leader
    with candidate(client, instance_id="next") as following:
        assert following.wait_elected(HANG)


def test_work_that_raises_and_keeps_standing(client: elect.Client, caplog: pytest.LogCaptureFixture) -> None:
    election = candidate(client, retry_interval=0.01)
    epochs: list[int] = []

    def work(term: elect.Term) -> str:
        epochs.append(term.epoch)
        if len(epochs) < 3:
            raise ValueError("of the work")
        return "done"

    assert election.run(work, keep_standing=True) == "done"
    assert epochs == sorted(set(epochs))
    assert len([record for record in caplog.records if "standing again" in record.message]) == 2


def test_a_loss_is_followed_by_the_next_term(client: elect.Client, caplog: pytest.LogCaptureFixture) -> None:
    election = candidate(client, instance_id="one")
    seen: list[elect.Term] = []
    caplog.set_level(logging.WARNING)

    def work(term: elect.Term) -> str:
        seen.append(term)
        if len(seen) == 4:
            return "done"
        term.resign()
        assert term.wait(HANG) is True
        assert (term.stopping, term.lost, term.reason) == (True, False, elect.Reason.RESIGNED)
        assert term.lease_remaining > 0, "the lease is renewed while the work ends"
        with pytest.raises(elect.NotLeaderError):
            term.resign()
        if len(seen) == 1:
            return "too late"
        if len(seen) == 2:
            term.check()
        raise ValueError("too late")

    assert election.run(work) == "done"
    assert len({term.epoch for term in seen}) == 4
    with pytest.raises(elect.LeadershipLostError) as caught:
        seen[0].check()
    assert (caught.value.reason, caught.value.epoch) == (elect.Reason.RESIGNED, seen[0].epoch)
    assert seen[0].lost
    assert [record.message for record in caplog.records] == ["the leader's work failed after its term was lost"]


def test_stop_waits_for_the_work(client: elect.Client) -> None:
    election = candidate(client)
    began, on = threading.Event(), threading.Event()

    def work(term: elect.Term) -> str:
        began.set()
        assert term.wait(HANG)
        on.wait()
        assert not term.lost
        assert term.reason is elect.Reason.STOPPED
        return "too late"

    runs = background(lambda: election.run(work))
    assert began.wait(HANG)
    stops = background(election.stop)
    with candidate(client, instance_id="next") as following:
        assert following.wait_elected(0.05) is False
        on.set()
        stops()
        assert runs() is None
        assert following.wait_elected(HANG)


def test_the_work_may_stop(client: elect.Client) -> None:
    for end in (elect.LeaderElection.stop, lambda election: election._client.close()):
        with elect.Client("memory:") as own:
            election = candidate(own)

            def work(term: elect.Term, end: Any = end, election: elect.LeaderElection = election) -> None:
                end(election)
                assert term.stopping

            assert election.run(work) is None


def test_run_is_not_nested(client: elect.Client) -> None:
    election, other = candidate(client), elect.LeaderElection("other", client=client)

    def work(term: elect.Term) -> object:
        with pytest.raises(elect.StateError):
            election.run(work)
        with pytest.raises(elect.StateError):
            election.wait_elected()
        return other.run(lambda inner: (term.epoch > 0, other.is_leader))

    assert election.run(work) == (True, True)


def test_run_is_for_one(client: elect.Client) -> None:
    election = candidate(client)
    began, on = threading.Event(), threading.Event()

    def work(term: elect.Term) -> str:
        began.set()
        on.wait()
        return "done"

    runs = background(lambda: election.run(work))
    assert began.wait(HANG)
    with pytest.raises(elect.StateError, match="^run: the election 'job' is run already"):
        election.run(work)
    assert election.is_leader
    on.set()
    assert runs() == "done"
    assert election.run(work) is None


def test_run_joins_an_election_that_was_started(client: elect.Client) -> None:
    with candidate(client) as election:
        election.wait_elected(HANG)
        epoch = election.epoch
        assert election.run(lambda term: term.epoch) == epoch


def test_two_terms_of_one_process_never_overlap(client: elect.Client) -> None:
    election = candidate(client, retry_interval=0.01)
    working, most, terms = 0, 0, 0

    def work(term: elect.Term) -> None:
        nonlocal working, most, terms
        working, terms = working + 1, terms + 1
        most = max(most, working)
        if terms == 20:
            election.stop()
        else:
            term.resign()
            term.wait()
        working -= 1

    assert election.run(work) is None
    assert (most, terms) == (1, 20)


def test_ctrl_c_between_the_claim_and_the_work_releases(client: elect.Client) -> None:
    """Whatever comes in between, stop need not wait for drain_timeout."""

    class Interrupted(elect.LeaderElection):
        def _lead(self, *_: Any) -> Any:
            raise KeyboardInterrupt

    election = Interrupted("job", client=client, drain_timeout=300)
    with pytest.raises(KeyboardInterrupt):
        election.run(lambda term: None)
    with candidate(client, instance_id="next") as following:
        assert following.wait_elected(HANG)


def waited() -> float:
    """How many seconds the library's thread was ready to run so far, and no processor was free for it."""
    found = {}
    for task in pathlib.Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # others end meanwhile
            found[(task / "comm").read_text().strip()] = (task / "schedstat").read_text()
    return int(found["elect-io"].split()[1]) / 1e9


def test_a_busy_interpreter_loses_nothing() -> None:
    """10 TTLs of pure Python that lets no other thread of Python have its turn.

    The library renews on a thread of its own every 60 ms, and has 120 ms for it. Where the machine did not let that
    thread, or this whole process, run for as long a loss says nothing: then it is tried again."""
    usual = sys.getswitchinterval()
    for _ in range(30):
        with elect.LeaderElection("job", store="memory:", lock_ttl=0.2) as election:
            events = election.events()
            last, gap = time.monotonic(), 0.0
            assert election.wait_elected(HANG)
            epoch, before = election.epoch, waited()
            end = last + 2
            sys.setswitchinterval(3600)
            while last < end:
                now = time.monotonic()
                gap, last = max(gap, now - last), now
            sys.setswitchinterval(usual)
            leads, starved = election.is_leader and election.epoch == epoch, waited() - before
        gap = max(gap, time.monotonic() - last)  # it ended at once
        reasons = [event.reason for event in events if event.reason]
        if leads and reasons == [elect.Reason.STOPPED]:
            return
        assert max(starved, gap) > 0.1, f"lost for {reasons}, and was kept from a processor for {starved} s only"
    pytest.fail("this machine does not let the library run")
