"""A network of a test's own: a proxy in front of a server for each candidate, to be cut, slowed and made to lose.

What is held back while it is cut is passed on when it heals, as TCP does: a command may arrive long after it was sent.
"""

from __future__ import annotations

import collections
import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable

from resp import take_request

UP, DOWN = "up", "down"  # to the server, to the candidate
CHUNK = 65536
EXTENDING = (b"EVALSHA", b"EVAL", b"FCALL", b"SET")


class Flow:
    """One direction of a connection: what was read, and when it may be written."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self.ready = bytearray()
        self.ended = False


class Link:
    """One connection of the candidate's and that to the server."""

    def __init__(self, near: socket.socket) -> None:
        self.near = near
        self.far: socket.socket | None = None
        self.flows = {UP: Flow(UP), DOWN: Flow(DOWN)}
        self.unread = b""  # of a request that is not whole yet
        self.dead = False

    def source(self, way: str) -> socket.socket | None:
        return self.near if way == UP else self.far

    def sink(self, way: str) -> socket.socket | None:
        return self.far if way == UP else self.near


def make_abortive(connection: socket.socket) -> None:
    """Its close will be a reset: what was sent and not read is lost."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Proxy:
    """Everything is done by one thread; what others set is looked at in its next round."""

    def __init__(self, target: str | tuple[str, int]) -> None:
        self.target = target
        self.cut: set[str] = set()
        self.refusing = False
        self.delay = {UP: 0.0, DOWN: 0.0}
        self.swallow = 0  # so many replies that come next are lost, each with its connection
        self.accepted = 0
        self.requests: collections.Counter[str] = collections.Counter()
        self.sent: list[int] = []  # when commands that may extend a lease were passed on; monotonic ns
        self.links: list[Link] = []
        self.orders: collections.deque[Callable[[], None]] = collections.deque()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.waker, self.wakened = socket.socketpair()
        self.wakened.setblocking(False)
        self.over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __str__(self) -> str:
        """Where it stands, for whom a test failed."""
        lines = [
            f"to {self.target}, cut {self.cut}, refusing {self.refusing}, delay {self.delay}, {self.swallow} to lose"
        ]
        for link in self.links:
            flows = [(f.way, len(f.waiting), len(f.ready), f.ended) for f in link.flows.values()]
            lines.append(f"{link.near.fileno()} to {link.far and link.far.fileno()}: {flows}")
        return "; ".join([*lines, str(dict(self.requests))])

    # ---- what tests say ----

    def _order(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def order() -> None:
            what()
            done.set()

        self.orders.append(order)
        self.waker.send(b"!")
        assert done.wait(20), "the proxy hangs"

    def partition(self, *ways: str) -> None:
        """Nothing goes these ways any more; without an argument neither."""
        self._order(lambda: self.cut.update(ways or (UP, DOWN)))

    def heal(self) -> None:
        def healed() -> None:
            self.cut.clear()
            self.refusing = False
            self.delay = {UP: 0.0, DOWN: 0.0}

        self._order(healed)

    def slow(self, way: str, seconds: float) -> None:
        self._order(lambda: self.delay.update({way: seconds}))

    def drop(self) -> None:
        """Resets all connections."""
        self._order(self._end_all)

    def deaden(self) -> None:
        """The connections that there are swallow all that comes, and are never closed; new ones work."""

        def deadened() -> None:
            for link in self.links:
                link.dead = True

        self._order(deadened)

    def refuse(self) -> None:
        """Resets all connections, and each new one at once."""

        def refused() -> None:
            self.refusing = True
            self._end_all()

        self._order(refused)

    def lose_reply(self) -> None:
        """What the server answers next is lost, and the connection with it: the command was run."""
        self._order(lambda: setattr(self, "swallow", self.swallow + 1))

    def move(self, target: str | tuple[str, int]) -> None:
        """Another server is behind it from now on; connections to the old one end."""

        def moved() -> None:
            self.target = target
            self._end_all()

        self._order(moved)

    def close(self) -> None:
        if not self.over:
            self.over = True
            self.waker.send(b"!")
            self.thread.join(20)
            self.waker.close()

    # ---- the thread ----

    def _end(self, link: Link, orderly: bool = False) -> None:
        if link in self.links:
            self.links.remove(link)
        for connection in (link.near, link.far):
            if connection and not orderly:
                make_abortive(connection)
            if connection:
                connection.close()

    def _end_all(self) -> None:
        for link in list(self.links):
            self._end(link)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            near, _ = self.listener.accept()
            self.accepted += 1
            if self.refusing:
                make_abortive(near)
                near.close()
                return
            near.setblocking(False)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.links.append(Link(near))

    def _connect(self, link: Link) -> None:
        """Behind a cut there is nobody to connect to."""
        family = socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET
        far = socket.socket(family, socket.SOCK_STREAM)
        try:
            far.settimeout(1)
            far.connect(self.target)
            far.setblocking(False)
            link.far = far
        except OSError:
            far.close()
            self._end(link)

    def _note(self, link: Link, data: bytes) -> None:
        """Counts requests; those in TLS can't be read and are not."""
        link.unread += data
        while link.unread.startswith(b"*"):
            words, link.unread = take_request(link.unread)
            if words is None:
                return
            name = words[0].upper()
            self.requests[name.decode(errors="replace")] += 1
            if name in EXTENDING:
                self.sent.append(time.monotonic_ns())
        link.unread = b""

    def _read(self, link: Link, way: str) -> None:
        source, flow = link.source(way), link.flows[way]
        if not source:
            return
        try:
            data = source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            flow.ended = True
        elif way == DOWN and self.swallow and not data.startswith(b"*3\r\n$9\r\nsubscribe"):
            self.swallow -= 1
            self._end(link)
        else:
            flow.waiting.append((time.monotonic() + self.delay[way], data))

    def _write(self, link: Link, way: str, now: float) -> None:
        sink, flow = link.sink(way), link.flows[way]
        if way in self.cut or link.dead or not sink:
            return
        while flow.waiting and flow.waiting[0][0] <= now:
            data = flow.waiting.popleft()[1]
            if way == UP:
                self._note(link, data)
            flow.ready += data
        try:
            while flow.ready:
                del flow.ready[: sink.send(flow.ready)]
        except BlockingIOError:
            return
        except OSError:
            self._end(link)
            return
        if flow.ended and not flow.waiting:
            self._end(link, orderly=True)

    def _round(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for link in list(self.links):
            if not link.far and not self.cut:
                self._connect(link)
            for way in (UP, DOWN):
                if link in self.links:
                    self._write(link, way, now)
        known = {key.fileobj for key in selector.get_map().values()} - {self.listener, self.wakened}
        wanted = {}
        for link in self.links:
            for way in (UP, DOWN):
                source = link.source(way)
                if source and way not in self.cut and not link.flows[way].ended:
                    wanted[source] = (link, way)
        for gone in known - wanted.keys():
            selector.unregister(gone)
        for source, what in wanted.items():
            if source in known:
                selector.modify(source, selectors.EVENT_READ, what)
            else:
                selector.register(source, selectors.EVENT_READ, what)

    def _pause(self) -> float | None:
        dues = [
            flow.waiting[0][0]
            for link in self.links
            for flow in link.flows.values()
            if flow.waiting and flow.way not in self.cut
        ]
        stuck = any(flow.ready for link in self.links for flow in link.flows.values())
        if stuck:
            return 0.01
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            selector.register(self.wakened, selectors.EVENT_READ)
            while not self.over:
                self._round(selector)
                for key, _ in selector.select(self._pause()):
                    if key.fileobj is self.listener:
                        self._accept()
                    elif key.fileobj is self.wakened:
                        self.wakened.recv(CHUNK)
                    elif key.data[0] in self.links:
                        self._read(*key.data)
                while self.orders:
                    self.orders.popleft()()
        self._end_all()
        self.listener.close()
        self.wakened.close()
