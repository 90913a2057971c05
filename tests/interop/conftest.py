"""Mixed fleets: candidates of libelect and others in one election, on a real server. Ours have the rights that the page
on Redis gives them, and no others."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from harness import Process, overlaps

sys.path += [str(pathlib.Path(__file__).parents[1] / folder) for folder in ("cli", "faults")]
from redis_stage import PAGE, Server, least, page_rights  # noqa: E402

CANDIDATE = os.environ["ELECT_CANDIDATE"]
PEER = os.environ["ELECT_PEER"]


def least_url(server, *layouts):
    """Of a user with the page's rights: to the keys and channels of these layouts, and to its commands."""
    rows = (re.search(rf"^\| `{layout}` \|.*\| `([^`]*)` \|$", PAGE, re.MULTILINE)[1] for layout in layouts)
    commands = (word for word in page_rights() if word[0] in "+-")
    return least(server, *" ".join(rows).split(), *commands)


class Fleet:
    """One layout's election: how a candidate of libelect stands in it, and how a peer does.

    ttl: long enough to be kept on a busy machine, short enough to be waited out."""

    def __init__(self, server, kind, ttl="3s", retry="100ms"):
        self.server, self.kind, self.ttl, self.retry = server, kind, ttl, retry
        self.address = f"127.0.0.1:{server.port}"
        self.processes = []
        self.layout = "plain" if kind in ("redislock", "redsync") else kind
        self.lock, self.epoch, self.options, self.flags = getattr(self, self.layout.replace("-", "_"))()
        self.url = least_url(server, self.layout)

    def plain(self):
        key = "app-lock"
        return key, f"{{{key}}}:epoch", ["layout=plain", "name=jobs", f"lock_key={key}"], ["-key", key]

    def maplefile(self):
        key = "maplefile:leader:lock"
        return key, f"{{{key}}}:epoch", ["layout=maplefile", "name=jobs"], ["-key", key]

    def elector(self):
        return "job:{election}:leader", "job:{election}:epoch", ["layout=elector", "name=job"], ["-key", "job"]

    def go_leader(self):
        name = "io.vito.myServiceName"
        key = "leader:QIXXSNBBCT7UTX2L74L5P7DP6XIOD7MM"
        return key, f"{{{key}}}:epoch", ["layout=go-leader", f"name={name}"], ["-key", name]

    def started(self, process):
        self.processes.append(process)
        process.wait_for("standing")
        return process

    def candidate(self, instance_id, *options):
        """Of libelect."""
        return self.started(
            Process(
                CANDIDATE,
                f"store={self.url}",
                f"instance_id={instance_id}",
                f"lock_ttl={self.ttl}",
                f"retry_interval={self.retry}",
                "restart_grace=0",
                "log_level=warn",
                *self.options,
                *options,
            )
        )

    def peer(self, instance_id, *flags):
        times = ["-ttl", self.ttl, "-retry", self.retry]
        own = [] if self.kind in ("redislock", "redsync", "go-leader") else ["-id", instance_id]
        return self.started(
            Process(PEER, "-kind", self.kind, "-redis", self.address, *times, *own, *self.flags, *flags)
        )

    def either(self, ours, instance_id):
        return self.candidate(instance_id) if ours else self.peer(instance_id)

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.end()

    def never_two(self):
        assert overlaps(self.processes) == []


@pytest.fixture(scope="session")
def server():
    one = Server()
    yield one
    one.stop()


@pytest.fixture
def fleets(server):
    """fleets(kind, ...): on a server that holds nothing."""
    made = []

    def make(kind, **more):
        server.ask("FLUSHALL")
        made.append(Fleet(server, kind, **more))
        return made[-1]

    yield make
    for fleet in made:
        fleet.end()
