"""A stage for each test that asks for one, and nothing left of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    one = Stage()
    try:
        yield one
    finally:
        one.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that none of them is waited for at the end."""
    items.sort(key=lambda item: item.path.name not in ("test_history.py", "test_packets.py"))
