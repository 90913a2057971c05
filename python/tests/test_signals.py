"""Ctrl-C interrupts every call that waits; handlers may stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import elect
import pytest
from host import HANG


def interrupted(call: Callable[[], object]) -> None:
    """SIGINT comes while the main thread waits in the call; it ends soon. No wait in it is long: else a signal
    that comes just before one would be heard after it."""
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    waits: list[float | None] = []

    def wait(self: threading.Condition, timeout: float | None = None, *, once: Any = threading.Condition.wait) -> bool:
        begins_a_thread = sys._getframe(2).f_code is threading.Thread.start.__code__
        if threading.current_thread() is threading.main_thread() and not begins_a_thread:
            waits.append(timeout)
        return bool(once(self, timeout))

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
        timer.start()
        patch.setattr(threading.Condition, "wait", wait)
        call()
        time.sleep(HANG)  # it ended by itself, and the signal is yet to come
    assert time.monotonic() - began < HANG / 2
    assert all(seconds is not None and seconds <= 0.05 for seconds in waits), waits
    timer.join()


def test_ctrl_c(client: elect.Client) -> None:
    leader = elect.LeaderElection("job", client=client, instance_id="one")
    told, on = threading.Event(), threading.Event()
    leader.on_become_leader(told.set)
    leader.on_lose_leadership(on.wait)
    with leader, elect.LeaderElection("job", client=client, instance_id="two") as follower:
        assert told.wait(HANG)
        try:
            interrupted(follower.wait_elected)
            interrupted(lambda: list(leader.events()))
            interrupted(lambda: follower.run(lambda term: None))
            interrupted(lambda: client.report("doctor"))
            interrupted(leader.stop)
            interrupted(leader.stop)
            interrupted(client.close)
        finally:
            on.set()


def test_ctrl_c_in_questions_to_the_store() -> None:
    class Silent(elect.Store):
        def read(self, key: str, remaining: float) -> tuple[str, str]:
            on.wait()
            raise elect.StoreError("late")

        def write(self, key: str, value: str, version: str, remaining: float) -> str:
            raise elect.StoreError("late")

    on = threading.Event()
    with elect.LeaderElection("job", store=Silent(), lock_ttl=300) as election:
        interrupted(lambda: election.leader_info)
        interrupted(lambda: election.report("status"))
        interrupted(election.depose)
        on.set()


def test_ctrl_c_in_work_releases(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client, drain_timeout=300)
    interrupted(lambda: election.run(lambda term: time.sleep(HANG)))
    assert election.epoch == 0


def test_a_handler_may_stop(client: elect.Client) -> None:
    calls: list[str] = []

    def work(term: elect.Term) -> None:
        calls.append("work")
        signal.raise_signal(signal.SIGUSR1)
        assert term.stopping

    for joined in (True, False):
        election = elect.LeaderElection("job", client=client, drain_timeout=300)
        if not joined:
            election.start()

        def stop(*_: Any, election: elect.LeaderElection = election) -> None:
            election.stop()
            calls.append("stop")

        old = signal.signal(signal.SIGUSR1, stop)
        try:
            if joined:
                assert election.run(work) is None
            else:
                assert election.wait_elected(HANG)
                timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
                timer.start()
                assert elect.EventKind.ERROR not in [event.kind for event in election.events()]
                timer.join()
        finally:
            signal.signal(signal.SIGUSR1, old)
    assert calls == ["work", "stop", "stop"]
