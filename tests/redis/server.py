"""A Redis or Valkey server of a test's own, on loopback and on a path, and a client that knows just enough."""

import contextlib
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time

HANG = 60


class Refused(Exception):
    """The server's own error, as it came."""


class Client:
    """One connection; commands are words, answers are str, int, None or lists."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(HANG)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def ask(self, *words):
        texts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(t), t) for t in texts))
        answer = self.read()
        if isinstance(answer, Refused):
            raise answer
        return answer

    def read(self):
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


def program(folder):
    """The servers of distributions are one program of several names, of which the package of tools has one."""
    kind = os.environ.get("ELECT_TEST_SERVER") or "redis"
    found = shutil.which(f"{kind}-server") or shutil.which(f"{kind}-check-rdb")
    assert found, f"neither {kind}-server nor {kind}-check-rdb is in PATH: install the package {kind}-tools"
    link = folder / f"{kind}-server"
    if not link.is_symlink():
        link.symlink_to(found)
    return link


def free_port():
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """args: of the command line. It answers once this is made."""

    def __init__(self, *args, password=None):
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

    def start(self):
        tls, plain = (self.port, 0) if self.tls else (0, self.port)
        fixed = ["--port", plain, "--tls-port", tls, "--bind", "127.0.0.1", "--unixsocket", self.path]
        fixed += ["--dir", self.folder, "--save", "", "--appendonly", "no", "--daemonize", "no"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program(self.folder), *map(str, fixed), *self.args],
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

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def ask(self, *words):
        """As the default user, on a connection of its own."""
        with Client(self.path) as client:
            if self.password:
                client.ask("AUTH", self.password)
            return client.ask(*words)


@contextlib.contextmanager
def server(*args, **more):
    one = Server(*args, **more)
    try:
        yield one
    finally:
        one.stop()
