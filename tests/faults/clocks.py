"""Clocks that go wrong: what clock.c reads."""

from __future__ import annotations

import mmap
import os
import pathlib
import struct

DIAL = struct.Struct("=dqq")
S = 1_000_000_000


class Clock:
    """The clock of the processes that get env: rate times as fast as the true one, and moved while they run."""

    def __init__(self, file: pathlib.Path, rate: float = 1.0) -> None:
        file.write_bytes(DIAL.pack(rate, 0, 0))
        self.rate = rate
        with file.open("r+b") as dial:
            self.dial = mmap.mmap(dial.fileno(), DIAL.size)
        self.wall_ns = self.boot_ns = 0
        self.env = {"LD_PRELOAD": os.environ["ELECT_CLOCK"], "ELECT_TEST_CLOCK": str(file)}
        self.env["ASAN_OPTIONS"] = "verify_asan_link_order=0"  # in a build with it: we do come first

    def step_wall(self, seconds: float) -> None:
        """As an administrator does, or NTP at its first answer."""
        self.wall_ns += int(seconds * S)
        struct.pack_into("=q", self.dial, 8, self.wall_ns)

    def suspend(self, seconds: float) -> None:
        """As after a suspend: the clock that runs in it has moved on, and nobody has run."""
        self.boot_ns += int(seconds * S)
        self.step_wall(seconds)
        struct.pack_into("=q", self.dial, 16, self.boot_ns)
