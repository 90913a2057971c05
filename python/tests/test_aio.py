"""elect.aio: the same, for asyncio."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import elect
import elect.aio
import pytest
from elect import EventKind, Reason
from host import HANG


def go(main: Callable[[], Coroutine[Any, Any, object]]) -> object:
    async def guarded() -> object:
        return await asyncio.wait_for(main(), HANG)

    return asyncio.run(guarded())


def one(**options: Any) -> elect.aio.LeaderElection:
    return elect.aio.LeaderElection("job", **{"store": "memory:", **options})


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, "it hangs"
        await asyncio.sleep(0.005)


def test_from_start_to_stop() -> None:
    async def main() -> None:
        election = one(instance_id="one")
        calls: list[str] = []

        @election.on_become_leader
        async def become() -> None:
            await asyncio.sleep(0)
            calls.append("become")
            raise ValueError("logged")

        @election.on_become_leader
        def plain() -> None:
            calls.append("plain")

        @election.on_lose_leadership
        async def lose() -> None:
            calls.append("lose")
            assert not election.is_leader
            assert election.epoch > 0

        with pytest.raises(elect.StateError):
            await election.wait_elected()
        assert election.leader_id is None
        before = set(threading.enumerate())
        async with election:
            with pytest.raises(elect.StateError):
                await election.start()
            await election.wait_elected()
            election.check()
            await until(lambda: "plain" in calls)
            late = asyncio.Event()
            election.on_become_leader(late.set)
            await late.wait()
            await until(lambda: election.leader_id == "one")
            assert election.leader_info
            assert await election.ask_leader()
            await until(lambda: set(threading.enumerate()) == before)  # that of the question ends after its answer
            assert (await election.report("status"))["state"]
            late.clear()
            election.resign()
            await late.wait()
        assert calls == ["become", "plain", "lose"] * 2
        await election.stop()
        with pytest.raises(elect.ClosedError):
            await election.wait_elected()
        with pytest.raises(elect.StateError):
            await election.start()

    go(main)


def test_events() -> None:
    async def main() -> None:
        election = one()
        events, closed = election.events(), election.events()
        kinds: list[tuple[EventKind, Reason | None]] = []

        async def listen() -> None:
            async for event in events:
                kinds.append((event.kind, event.reason))

        listening = asyncio.create_task(listen())
        async with election:
            await election.wait_elected()
            closed.close()
            assert [event async for event in closed if event.kind is EventKind.LOST] == []
            await until(lambda: kinds)
        await listening
        assert kinds[0] == (EventKind.ELECTED, None)
        assert (EventKind.LOST, Reason.STOPPED) in kinds
        assert [event async for event in election.events()] == []

    go(main)


def test_stop_before_start_and_a_client_closed() -> None:
    async def main() -> None:
        election = one()
        await election.stop()
        assert [event async for event in election.events()] == []
        async with elect.aio.Client("memory:") as client:
            idle = elect.aio.LeaderElection("job", client=client)
            begun = elect.aio.LeaderElection("other", client=client)
            await begun.start()
            with pytest.raises(elect.StateError):
                await client.forget("other") if await begun.wait_elected() is None else None
            assert await client.report("metrics")
            await client.close()
            await idle.stop()
            await begun.stop()
            assert [event async for event in idle.events()] == []

    go(main)


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError])
def test_run(kind: type[BaseException]) -> None:
    async def main() -> None:
        async with elect.aio.Client("memory:", retry_interval=0.02) as client:

            def candidate(name: str) -> elect.aio.LeaderElection:
                return elect.aio.LeaderElection("job", client=client, instance_id=name)

            async def work(term: elect.aio.Term) -> int:
                term.check()
                return term.epoch

            election = candidate("one")
            assert await election.run(work)
            assert await election.run(work) is None

            async def fail(term: elect.aio.Term) -> None:
                raise kind("of the work")

            with pytest.raises(kind):
                await candidate("two").run(fail)
            with pytest.raises(TypeError):
                await candidate("three").run(lambda term: None)  # type: ignore[arg-type,return-value]
            async with candidate("four") as following:
                await following.wait_elected()  # soon: all others were released

    go(main)


def test_run_after_losses(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        election = one(retry_interval=0.02)
        terms: list[elect.aio.Term] = []

        async def work(term: elect.aio.Term) -> str:
            terms.append(term)
            if len(terms) == 4:
                return "done"
            term.resign()
            try:
                await asyncio.sleep(HANG)
            except asyncio.CancelledError:
                assert term.reason is Reason.RESIGNED
                assert not term.lost, "it drains"
                if len(terms) == 1:
                    raise
                if len(terms) == 2:
                    raise ValueError("too late") from None
            return "too late"

        assert await election.run(work) == "done"
        assert len({term.epoch for term in terms}) == 4
        with pytest.raises(elect.LeadershipLostError) as caught:
            terms[0].check()
        assert caught.value.reason is Reason.RESIGNED

    caplog.set_level(logging.WARNING)
    go(main)
    assert [record.message for record in caplog.records] == ["the leader's work failed after its term was lost"]


def test_run_keeps_standing() -> None:
    async def main() -> None:
        epochs: list[int] = []

        async def work(term: elect.aio.Term) -> str:
            epochs.append(term.epoch)
            if len(epochs) < 3:
                raise ValueError("of the work")
            return "done"

        assert await one(retry_interval=0.02).run(work, keep_standing=True) == "done"
        assert epochs == sorted(set(epochs))

    go(main)


@pytest.mark.parametrize("times", [1, 3])
def test_run_that_is_cancelled_ends_its_work_first(times: int) -> None:
    async def main() -> None:
        election = one(drain_timeout=300)
        began, cleaning, on, order = asyncio.Event(), asyncio.Event(), asyncio.Event(), []

        async def work(term: elect.aio.Term) -> None:
            began.set()
            try:
                await asyncio.sleep(HANG)
            finally:
                while not on.is_set():
                    cleaning.set()
                    try:
                        await on.wait()
                    except asyncio.CancelledError:
                        assert not term.lost
                order.append("work")

        running = asyncio.create_task(election.run(work))
        await began.wait()
        for _ in range(times):
            cleaning.clear()
            running.cancel()
            await cleaning.wait()
        assert election.epoch > 0
        assert not election.is_leader
        on.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert order == ["work"]
        assert election.epoch == 0

    go(main)


def test_run_that_is_cancelled_while_it_stands() -> None:
    async def main() -> None:
        async with elect.aio.Client("memory:", retry_interval=0.02) as client:
            leader = elect.aio.LeaderElection("job", client=client, instance_id="one")
            await leader.start()
            await leader.wait_elected()
            follower = elect.aio.LeaderElection("job", client=client, instance_id="two")
            running = asyncio.create_task(follower.run(lambda term: asyncio.sleep(0)))
            await until(lambda: follower.leader_id == "one")
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await follower.stop()

    go(main)


def test_work_and_callbacks_may_stop_and_may_not_wait() -> None:
    async def main() -> None:
        election = one(drain_timeout=300)

        async def work(term: elect.aio.Term) -> None:
            with pytest.raises(elect.StateError):
                await election.run(work)
            with pytest.raises(elect.StateError):
                await election.wait_elected()
            try:
                await election.stop()
                await asyncio.sleep(HANG)
            finally:
                await election.stop()
                await election._aio.close()

        assert await election.run(work) is None
        called = one(drain_timeout=300)
        over = asyncio.Event()
        called.on_become_leader(called.stop)
        called.on_lose_leadership(called.stop)
        called.on_lose_leadership(over.set)
        await called.start()
        await over.wait()
        await until(lambda: called._aio._over)

    go(main)


def test_cancelled_waits() -> None:
    async def main() -> None:
        election = one()
        losing, on = asyncio.Event(), asyncio.Event()

        async def lose() -> None:
            losing.set()
            await on.wait()

        election.on_lose_leadership(lose)
        await election.start()
        await election.wait_elected()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(election.events().__anext__(), 0.01)
        for wait in (election.stop, election.stop, election._aio.close):
            stopping = asyncio.create_task(wait())
            await losing.wait()
            await asyncio.sleep(0)
            stopping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stopping
        on.set()
        await election.stop()

    go(main)


def test_the_end_of_the_loop_ends_callbacks_and_terms() -> None:
    """asyncio.run cancels what is left, callbacks of a loss too: the release does not wait for drain_timeout."""
    kept: list[elect.aio.LeaderElection] = []

    async def main() -> None:
        election = one(drain_timeout=300)
        kept.append(election)
        losing = asyncio.Event()

        async def lose() -> None:
            losing.set()
            await asyncio.sleep(HANG)

        election.on_lose_leadership(lose)
        await election.start()
        await election.wait_elected()
        election._ask_to_stop()
        await losing.wait()

    go(main)
    [election] = kept
    kept.clear()

    async def other() -> None:
        with pytest.raises(RuntimeError, match="another loop"):
            await election.start()

    go(other)
    election._aio.close_at_exit()
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
    election._aio.close_at_exit()
    assert not election.is_leader
    del election
    gc.collect()
    assert gone() is None


def test_leader_only() -> None:
    async def main() -> None:
        election = one()

        @election.leader_only
        async def job(number: int) -> int:
            return 2 * number

        assert await job(2) is None
        async with election:
            await election.wait_elected()
            assert await job(2) == 4

    go(main)
