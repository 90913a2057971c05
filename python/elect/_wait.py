"""How a user's thread waits: in slices, between which Ctrl-C is heard also when it came just before one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SLICE_MS = 50  # the longest that a wait goes on unheard


def in_slices(wait: Callable[[float | None], bool], timeout: float | None = None) -> bool:
    """Calls wait(seconds) until that is True, or timeout seconds have passed. Signals come to the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        return wait(timeout)
    end = float("inf") if timeout is None else time.monotonic() + timeout
    while not wait(max(0.0, min(SLICE_MS / 1000, end - time.monotonic()))):
        if time.monotonic() >= end:
            return False
    return True
