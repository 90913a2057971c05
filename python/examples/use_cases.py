"""What elections are for, each in a few lines. ``election`` is an elect.LeaderElection that was started."""

from __future__ import annotations

from collections.abc import Callable

import elect

EVERY = 3600.0  # seconds


def background_jobs(election: elect.LeaderElection, process: Callable[[int], object]) -> None:
    """Scheduled jobs, metrics, cleaning up: again and again while this candidate leads; until the election is stopped.

    The epoch goes along with what is written, so that it can be refused when a later leader has written already."""

    def work(term: elect.Term) -> None:
        while not term.wait(EVERY):
            process(term.epoch)

    election.run(work, keep_standing=True)


def migrations(election: elect.LeaderElection, migrate: Callable[[], object]) -> None:
    """Before an instance serves: one after the other gets its turn, and the first one finds something to do."""
    election.run(lambda term: migrate())


def warm_caches(election: elect.LeaderElection, warm: Callable[[], object]) -> None:
    """At the beginning of each term."""
    election.on_become_leader(warm)


def guarded(election: elect.LeaderElection, clean_up: Callable[[], object]) -> Callable[[], object]:
    """For whoever calls it periodically, in every instance: it does something where the leader is."""
    return election.leader_only(clean_up)


def status(election: elect.LeaderElection) -> str:
    """For a page or a log."""
    leader = election.leader_info
    if leader is None:
        return "nobody leads"
    return f"{leader.instance_id} on {leader.hostname} leads since {leader.started_at:%H:%M:%S} (epoch {leader.epoch})"
