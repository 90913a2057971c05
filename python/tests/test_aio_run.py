"""run of elect.aio: the leader's work as a task, and its rules."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import elect
import elect.aio
import pytest
from elect import Reason, _base, _events
from elect._native import lib
from host import HANG
from loops import go, one, until


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
                await election._client.close()

        await election.run(work)
        called = one(drain_timeout=300)
        over = asyncio.Event()
        called.on_become_leader(called.stop)
        called.on_lose_leadership(called.stop)
        called.on_lose_leadership(over.set)
        await called.start()
        await over.wait()
        await until(lambda: called._client._over)

    go(main)


def test_so_may_the_tasks_that_they_began() -> None:
    async def main() -> None:
        election = one(drain_timeout=300)

        async def work(term: elect.aio.Term) -> None:
            await asyncio.wait_for(asyncio.create_task(election.stop()), HANG)
            await asyncio.gather(election.stop(), election._client.close())
            assert term.stopping
            assert not term.lost

        await election.run(work)
        called = one(drain_timeout=300)
        over = asyncio.Event()

        async def stop() -> None:
            await asyncio.gather(called.stop(), called._client.close())

        called.on_become_leader(stop)
        called.on_lose_leadership(stop)
        called.on_lose_leadership(over.set)
        await called.start()
        await over.wait()
        await until(lambda: called._client._over)

    go(main)


def test_what_a_callback_began_waits_once_that_has_returned() -> None:
    async def main() -> None:
        election = one(drain_timeout=300)
        began: list[asyncio.Task[bool]] = []
        on, losing, off = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def later() -> bool:
            assert await election.wait_elected(HANG), "it is no callback"
            await on.wait()
            await election.stop()
            return election._closed

        async def lose() -> None:
            losing.set()
            await off.wait()

        election.on_become_leader(lambda: began.append(asyncio.create_task(later())))
        election.on_lose_leadership(lose)
        await election.start()
        await until(lambda: began and not election._users)
        on.set()
        await losing.wait()
        await asyncio.sleep(0)
        assert not began[0].done()
        off.set()
        assert await began[0]

    go(main)


def test_run_is_for_one() -> None:
    async def main() -> None:
        election = one()
        began = asyncio.Event()

        async def work(term: elect.aio.Term) -> str:
            began.set()
            await asyncio.sleep(HANG)
            return "done"

        await election.start()  # which run joins
        running = asyncio.create_task(election.run(work))
        await began.wait()
        other = asyncio.create_task(election.run(work))
        with pytest.raises(elect.StateError, match="^run: the election 'job' is run already"):
            await other
        assert election.is_leader
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await election.run(work) is None

    go(main)


def test_an_observer_does_not_run() -> None:
    async def main() -> None:
        for election in (one(role="observer"), one(store="memory:?role=observer")):
            for _ in range(2):
                with pytest.raises(elect.StateError, match="^run: the election 'job' has role=observer"):
                    await election.run(lambda term: asyncio.sleep(0))
                if not election._begun:
                    assert election._client._loop is None, "nothing was begun"
                    await election.start()
            await election.stop()

    go(main)


def test_what_fails_while_the_end_of_a_term_is_read_releases_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    event_of = _events.event_of

    def fail(native: Any) -> Any:
        if lib.elect_event_kind(native) == lib.ELECT_EVENT_LOST:
            raise MemoryError
        return event_of(native)

    async def main() -> None:
        working, failed, on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(lambda *_: failed.set())

        async def work(term: elect.aio.Term) -> None:
            working.set()
            try:
                await asyncio.sleep(HANG)
            finally:
                await on.wait()
                assert not term.lost

        async with elect.aio.Client("memory:", retry_interval=0.02) as client:
            first = elect.aio.LeaderElection("job", client=client, instance_id="one", drain_timeout=300)
            running = asyncio.create_task(first.run(work))
            await working.wait()
            async with elect.aio.LeaderElection("job", client=client, instance_id="two") as second:
                first.resign(backoff=3600)
                await failed.wait()
                assert await second.wait_elected(0.2) is False
                on.set()
                assert await second.wait_elected(HANG), "as soon as the work has ended"
            monkeypatch.undo()
            await first.stop()
            await running

    monkeypatch.setattr(_base, "event_of", fail)
    go(main)
