"""python bench.py [ELECTIONS ...]: what the package costs. Numbers for people; no test depends on them."""

from __future__ import annotations

import asyncio
import os
import pathlib
import resource
import statistics
import sys
import threading
import time
import timeit
from collections.abc import Callable

import elect
import elect.aio
from elect._native import lib


def nanoseconds(call: str, names: dict[str, object]) -> float:
    timer, count = timeit.Timer(call, globals=names), 200_000
    return min(timer.repeat(9, count)) / count * 1e9


def is_leader() -> None:
    with elect.LeaderElection("job", store="memory:") as election:
        election.wait_elected()
        names = {"e": election, "call": lib.elect_election_is_leader, "handle": election._election}
        own, prebound = nanoseconds("e.is_leader", names), nanoseconds("call(handle)", names)
        print(f"is_leader {own:.0f} ns, a prebound call of CFFI {prebound:.0f} ns: {own / prebound:.2f} x")


def show(what: str, delays: list[float]) -> None:
    cuts = statistics.quantiles(delays, n=100)
    print(f"{what}: p50 {cuts[49] * 1e6:.0f} us, p99 {cuts[98] * 1e6:.0f} us")


def latency(rounds: int = 300) -> None:
    """From resign to its LOST: there and back through the library's thread."""
    with elect.LeaderElection("job", store="memory:") as election:
        terms = (event for event in election.events() if event.kind is not elect.EventKind.LEADER_CHANGED)
        delays = []
        for _ in range(rounds):
            while next(terms).kind is not elect.EventKind.ELECTED:
                pass
            began = time.perf_counter()
            election.resign()
            next(terms)
            delays.append(time.perf_counter() - began)
        show("resign to LOST, threads", delays)


async def latency_in_a_loop(rounds: int = 300) -> None:
    election = elect.aio.LeaderElection("job", store="memory:")
    events, delays = election.events(), []
    async with election:
        async for event in events:
            if event.kind is elect.EventKind.ELECTED:
                began = time.perf_counter()
                election.resign()
            elif event.kind is elect.EventKind.LOST:
                delays.append(time.perf_counter() - began)
                if len(delays) == rounds:
                    break
    show("resign to LOST, asyncio", delays)


def many(count: int, seconds: float = 5.0) -> None:
    def resident() -> float:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    before = resident()
    with elect.Client("memory:") as client:
        elections = [elect.LeaderElection(f"job-{number}", client=client) for number in range(count)]
        for election in elections:
            election.start()
        for election in elections:
            election.wait_elected()
        began = cpu()
        time.sleep(seconds)
        share = (cpu() - began) / seconds
        native = len(list(pathlib.Path("/proc/self/task").iterdir()))
        print(
            f"{count} leaders: {share:.1%} of a core, {resident() - before:.1f} MB, {threading.active_count()} threads "
            f"of Python, {native} in all"
        )


def main(counts: list[int]) -> None:
    calls: list[Callable[[], object]] = [is_leader, latency, lambda: asyncio.run(latency_in_a_loop())]
    for call in calls:
        call()
    for count in counts:
        many(count)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1000])
