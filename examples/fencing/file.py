#!/usr/bin/env python3
"""A file that refuses leaders of the past: file.py PATH EPOCH <content.

PATH.fence holds the highest epoch that has written, and its lock keeps two writers out of each other's way.
The file is replaced as a whole: a reader sees what one leader wrote, never a part of it.

    elect run billing -- sh -c './report | ./file.py report.txt "$ELECT_EPOCH"'
"""

import contextlib
import fcntl
import os
import pathlib
import sys


class Fenced(Exception):
    """A leader of a later term has been here: this one leads no more."""


def sync_folder(path):
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def term(path, epoch):
    """Nobody else of this file's leaders is at work meanwhile; or Fenced."""
    fence = os.open(f"{path}.fence", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fence, fcntl.LOCK_EX)
        highest = int(os.pread(fence, 64, 0) or 0)
        if highest > epoch:
            raise Fenced(f"{path}: epoch {epoch} is of the past, {highest} has written")
        if highest < epoch:
            # One line of constant width, written over the old: a crash leaves one or the other.
            os.pwrite(fence, b"%016d\n" % epoch, 0)
            os.fsync(fence)
        yield
    finally:
        os.close(fence)


def write(path, epoch, content):
    path = pathlib.Path(path)
    with term(path, epoch):
        fresh = pathlib.Path(f"{path}.{epoch}.new")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path)


if __name__ == "__main__":
    try:
        write(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer.read())
    except Fenced as error:
        sys.exit(str(error))
