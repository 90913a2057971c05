"""elect.aio: the same, for asyncio."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import elect
import elect.aio
import host
import pytest
from elect import EventKind, Reason
from host import HANG
from loops import go, one, until


def test_however_many_ask_one_question_is_under_way() -> None:
    held = threading.Event()

    class Hung(elect.Store):
        def read(self, key: str, remaining: float) -> tuple[str, str]:
            held.wait()
            return "", ""

        def write(self, key: str, value: str, version: str, remaining: float) -> str:
            raise elect.ConflictError(key)

    async def main() -> None:
        async with one(store=Hung(), lock_ttl=HANG) as election:
            asked = [asyncio.create_task(election.ask_leader()) for _ in range(20)]
            await asyncio.sleep(0)
            questions = [thread for thread in threading.enumerate() if thread.name == "elect-ask"]
            assert len(questions) == 1
            asked[0].cancel()
            held.set()
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert isinstance(answers[0], asyncio.CancelledError)
            assert not any(isinstance(answer, asyncio.CancelledError) for answer in answers[1:])

    go(main)


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
            assert await begun.wait_elected()
            with pytest.raises(elect.StateError, match="forget: somebody leads the election 'other', or stands in it"):
                await client.forget("other")
            assert await client.report("metrics")
            await client.close()
            await idle.stop()
            await begun.stop()
            assert [event async for event in idle.events()] == []

    go(main)


def test_cancelled_waits() -> None:
    async def main() -> None:
        election = one()
        told, losing, on = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def lose() -> None:
            losing.set()
            await on.wait()

        election.on_become_leader(told.set)
        election.on_lose_leadership(lose)
        await election.start()
        await told.wait()
        await until(lambda: election.leader_id)  # the last event for now
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(election.events().__anext__(), 0.01)
        for wait in (election.stop, election.stop, election._client.close):
            stopping = asyncio.create_task(wait())
            await losing.wait()
            await asyncio.sleep(0)
            stopping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stopping
        on.set()
        await election.stop()

    go(main)


def test_eager_tasks_call_back_one_at_a_time() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")
    story: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        election = one()
        lost = asyncio.Event()

        async def begin() -> None:
            story.append("begin")
            election.on_become_leader(late)
            await asyncio.sleep(0)
            story.append("begun")

        def late() -> None:
            story.append("late")
            lost.set()

        election.on_become_leader(begin)
        async with election:
            await lost.wait()

    asyncio.run(main())
    assert story == ["begin", "begun", "late"]


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


def test_wait_elected_answers_as_without_a_loop() -> None:
    async def main() -> None:
        async with elect.aio.Client("memory:", retry_interval=0.02) as client:
            async with elect.aio.LeaderElection("job", client=client, instance_id="one") as leader:
                assert await leader.wait_elected(HANG) is True
                follower = elect.aio.LeaderElection("job", client=client, instance_id="two")
                await follower.start()
                assert await follower.wait_elected(0) is False
                assert await follower.wait_elected(timeout=0.01) is False
                waiting = asyncio.create_task(follower.wait_elected())
                await leader.stop()
                assert await waiting is True
                waiting = asyncio.create_task(leader.wait_elected(HANG))
                with pytest.raises(elect.ClosedError, match="wait_elected: the election 'job' was stopped"):
                    await waiting
            for role, words in (("observer", "has role=observer"), ("candidate", "was not started")):
                election = elect.aio.LeaderElection("other", client=client, role=role)  # type: ignore[arg-type]
                with pytest.raises(elect.StateError, match=f"wait_elected: the election 'other' {words}"):
                    await election.wait_elected(1)

    go(main)


def test_stop_ends_a_wait() -> None:
    async def main() -> None:
        async with elect.aio.Client("memory:") as client:
            leader, follower = (elect.aio.LeaderElection("job", client=client, instance_id=name) for name in "ab")
            await leader.start()
            await leader.wait_elected()
            await follower.start()
            waiting = [asyncio.create_task(follower.wait_elected(timeout)) for timeout in (None, HANG)]
            await until(lambda: follower.leader_id == "a")
            await follower.stop()
            for wait in waiting:
                with pytest.raises(elect.ClosedError):
                    await wait

    go(main)


def test_durations_that_are_none() -> None:
    async def main() -> None:
        election = one()
        for call in (
            election.report("status", timeout=-1), election.depose(timeout=-1),
            election._client.report("metrics", timeout=-1), election._client.forget("job", timeout=-1),
        ):  # fmt: skip
            with pytest.raises(elect.ConfigError, match="timeout=-1: must not be negative"):
                await call
        with pytest.raises(elect.ConfigError, match="backoff=-1: must not be negative"):
            election.resign(-1)

    go(main)


def test_a_term_that_is_over_before_it_could_be_told_is_not_told() -> None:
    async def main() -> None:
        election, calls, on = one(), [], asyncio.Event()
        election.on_become_leader(lambda: calls.append(("become", election.epoch)))
        election.on_lose_leadership(lambda: calls.append(("lose", election.epoch)))
        election._worker.add(lambda: [on.wait])  # the task is busy
        events = election.events()

        async def heard(kind: EventKind) -> int:
            async for event in events:
                if event.kind is kind:
                    return event.epoch
            raise AssertionError("it has ended")

        async with election:
            first = await heard(EventKind.ELECTED)
            election.resign()
            await heard(EventKind.LOST)
            on.set()
            await until(lambda: calls)
            second = election.epoch
        assert calls == [("become", second), ("lose", second)]
        assert second > first

    go(main)


def test_what_was_opened_for_an_election_that_is_refused_is_closed() -> None:
    before = set(os.listdir("/proc/self/task"))  # noqa: PTH208
    with pytest.raises(elect.ConfigError, match="name") as caught:
        elect.aio.LeaderElection(store="memory:")
    what = "the end of the library's thread, also while somebody holds the error"
    host.until(lambda: set(os.listdir("/proc/self/task")) <= before, what, 10)  # noqa: PTH208
    assert caught.value
