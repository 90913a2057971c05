"""As much of Redis' protocol as tests speak: requests, and replies by a blocking client."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

CRLF = b"\r\n"


class RedisError(Exception):
    """An error reply."""


def encode(*words: object) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)])


def take_request(buffer: bytes) -> tuple[list[bytes] | None, bytes]:
    """The first whole request of buffer, or None, and the rest. Only arrays of strings are sent by clients."""
    line, mark, rest = buffer.partition(CRLF)
    if not mark or not line.startswith(b"*"):
        return None, buffer
    words = []
    for _ in range(int(line[1:])):
        head, mark, rest = rest.partition(CRLF)
        length = int(head[1:]) if mark else 0
        if not mark or len(rest) < length + 2:
            return None, buffer
        words.append(rest[:length])
        rest = rest[length + 2 :]
    return words, rest


class Client:
    """One connection; strings are answered as text."""

    def __init__(self, address: str | tuple[str, int], timeout: float = 20.0) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(address)
        except BaseException:
            self.socket.close()
            raise
        self.stream = self.socket.makefile("rb")

    def send(self, *words: object) -> None:
        self.socket.sendall(encode(*words))

    def read(self) -> Any:
        line = self.stream.readline()
        if not line.endswith(CRLF):
            raise ConnectionError("the server has hung up")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"+":
            return text
        if kind == b"-":
            raise RedisError(text)
        if kind == b":":
            return int(text)
        if kind == b"$":
            return self.stream.read(int(text) + 2)[:-2].decode() if text != "-1" else None
        return [self.read() for _ in range(int(text))] if text != "-1" else None

    def do(self, *words: object) -> Any:
        self.send(*words)
        return self.read()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
            self.socket.close()
