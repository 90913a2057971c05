"""Candidates, each behind a network of its own, on one server; and what they wrote down.

What a test starts bears a mark in its environment, which whatever descends from it inherits: after the test nothing
that bears it may be left. Times here are guards against hangs, never measures.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import checker
from history import History, Pause, Sent
from host import DIES_WITH_US, HANG, marked, until
from proxy import Proxy
from servers import Server

HERE = pathlib.Path(__file__).parent
GUARD = """local high = redis.call('GET', KEYS[1])
if high and tonumber(high) > tonumber(ARGV[1]) then return redis.error_reply('FENCED ' .. high) end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return 1"""
USER, PASSWORD = "elect", "least"
NO_GUARD = "redis.call('SET', KEYS[2], ARGV[2]) return 1"  # a planted bug: writes are not fenced


def rights() -> list[str]:
    """What the documents grant to candidates, and nothing more; as words of the server's command line."""
    page = (HERE.parents[1] / "docs" / "redis.md").read_text()
    line = re.search(r"^    ACL SETUSER elect on >PASSWORD (.*)$", page, re.MULTILINE)
    assert line, "docs/redis.md has no line of rights"
    return ["--user", USER, "on", f">{PASSWORD}", *line[1].split()]


@dataclass
class Event:
    at_ns: int
    word: str
    rest: str

    @property
    def epoch(self) -> int:
        return int(self.rest.split()[0])


class Candidate:
    """A process of faults_candidate; its lines are read as they come."""

    def __init__(self, stage: Stage, name: str, argv: list[str], env: dict[str, str], proxy: Proxy | None) -> None:
        self.name = name
        self.proxy = proxy
        self.events: list[Event] = []
        self.changed = threading.Condition()
        self.stopped = False
        self.pausing = threading.Lock()
        self.complaints = stage.folder / f"{name}.stderr"
        self.began_ns = time.monotonic_ns()
        with self.complaints.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*DIES_WITH_US, *argv],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
            )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            at, word, rest = [*line.rstrip("\n").split(" ", 2), ""][:3]
            with self.changed:
                self.events.append(Event(int(at), word, rest))
                self.changed.notify_all()

    # ---- what it said ----

    def said(self, word: str, after_ns: int = 0, containing: str = "") -> list[Event]:
        with self.changed:
            return [e for e in self.events if e.word == word and e.at_ns > after_ns and containing in e.rest]

    def await_(self, word: str, after_ns: int = 0, containing: str = "") -> Event:
        end = time.monotonic() + HANG
        with self.changed:
            while True:
                for event in self.events:
                    if event.word == word and event.at_ns > after_ns and containing in event.rest:
                        return event
                left = end - time.monotonic()
                heard = [f"{e.word} {e.rest}" for e in self.events][-20:]
                assert left > 0 and self.process.poll() is None, f"{self.name}: no {word} {containing}: {heard}"
                self.changed.wait(min(left, 1))

    def term(self) -> int:
        """The epoch of the term that it was told of and not yet told the end of; 0: none."""
        with self.changed:
            for event in reversed(self.events):
                if event.word in ("elected", "lost"):
                    return event.epoch if event.word == "elected" else 0
        return 0

    def saw(self, name: str, epoch: int) -> bool:
        """Is what it was last told of the leader that name leads in epoch?"""
        with self.changed:
            last = next((event for event in reversed(self.events) if event.word == "leader"), None)
        return last is not None and last.rest == f"{name} {epoch}"

    # ---- what is done to it ----

    def tell(self, order: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(order + "\n")

    def ask(self, order: str) -> Event:
        """An order's answer bears its name."""
        now = time.monotonic_ns()
        self.tell(order)
        return self.await_(order.partition(" ")[0], now)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        self.stopped = True

    def stands_still(self) -> bool:
        """Stopped; or killed by somebody else meanwhile."""
        try:
            stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        except FileNotFoundError:
            return True
        return stat.rpartition(")")[2].split()[0] in "TZ"

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.stopped = False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(HANG)
        self.stopped = False

    def end(self) -> int:
        if self.stopped:
            self.resume()
        assert self.process.stdin
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            code = self.process.wait(HANG)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end") from None
        self.reader.join(HANG)
        return code


class Stage:
    """A test's folder, servers, networks and candidates. All of it ends with close()."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="elect-faults-"))
        self.mark = f"ELECT_TEST_MARK={uuid.uuid4().hex}"
        ours = ("LEADER_ELECTION_", "ELECT_", "KUBERNETES", "FAKETIME", "LD_PRELOAD")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        self.env["HOME"] = str(self.folder)
        key, value = self.mark.split("=")
        self.env[key] = value
        self.servers: dict[str, Server] = {}
        self.proxies: list[Proxy] = []
        self.candidates: dict[str, Candidate] = {}
        self.pauses: list[Pause] = []
        self.lease = checker.Lease(1000, 100)
        self.guard = GUARD
        self.program = [os.environ["ELECT_CANDIDATE"]]  # of the candidates to come
        self.command = os.environ["ELECT_COMMAND"]

    # ---- what stands on it ----

    def server(self, name: str = "store", *args: str, tcp: bool = False, env: dict[str, str] | None = None) -> Server:
        server = Server(self.folder, name, {**self.env, **(env or {})}, (*rights(), *args), tcp)
        self.servers[name] = server
        return server

    @property
    def store(self) -> Server:
        """The server that candidates use: the newest that is not the register."""
        return next(s for name, s in reversed(self.servers.items()) if name != "register")

    def proxy(self, target: str | tuple[str, int]) -> Proxy:
        proxy = Proxy(target)
        self.proxies.append(proxy)
        return proxy

    def register(self) -> tuple[str, str]:
        """The register that leaders write to, which nothing happens to: its path, and its script."""
        server = self.servers.get("register") or self.server("register")
        return server.path, server.do("SCRIPT", "LOAD", self.guard)

    def candidate(
        self, name: str, *more: str, store: str = "", env: dict[str, str] | None = None, records: bool = True
    ) -> Candidate:
        """Stands at once; as the user of the documents and behind a network of its own, unless store says otherwise.

        more: its options and ours.
        """
        proxy = next((each for each in self.proxies if f":{each.port}" in store), None)
        if not store:
            proxy = self.proxy(self.store.path)
            store = f"redis://{USER}:{PASSWORD}@127.0.0.1:{proxy.port}"
        planted = "ELECT_PLANTED" in (env or {})
        argv = [os.environ["ELECT_CANDIDATE_PLANTED"]] if planted else [*self.program]
        argv += [f"store={store}", "name=job", f"instance_id={name}", "log_level=info"]
        argv += [f"lock_ttl={self.lease.ttl_ms}ms", f"clock_margin={self.lease.margin_ms}ms"]
        if records:
            path, guard = self.register()
            argv += [f"--checks={self.folder / name}.checks", f"--writes={self.folder / name}.writes"]
            argv += [f"--register={path}", f"--guard={guard}"]
        candidate = Candidate(self, name, [*argv, *more], {**self.env, **(env or {})}, proxy)
        self.candidates[name] = candidate
        candidate.await_("ready")
        return candidate

    def three(self, *more: str, env: dict[str, str] | None = None) -> list[Candidate]:
        return [self.candidate(f"c{i}", *more, env=env) for i in range(3)]

    # ---- who leads ----

    def running(self) -> list[Candidate]:
        return [c for c in self.candidates.values() if c.process.poll() is None]

    def leader(self) -> Candidate | None:
        leading = [c for c in self.running() if c.term()]
        return max(leading, key=lambda c: c.term(), default=None)

    def cut_leader(self) -> Candidate:
        """Cuts the leader off until another leads, and answers who it was."""
        leader = self.await_leader()
        epoch = leader.term()
        assert leader.proxy
        leader.proxy.partition()
        self.await_leader(epoch)
        leader.proxy.heal()
        return leader

    def await_leader(self, above: int = 0) -> Candidate:
        """Whose epoch is above this one, and who runs."""

        def found() -> Candidate | None:
            leader = self.leader()
            return leader if leader and leader.term() > above and not leader.stopped else None

        with self.explained():
            leader = until(found, f"a leader with an epoch above {above}")
        assert leader
        return leader

    def known_by_all(self) -> None:
        """All have seen the term under way: the promise is for one loss of what the store knows at a time."""

        def known() -> bool:
            leader = self.leader()
            epoch = leader.term() if leader else 0
            return bool(leader and epoch and all(c.saw(leader.name, epoch) for c in self.running()))

        with self.explained():
            until(known, "a look at the leader by all")

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """What all of them had to say, where a test fails."""
        try:
            yield
        except AssertionError:
            for candidate in self.candidates.values():
                print(f"{candidate.name}: {candidate.proxy}")
                for event in candidate.events[-12:]:
                    print(f"    {event.at_ns / 1e9:.6f} {event.word} {event.rest[:150]}")
            raise

    # ---- faults ----

    def pause(self, candidate: Candidate, seconds: float) -> None:
        """Longer than it says, on a machine that has other things to do: what counts is written down."""
        with candidate.pausing:  # by one at a time, or the first would end what the second writes down
            candidate.pause()
            until(candidate.stands_still, "its pause")
            from_ns = time.monotonic_ns()
            time.sleep(seconds)
            self.pauses.append(Pause(candidate.name, from_ns, time.monotonic_ns()))
            candidate.resume()

    # ---- the end ----

    def history(self) -> History:
        history = History()
        for name in self.candidates:
            history.read(name, self.folder / f"{name}.checks")
            history.read(name, self.folder / f"{name}.writes")
        return history

    def verdict(self) -> checker.Verdict:
        """Ends the candidates and judges what they wrote down."""
        for candidate in self.running():
            assert candidate.end() == 0, f"{candidate.name} ended in a failure"
        return self.so_far()

    def so_far(self) -> checker.Verdict:
        """Of what they have written down by now."""
        sent = [Sent(c.name, at) for c in self.candidates.values() if c.proxy for at in list(c.proxy.sent)]
        return checker.check(self.history(), self.lease, self.pauses, sent)

    def left(self) -> list[int]:
        return marked(self.mark)

    def close(self) -> None:
        """Whatever happened before: nothing is left. What candidates complain of, or their sanitizer, is a failure."""
        try:
            for candidate in self.candidates.values():
                candidate.process.kill()
                candidate.process.wait(HANG)
            for server in self.servers.values():
                server.kill()
            for proxy in self.proxies:
                proxy.close()
            until(lambda: not self.left(), "the end of all processes", 10)
            complaints = {c.name: c.complaints.read_text() for c in self.candidates.values()}
            assert not any(complaints.values()), complaints
        finally:
            for pid in self.left():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)
