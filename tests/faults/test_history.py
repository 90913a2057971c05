"""A minute of all faults at random, over and over: no two lead, no answer is stale, the register never goes back.

ELECT_TEST_SEED=N repeats the choice of faults, not what the machine makes of it.
"""

from __future__ import annotations

import os
import random
import threading
import time

import faults
import pytest
from clocks import Clock
from faults import Field
from stage import Stage

ROUND = 60.0
RATES = (1.0, 0.95, 1.05)
# These start no process and ask no server as its operator: they may come while another fault is under way.
BESIDE = (
    faults.pause_leader,
    faults.pause_somebody,
    faults.partition_both_ways,
    faults.partition_from_the_server,
    faults.slow_leader,
    faults.lose_replies,
)
ANY = (*faults.ALL, *faults.ON_CLOCKS)


def seconds() -> float:
    return max(ROUND * float(os.environ.get("ELECT_TEST_SCALE") or 1), 10)


def prepare(stage: Stage, draw: random.Random) -> Field:
    stage.server()
    field = Field(stage, draw)
    stage.lease.rate = min(RATES)
    stage.candidate("c0")
    for i, rate in enumerate(RATES, 1):
        clock = field.clocks[f"c{i}"] = Clock(stage.folder / f"c{i}.clock", rate)
        stage.candidate(f"c{i}", env=clock.env)
    return field


def one_step(field: Field) -> None:
    """A fault, or two at once; then time in which somebody leads."""
    draw = field.draw
    chosen = [draw.choice(ANY)]
    if draw.random() < 0.3:
        chosen.append(draw.choice(BESIDE))
    print(f"{(time.monotonic_ns() - field.began_ns) / 1e9:6.2f} s  {', '.join(fault.__name__ for fault in chosen)}")
    failed: list[BaseException] = []

    def beside() -> None:
        try:
            chosen[1](field)
        except BaseException as error:  # to be raised where pytest sees it
            failed.append(error)

    if len(chosen) == 2:
        other = threading.Thread(target=beside)
        other.start()
        chosen[0](field)
        other.join()
    else:
        chosen[0](field)
    if failed:
        raise failed[0]
    field.leader()
    field.some(0.0, 1.0)


@pytest.mark.parametrize("which", [1, 2])
def test_history(which: int) -> None:
    over = time.monotonic() + seconds()
    first = int(os.environ.get("ELECT_TEST_SEED") or random.randrange(1 << 32)) + which
    number = 0
    while time.monotonic() < over:
        seed = first + 2 * number
        number += 1
        print(f"ELECT_TEST_SEED={seed - which}, history {which}:")
        one_round(seed, min(over, time.monotonic() + ROUND))


def one_round(seed: int, over: float) -> None:
    stage = Stage()
    try:
        field = prepare(stage, random.Random(seed))
        steps = 0
        while time.monotonic() < over:
            one_step(field)
            steps += 1
        verdict = stage.verdict()
        print(verdict)
        assert not verdict.violations(), verdict.violations()
        assert verdict.changes >= steps / 5 and verdict.accepted > 100, "hardly anything happened"
    finally:
        stage.close()
