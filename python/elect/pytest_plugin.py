"""A fixture for pytest, there once libelect is installed: ``def test_mine(elect_store): ...``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from elect.testing import MemoryStore


@pytest.fixture
def elect_store() -> Iterator[MemoryStore]:
    """A store in memory, whose clock and faults the test commands."""
    from elect.testing import MemoryStore  # noqa: PLC0415, tests that don't elect need not load the library

    store = MemoryStore()
    yield store
    store.close()
