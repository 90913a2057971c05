"""What is done to candidates, networks and servers. A fault is over when its function returns, and leaves all healed.

Half of them aim at the leader, as it is the one who can lie.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable

from clocks import Clock
from host import until
from proxy import DOWN, UP
from resp import RedisError
from servers import Server
from stage import Candidate, Stage

LOCK, TERM = "elect:{job}:leader", "elect:{job}:term"


class Field:
    """A stage with its store, and dice."""

    def __init__(self, stage: Stage, draw: random.Random) -> None:
        self.stage = stage
        self.draw = draw
        self.began_ns = time.monotonic_ns()
        self.clocks: dict[str, Clock] = {}  # of candidates that have one of their own

    @property
    def server(self) -> Server:
        return self.stage.store

    @property
    def ttl(self) -> float:
        return self.stage.lease.ttl_ms / 1000

    def leader(self) -> Candidate:
        return self.stage.await_leader()

    def some(self, low: float, high: float) -> None:
        """Waits for between low and high TTLs."""
        time.sleep(self.draw.uniform(low, high) * self.ttl)


Fault = Callable[[Field], None]


# ---- candidates ----


def pause_leader(field: Field) -> None:
    field.stage.pause(field.leader(), field.draw.uniform(1.1, 2.2) * field.ttl)


def pause_leader_briefly(field: Field) -> None:
    field.stage.pause(field.leader(), field.draw.uniform(0.3, 1.0) * field.ttl)


def pause_somebody(field: Field) -> None:
    field.stage.pause(field.draw.choice(field.stage.running()), field.draw.uniform(0.5, 2.0) * field.ttl)


def kill_leader(field: Field) -> None:
    """Another takes its place among the candidates."""
    field.leader().kill()
    field.some(0.1, 1.0)
    field.stage.candidate(f"c{len(field.stage.candidates)}")


def suspend(field: Field) -> None:
    """The leader's host, for longer than its lease; or, if it has none that can be, somebody's."""
    name = field.leader().name
    clock = field.clocks.get(name) or field.draw.choice([*field.clocks.values()])
    clock.suspend(field.draw.uniform(0.5, 3.0) * field.ttl)


def step_wall_clock(field: Field) -> None:
    field.draw.choice([*field.clocks.values()]).step_wall(field.draw.uniform(-100, 100))


def resign(field: Field) -> None:
    field.leader().tell(f"resign {field.draw.choice([0, 300])}")


# ---- networks ----


def partition(field: Field, *ways: str) -> None:
    leader = field.leader()
    assert leader.proxy
    leader.proxy.partition(*ways)
    field.some(1.1, 2.2)
    leader.proxy.heal()


def partition_both_ways(field: Field) -> None:
    partition(field, UP, DOWN)


def partition_to_the_server(field: Field) -> None:
    partition(field, UP)


def partition_from_the_server(field: Field) -> None:
    """What the leader sends arrives: its lease is renewed, and it does not know."""
    partition(field, DOWN)


def partition_and_pause(field: Field) -> None:
    """A renewal lies in the network while its sender is stopped, and comes when another leads."""
    leader = field.leader()
    assert leader.proxy
    leader.proxy.partition(UP)
    field.some(0.2, 0.5)
    field.stage.pause(leader, field.draw.uniform(1.1, 1.6) * field.ttl)
    leader.proxy.heal()


def slow_leader(field: Field) -> None:
    """Some of its answers come when its lease is over."""
    leader = field.leader()
    assert leader.proxy
    for way in (UP, DOWN):
        leader.proxy.slow(way, field.draw.uniform(0, 0.6) * field.ttl)
    field.some(1.0, 3.0)
    leader.proxy.heal()


def drop(field: Field) -> None:
    leader = field.leader()
    assert leader.proxy
    leader.proxy.drop()


def lose_replies(field: Field) -> None:
    for _ in range(field.draw.randint(1, 3)):
        leader = field.leader()
        assert leader.proxy
        leader.proxy.lose_reply()
        field.some(0.2, 0.5)


def refuse(field: Field) -> None:
    leader = field.leader()
    assert leader.proxy
    leader.proxy.refuse()
    field.some(0.3, 2.0)
    leader.proxy.heal()


# ---- the server ----


def hang(field: Field) -> None:
    field.server.freeze()
    field.some(0.3, 2.0)
    field.server.thaw()


def debug_sleep(field: Field) -> None:
    client = field.server.open()
    with contextlib.closing(client):
        client.do("DEBUG", "SLEEP", f"{field.draw.uniform(0.3, 1.8) * field.ttl:.3f}")


def client_pause(field: Field) -> None:
    kind = field.draw.choice(["ALL", "WRITE"])
    milliseconds = int(field.draw.uniform(300, 1800) * field.ttl)
    field.server.do("CLIENT", "PAUSE", milliseconds, kind)
    time.sleep(milliseconds / 1000)


def kill_connections(field: Field) -> None:
    field.server.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def restart_with_data(field: Field) -> None:
    field.server.restart(data=True)


def restart_with_older_data(field: Field) -> None:
    """What it remembers is of before the leader's last renewals, or of before its election."""
    field.stage.known_by_all()
    field.server.do("SAVE")
    if field.draw.random() < 0.5:
        resign(field)
    field.some(0.1, 1.0)
    field.server.restart()


def restart_without_data(field: Field) -> None:
    field.stage.known_by_all()
    field.server.lose()


# ---- the operator, and memory ----


def delete_lock(field: Field) -> None:
    field.leader()
    field.server.do("DEL", LOCK)


def delete_all_of_it(field: Field) -> None:
    field.stage.known_by_all()
    field.server.do("DEL", LOCK, TERM)


def flush(field: Field) -> None:
    field.stage.known_by_all()
    field.server.do("FLUSHALL")


def evict(field: Field) -> None:
    """Fills the memory until the lock, or the record, was thrown out to make room."""
    field.stage.known_by_all()
    server = field.server
    server.do(
        "CONFIG", "SET", "maxmemory-policy", field.draw.choice(["volatile-lru", "volatile-ttl", "allkeys-random"])
    )
    server.do("CONFIG", "SET", "maxmemory", int(server.info("memory")["used_memory"]) + 100_000)
    end = time.monotonic() + 2 * field.ttl
    number = 0
    while time.monotonic() < end and server.do("EXISTS", LOCK, TERM) == 2:  # one of them is loss enough
        number += 1
        with contextlib.suppress(RedisError):  # nothing is left that may be thrown out
            server.do("SET", f"filler:{number}", "x" * 10_000, *(["PX", 60_000] if number % 2 else []))
    server.do("CONFIG", "SET", "maxmemory", 0)
    server.do("CONFIG", "SET", "maxmemory-policy", "noeviction")
    for key in server.do("KEYS", "filler:*"):
        server.do("DEL", key)


def promote(field: Field) -> None:
    """A replica that has missed the last writes becomes the server of all. It knows an earlier term of the election."""
    field.stage.known_by_all()
    old = field.server
    network = field.stage.proxy(old.path)
    new = field.stage.server(f"store{len(field.stage.servers)}", "--replicaof", f"127.0.0.1 {network.port}")
    until(lambda: new.info("replication")["master_link_status"] == "up", "replication")
    until(lambda: new.do("EXISTS", TERM), "the record in the replica")
    network.partition()
    if field.draw.random() < 0.7:
        resign(field)
    field.some(0.2, 1.2)
    new.do("REPLICAOF", "NO", "ONE")
    new.args = old.args  # also when it is restarted
    for candidate in field.stage.running():
        assert candidate.proxy
        candidate.proxy.move(new.path)
    old.kill()


# ---- for tests of what must be seen ----


def until_seen(stage: Stage, kinds: set[str], attempt: Callable[[], None]) -> None:
    """Whether it shows in an attempt is the machine's choice; in one of many it does."""
    for _ in range(20):
        attempt()
        if kinds <= stage.so_far().kinds():
            break


# ---- for tests that place what is lost exactly ----


def old_enough(stage: Stage, server: Server) -> None:
    """The grace after a restart is over: it is not this that holds anybody back."""
    until(lambda: int(server.info("server")["uptime_in_seconds"]) * 1000 >= stage.lease.ttl_ms + 2000, "its age")


def cut_off(stage: Stage, leader: Candidate) -> None:
    """It has just renewed, and hears nothing of what comes."""
    assert leader.proxy
    until(lambda: int(stage.store.do("PTTL", LOCK)) > 0.9 * stage.lease.ttl_ms, "a renewal")
    leader.proxy.partition(UP, DOWN)


def first_term(stage: Stage, *options: str, env: dict[str, str] | None = None) -> tuple[Candidate, Server]:
    """An election's first term, which a replica never hears of."""
    master = stage.server("master")
    network = stage.proxy(master.path)
    replica = stage.server("replica", "--replicaof", f"127.0.0.1 {network.port}")
    del stage.servers["replica"]
    stage.servers = {"replica": replica, **stage.servers}  # the master is the store
    until(lambda: replica.info("replication")["master_link_status"] == "up", "replication")
    until(lambda: "state=online" in master.info("replication").get("slave0", ""), "the master to see it")
    old_enough(stage, replica)
    network.partition()
    leader = stage.candidate("a", *options, env=env)
    return leader, replica


ON_CANDIDATES = (pause_leader, pause_leader_briefly, pause_somebody, kill_leader, resign)
ON_CLOCKS = (suspend, step_wall_clock)
ON_NETWORKS = (
    partition_both_ways,
    partition_to_the_server,
    partition_from_the_server,
    partition_and_pause,
    slow_leader,
    drop,
    lose_replies,
    refuse,
)
ON_SERVER = (hang, debug_sleep, client_pause, kill_connections, restart_with_data, restart_with_older_data)
ON_DATA = (restart_without_data, delete_lock, delete_all_of_it, flush, evict, promote)
ALL: tuple[Fault, ...] = (*ON_CANDIDATES, *ON_NETWORKS, *ON_SERVER, *ON_DATA)
