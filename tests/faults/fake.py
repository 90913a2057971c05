"""Servers that are none: what no real one would do."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import threading
import time
from collections.abc import Callable

MOST = 512 << 20  # bytes that a connection is sent at most

Answer = Callable[[socket.socket], None]


def say(*parts: bytes) -> Answer:
    def answer(client: socket.socket) -> None:
        client.recv(65536)
        for part in parts:
            client.sendall(part)

    return answer


def for_ever(head: bytes, part: bytes) -> Answer:
    def answer(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(head)
        for _ in range(MOST // len(part)):
            client.sendall(part)

    return answer


def hang_up(client: socket.socket) -> None:
    del client


def end_at_once(client: socket.socket) -> None:
    client.recv(65536)
    client.close()


class Fake:
    """Does the same to everyone who connects, and counts them."""

    def __init__(self, path: pathlib.Path, answer: Answer) -> None:
        self.path = str(path)
        self.answer = answer
        self.met = 0
        self.over = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.listener.settimeout(0.1)
        self.threads: list[threading.Thread] = [threading.Thread(target=self._listen)]
        self.threads[0].start()

    def _listen(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self.listener.accept()
                self.met += 1
                self.threads.append(threading.Thread(target=self._serve, args=(client,)))
                self.threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        """The answer, then silence until the other hangs up."""
        with client, contextlib.suppress(OSError):
            client.settimeout(1)
            self.answer(client)
            while not self.over.is_set():
                with contextlib.suppress(TimeoutError):
                    if not client.recv(65536):
                        return
                time.sleep(0.01)

    def close(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(20)
        self.listener.close()
