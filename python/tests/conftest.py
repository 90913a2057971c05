"""What all tests of the package share. They run against the installed package."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "redis"))

import elect
from host import HANG, until


def descriptors() -> dict[str, str]:
    found = {}
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208, what they are is asked for
        with contextlib.suppress(OSError):
            found[entry] = os.readlink(f"/proc/self/fd/{entry}")  # noqa: PTH115
    return found


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("elect-")]


opened: dict[str, str] = {}  # before a test, and who was that


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What was logged may be no UTF-8, in which pytest-xdist sends it."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads at once; descriptors before the next test, when pytest has dropped what this one used."""

    def nothing_new() -> bool:
        gc.collect()
        return not opened or descriptors().keys() <= opened.keys()

    for kept in ("last_exc", "last_value", "last_traceback"):  # by pytest, of a test that failed
        vars(sys).pop(kept, None)
    until(nothing_new, f"the end of descriptors after {opened.get('')}", 10)
    opened.update(descriptors() if not opened else {}, **{"": request.node.name})
    yield
    until(lambda: not threads(), "the end of all threads", 10)


@pytest.fixture
def local(tmp_path: pathlib.Path) -> str:
    """A store that processes share."""
    return f"local:{tmp_path}"


@pytest.fixture
def client() -> Iterator[elect.Client]:
    """Of a store in memory, whose clock is the real one."""
    with elect.Client("memory:") as made:
        yield made


def background(call: Callable[[], object]) -> Callable[[], object]:
    """Runs it on a thread; what this answers waits for the end, and answers or raises what it did."""
    results: list[object] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait() -> object:
        thread.join(HANG)
        assert not thread.is_alive(), "it hangs"
        if errors:
            raise errors[0]
        return results[0]

    return wait


class Script:
    """Another Python that runs a program, whose lines of output are read as they come."""

    def __init__(self, program: str, *args: object, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", program, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=HANG)
        return self.process.returncode, out, err

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def scale() -> int:
    """How many times as much is done as usual."""
    return int(os.environ.get("ELECT_TEST_SCALE") or 1)


warnings.simplefilter("error")
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell began us with it ignored
