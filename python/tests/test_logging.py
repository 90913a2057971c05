"""What the library logs goes to logging, and no handler of it ends anything."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator

import elect
import pytest
from host import HANG, until


@contextlib.contextmanager
def handled(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("elect")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_logging(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("elect")
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)
    with caplog.at_level(logging.DEBUG, logger="elect"), elect.LeaderElection("job", store="memory:") as election:
        election.wait_elected(HANG)
    records = [record for record in caplog.records if hasattr(record, "elect")]
    assert {record.name for record in records} == {"elect"}
    assert any(record.elect.get("election") == "job" for record in records)
    caplog.clear()
    with caplog.at_level(logging.ERROR, logger="elect"), elect.LeaderElection("job", store="memory:") as election:
        election.wait_elected(HANG)
    assert caplog.records == []


def test_a_handler_that_raises_ends_nothing() -> None:
    class Bad(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("no")

    with handled(Bad()), elect.LeaderElection("job", store="memory:") as election:
        assert election.wait_elected(HANG)


@pytest.mark.parametrize("call", ["stop", "close", "exit"])
def test_a_handler_may_end_what_it_hears_of(call: str) -> None:
    """On the thread that reads events, where a wait for one would be for ever."""
    called = threading.Event()

    class Ends(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if threading.current_thread().name != "elect-events" or not election.is_leader or called.is_set():
                return
            called.set()
            if call == "exit":
                sys.exit(1)
            (election.stop if call == "stop" else client.close)()

    with handled(Ends()), elect.Client("memory:") as client:
        election = elect.LeaderElection("job", client=client, drain_timeout=300)
        election.start()
        assert called.wait(HANG)
        if call == "exit":
            election.stop()
        until(lambda: election._closed)
