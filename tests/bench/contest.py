"""An election of one system: how its candidates are started, and how long it takes them to change places."""

import base64
import dataclasses
import hashlib
import random
import time

from harness import Process
from server import Server


@dataclasses.dataclass
class Programs:
    bench: str
    candidate: str
    peer: str


def go(seconds):
    """A duration as Go and libelect read it."""
    return f"{round(seconds * 1000)}ms"


@dataclasses.dataclass
class System:
    """retry_s: how long it waits between tries with its own defaults; woken: it does not."""

    name: str
    ttl_s: float
    renew: float  # share of the TTL
    retry_s: float = 0.0
    woken: bool = False

    def lock(self, name):
        if self.name == "libelect":
            return f"elect:{{{name}}}:leader"
        if self.name == "go-leader":
            return "leader:" + base64.b32encode(hashlib.sha1(name.encode()).digest()).decode()
        return name


LIBELECT = System("libelect", 10, 0.3, woken=True)
# redislock has no defaults: TTL and pauses of libelect. redsync pauses 50 to 250 ms. go-leader: those of its README.
PEERS = [System("redislock", 10, 1 / 3, 2), System("redsync", 8, 1 / 3, 0.25), System("go-leader", 5, 1 / 2, 10)]
RETRY = 0.2  # share of the TTL, where a TTL is given


@dataclasses.dataclass
class Contest:
    programs: Programs
    system: System
    server: Server
    name: str
    ttl_s: float = 0.0  # 0: the system's own defaults

    @property
    def ttl(self):
        return self.ttl_s or self.system.ttl_s

    @property
    def retry(self):
        return self.ttl_s * RETRY or self.system.retry_s

    def start(self, number):
        """The candidate of this number, which stands when this returns."""
        if self.system.woken:
            times = [f"lock_ttl={go(self.ttl_s)}"] if self.ttl_s else []
            store = f"store={self.server.url}?restart_grace=0"
            process = Process(self.programs.candidate, store, f"name={self.name}", f"instance_id=i{number}", *times)
        else:
            # Told nothing, redsync draws its pauses.
            own_pauses = self.system.name == "redsync" and not self.ttl_s
            times = ["-ttl", go(self.ttl)] + ([] if own_pauses else ["-retry", go(self.retry)])
            where = ["-redis", f"127.0.0.1:{self.server.port}", "-key", self.name]
            process = Process(self.programs.peer, "-kind", self.system.name, *where, *times)
        process.wait_for("standing")
        return process

    def lead(self):
        leader = self.start(0)
        leader.wait_for("elected")
        return leader

    def follow(self, number):
        """One that waits for its turn: at a random time of its round of tries, where it makes such."""
        follower = self.start(number)
        if self.system.woken:
            follower.wait_for("sees")
        else:
            time.sleep(0.05 + random.random() * self.retry)
        return follower

    def hand_over(self, rounds):
        """Milliseconds from the leader's decision to stop until the follower knows that it leads."""
        leader = self.lead()
        samples = []
        for number in range(1, rounds + 1):
            follower = self.follow(number)
            leader.stop()
            samples.append((follower.wait_for("elected")["at"] - leader.named("stopping")[0]["at"]) / 1e6)
            leader = follower
        leader.crash()
        return samples

    def die(self, rounds):
        """Milliseconds from SIGKILL until the follower knows that it leads, and those of them after the lease's end."""
        leader = self.lead()
        samples = []
        for number in range(1, rounds + 1):
            time.sleep(random.random() * self.retry)  # or its tries would keep step with the lease
            follower = self.follow(number)
            time.sleep(random.random() * self.ttl * self.system.renew)
            leader.crash()
            end_ms = self.server.ask("PEXPIRETIME", self.system.lock(self.name))
            assert end_ms > 0, "the lock was gone before its time"
            end = end_ms * 10**6 - (time.time_ns() - time.monotonic_ns())
            at = follower.wait_for("elected")["at"]
            samples.append(((at - leader.killed_at) / 1e6, (at - end) / 1e6))
            leader = follower
        leader.crash()
        return samples
