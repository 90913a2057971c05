"""Hosts of a test's own, each a network namespace; the wire between them loses, delays, doubles and reorders packets.

A namespace is that of a thread, and of what it starts; it is gone when these are. Needs the right to make some.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import queue
import random
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8913, 0x8914, 0x8916, 0x891C, 0x1
PACKET = 65536


def address(number: int) -> str:
    return f"10.77.0.{number}"


def _up(name: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sH14x", name, 0))
        flags = struct.unpack("16sH14x", answer)[1] | IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", name, flags))


def _open_wire(number: int) -> int:
    """This thread's end of it, which is the one interface of its namespace."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", b"wire", IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for what, text in ((SIOCSIFADDR, address(number)), (SIOCSIFNETMASK, "255.255.255.0")):
            ip = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))
            fcntl.ioctl(any_socket, what, struct.pack("16s", b"wire") + ip)
    _up(b"wire")
    _up(b"lo")
    return fd


class Host:
    """Runs what it is given in its namespace."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.orders: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.fd = -1
        try:
            self.fd = self.run(self._enter)
        except OSError:
            self.close()
            raise

    def _enter(self) -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace can be made")
        return _open_wire(self.number)

    def _run(self) -> None:
        while order := self.orders.get():
            what, answer = order
            try:
                answer.set_result(what())
            except BaseException as error:  # for whoever waits for it
                answer.set_exception(error)

    def run(self, what: Callable[[], T]) -> T:
        answer: Future[T] = Future()
        self.orders.put((what, answer))
        return answer.result(60)

    def close(self) -> None:
        """What it started ends with its thread."""
        self.orders.put(None)
        self.thread.join(20)
        if self.fd >= 0:
            os.close(self.fd)


@dataclass
class Weather:
    """What becomes of the packets of one way."""

    loss: float = 0.0
    delay: float = 0.0  # seconds
    jitter: float = 0.0  # up to so much more; packets overtake each other
    doubled: float = 0.0


class Wire:
    """Carries packets between hosts. Weather is by (from, to); where none is set it is fine."""

    def __init__(self, hosts: list[Host], draw: random.Random) -> None:
        self.fds = {host.number: host.fd for host in hosts}
        self.draw = draw
        self.weather: dict[tuple[int, int], Weather] = {}
        self.carried = self.lost = 0
        self.under_way: list[tuple[float, int, int, bytes]] = []
        self.serial = itertools.count()
        self.over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _take(self, source: int) -> None:
        with contextlib.suppress(OSError):
            packet = os.read(self.fds[source], PACKET)
            if len(packet) < 20 or packet[0] >> 4 != 4 or packet[16:19] != bytes((10, 77, 0)):
                return
            weather = self.weather.get((source, packet[19]), Weather())
            for _ in range(2 if self.draw.random() < weather.doubled else 1):
                if self.draw.random() < weather.loss:
                    self.lost += 1
                    continue
                due = time.monotonic() + weather.delay + self.draw.random() * weather.jitter
                heapq.heappush(self.under_way, (due, next(self.serial), packet[19], packet))

    def _deliver(self) -> float:
        """How long nothing is due."""
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            _, _, target, packet = heapq.heappop(self.under_way)
            if target in self.fds:
                self.carried += 1
                with contextlib.suppress(OSError):
                    os.write(self.fds[target], packet)
        return max(0.0, self.under_way[0][0] - time.monotonic()) if self.under_way else 0.1

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for number, fd in self.fds.items():
                selector.register(fd, selectors.EVENT_READ, number)
            while not self.over:
                for key, _ in selector.select(self._deliver()):
                    self._take(key.data)

    def close(self) -> None:
        self.over = True
        self.thread.join(20)
