"""Clients: a store, one connection and its threads, for any number of elections."""

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import itertools
import json
import logging
import os
import threading
import traceback
import urllib.parse
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from elect._errors import ConfigError, ForkedError, StateError, check, check_options
from elect._native import ffi, lib, named, text
from elect._options import ClientOptions, Duration, in_env, logged_level, make_options, milliseconds
from elect._store import Server, Store
from elect._wait import SLICE_MS, in_slices
from elect._worker import Worker, ask, log

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

T = TypeVar("T")

log.addHandler(logging.NullHandler())


class Election(Protocol):
    """What a client knows of its elections."""

    def _take(self, native: Any) -> None: ...
    def _forked(self, warn: Callable[[], None]) -> None: ...
    def _in_callback(self) -> bool: ...
    def _abandon(self) -> None: ...


class ClientBase:
    """A client without what reads its events."""

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        _from_env: bool = False,
        _name: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        values: dict[str, Any] = {**options, "name": _name}
        url = store if isinstance(store, str) else _from_env and in_env("store") or ""
        if url.startswith("custom:") and not isinstance(store, Store):
            raise ConfigError("store=custom: needs code, give an elect.Store")
        said = "log_level" in urllib.parse.parse_qs(url.partition("?")[2]) or (_from_env and in_env("log_level"))
        if values.get("log_level") is None and not said:
            values["log_level"] = logged_level(log)
        values["store"] = "custom:" if isinstance(store, Store) else store
        made = make_options(values, _from_env)
        out = ffi.new("elect_client_t **")
        check_options(lib.elect_client_open(made, out), made)
        self._handle: Any = ffi.gc(out[0], lib.elect_client_free)
        self._pid: int = os.getpid()
        self._store = store if isinstance(store, Store) else None
        self._server: Server | None = None
        self._tags = itertools.count(1)
        self._elections: weakref.WeakValueDictionary[int, Election] = weakref.WeakValueDictionary()
        self._kept: dict[int, Election] = {}  # from their start until their end was told: they are not collected
        self._begun = False
        self._warned = False
        self._lock = threading.RLock()
        check(lib.elect_client_on_log(self._handle, ffi.NULL, ffi.NULL, ffi.NULL))
        _clients[id(self)] = self

    @classmethod
    def from_env(cls, store: str | Store | None = None, **options: Unpack[ClientOptions]) -> Self:
        """What is not given here comes from ``LEADER_ELECTION_STORE``, ``LEADER_ELECTION_LOCK_TTL`` and so on."""
        return cls(store, _from_env=True, **options)

    # ---- what its elections wait for, and where their callbacks run ----

    def _make_condition(self, lock: threading.RLock) -> Any:
        """A threading.Condition, or its like."""
        raise NotImplementedError

    def _make_worker(self, users: set[Any], name: str) -> Any:
        """A Worker, or its like."""
        raise NotImplementedError

    # ---- events ----

    def _enroll(self, election: Election) -> int:
        """The tag of its events."""
        tag = next(self._tags)
        self._elections[tag] = election
        return tag

    def _keep(self, tag: int, election: Election) -> None:
        """Until its CLOSED."""
        self._begin()
        self._kept[tag] = election

    def _begin(self) -> None:
        """What reads events, and serves a store in Python, is there from the first use on: a client that was never used
        may just be dropped."""
        with self._lock:
            if not self._begun:
                if self._store and not self._server:
                    self._server = Server(self._handle, self._store)
                self._begin_to_read()
                self._begun = True

    def _begin_to_read(self) -> None:
        raise NotImplementedError

    def _read(self, timeout_ms: int) -> int:
        """Hands on the next event, if there is one in time, and answers the library's code."""
        out = ffi.new("elect_event_t **")
        code: int = lib.elect_client_next_event(self._handle, timeout_ms, out)
        if code != lib.ELECT_OK:
            return code
        event = out[0]  # to be freed by who takes it: where that fails, a LOST releases nothing
        tag, closed = lib.elect_event_tag(event), lib.elect_event_kind(event) == lib.ELECT_EVENT_CLOSED
        election = self._elections.get(tag)
        if election is not None:
            election._take(event)
        else:
            event = ffi.gc(event, lib.elect_event_free)
            if tag == 0:
                with contextlib.suppress(Exception):  # of a handler
                    self._log(event)
        if closed:
            self._kept.pop(tag, None)
        return code

    def _log(self, event: Any) -> None:
        level = {
            lib.ELECT_LOG_DEBUG: logging.DEBUG,
            lib.ELECT_LOG_INFO: logging.INFO,
            lib.ELECT_LOG_WARN: logging.WARNING,
        }.get(lib.elect_event_level(event), logging.ERROR)
        words, fields = text(lib.elect_event_text(event)), text(lib.elect_event_fields(event))
        log.log(level, "%s %s", words, fields, extra={"elect": json.loads(fields or "{}")})

    def _in_callback(self) -> bool:
        return any(election._in_callback() for election in list(self._kept.values()))

    def _ask_to_close(self) -> None:
        """Without waiting for it."""
        code = lib.elect_client_close(self._handle, 0)
        if code != lib.ELECT_ETIMEOUT:
            check(code)

    def _close_at_exit(self) -> None:
        raise NotImplementedError

    # ---- forks ----

    @property
    def _inherited(self) -> bool:
        """This process was forked from the client's."""
        return self._pid != os.getpid()

    def _check_fork(self) -> None:
        """Raises ForkedError in a process that was forked from this client's, and says once where it belongs."""
        if self._inherited:
            self._warn()
            raise ForkedError(f"this client belongs to process {self._pid}: create it after the fork")

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "elections of process %d were inherited by fork and never lead here (process %d): create "
                "them after the fork, in the child (gunicorn: post_fork; multiprocessing: the target; Celery: "
                "worker_process_init)",
                self._pid,
                os.getpid(),
            )

    def _forked(self) -> None:
        """In the child: what was locked when it was forked stays so, and no thread is there to unlock it."""
        self._lock = threading.RLock()
        for election in alive(self._elections):
            election._forked(self._warn)

    # ---- what can be asked for ----

    def update(self, **options: Unpack[ClientOptions]) -> None:
        """Changes options that are dynamic: passwords, certificates, ``log_level``. Used from the next connect on."""
        self._check_fork()
        made = make_options(options)
        check_options(lib.elect_client_update(self._handle, made), made)

    def _ask(self, call: Callable[[], T]) -> concurrent.futures.Future[T]:
        """A call that waits for the store."""
        self._check_fork()
        self._begin()
        return ask(call)

    def _report(self, what: str, timeout: Duration) -> concurrent.futures.Future[Any]:
        limit = milliseconds("timeout", timeout)
        return self._ask(
            lambda: take_json(
                "metrics, store, elections or doctor",
                what,
                lambda name, out: lib.elect_client_report(self._handle, name, limit, out),
            )
        )

    def _forget(self, name: str, timeout: Duration) -> concurrent.futures.Future[None]:
        limit = milliseconds("timeout", timeout)

        def forget() -> None:
            try:
                code = lib.elect_client_forget(self._handle, named(name), limit)
            except ValueError:  # a zero byte
                code = lib.ELECT_EINVAL
            if code == lib.ELECT_ESTATE:
                raise StateError(f"forget: somebody leads the election {name!r}, or stands in it")
            if code == lib.ELECT_EINVAL:
                raise ConfigError(f"name={name!r}: must have 1 to 200 bytes")
            check(code)

        return self._ask(forget)


def take_json(known: str, what: str, call: Callable[[Any, Any], int]) -> Any:
    """The report called what, one of those that are known."""
    out = ffi.new("char **")
    try:
        check(call(named(what), out))
    except ValueError:
        raise ConfigError(f"what={what!r}: must be {known}") from None
    try:
        return json.loads(text(out[0]))
    finally:
        lib.elect_string_free(out[0])


class Client(ClientBase):
    """A connection to one store, to be shared by elections: ``LeaderElection("job", client=client)``.

    ``store`` is a URL (``redis://host``, ``rediss://``, ``redis+unix:///path``, the same with ``valkey``,
    ``local:/path``, ``memory:``) or an ``elect.Store``. An unreachable store is no error: the client keeps trying. Any
    thread may call it. Handlers of ``logging.getLogger("elect")`` are called on the thread that reads events: give a
    slow one a ``QueueHandler``. Raises ConfigError, StoreError.
    """

    _reader: threading.Thread | None = None

    def _begin_to_read(self) -> None:
        reader = threading.Thread(target=self._read_all, name="elect-events", daemon=True)
        reader.start()
        self._reader = reader

    def _read_all(self) -> None:
        code = lib.ELECT_OK
        while code == lib.ELECT_OK:
            try:
                code = self._read(-1)
            except BaseException:  # noqa: BLE001, also sys.exit() in a handler: what comes after it has to be read
                traceback.print_exc()

    def _reads(self) -> bool:
        """This thread reads events: handlers of the log, and finalizers, must not wait in it for what it would read."""
        return self._reader is threading.current_thread()

    def _in_callback(self) -> bool:
        return self._reads() or super()._in_callback()

    def _make_condition(self, lock: threading.RLock) -> threading.Condition:
        return threading.Condition(lock)

    def _make_worker(self, users: set[int], name: str) -> Worker:
        return Worker(users, name)

    def _wait_for(self, changed: threading.Condition, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Waits for what an event brings about."""
        with changed:
            return in_slices(lambda seconds: changed.wait_for(ready, seconds), timeout)

    def close(self) -> None:
        """Stops every election, waits until they have released, and ends the connection: at most ``drain_timeout`` and
        the time limit of a request. In a callback it only asks. May be called again."""
        self._check_fork()
        self._ask_to_close()
        if not self._in_callback():
            self._close()

    def _close_at_exit(self) -> None:
        """As close; no callback can be under way here."""
        self._close()

    def _close(self) -> None:
        while (code := lib.elect_client_close(self._handle, SLICE_MS)) == lib.ELECT_ETIMEOUT:
            pass
        check(code)
        if self._reader:
            self._reader.join()
        else:  # no election began, but those that were made hear that they are closed
            self._read_all()
        if self._server:
            self._server.join()

    def report(self, what: str, timeout: Duration = 30.0) -> Any:
        """``"metrics"`` of this client; or of the store ``"store"``, ``"elections"``, ``"doctor"`` (for seconds)."""
        return answer_of(self._report(what, timeout))

    def forget(self, name: str, timeout: Duration = 30.0) -> None:
        """Removes what the store keeps of an election, its epochs too. StateError: somebody leads or stands."""
        answer_of(self._forget(name, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._inherited:
            self.close()


# What the handlers of fork and exit must know.
_clients: weakref.WeakValueDictionary[int, ClientBase] = weakref.WeakValueDictionary()


def answer_of(question: concurrent.futures.Future[T]) -> T:
    in_slices(lambda seconds: bool(concurrent.futures.wait((question,), seconds).done))
    return question.result()


def alive(objects: weakref.WeakValueDictionary[int, Any]) -> list[Any]:
    """Of which others may come and go meanwhile."""
    return [found for found in (reference() for reference in objects.valuerefs()) if found is not None]


def _after_fork() -> None:
    for client in alive(_clients):
        client._forked()
    _clients.clear()


def _at_exit() -> None:
    """Leaders release, and threads end before the interpreter does."""
    clients = alive(_clients)
    steps: list[Callable[[ClientBase], None]] = [ClientBase._ask_to_close, lambda client: client._close_at_exit()]
    for step in steps:
        for client in clients:
            try:
                step(client)
            except Exception:
                log.exception("a client could not be closed at the end of the process")


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
