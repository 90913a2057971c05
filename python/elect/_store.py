"""Stores of users' own: a register with compare-and-set."""

from __future__ import annotations

import abc
import functools
import threading
from typing import Any

from elect._errors import AuthError, ConflictError, StoreError, UnknownOutcomeError, UnreachableError
from elect._native import ffi, lib, named, text
from elect._worker import begin, log


class Store(abc.ABC):
    """etcd, Consul, NATS, DynamoDB, a table with a version column: what ``Client`` and others take as ``store``.

    The record, the epochs, the timing and every rule of safety stay in the library: the store may be slow, or unsure
    whether a write was applied, and there is still one leader, as long as its compare-and-set is linearizable. Methods
    are called on threads of their own, several at once; what is not done within ``remaining`` seconds comes too late.
    Raise AuthError, UnreachableError or StoreError for what surely was not applied; after any other exception a
    write may have been. Keys have at most 512 bytes, values are JSON of at most 16 KiB.
    """

    @abc.abstractmethod
    def read(self, key: str, remaining: float) -> tuple[str, str]:
        """The value of key, and its version; two empty strings when it is absent."""

    @abc.abstractmethod
    def write(self, key: str, value: str, version: str, remaining: float) -> str:
        """Writes value if key has this version (``""``: is absent), and answers the new version: less than 128 bytes
        without control characters, never one that this key had before. ConflictError: it has another."""


class Server:
    """Hands a client's operations to its store, until the client is closed."""

    def __init__(self, client: Any, store: Store) -> None:
        self._client = client
        self._store = store
        self._thread = threading.Thread(target=self._serve, name="elect-store", daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _serve(self) -> None:
        out = ffi.new("elect_op_t **")
        while lib.elect_client_next_op(self._client, -1, out) == lib.ELECT_OK:
            begin("elect-operation", functools.partial(self._operate, out[0]))

    def _operate(self, op: Any) -> None:
        key, version = text(lib.elect_op_key(op)), text(lib.elect_op_version(op))
        remaining = lib.elect_op_remaining_ms(op) / 1000
        value = ""
        try:
            if lib.elect_op_kind(op) == lib.ELECT_OP_READ:
                value, version = self._store.read(key, remaining)
            else:
                version = self._store.write(key, text(lib.elect_op_value(op)), version, remaining)
            answer = (named(version), named(value))
        except BaseException as error:  # noqa: BLE001, a store may raise anything
            lib.elect_op_complete(op, _outcome(error), b"", b"", _words(error))
            if not isinstance(error, (ConflictError, StoreError)):
                log.exception("the store raised")
        else:
            lib.elect_op_complete(op, lib.ELECT_OK, *answer, b"")


def _words(error: BaseException) -> bytes:
    try:
        return str(error).replace("\0", "").encode(errors="replace")
    except Exception:  # noqa: BLE001, of its own
        return type(error).__name__.encode()


def _outcome(error: BaseException) -> int:
    for kind, code in (
        (ConflictError, lib.ELECT_ESTATE),
        (UnknownOutcomeError, lib.ELECT_EUNKNOWN),
        (AuthError, lib.ELECT_EAUTH),
        (UnreachableError, lib.ELECT_EUNREACHABLE),
        (StoreError, lib.ELECT_ESTORE),
    ):
        if isinstance(error, kind):
            return int(code)
    return int(lib.ELECT_EUNKNOWN)
