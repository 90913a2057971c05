"""elect.aio where the loop rests between two steps, or has ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref
from typing import Any

import elect
import elect.aio
import pytest
from conftest import background
from host import HANG
from loops import go, one, until


def test_a_callback_that_is_added_while_the_loop_rests() -> None:
    loop = asyncio.new_event_loop()
    try:
        election, called = one(), asyncio.Event()

        async def lead() -> None:
            told = asyncio.Event()
            election.on_become_leader(told.set)
            await election.start()
            await told.wait()

        async def lose() -> None:
            lost = asyncio.Event()
            election.on_lose_leadership(lost.set)
            await called.wait()
            election.resign(backoff=3600)
            await lost.wait()
            await election.stop()

        loop.run_until_complete(asyncio.wait_for(lead(), HANG))
        election.on_become_leader(called.set)
        loop.run_until_complete(asyncio.wait_for(lose(), HANG))
    finally:
        loop.close()


def test_the_end_of_the_loop_ends_callbacks_and_terms() -> None:
    """asyncio.run cancels what is left, callbacks of a loss too: the release does not wait for drain_timeout."""
    kept: list[elect.aio.LeaderElection] = []

    async def main() -> None:
        election = one(drain_timeout=300)
        kept.append(election)
        told, losing = asyncio.Event(), asyncio.Event()

        async def lose() -> None:
            losing.set()
            await asyncio.sleep(HANG)

        election.on_become_leader(told.set)
        election.on_lose_leadership(lose)
        await election.start()
        await told.wait()
        election._ask_to_stop()
        await losing.wait()

    go(main)
    [election] = kept
    kept.clear()

    async def other() -> None:
        with pytest.raises(RuntimeError, match="another loop"):
            await election.start()

    go(other)
    election._client._close_at_exit()
    assert election.epoch == 0


def test_a_loop_that_ended_while_leading() -> None:
    async def main() -> elect.aio.LeaderElection:
        election = one(drain_timeout=300)
        await election.start()
        await election.wait_elected()
        return election

    election: Any = go(main)
    assert election.is_leader
    gone = weakref.ref(election)
    election._client._close_at_exit()
    assert not election.is_leader
    del election
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("hold", ["callbacks", "work"])
def test_what_was_read_and_not_worked_off_when_the_loop_ended_holds_nothing_at_exit(hold: str) -> None:
    loop = asyncio.new_event_loop()
    election, on, running = one(drain_timeout=300), asyncio.Event(), []

    async def work(term: elect.aio.Term) -> None:
        while not on.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await on.wait()

    async def main() -> None:
        if hold == "work":
            running.append(asyncio.create_task(election.run(work)))
            await until(lambda: term and term._claimed if (term := election._term) else False)
        else:
            told = asyncio.Event()
            election.on_become_leader(told.set)
            election.on_lose_leadership(on.wait)
            await election.start()
            await told.wait()
        election._ask_to_stop()
        while election._term:
            election._client._read(10)  # the loop reads so, and has not its next turn

    async def end() -> None:
        on.set()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await until(lambda: not election._users)

    try:
        background(lambda: loop.run_until_complete(asyncio.wait_for(main(), HANG)))()
        assert election.epoch > 0, "it drains"
        background(election._client._close_at_exit)()  # where the loop ran, nothing runs any more
        assert election.epoch == 0
        loop.run_until_complete(end())
    finally:
        loop.close()


def test_a_loop_between_two_steps_has_not_ended() -> None:
    """What its tasks hold must not be let go: they go on with the next step."""
    loop, election = asyncio.new_event_loop(), one()
    stepped, on = threading.Event(), threading.Event()

    def run() -> None:
        loop.run_until_complete(election.start())
        stepped.set()
        on.wait(HANG)

    ended = background(run)
    assert stepped.wait(HANG)
    assert not loop.is_running() and not election._client._has_ended(loop)
    on.set()
    ended()
    assert election._client._has_ended(loop)
    loop.run_until_complete(election.stop())
    assert election._client._has_ended(loop), "this thread's own, which is at its exit"
    loop.close()


def test_what_the_loop_left_is_released_when_it_is_collected(local: str) -> None:
    async def main() -> None:
        election = one(store=local, instance_id="one", drain_timeout=300)
        election.on_lose_leadership(lambda: asyncio.sleep(HANG))
        await election.start()
        await election.wait_elected()

    go(main)
    gc.collect()
    with elect.LeaderElection("job", store=local, retry_interval=0.05) as following:
        assert following.wait_elected(HANG)
