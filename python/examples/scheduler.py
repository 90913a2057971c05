"""APScheduler; jobs run where the leader is: ``LEADER_ELECTION_STORE=redis://... python scheduler.py``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import elect
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]


def lead(election: elect.LeaderElection, scheduler: Any) -> Callable[[Callable[[int], object]], Callable[[], None]]:
    """The scheduler rests while this candidate does not lead. Answers a decorator for its jobs, which get the epoch."""
    busy = threading.Lock()  # held by the job that runs: one at a time

    def job(func: Callable[[int], object]) -> Callable[[], None]:
        def run() -> None:
            with busy:
                if election.is_leader:  # the scheduler may have begun it just before it was paused
                    func(election.epoch)

        return run

    @election.on_lose_leadership
    def rest() -> None:
        scheduler.pause()
        with busy:  # nobody else leads before the last job has ended
            pass

    election.on_become_leader(scheduler.resume)
    scheduler.start(paused=True)
    return job


def main() -> None:
    scheduler = BackgroundScheduler()
    election = elect.LeaderElection.from_env("scheduler")
    job = lead(election, scheduler)
    scheduler.add_job(job(lambda epoch: print(f"cleaned up in epoch {epoch}")), "interval", minutes=10)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with election:
        ended.wait()
    scheduler.shutdown()


if __name__ == "__main__":
    main()
