"""Errors: one class for each code of the library, and one for what ends a term."""

from __future__ import annotations

import enum
from typing import Any, NoReturn

from elect._native import lib, text


class ElectError(Exception):
    """Whatever libelect refuses or can't do. ``code`` is the library's, such as ``"ELECT_ESTORE"``."""

    code = "ELECT_OK"


class ConfigError(ElectError, ValueError):
    """A bad argument or option; the text names the option, the value and the rule."""

    code = "ELECT_EINVAL"


class NoMemoryError(ElectError, MemoryError):
    """There is no memory for it."""

    code = "ELECT_ENOMEM"


class WaitTimeoutError(ElectError, TimeoutError):
    """No answer in time; what was asked for may go on."""

    code = "ELECT_ETIMEOUT"


class StateError(ElectError):
    """Not now: started or run twice, waited for in a callback or as an observer, or somebody leads."""

    code = "ELECT_ESTATE"


class NotLeaderError(ElectError):
    """This candidate does not lead."""

    code = "ELECT_ENOTLEADER"


class StoreError(ElectError):
    """The store refused, or can't be used."""

    code = "ELECT_ESTORE"


class UnreachableError(StoreError, ConnectionError):
    """There is no connection to the store now; the library keeps trying."""

    code = "ELECT_EUNREACHABLE"


class UnknownOutcomeError(StoreError):
    """The write may or may not have been applied."""

    code = "ELECT_EUNKNOWN"


class ForkedError(ElectError):
    """The election belongs to the process that this one was forked from: create one here, after the fork."""

    code = "ELECT_EFORKED"


class ClosedError(ElectError):
    """The election was stopped, or its client closed."""

    code = "ELECT_ECLOSED"


class AuthError(StoreError):
    """The store refused the credentials; ``Client.update`` gives others."""

    code = "ELECT_EAUTH"


class ConflictError(ElectError):
    """What ``Store.write`` raises when the key has another version."""

    code = "ELECT_ESTATE"


class Reason(enum.Enum):
    """Why a term ended."""

    STOPPED = "stopped"
    RESIGNED = "resigned"  # asked to, or its own work failed
    UNREACHABLE = "unreachable"  # no answer from the store until the lease ended
    PAUSED = "paused"  # this process did not run past the end of its lease
    EXPIRED = "expired"  # answers came, but too late
    TAKEN = "taken"  # the store names somebody else
    DELETED = "deleted"  # the record vanished
    UNKNOWN = ""  # of a newer library


class LeadershipLostError(NotLeaderError):
    """The term is over: of which ``epoch``, and for what ``reason`` (None while it is not known yet)."""

    def __init__(self, reason: Reason | None, epoch: int) -> None:
        super().__init__(f"no longer leader of epoch {epoch}" + (f": {reason.value}" if reason else ""))
        self.reason = reason
        self.epoch = epoch

    def __reduce__(self) -> tuple[type[LeadershipLostError], tuple[Reason | None, int]]:
        return type(self), (self.reason, self.epoch)  # a pool of processes pickles errors


_BY_CODE = {
    error.code: error
    for error in (
        ConfigError, NoMemoryError, WaitTimeoutError, StateError, NotLeaderError, StoreError,
        UnreachableError, UnknownOutcomeError, ForkedError, ClosedError, AuthError,
    )
}  # fmt: skip

for _error in (ElectError, ConflictError, LeadershipLostError, *_BY_CODE.values()):
    _error.__module__ = "elect"  # where users find it, as tracebacks say


def error_of(code: int, words: str = "") -> ElectError:
    name = text(lib.elect_code_name(code))
    return _BY_CODE.get(name, ElectError)(words or text(lib.elect_code_text(code)))


def fail(code: int, words: str = "") -> NoReturn:
    raise error_of(code, words)


def check(code: int) -> None:
    if code != lib.ELECT_OK:
        fail(code)


def check_options(code: int, options: Any) -> None:
    if code != lib.ELECT_OK:
        fail(code, text(lib.elect_options_error(options)).replace("elect_client_open", "elect.Client"))
