"""Thousands of elections leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import pathlib
from collections.abc import Callable

import elect
import elect.aio
import pytest
from conftest import descriptors
from host import HANG, until


def resident() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def lead() -> None:
    with elect.LeaderElection("job", store="memory:") as election:
        election.on_lose_leadership(lambda: election)
        assert election.wait_elected(HANG)


def lead_in_a_loop() -> None:
    async def main() -> None:
        async with elect.aio.LeaderElection("job", store="memory:") as election:
            election.on_lose_leadership(lambda: election)
            await election.wait_elected()

    asyncio.run(main())


def drop() -> None:
    elect.LeaderElection("job", store="memory:").on_become_leader(lambda: None)
    with pytest.raises(elect.ConfigError):
        elect.aio.LeaderElection("", store="memory:")


@pytest.mark.parametrize("cycle", [lead, lead_in_a_loop, drop])
def test_create_and_close(cycle: Callable[[], None], scale: int) -> None:
    for _ in range(50):  # what Python and the allocator keep
        cycle()
    gc.collect()
    memory, open_now = resident(), set(descriptors())
    rounds = 100 * scale
    for _ in range(rounds):
        cycle()
    gc.collect()
    assert set(descriptors()) <= open_now
    assert resident() - memory < 2_000_000 + 200 * rounds


def test_elections_that_come_and_go_on_one_client(scale: int) -> None:
    with elect.Client("memory:") as client:
        for number in range(200 * scale):
            with elect.LeaderElection("job", client=client, instance_id=str(number)) as election:
                assert election.wait_elected(HANG)
        until(lambda: not client._kept)
        del election
        gc.collect()
        assert list(client._elections) == []
