"""many.py LIBRARY COUNT SECONDS URL: holds so many locks on one Redis in this process and says as JSON what that takes.

All have a TTL of 10 s and are renewed every 3 s.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import sys
import threading
import time
from collections.abc import Callable

import elect
import redis  # type: ignore[import-not-found, unused-ignore]
import redis_lock  # type: ignore[import-untyped, import-not-found, unused-ignore]
from redis.lock import Lock  # type: ignore[import-not-found, unused-ignore]

TTL, RENEWAL = 10, 3
Holds = Callable[[], bool]


class Library:
    """Takes locks and keeps them; answers for each whether it still holds it."""

    def take(self, names: list[str]) -> list[Holds]:
        return [self._take(name) for name in names]

    def _take(self, name: str) -> Holds:
        raise NotImplementedError


class Libelect(Library):
    def __init__(self, url: str) -> None:
        self._client = elect.Client(f"{url}?restart_grace=0s", lock_ttl=TTL, heartbeat_interval=RENEWAL)

    def take(self, names: list[str]) -> list[Holds]:
        elections = [elect.LeaderElection(name, client=self._client) for name in names]
        for election in elections:
            election.start()
        return [self._holds(election) for election in elections]

    def _holds(self, election: elect.LeaderElection) -> Holds:
        election.wait_elected()
        epoch = election.epoch
        return lambda: election.is_leader and election.epoch == epoch


class OfRedisPy(Library):
    """With the pool that makes threads wait: in its default one the renewals that want a 101st connection fail."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis(connection_pool=redis.BlockingConnectionPool.from_url(url))


class RedisPy(OfRedisPy):
    """It renews nothing: its users write a thread that does."""

    def _take(self, name: str) -> Holds:
        lock = self._redis.lock(name, timeout=TTL, thread_local=False)
        assert lock.acquire()
        threading.Thread(target=self._renew, args=([lock],), daemon=True).start()
        return lambda: bool(lock.owned())

    def _renew(self, locks: list[Lock]) -> None:
        while True:
            time.sleep(RENEWAL)
            for lock in locks:
                lock.reacquire()


class RedisPyByOneThread(RedisPy):
    """One thread renews all of them, one after the other: when the server is slow to answer, all of them are late."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._locks: list[Lock] = []
        threading.Thread(target=self._renew, args=(self._locks,), daemon=True).start()

    def _take(self, name: str) -> Holds:
        lock = self._redis.lock(name, timeout=TTL, thread_local=False)
        assert lock.acquire()
        self._locks.append(lock)
        return lambda: bool(lock.owned())


class Renewed(redis_lock.Lock):  # type: ignore[misc]
    def __init__(self, client: redis.Redis, name: str) -> None:
        super().__init__(client, name, expire=TTL, auto_renewal=True)
        self._lock_renewal_interval = RENEWAL  # as its documentation has it


class PythonRedisLock(OfRedisPy):
    def _take(self, name: str) -> Holds:
        lock = Renewed(self._redis, name)
        assert lock.acquire()
        return lambda: bool(lock.get_owner_id() == lock.id)


LIBRARIES: dict[str, Callable[[str], Library]] = {
    "libelect": Libelect,
    "redis-py": RedisPy,
    "redis-py, one thread": RedisPyByOneThread,
    "python-redis-lock": PythonRedisLock,
}


def resident() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def entries(folder: str) -> int:
    return len(list(pathlib.Path("/proc/self", folder).iterdir()))


def measure(library: str, count: int, seconds: float, url: str) -> dict[str, float]:
    contestant = LIBRARIES[library](url)
    kept = contestant.take(["first"])  # and what all of them share
    before, began = resident(), time.monotonic()
    kept += contestant.take([f"job-{number}" for number in range(count)])
    took = time.monotonic() - began
    time.sleep(min(RENEWAL, seconds))
    from_s, from_cpu = time.monotonic(), cpu()
    time.sleep(seconds)
    share = (cpu() - from_cpu) / (time.monotonic() - from_s)
    return {
        "cpu": share,
        "bytes": (resident() - before) / count,
        "threads": entries("task"),
        "descriptors": entries("fd"),
        "took": took,
        "held": sum(holds() for holds in kept) - 1,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])), flush=True)
    os._exit(0)  # a thousand releases are not what is measured
