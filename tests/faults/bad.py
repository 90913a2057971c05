"""What every test of a bad server asks: a clear word why, no false leader, no storm, and recovery by itself.

The command says so once and ends; a candidate waits, and is elected when the cause is gone.
"""

from __future__ import annotations

import subprocess
import time

from host import HANG, until
from stage import Candidate, Stage

REFUSED, UNREACHABLE, NOT_ELECTED = 78, 69, 75
ENDS = f"{HANG - 10}s"
SOON = "2s"  # long enough for a busy machine to hear what is wrong
WINDOW = 1.5  # seconds in which requests are counted
# Of one candidate, whose connections send a dozen requests each before they are up. A busy loop has thousands.
CONNECTIONS_A_SECOND, REQUESTS_A_SECOND = 20, 240


def calm(candidate: Candidate) -> None:
    """It neither leads nor storms."""
    proxy = candidate.proxy
    assert proxy
    connections, requests = proxy.accepted, sum(proxy.requests.values())
    began = time.monotonic()
    time.sleep(WINDOW)
    took = time.monotonic() - began
    assert (proxy.accepted - connections) / took < CONNECTIONS_A_SECOND, str(proxy)
    assert (sum(proxy.requests.values()) - requests) / took < REQUESTS_A_SECOND, str(proxy)
    assert not candidate.said("elected")


def complaint(candidate: Candidate, words: str) -> None:
    """In what it is told, or in its log."""

    def found() -> bool:
        heard = [event.rest for event in [*candidate.said("error"), *candidate.said("log")]]
        return any(words.lower() in text.lower() for text in heard)

    try:
        until(found, f'"{words}"')
    except AssertionError:
        print([(event.word, event.rest) for event in candidate.events])
        raise


def command(stage: Stage, url: str, *options: str, wait: str = SOON) -> tuple[int, str]:
    """Its exit code and what it said; wait: for what ends by itself, however slow the machine is, ENDS."""
    argv = [stage.command, "run", "--restart-grace", "0", "--wait", wait, "--store", url, *options]
    done = subprocess.run(
        [*argv, "job", "--", "true"],
        env=stage.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def elected(stage: Stage, candidate: Candidate) -> None:
    candidate.await_("elected")
    verdict = stage.verdict()
    assert not verdict.violations(), verdict.violations()
