"""On a real Redis."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import elect
import elect.aio
import pytest
from conftest import Script
from host import HANG, until
from server import Server, server

LEAD = """
import sys, elect
election = elect.LeaderElection("job", store=sys.argv[1], instance_id="other")
election.start()
election.wait_elected()
print("leads", flush=True)
sys.stdin.readline()
print(election.is_leader, flush=True)
"""


@pytest.fixture(scope="module")
def redis() -> Iterator[Server]:
    with server(password="first") as one:
        yield one


@pytest.fixture
def url(redis: Server) -> str:
    redis.ask("FLUSHALL")
    return f"{redis.url.replace('//', '//:first@')}?lock_ttl=3s&retry_interval=50ms&restart_grace=0s"


def test_leads(url: str, redis: Server) -> None:
    with elect.LeaderElection("job", store=url, metadata="m") as election:
        assert election.wait_elected(HANG)
        assert redis.ask("KEYS", "*job*")
        info = election.leader_info
        assert info
        assert (info.metadata, info.epoch) == ("m", election.epoch)
        assert election.report("status")["state"]
        assert election._client.report("store")


def test_leads_in_a_loop(url: str) -> None:
    async def main() -> None:
        async def work(term: elect.aio.Term) -> int:
            return term.epoch

        assert await asyncio.wait_for(elect.aio.LeaderElection("job", store=url).run(work), HANG)

    asyncio.run(main())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_stops_running_is_followed(url: str, how: signal.Signals) -> None:
    with Script(LEAD, url) as other:
        assert other.line() == "leads"
        with elect.LeaderElection("job", store=url, instance_id="one") as election:
            until(lambda: election.leader_id == "other")
            os.kill(other.process.pid, how)
            assert election.wait_elected(HANG)
            if how == signal.SIGSTOP:
                assert other.process.stdin
                os.kill(other.process.pid, signal.SIGCONT)
                other.process.stdin.write("\n")
                other.process.stdin.flush()
                assert other.line() == "False", "the first that it says after its pause"


def test_a_password_is_replaced(redis: Server) -> None:
    options = "?lock_ttl=1s&retry_interval=50ms&restart_grace=0s"
    with elect.LeaderElection("job", store=redis.url + options, password="wrong") as election:
        with pytest.raises(elect.AuthError):
            election.report("status")
        election._client.update(password="first")
        assert election.wait_elected(HANG)


def test_an_unreachable_store_is_waited_for() -> None:
    with elect.LeaderElection("job", store="redis://127.0.0.1:1", lock_ttl=0.5, retry_interval=0.05) as election:
        error = next(event.error for event in election.events() if event.error)
        assert isinstance(error, elect.UnreachableError)
        assert election.wait_elected(0.1) is False
        with pytest.raises((elect.WaitTimeoutError, elect.StoreError)):
            _ = election.leader_info
