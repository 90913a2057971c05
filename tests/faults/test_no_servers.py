"""What answers there is no Redis, or not at all."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator

import fake
import pytest
from bad import UNREACHABLE, calm, command, complaint, elected
from fake import Fake
from host import until
from proxy import DOWN
from stage import Candidate, Stage

NO_ANSWER = "not the answer of a Redis server"
SLOW = "no answer for"
NONE: dict[str, tuple[fake.Answer, str]] = {
    "garbage": (fake.say(bytes(range(128, 256)) * 64), NO_ANSWER),
    "http": (fake.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), NO_ANSWER),
    "endless-bulk": (fake.for_ever(b"$536870912\r\n", b"x" * 65536), "1 MiB"),
    "endless-line": (fake.for_ever(b"+", b"x" * 65536), NO_ANSWER),
    "endless-array": (fake.for_ever(b"*1000000000\r\n", b":1\r\n" * 1000), NO_ANSWER),
    "deep-nesting": (fake.for_ever(b"", b"*1\r\n" * 1000), NO_ANSWER),
    "silence": (fake.hang_up, SLOW),
    "hangs-up": (fake.end_at_once, "closed by the server"),
}


def memory(candidate: Candidate) -> int:
    """Its own, in MiB."""
    lines = pathlib.Path(f"/proc/{candidate.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


@pytest.fixture
def none(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Fake]:
    one = Fake(stage.folder / "fake", NONE[request.param][0])
    try:
        yield one
    finally:
        one.close()


def complaining(stage: Stage, url: str, words: str, slow: bool) -> Candidate:
    """What is wrong is said of the first try only, which a busy machine may be too slow for: then another tries.
    slow: it may be so for each, as searching an endless line takes long."""
    for number in range(3):
        candidate = stage.candidate(f"c{number}", "restart_grace=0", store=url)
        complaint(candidate, "no connection to the store")
        if words == SLOW or not candidate.said("log", containing=SLOW):
            break
        if number < 2:
            assert candidate.end() == 0
    if not slow or not candidate.said("log", containing=SLOW):
        complaint(candidate, words)
    return candidate


@pytest.mark.parametrize(
    ("none", "words", "slow"),
    [(name, words, name == "endless-line") for name, (_, words) in NONE.items()],
    indirect=["none"],
)
def test_a_server_that_is_none(stage: Stage, none: Fake, words: str, slow: bool) -> None:
    server = stage.server()
    proxy = stage.proxy(none.path)
    url = f"redis://127.0.0.1:{proxy.port}"
    candidate = complaining(stage, url, words, slow)
    calm(candidate)
    ended, said = command(stage, url)
    assert ended == UNREACHABLE and "127.0.0.1" in said, f"{ended}: {said}"
    assert memory(candidate) < 256, "half of what it could have been sent"
    proxy.move(server.path)
    elected(stage, candidate)


def test_silence_after_the_handshake(stage: Stage) -> None:
    stage.server()
    candidate = stage.candidate("a", "restart_grace=0", "--idle")
    assert candidate.proxy
    proxy = candidate.proxy
    until(lambda: proxy.requests["INFO"], "the handshake")
    time.sleep(0.3)
    proxy.partition(DOWN)
    candidate.ask("start")
    complaint(candidate, "no answer")
    calm(candidate)
    proxy.heal()
    elected(stage, candidate)
