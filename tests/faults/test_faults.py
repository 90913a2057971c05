"""One fault at a time: never two leaders, never a stale answer, and somebody leads again after it."""

from __future__ import annotations

import random
from collections.abc import Callable

import faults
import pytest
from faults import Fault, Field
from stage import Stage

# A term does not outlive these; it may outlive the others, which are over sooner or leave its lock.
ENDS_A_TERM = (
    faults.pause_leader,
    faults.kill_leader,
    faults.resign,
    faults.partition_both_ways,
    faults.partition_to_the_server,
    faults.partition_from_the_server,
    faults.partition_and_pause,
    faults.restart_without_data,
    faults.delete_lock,
    faults.delete_all_of_it,
    faults.flush,
)


@pytest.fixture
def field(stage: Stage) -> Field:
    stage.server()
    stage.three()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return Field(stage, random.Random(seed))


def name_of(fault: Callable[..., None]) -> str:
    return fault.__name__


@pytest.mark.parametrize("fault", faults.ALL, ids=name_of)
def test_no_two_lead(field: Field, fault: Fault) -> None:
    field.some(0, 1)
    for _ in range(2):
        epoch = field.leader().term()
        fault(field)
        field.stage.await_leader(epoch if fault in ENDS_A_TERM else 0)
        field.some(0.3, 1.0)
    verdict = field.stage.verdict()
    print(verdict)
    assert not verdict.violations(), verdict.violations()
    assert verdict.accepted > 0
