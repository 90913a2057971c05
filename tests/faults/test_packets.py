"""Packets that are lost, late, doubled and out of order, between hosts of which each has a network of its own."""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Iterator

import pytest
from network import Host, Weather, Wire, address
from stage import PASSWORD, USER, Stage

STORE, PORT = 100, 7000
SECONDS = 20.0
SEEN = (
    Weather(),
    Weather(loss=0.1),
    Weather(loss=0.3, jitter=0.05),
    Weather(delay=0.05, jitter=0.3, doubled=0.2),
    Weather(delay=0.4),
    Weather(loss=0.6),
    Weather(loss=1.0),
)


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    made: list[Host] = []
    try:
        try:
            made.extend(Host(number) for number in (1, 2, 3, STORE))
        except OSError as error:
            pytest.skip(f"this machine lets nobody make hosts: {error}")
        yield made
    finally:
        for host in made:
            host.close()


def test_packets(stage: Stage, hosts: list[Host]) -> None:
    seed = int(os.environ.get("ELECT_TEST_SEED") or random.randrange(1 << 32))
    print(f"ELECT_TEST_SEED={seed}")
    draw = random.Random(seed)
    wire = Wire(hosts, draw)
    try:
        bind = ("--bind", address(STORE), "--port", str(PORT), "--protected-mode", "no")
        hosts[-1].run(lambda: stage.server("store", *bind))
        url = f"redis://{USER}:{PASSWORD}@{address(STORE)}:{PORT}"
        stage.register()
        for host in hosts[:-1]:
            host.run(functools.partial(stage.candidate, f"c{host.number}", store=url))
        end = time.monotonic() + SECONDS * float(os.environ.get("ELECT_TEST_SCALE") or 1)
        steps = 0
        while time.monotonic() < end or steps < 3:
            number = int(stage.await_leader().name[1:])
            to, back = draw.choice(SEEN), draw.choice(SEEN)
            wire.weather = {**wire.weather, (number, STORE): to, (STORE, number): back}
            time.sleep(draw.uniform(0.5, 2.5))
            if draw.random() < 0.5 or len(wire.weather) > 2:
                wire.weather = {}
            steps += 1
        wire.weather = {}
        stage.await_leader()
        verdict = stage.verdict()
        print(f"{steps} steps, {wire.carried} packets carried, {wire.lost} lost; {verdict}")
        assert not verdict.violations(), verdict.violations()
        assert verdict.terms >= 3 and wire.lost > 20, "hardly anything happened"
    finally:
        wire.close()
