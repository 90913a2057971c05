"""Forked children never lead, say why once, and disturb nobody."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

import elect
import pytest
from conftest import Script
from host import HANG, until


def in_child(check: Callable[[], None]) -> None:
    """Forks, checks, and expects that the check passed."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        signal.alarm(HANG)
        try:
            check()
            code = 0
        except BaseException:  # noqa: BLE001
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_child_never_leads_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    election = elect.LeaderElection("job", store="memory:")
    idle = elect.LeaderElection("idle", client=election._client)
    events = election.events()
    with election:
        assert election.wait_elected(HANG)
        epoch = election.epoch
        caplog.clear()

        def check() -> None:
            assert election.is_leader is False
            assert idle.is_leader is False
            warnings = [record for record in caplog.records if record.levelname == "WARNING"]
            assert len(warnings) == 1
            assert "create them after the fork" in warnings[0].message
            assert (election.epoch, election.lease_remaining, election.name) == (0, 0.0, "job")
            for call in (
                election.check, election.wait_elected, election.resign, election.stop, election.events, idle.start,
                lambda: election.report("status"), election.depose,
                lambda: election.leader_info, lambda: election.run(lambda term: None),
                lambda: election.update(address="x"), lambda: election.on_become_leader(print), lambda: next(events),
                election._client.close, lambda: election._client.update(log_level="off"),
                lambda: election._client.report("metrics"), lambda: election._client.forget("job"),
                lambda: elect.LeaderElection("new", client=election._client),
            ):  # fmt: skip
                try:
                    call()
                except elect.ForkedError:
                    continue
                raise AssertionError(call)
            with elect.LeaderElection("job", store="memory:") as own:
                assert own.wait_elected(HANG)
                assert own.epoch
            with election._client:
                """Its end is the parent's."""

        in_child(check)
        assert election.is_leader
        assert election.epoch == epoch


def test_forks_in_the_middle_of_things(client: elect.Client) -> None:
    """While callbacks run, others hold locks, and elections come and go."""
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            with elect.LeaderElection("churn", client=client, lock_ttl=0.2) as election:
                election.on_become_leader(lambda: None)
                election.wait_elected(HANG)

    threads = [threading.Thread(target=churn) for _ in range(2)]
    threads[0].start()

    def check() -> None:
        for election in list(client._kept.values()):
            assert not election.is_leader  # type: ignore[attr-defined]
        with elect.LeaderElection("job", store="memory:") as own:
            assert own.wait_elected(HANG)

    election = elect.LeaderElection("job", client=client)
    forked = threading.Event()

    @election.on_become_leader
    def become() -> None:
        in_child(check)
        forked.set()

    with election:
        for _ in range(10):
            in_child(check)
        assert forked.wait(HANG)
        over.set()
        threads[0].join()


def test_work_that_forks(client: elect.Client) -> None:
    """The child leaves run by what the function does, and ends nothing of the parent's."""
    code: list[int] = []

    def work(term: elect.Term) -> str:
        pid = os.fork()
        if pid == 0:
            assert term.stopping
            assert term.wait(), "nothing ends it here"
            sys.exit(7)
        code.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        term.check()
        return "done"

    parent = os.getpid()
    try:
        answer = elect.LeaderElection("job", client=client).run(work)
    except SystemExit as error:
        assert os.getpid() != parent
        os._exit(int(str(error)))
    assert (answer, code) == ("done", [7])


def ask_child(pipe: Connection, url: str, inherited: bool) -> None:
    """In a process of multiprocessing."""
    with elect.LeaderElection("of-the-child", store=url) as election:
        pipe.send((inherited, election.wait_elected(HANG)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method: str, local: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with elect.LeaderElection("job", store=local) as election:
        election.wait_elected(HANG)
        here, there = context.Pipe()
        process = context.Process(
            target=ask_child, args=(there, local, election.is_leader if method == "spawn" else True)
        )
        process.start()
        assert here.poll(HANG)
        assert here.recv() == (True, True)
        process.join(HANG)
        assert process.exitcode == 0
        process.close()
        here.close()
        there.close()
        assert election.is_leader
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]


def test_a_child_that_outlives_its_parent_leads_nothing(local: str) -> None:
    program = """
import os, sys, elect, time
election = elect.LeaderElection("job", store=sys.argv[1])
election.start(); election.wait_elected()
if os.fork() == 0:
    sys.stdin.read()
    os._exit(election.is_leader)
os._exit(0)
"""
    with Script(program, local) as parent:
        assert parent.process.wait(HANG) == 0
        with elect.LeaderElection("job", store=local, retry_interval=0.05) as election:
            assert election.wait_elected(HANG), "the child holds no lock of its parent's"
    until(lambda: parent.process.poll() is not None)
