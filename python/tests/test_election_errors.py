"""What LeaderElection refuses, and how it says so; and what fails inside it."""

from __future__ import annotations

import datetime
import functools
import math
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import elect
import elect.aio
import elect.testing
import pytest
from conftest import background, threads
from elect import _base, _events
from elect._native import lib
from host import HANG

OBSERVES = "the election 'job' has role=observer, which never leads"


def refused(kind: type[elect.ElectError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_an_observer_does_not_run() -> None:
    for election in (
        elect.LeaderElection("job", store="memory:", role="observer"),
        elect.LeaderElection("job", store="memory:?role=observer"),
    ):
        assert refused(elect.StateError, background(lambda: election.run(print))) == f"run: {OBSERVES}"  # noqa: B023
        assert threads() == [], "nothing was begun"
        with election:
            assert refused(elect.StateError, background(lambda: election.run(print))) == f"run: {OBSERVES}"  # noqa: B023
            assert refused(elect.StateError, election.wait_elected) == f"wait_elected: {OBSERVES}"


def test_errors_say_what_is_not_possible_and_why(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)
    info: Callable[[], object] = lambda: election.leader_info  # noqa: E731
    assert refused(elect.StateError, info) == "leader_info: the election 'job' was not started"
    assert refused(elect.StateError, election.wait_elected) == "wait_elected: the election 'job' was not started"
    election.start()
    assert refused(elect.StateError, election.start) == "start: the election 'job' was started already"
    words = refused(elect.StateError, lambda: client.forget("job"))
    assert words == "forget: somebody leads the election 'job', or stands in it"
    election.stop()
    assert refused(elect.StateError, election.start) == "start: the election 'job' was started already"
    assert refused(elect.ClosedError, info) == "leader_info: the election 'job' was stopped"
    assert refused(elect.ClosedError, election.wait_elected) == "wait_elected: the election 'job' was stopped"
    never = elect.LeaderElection("never", client=client)
    never.stop()
    assert refused(elect.StateError, never.start) == "start: the election 'never' was stopped"


def test_reports_and_names_that_there_are_not(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)
    for what in ("nonsense", "a\0b"):
        words = refused(elect.ConfigError, functools.partial(election.report, what))
        assert words == f"what={what!r}: must be status or history"
        words = refused(elect.ConfigError, functools.partial(client.report, what))
        assert words == f"what={what!r}: must be metrics, store, elections or doctor"
    for name in ("", "a\0b"):
        words = refused(elect.ConfigError, functools.partial(client.forget, name))
        assert words == f"name={name!r}: must have 1 to 200 bytes"


def test_clients_of_the_other_kind_are_refused(client: elect.Client) -> None:
    kinds: list[tuple[Any, Any]] = [
        (elect.aio.LeaderElection, client),
        (elect.LeaderElection, elect.aio.Client("memory:")),
        (elect.LeaderElection, "memory:"),
    ]
    for kind, other in kinds:
        assert "client: must be" in refused(elect.ConfigError, functools.partial(kind, "job", client=other))


async def coroutine_function(*_: object) -> None: ...


class Coroutine:
    async def __call__(self, *_: object) -> None: ...


def generator_function(*_: object) -> Iterator[None]:
    yield


async def asynchronous_generator_function(*_: object) -> AsyncIterator[None]:
    yield


def test_what_would_never_be_awaited_is_refused_and_so_is_what_is_no_function(client: elect.Client) -> None:
    election: Any = elect.LeaderElection("job", client=client)
    for name in ("run", "on_become_leader", "on_lose_leadership", "leader_only"):
        for function in (coroutine_function, Coroutine()):
            words = refused(elect.ConfigError, functools.partial(getattr(election, name), function))
            assert words == f"{name}: a coroutine function is for elect.aio, and would never be awaited here"
        for generator in (generator_function, asynchronous_generator_function):
            words = refused(elect.ConfigError, functools.partial(getattr(election, name), generator))
            assert words == f"{name}: must be given a function that works when it is called, and no generator"
        words = refused(elect.ConfigError, functools.partial(getattr(election, name), None))
        assert words == f"{name}: must be given a function, and not NoneType"
    assert threads() == [], "nothing was begun"


def test_what_they_look_like(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client, instance_id="one")
    assert repr(election) == "<LeaderElection 'job': one>"

    def work(term: elect.Term) -> None:
        assert repr(election) == f"<LeaderElection 'job': one, epoch {term.epoch}>"
        assert repr(term) == f"<Term of 'job', epoch {term.epoch}>"

    election.run(work)


def test_waits_take_timedeltas_and_any_number(client: elect.Client) -> None:
    with elect.LeaderElection("job", client=client) as election:
        for timeout in (datetime.timedelta(minutes=1), 1e12, HANG):
            assert election.wait_elected(timeout)
        other = elect.LeaderElection("job", client=client, instance_id="other")
        with other:
            for past in (datetime.timedelta(0), -1):
                assert not other.wait_elected(past)
        assert refused(elect.ConfigError, lambda: election.wait_elected(math.nan)).startswith("timeout=nan: ")
        waits: Callable[[elect.Term], bool] = lambda term: term.wait(datetime.timedelta(milliseconds=1))  # noqa: E731
    assert elect.LeaderElection("work", client=client).run(waits) is False


def test_a_callback_is_told_why_it_may_not_wait(client: elect.Client) -> None:
    election = elect.LeaderElection("job", client=client)

    def work(term: elect.Term) -> list[str]:
        return [refused(elect.StateError, call) for call in (election.wait_elected, lambda: election.run(work))]

    rule = "what it waits for comes after this callback, or function of run, has returned"
    assert election.run(work) == [f"wait_elected: {rule}", f"run: {rule}"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "=-1: must not be negative"),
        (datetime.timedelta(seconds=-1), "=-1.0: must not be negative"),
        (math.nan, "=nan: must be a finite number of seconds"),
        (math.inf, "=inf: must be a finite number of seconds"),
        ("1s", ": must be a number of seconds or a timedelta, and is of type str"),
        (True, ": must be a number of seconds or a timedelta, and is of type bool"),
    ],
)
def test_durations_that_are_none(client: elect.Client, value: Any, words: str) -> None:
    election = elect.LeaderElection("job", client=client)
    term = elect.Term(election, 1)
    resigns: list[Callable[..., object]] = [election.resign, term.resign]
    for resign in resigns:
        assert refused(elect.ConfigError, functools.partial(resign, value)) == f"backoff{words}"
    for call in (
        functools.partial(election.report, "status"), functools.partial(election.depose),
        functools.partial(client.report, "metrics"), functools.partial(client.forget, "job"),
    ):  # fmt: skip
        assert refused(elect.ConfigError, functools.partial(call, timeout=value)) == f"timeout{words}"


@pytest.mark.parametrize("seconds", [5, 5.0, datetime.timedelta(seconds=5)])
def test_a_backoff_is_seconds_or_a_timedelta(elect_store: elect.testing.MemoryStore, seconds: elect.Duration) -> None:
    election = elect_store.election()
    election.start()
    elect_store.advance(10)
    for resign in (election.resign, lambda backoff: elect.Term(election, election.epoch).resign(backoff)):
        assert election.is_leader
        resign(seconds)
        elect_store.advance(4.9)
        assert not election.is_leader
        elect_store.advance(5)


@pytest.mark.parametrize("seconds", [HANG, 1e14, datetime.timedelta(seconds=HANG)])
def test_a_timeout_is_seconds_or_a_timedelta(client: elect.Client, seconds: elect.Duration) -> None:
    with elect.LeaderElection("job", client=client) as election:
        assert election.wait_elected(HANG)
        assert election.report("status", seconds)
        assert client.report("metrics", seconds)
        with pytest.raises(elect.NotLeaderError):
            election.depose(epoch=1, timeout=seconds)
    client.forget("job", timeout=seconds)


def test_what_fails_while_the_end_of_a_term_is_read_releases_nothing(
    client: elect.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = elect.LeaderElection("job", client=client, instance_id="one", drain_timeout=300)
    two = elect.LeaderElection("job", client=client, instance_id="two", retry_interval=0.02)
    working, failed, on = threading.Event(), threading.Event(), threading.Event()
    event_of = _events.event_of

    def fail(native: Any) -> Any:
        if lib.elect_event_kind(native) == lib.ELECT_EVENT_LOST:
            raise MemoryError
        return event_of(native)

    def work(term: elect.Term) -> None:
        working.set()
        assert term.wait(HANG)
        on.wait()
        assert not term.lost

    monkeypatch.setattr(_base, "event_of", fail)
    monkeypatch.setattr(traceback, "print_exc", failed.set)
    runs = background(lambda: one.run(work))
    assert working.wait(HANG)
    with two:
        one.resign(backoff=3600)
        assert failed.wait(HANG)
        assert two.wait_elected(0.2) is False
        on.set()
        assert two.wait_elected(HANG), "as soon as the work has ended"
        monkeypatch.undo()
        one.stop()
        assert runs() is None
