"""What candidates write down (candidate.h): their questions and their fenced writes, with times of one clock."""

from __future__ import annotations

import mmap
import pathlib
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

RECORD = struct.Struct("=qqQQiHH")
CHECK, LEADS, SILENCE, WRITE = 1, 2, 3, 4
UNKNOWN, ACCEPTED, REFUSED = 0, 1, 2
MS = 1_000_000


class Answer(NamedTuple):
    """The library said that node leads, or that it may finish its work."""

    called_ns: int
    returned_ns: int
    epoch: int  # 0: the lease ended before it could be asked for
    node: str
    leads: bool  # False: draining
    lease_ms: int | None  # None: it was not asked for


class Write(NamedTuple):
    """A write of a leader of epoch to the register."""

    called_ns: int
    returned_ns: int  # 0: the writer was killed before it knew
    epoch: int
    node: str
    outcome: int
    high: int  # REFUSED: the epoch that the register told


class Pause(NamedTuple):
    """The node did not run in between."""

    node: str
    from_ns: int
    to_ns: int


class Sent(NamedTuple):
    """When a command that may take or extend a lease was last passed on for node."""

    node: str
    at_ns: int


@dataclass
class History:
    answers: list[Answer] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    asked: int = 0  # questions, whatever was answered

    def read(self, node: str, path: pathlib.Path) -> None:
        """Takes in what node wrote to path."""
        if not path.exists() or path.stat().st_size == 0:
            return
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            for row in RECORD.iter_unpack(memoryview(view)):
                if row[5] == 0:
                    break
                self._take(node, row)

    def _take(self, node: str, row: tuple[int, ...]) -> None:
        called, returned, epoch, number, lease, kind, answer = row
        if kind == WRITE:
            self.writes.append(Write(called, returned, epoch, node, answer if returned else UNKNOWN, number))
            return
        if kind == SILENCE:
            self.asked += number
            return
        self.asked += kind == CHECK
        if returned:
            known = lease if kind == CHECK else None
            self.answers.append(Answer(called, returned, epoch, node, answer == 1, known))
