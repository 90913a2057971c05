"""bench.py [--quick]: what the package costs, beside redis-py and python-redis-lock, as Markdown. Numbers for people.

scripts/bench installs what it needs and runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import pathlib
import platform
import queue
import random
import statistics
import subprocess
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import elect
import elect.aio
import redis  # type: ignore[import-not-found, unused-ignore]
import redis_lock  # type: ignore[import-untyped, import-not-found, unused-ignore]
from elect._native import lib
from many import LIBRARIES, RENEWAL, TTL

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "redis"))

from server import server

QUICK = "--quick" in sys.argv
ROUNDS = 20 if QUICK else 500
HANDOVERS = 2 if QUICK else 50
WINDOW = 1.0 if QUICK else 12.0  # seconds
SIZES = {name: [50] if QUICK else [1000] for name in LIBRARIES}
SIZES["libelect"] = [50, 100] if QUICK else [1000, 10_000]

now = time.perf_counter


def note(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(row) + " |"
    yield ""


def cuts(delays: list[float], unit: float) -> list[str]:
    """p50 and p99."""
    found = statistics.quantiles(delays, n=100, method="inclusive")
    return [f"{found[49] / unit:,.1f}", f"{found[98] / unit:,.1f}"]


# ---- to know whether one leads ----


def nanoseconds(calls: dict[str, str], names: dict[str, Any], count: int) -> dict[str, float]:
    """Each in turn, several times; of each the least: whatever else the machine did only adds."""
    timers = {what: timeit.Timer(call, globals=names) for what, call in calls.items()}
    turns = [{what: timer.timeit(count) for what, timer in timers.items()} for _ in range(3 if QUICK else 30)]
    return {what: min(turn[what] for turn in turns) / count * 1e9 for what in calls}


def knowing(path: pathlib.Path) -> Iterator[str]:
    peer = redis.Redis(unix_socket_path=str(path))
    one, two = peer.lock("one", timeout=600), redis_lock.Lock(peer, "two", expire=600)
    assert one.acquire()
    assert two.acquire()
    with elect.LeaderElection("job", store="memory:") as election:
        election.wait_elected()
        names = {"e": election, "call": lib.elect_election_is_leader, "handle": election._election}
        names |= {"one": one, "two": two, "flag": threading.Event()}
        own = nanoseconds({"own": "e.is_leader", "cffi": "call(handle)", "flag": "flag.is_set()"}, names, 100_000)
        asked = nanoseconds({"one": "one.owned()", "two": "two.get_owner_id() == two.id"}, names, 100)
    own_ns, cffi_ns = own["own"], own["cffi"]
    yield f"`is_leader` took {own_ns:.0f} ns: {own_ns / cffi_ns:.2f} x a prebound call of CFFI ({cffi_ns:.0f} ns)."
    yield ""
    yield from table(
        ["to know whether one leads", "ns", "when the lease was lost"],
        [
            ["libelect: `election.is_leader`", f"{own_ns:,.0f}", "False, before anybody else can lead"],
            ["redis-py: `lock.owned()`", f"{asked['one']:,.0f}", "asks the server, each time"],
            [
                "python-redis-lock: `lock.get_owner_id() == lock.id`",
                f"{asked['two']:,.0f}",
                "asks the server, each time",
            ],
            ["with either: a `threading.Event` of one's own", f"{own['flag']:,.0f}", "says what it last heard"],
        ],
    )
    peer.close()


# ---- to hear of it ----


def by_events() -> list[float]:
    with elect.LeaderElection("job", store="memory:") as election:
        terms = (event for event in election.events() if event.kind is not elect.EventKind.LEADER_CHANGED)
        delays = []
        for _ in range(ROUNDS):
            while next(terms).kind is not elect.EventKind.ELECTED:
                pass
            began = now()
            election.resign()
            next(terms)
            delays.append(now() - began)
        return delays


def by_callback() -> list[float]:
    election = elect.LeaderElection("job", store="memory:")
    won, lost = queue.SimpleQueue[float](), queue.SimpleQueue[float]()
    election.on_become_leader(lambda: won.put(now()))
    election.on_lose_leadership(lambda: lost.put(now()))
    delays = []
    with election:
        for _ in range(ROUNDS):
            won.get()
            began = now()
            election.resign()
            delays.append(lost.get() - began)
    return delays


def by_term() -> list[float]:
    delays: list[float] = []
    election = elect.LeaderElection("job", store="memory:")

    def work(term: elect.Term) -> None:
        began = now()
        term.resign()
        term.wait()
        delays.append(now() - began)
        if len(delays) == ROUNDS:
            election.stop()

    election.run(work)
    return delays


async def by_events_in_a_loop() -> list[float]:
    election = elect.aio.LeaderElection("job", store="memory:")
    events, delays, began = election.events(), list[float](), 0.0
    async with election:
        async for event in events:
            if event.kind is elect.EventKind.ELECTED:
                began = now()
                election.resign()
            elif event.kind is elect.EventKind.LOST:
                delays.append(now() - began)
                if len(delays) == ROUNDS:
                    break
    return delays


async def by_callback_in_a_loop() -> list[float]:
    election = elect.aio.LeaderElection("job", store="memory:")
    won, lost = asyncio.Queue[float](), asyncio.Queue[float]()
    election.on_become_leader(lambda: won.put_nowait(now()))
    election.on_lose_leadership(lambda: lost.put_nowait(now()))
    delays = []
    async with election:
        for _ in range(ROUNDS):
            await won.get()
            began = now()
            election.resign()
            delays.append(await lost.get() - began)
    return delays


async def by_task_in_a_loop() -> list[float]:
    delays: list[float] = []
    election = elect.aio.LeaderElection("job", store="memory:")

    async def work(term: elect.aio.Term) -> None:
        began = now()
        term.resign()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            delays.append(now() - began)
            if len(delays) == ROUNDS:
                await election.stop()
            raise

    await election.run(work)
    return delays


def hearing() -> Iterator[str]:
    note("events")
    yield "From `resign` until the leader's work hears of it, on `memory:`:"
    yield ""
    ways: dict[str, Callable[[], list[float]]] = {
        "threads: `events()`": by_events,
        "threads: `on_lose_leadership`": by_callback,
        "threads: `term.wait()` in `run`": by_term,
        "asyncio: `events()`": lambda: asyncio.run(by_events_in_a_loop()),
        "asyncio: `on_lose_leadership`": lambda: asyncio.run(by_callback_in_a_loop()),
        "asyncio: the task of `run` is cancelled": lambda: asyncio.run(by_task_in_a_loop()),
    }
    yield from table(["way", "p50 us", "p99 us"], [[way, *cuts(measure(), 1e-6)] for way, measure in ways.items()])


# ---- to take, and to hand over ----


def lead(election: elect.LeaderElection) -> bool:
    election.start()
    return election.wait_elected()


def taking(path: pathlib.Path) -> dict[str, list[float]]:
    """From nobody until it leads; each in an election of its own."""
    delays: dict[str, list[float]] = {"libelect": [], "redis-py": [], "python-redis-lock": []}

    def timed(name: str, take: Any) -> None:
        began = now()
        assert take()
        delays[name].append(now() - began)

    peer = redis.Redis(unix_socket_path=str(path))
    with elect.Client(f"redis+unix://{path}?restart_grace=0s") as client:
        for number in range(ROUNDS):
            election = elect.LeaderElection(f"take-{number}", client=client)
            timed("libelect", functools.partial(lead, election))
            one = peer.lock(f"take-a-{number}", timeout=TTL)
            timed("redis-py", one.acquire)
            two = redis_lock.Lock(peer, f"take-b-{number}", expire=TTL, auto_renewal=True)
            timed("python-redis-lock", two.acquire)
            election.stop()
            one.release()
            two.release()
    peer.close()
    return delays


def hand_over(path: pathlib.Path) -> list[float]:
    store, delays = f"redis+unix://{path}?restart_grace=0s", []
    won = queue.SimpleQueue[float]()
    with elect.Client(store) as one, elect.Client(store) as two:
        leader = elect.LeaderElection("pass", client=one)
        leader.start()
        leader.wait_elected()
        for number in range(HANDOVERS):
            follower = elect.LeaderElection("pass", client=(two, one)[number % 2])
            follower.on_become_leader(lambda: won.put(now()))
            events = follower.events()
            follower.start()
            assert next(events).kind is elect.EventKind.LEADER_CHANGED  # it knows whom it waits for
            began = now()
            leader.stop()
            delays.append(won.get() - began)
            leader = follower
    return delays


def hand_over_lock(leader: Any, follower: Any) -> list[float]:
    delays = []
    assert leader.acquire()
    for _ in range(HANDOVERS):
        won = queue.SimpleQueue[float]()

        def follow(lock: Any, won: queue.SimpleQueue[float]) -> None:
            assert lock.acquire()
            won.put(now())

        thread = threading.Thread(target=follow, args=(follower, won))
        thread.start()
        time.sleep(random.uniform(0.05, 0.15))  # it waits by now, and redis-py's is anywhere in its pause of 0.1 s
        began = now()
        leader.release()
        delays.append(won.get() - began)
        thread.join()
        leader, follower = follower, leader
    leader.release()
    return delays


def passing(path: pathlib.Path) -> Iterator[str]:
    note("taking and handing over")
    yield "From asking until it leads, and from `stop` or `release` until another that waits leads, on one Redis here:"
    yield ""
    one, two = (redis.Redis(unix_socket_path=str(path)) for _ in range(2))
    passed = {
        "libelect": hand_over(path),
        "redis-py": hand_over_lock(*(peer.lock("pass-a", timeout=TTL, thread_local=False) for peer in (one, two))),
        "python-redis-lock": hand_over_lock(
            *(redis_lock.Lock(peer, "pass-b", expire=TTL, auto_renewal=True) for peer in (one, two))
        ),
    }
    taken = taking(path)
    rows = [[name, *cuts(taken[name], 1e-3), *cuts(passed[name], 1e-3)] for name in passed]
    yield from table(["", "leads: p50 ms", "p99 ms", "another leads: p50 ms", "p99 ms"], rows)
    one.close()
    two.close()


# ---- many ----


def many(path: pathlib.Path) -> Iterator[str]:
    yield f"In one process, on one Redis here, for {WINDOW:.0f} s; TTL {TTL} s, each is renewed every {RENEWAL} s:"
    yield ""
    head = [
        "",
        "elections",
        "held at the end",
        "CPU, % of a core",
        "memory each",
        "threads",
        "descriptors",
        "all led after",
    ]
    rows = []
    for name, sizes in SIZES.items():
        for size in sizes:
            note(f"{size} of {name}")
            url = f"{'redis+' if name == 'libelect' else ''}unix://{path}"
            words = [
                sys.executable,
                str(pathlib.Path(__file__).with_name("many.py")),
                name,
                str(size),
                str(WINDOW),
                url,
            ]
            done = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=300)
            got = json.loads(done.stdout)
            rows.append(
                [
                    name, f"{size:,}", f"{got['held']:,}", f"{got['cpu'] * 100:.1f}", f"{got['bytes'] / 1000:,.1f} kB",
                    f"{got['threads']:,}", f"{got['descriptors']:,}", f"{got['took']:.2f} s",
                ]
            )  # fmt: skip
            with contextlib.closing(redis.Redis(unix_socket_path=str(path))) as peer:
                peer.flushall()
    yield from table(head, rows)


def main() -> None:
    versions = f"redis-py {redis.__version__} and python-redis-lock {redis_lock.__version__}"
    lines = [f"CPython {platform.python_version()}, beside {versions}."]
    lines.append("")
    with server() as one:
        for part in (knowing(one.path), hearing(), passing(one.path), many(one.path)):
            lines += part
    print("\n".join(lines).rstrip())


if __name__ == "__main__":
    main()
