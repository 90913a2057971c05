"""What the tests of elect.aio share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import elect.aio
from host import HANG


def go(main: Callable[[], Coroutine[Any, Any, object]]) -> object:
    async def guarded() -> object:
        return await asyncio.wait_for(main(), HANG)

    return asyncio.run(guarded())


def one(**options: Any) -> elect.aio.LeaderElection:
    return elect.aio.LeaderElection("job", **{"store": "memory:", **options})


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, "it hangs"
        await asyncio.sleep(0.005)
