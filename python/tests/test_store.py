"""Stores in Python, and the store in memory of elect.testing."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import threading
import time
from typing import Any

import elect
import elect.aio
import pytest
from elect._events import _time
from elect.testing import MemoryStore
from host import HANG, until


class Register(elect.Store):
    """A dictionary with versions, and faults."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.data: dict[str, tuple[str, str]] = {}
        self.written = 0
        self.delay = 0.0
        self.fault: BaseException | None = None
        self.faults = 0
        self.remaining: list[float] = []

    def check(self, remaining: float) -> None:
        self.remaining.append(remaining)
        time.sleep(self.delay)
        if self.fault and self.faults > 0:
            self.faults -= 1
            raise self.fault

    def read(self, key: str, remaining: float) -> tuple[str, str]:
        self.check(remaining)
        with self.lock:
            return self.data.get(key, ("", ""))

    def write(self, key: str, value: str, version: str, remaining: float) -> str:
        with self.lock:
            if self.data.get(key, ("", ""))[1] != version:
                raise elect.ConflictError(key)
            self.written += 1
            self.data[key] = value, str(self.written)
        self.check(remaining)  # after it: who asked does not know
        return str(self.written)


FAST: Any = {"lock_ttl": 2, "retry_interval": 0.05}


def test_elections_on_a_store_in_python() -> None:
    store = Register()
    with (
        elect.LeaderElection("job", store=store, instance_id="one", **FAST) as one,
        elect.LeaderElection("job", store=store, instance_id="two", **FAST) as two,
    ):
        until(lambda: one.is_leader or two.is_leader)
        leader, other = (one, two) if one.is_leader else (two, one)
        until(lambda: other.leader_id == leader.instance_id)
        assert list(store.data) == ["elect/job"]
        first = leader.epoch
        leader.stop()
        assert other.wait_elected(HANG)
        assert other.epoch > first
    assert all(remaining <= FAST["lock_ttl"] / 4 for remaining in store.remaining)


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "kind",
    [
        elect.StoreError, elect.UnreachableError, elect.AuthError, elect.UnknownOutcomeError, elect.ConflictError,
        RuntimeError, SystemExit, UnspeakableError,
    ],
)  # fmt: skip
def test_a_store_that_raises(kind: type[BaseException]) -> None:
    store = Register()
    store.fault, store.faults = kind("no \0 \ud800"), 3
    with elect.LeaderElection("job", store=store, **FAST) as election:
        assert election.wait_elected(HANG)
        assert store.faults == 0


@pytest.mark.parametrize("answer", [None, ("a", "v\0"), ("a", 5), "ab", ("not json", "v"), ("{}", "v" * 200)])
def test_a_store_that_answers_nonsense_has_no_leader(answer: Any) -> None:
    class Nonsense(Register):
        def read(self, key: str, remaining: float) -> tuple[str, str]:
            self.remaining.append(remaining)
            return answer  # type: ignore[no-any-return]

    store = Nonsense()
    with elect.LeaderElection("job", store=store, **FAST) as election:
        until(lambda: len(store.remaining) > 3)
        assert not election.is_leader


def test_a_slow_store_is_asked_again() -> None:
    store = Register()
    on = threading.Event()

    def wait(remaining: float) -> None:
        store.remaining.append(remaining)
        on.wait()

    store.check = wait  # type: ignore[method-assign]
    with elect.LeaderElection("job", store=store, **FAST) as election:
        until(lambda: len(store.remaining) > 1)
        assert not election.is_leader
        on.set()
        assert election.wait_elected(HANG)


def test_times_that_no_clock_shows() -> None:
    """Another machine wrote them: the reader of events lives on."""
    store = Register()
    with elect.LeaderElection("job", store=store, instance_id="one", **FAST) as one:
        until(lambda: store.data)
        one.stop()
        with elect.LeaderElection("job", store=store, instance_id="two", **FAST) as two:
            assert two.wait_elected(HANG)
            for time_ms in (10**17, -(10**17)):
                value, _ = store.data["elect/job"]
                wild = re.sub(r'("[a-z_]*":)\d{13}', rf"\g<1>{time_ms}", value)
                assert wild != value
                with elect.LeaderElection("job", store=Frozen(wild), role="observer", **FAST) as observer:
                    until(lambda: list_of_leader(observer))  # noqa: B023


def list_of_leader(observer: elect.LeaderElection) -> bool:
    try:
        info = observer.leader_info
    except elect.ElectError:
        return True  # the library does not take it
    return info is None or isinstance(info.started_at, datetime.datetime)


class Frozen(elect.Store):
    def __init__(self, value: str) -> None:
        self.value = value

    def read(self, key: str, remaining: float) -> tuple[str, str]:
        return self.value, "1"

    def write(self, key: str, value: str, version: str, remaining: float) -> str:
        raise elect.StoreError("read only")


def test_times_are_bounded() -> None:
    assert _time(10**17).year == 9999
    assert _time(-(10**17)).year == 1
    assert _time(1_700_000_000_123).isoformat() == "2023-11-14T22:13:20.123000+00:00"
    assert json.loads(elect.LeaderInfo("i", "h", _time(0), _time(1), "a", "m", 1).to_json())["epoch"] == 1


def test_a_store_in_python_with_asyncio() -> None:
    async def main() -> None:
        async with elect.aio.LeaderElection("job", store=Register(), **FAST) as election:
            await asyncio.wait_for(election.wait_elected(), HANG)

    asyncio.run(main())


# ---- elect.testing ----


def test_memory_store(elect_store: MemoryStore) -> None:
    calls: list[str] = []
    election = elect_store.election(lock_ttl=10)
    election.on_become_leader(lambda: calls.append("become"))
    election.on_lose_leadership(lambda: calls.append("lose"))
    me = threading.get_ident()
    election.on_become_leader(lambda: calls.append(str(threading.get_ident() == me)))
    election.start()
    elect_store.advance()
    assert calls == ["become", "True"]
    elect_store.advance(3600)
    assert election.is_leader
    elect_store.lose()
    assert calls[-1] == "lose"
    elect_store.advance(60)
    assert election.is_leader
    elect_store.cut()
    elect_store.advance(60)
    assert not election.is_leader
    elect_store.heal()
    elect_store.advance(60)
    assert election.is_leader
    elect_store.rival()
    elect_store.lose()
    elect_store.advance(60)
    assert not election.is_leader
    elect_store.retire()
    elect_store.advance(60)
    assert election.is_leader
    elect_store.wipe()
    elect_store.advance(60)
    with pytest.raises(elect.ConfigError):
        elect_store._command("nonsense")
    election.stop()
    assert calls.count("become") == calls.count("lose")


def test_run_on_the_memory_store(elect_store: MemoryStore) -> None:
    election = elect_store.election()
    reasons: list[Any] = []

    def work(term: elect.Term) -> str:
        elect_store.lose()
        assert term.stopping
        reasons.append(term.reason)
        election.stop()  # else it stands again, and waits for a clock that nobody moves
        return "too late"

    assert election.run(work) is None
    assert elect_store.election("other").run(lambda term: "done") == "done"
    assert reasons == [elect.Reason.DELETED]


def test_a_failing_test_is_no_callback_that_raised(elect_store: MemoryStore) -> None:
    election = elect_store.election()
    election.on_become_leader(lambda: pytest.fail("of a callback"))
    with pytest.raises(pytest.fail.Exception):
        election.start()
        elect_store.advance()
