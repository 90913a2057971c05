"""Redis servers of a test's own: on a path, and on a port of this host where that is asked for."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from host import DIES_WITH_US, HANG, free_port, server_program
from resp import Client, RedisError


class Server:
    """Keeps nothing on disk unless it is told to: what it knew is gone when it is killed."""

    def __init__(
        self, folder: pathlib.Path, name: str, env: Mapping[str, str], args: tuple[str, ...] = (), tcp: bool = False
    ) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.path = str(self.folder / "socket")
        self.env = dict(env)
        self.args = args
        self.tcp = tcp
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.frozen = False
        self.admin: Client | None = None
        self.user: tuple[str, ...] = ()  # what the admin says to AUTH
        self.start()

    @property
    def url(self) -> str:
        return f"redis+unix://{self.path}"

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """A port may be taken by another between the moment it is found free and this."""
        end = time.monotonic() + HANG
        while True:
            if self.tcp and not self.port:
                self.port = free_port()
            self._spawn({**self.env, **(env or {})})
            while time.monotonic() < end:
                if self.process and self.process.poll() is not None:
                    break
                with contextlib.suppress(OSError, RedisError, ConnectionError):
                    self.do("PING")
                    return
                time.sleep(0.01)
            log = (self.folder / "log").read_text()[-2000:]
            assert self.tcp and "bind" in log.lower() and time.monotonic() < end, f"no server: {log}"
            self.port = 0

    def _spawn(self, env: Mapping[str, str]) -> None:
        where = ["--unixsocket", self.path, "--port", "0", "--dir", str(self.folder)]
        if self.tcp:
            where += ["--bind", "127.0.0.1"]
            where += ["--tls-port" if "--tls-cert-file" in self.args else "--port", str(self.port)]
        plain = ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*DIES_WITH_US, server_program(self.folder), *where, *plain, *self.args],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def do(self, *words: object) -> Any:
        """A command of the operator's, who does not come by the candidates' network."""
        try:
            self.admin = self.admin or self.open()
            return self.admin.do(*words)
        except OSError:
            self.forget()
            raise

    def forget(self) -> None:
        if self.admin:
            self.admin.close()
        self.admin = None

    def open(self) -> Client:
        """A connection of its own, for a command that is not to be waited for."""
        client = Client(self.path)
        if self.user:
            client.do("AUTH", *self.user)
        return client

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(HANG)
        self.frozen = False
        self.forget()

    def restart(self, data: bool = False) -> None:
        """data: as it is now; else what its last SAVE left there, if it was told to."""
        if data:
            self.do("SAVE")
        self.kill()
        self.start()

    def lose(self) -> None:
        """Restarts without its data."""
        self.kill()
        (self.folder / "dump.rdb").unlink(missing_ok=True)
        self.start()

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def info(self, section: str) -> dict[str, str]:
        lines = self.do("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def commands(self) -> int:
        """How many were run, those of this question not counted."""
        return int(self.info("stats")["total_commands_processed"])
