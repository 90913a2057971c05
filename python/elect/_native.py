"""The C library, and what all modules do with it."""

from __future__ import annotations

import sys
from typing import Any

if "t" in sys.abiflags:  # 3.13 would load these modules, for which its objects have another layout
    raise ImportError("libelect is not for free-threaded Pythons yet: its modules need the stable ABI")

from elect._elect import ffi, lib  # noqa: E402

__all__ = ["ffi", "lib", "named", "text"]


def text(chars: Any) -> str:
    """A string of the library's, which is UTF-8 but for what a store may hold."""
    found: bytes = ffi.string(chars)
    return found.decode("utf-8", "replace")


def named(string: str) -> bytes:
    """A string for the library, in which a zero byte would be its end."""
    if "\0" in string:
        raise ValueError("a text must not hold a zero byte")
    return string.encode()
