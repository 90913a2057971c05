"""Options: the keywords that Client and LeaderElection take, and how they reach the library.

Durations are seconds, or timedeltas; None, or nothing, is the default. docs/options.md has the ranges.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any, Literal, TypedDict, Union

from elect._errors import ConfigError, check_options
from elect._native import ffi, lib, named, text

Duration = Union[float, datetime.timedelta]


class ElectionOptions(TypedDict, total=False):
    """What may differ between the elections of one client."""

    prefix: str | None  # first part of the keys; "elect"
    instance_id: str | None  # this candidate, unlike any other; host name and 16 random hex digits
    hostname: str | None  # told to the others
    address: str | None  # where this candidate is reached; told to the others
    metadata: str | None  # any text; told to the others
    role: Literal["candidate", "observer"] | None  # an observer looks and never leads
    layout: Literal["elect", "plain", "maplefile", "elector", "go-leader"] | None
    lock_key: str | None  # for layout plain, which needs it, and maplefile
    info_key: str | None  # for layout maplefile
    lock_ttl: Duration | None  # how long a lease lasts without a heartbeat; 10 s
    heartbeat_interval: Duration | None  # how often the leader renews it; 0.3 x lock_ttl
    retry_interval: Duration | None  # the pause after a failed try; 0.2 x lock_ttl
    clock_margin: Duration | None  # how long before its end a lease is given up; 0.1 x lock_ttl
    drain_timeout: Duration | None  # how long a leader that steps down waits for its work; 8 s
    restart_grace: Duration | None  # how long a restarted store is not trusted; lock_ttl
    wait_replicas: Literal["off", "all"] | None


class ClientOptions(ElectionOptions, total=False):
    """What a client takes: its own options, and defaults of its elections."""

    password: str | None  # for the store; instead of one in its URL
    password_file: str | None  # its first line; read again at each connect
    tls_ca_file: str | None
    tls_ca_dir: str | None
    tls_cert_file: str | None
    tls_key_file: str | None
    tls_server_name: str | None
    tls_min_version: Literal["1.2", "1.3"] | None
    tls_verify: bool | None  # False trusts any certificate, and whoever stands in between
    log_level: Literal["off", "error", "warn", "info", "debug"] | None  # that of logging.getLogger("elect")
    allow_filesystem: str | None


_KINDS: dict[str, str] = {row["name"]: row["kind"] for row in json.loads(text(lib.elect_options_table()))}
_LONGEST = 1e15  # seconds; what is more is taken for infinite


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not -_LONGEST < value < _LONGEST:  # nor not a number
            raise ConfigError(f"{name}={value}: must be a finite number of seconds")
        return value
    # The value is not shown: it may be a secret of the wrong type.
    raise ConfigError(f"{name}: must be a number of seconds or a timedelta, and is of type {type(value).__name__}")


def milliseconds(name: str, value: Duration) -> int:
    """A duration that is the argument called name. ConfigError when it is negative."""
    seconds = _seconds(name, value)
    if seconds < 0:
        raise ConfigError(f"{name}={seconds}: must not be negative")
    return round(seconds * 1000)


def time_limit(name: str, value: Duration | None) -> float | None:
    """Of a wait, in seconds; None: there is none. One that has passed already is none to wait."""
    return None if value is None else min(_seconds(name, value), threading.TIMEOUT_MAX)


def _duration(seconds: float) -> str:
    """In the largest unit without a fraction, as errors show it."""
    us = round(seconds * 1_000_000)
    unit, size = next(pair for pair in (("s", 1_000_000), ("ms", 1000), ("us", 1)) if us % pair[1] == 0)
    return f"{us // size}{unit}"


def _words(name: str, value: Any) -> str:
    kind = _KINDS.get(name)
    if kind is None:
        return ""  # the library says what options there are
    if isinstance(value, str):
        return value
    if isinstance(value, bool) and kind == "enum":
        return "on" if value else "off"
    if kind == "duration":
        return _duration(_seconds(name, value))
    raise ConfigError(f"{name}: must be a str, and is of type {type(value).__name__}")


def make_options(values: Mapping[str, Any], from_env: bool = False) -> Any:
    """The library's options, freed with the object."""
    options = ffi.gc(lib.elect_options_new(), lib.elect_options_free)
    if from_env:
        check_options(lib.elect_options_load_env(options), options)
    for name, value in values.items():
        if value is None:
            continue
        words = _words(name, value)
        try:
            pair = named(name), named(words)
        except ValueError:
            raise ConfigError(f"{name}: must be UTF-8 without a zero byte") from None
        check_options(lib.elect_options_set(options, *pair), options)
    return options


def logged_level(logger: logging.Logger) -> str:
    for level, name in ((logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warn")):
        if logger.isEnabledFor(level):
            return name
    return "error"


def in_env(name: str) -> str | None:
    return os.environ.get(f"LEADER_ELECTION_{name.upper()}") or None
