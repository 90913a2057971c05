"""A Redis or Valkey server of a test's own, on loopback and on a path, and a client that knows just enough."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from host import DIES_WITH_US, HANG, free_port, server_program


class Refused(Exception):
    """The server's own error, as it came."""


class Client:
    """One connection; commands are words, answers are str, int, None or lists."""

    def __init__(self, path: pathlib.Path | str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(HANG)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()

    def ask(self, *words: object) -> Any:
        texts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(t), t) for t in texts))
        answer = self.read()
        if isinstance(answer, Refused):
            raise answer
        return answer

    def read(self) -> Any:
        line = self.stream.readline()
        if not line:
            raise ConnectionError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            return Refused(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == "-1" else [self.read() for _ in range(int(rest))]
        return rest


class Server:
    """args: of the command line. It answers once this is made."""

    def __init__(self, *args: object, password: str | None = None) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="elect-redis-"))
        self.path = self.folder / "s"
        self.args = [str(arg) for arg in args]
        self.tls = "--tls-cert-file" in self.args
        self.password = password
        if password:
            self.args += ["--requirepass", password]
        for _ in range(5):
            self.port = free_port()
            if self.start():
                break
        else:
            raise AssertionError((self.folder / "log").read_text())
        self.url = f"{'rediss' if self.tls else 'redis'}://127.0.0.1:{self.port}"

    def start(self) -> bool:
        tls, plain = (self.port, 0) if self.tls else (0, self.port)
        fixed = ["--port", plain, "--tls-port", tls, "--bind", "127.0.0.1", "--unixsocket", self.path]
        fixed += ["--dir", self.folder, "--save", "", "--appendonly", "no", "--daemonize", "no"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*DIES_WITH_US, server_program(self.folder), *map(str, fixed), *self.args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            with contextlib.suppress(OSError, Refused):
                self.ask("PING")
                return True
            time.sleep(0.01)
        raise AssertionError(f"the server in {self.folder} does not answer")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def ask(self, *words: object) -> Any:
        """As the default user, on a connection of its own."""
        with Client(self.path) as client:
            if self.password:
                client.ask("AUTH", self.password)
            return client.ask(*words)


@contextlib.contextmanager
def server(*args: object, password: str | None = None) -> Iterator[Server]:
    one = Server(*args, password=password)
    try:
        yield one
    finally:
        one.stop()
