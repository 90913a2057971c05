"""The interpreter ends, in every state: without a crash or a hang, and leadership is released."""

from __future__ import annotations

import signal
import subprocess
import sys

import elect
import pytest
from conftest import Script
from host import HANG

START = """
import asyncio, atexit, logging, os, signal, sys, threading, time
import elect, elect.aio
logging.getLogger("asyncio").setLevel(logging.ERROR)  # -X dev has it warn of whatever took 0.1 s
url = sys.argv[1]
"""
LEAD = (
    START
    + """
election = elect.LeaderElection("job", store=url, drain_timeout=30)
election.start()
election.wait_elected()
"""
)
STATES = {
    "imported": (START, 0),
    "created": (START + "election = elect.LeaderElection('job', store=url)", 0),
    "following": (START + """
with elect.LeaderElection("job", store=url, instance_id="one") as one:
    one.wait_elected()
    two = elect.LeaderElection("job", store=url, instance_id="two")
    two.start()
""", 0),
    "leading": (LEAD, 0),
    "leading, with callbacks": (START + """
election = elect.LeaderElection("job", store=url, drain_timeout=30)
told = threading.Event()
election.on_become_leader(told.set)
election.on_lose_leadership(lambda: os.write(1, b"lost"))
election.start()
told.wait()
""", 0),
    "draining": (LEAD + """
on = threading.Event()
election.on_lose_leadership(lambda: on.wait(0.05))
threading.Thread(target=election.stop, daemon=True).start()
while election.is_leader: time.sleep(0.001)
""", 0),
    "inside a callback": (START + """
election = elect.LeaderElection("job", store=url, drain_timeout=0.1, lock_ttl=0.2)
inside = threading.Event()
election.on_become_leader(lambda: (inside.set(), time.sleep(3600)))
election.start()
inside.wait()
""", 0),
    "inside run, of a daemon": (LEAD + """
inside = threading.Event()
threading.Thread(target=election.run, args=(lambda term: (inside.set(), term.wait()),), daemon=True).start()
inside.wait()
""", 0),
    "waiting": (LEAD + """
for call in (lambda: list(election.events()), lambda: election.run(lambda term: term.wait())):
    threading.Thread(target=call, daemon=True).start()
""", 0),
    "an exception at exit": (LEAD + """
atexit.register(lambda: 1 / 0)
raise SystemExit(3)
""", 3),
    "an exception": (LEAD + "raise RuntimeError('of the test')", 1),
    "os._exit": (LEAD + "os._exit(5)", 5),
    "SIGTERM": (LEAD + "os.kill(os.getpid(), signal.SIGTERM); time.sleep(3600)", -signal.SIGTERM),
    "SIGTERM that is handled": (LEAD + """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
election.run(lambda term: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(3600)))
""", 4),
    "asyncio, leading": (START + """
async def main():
    async with elect.aio.LeaderElection("job", store=url) as election:
        await election.wait_elected()
asyncio.run(main())
""", 0),
    "asyncio, nobody stopped": (START + """
async def main():
    global election
    election = elect.aio.LeaderElection("job", store=url, drain_timeout=30)
    await election.start()
    await election.wait_elected()
asyncio.run(main())
""", 0),
    "asyncio, a loss that nobody worked off": (START + """
async def main():
    global election
    election = elect.aio.LeaderElection("job", store=url, drain_timeout=300)
    told = asyncio.Event()
    election.on_become_leader(told.set)
    election.on_lose_leadership(lambda: asyncio.sleep(3600))
    await election.start()
    await told.wait()
    election.resign()
    while election._term: election._client._read(10)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it says that a task is lost
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
""", 0),
    "asyncio, in a daemon's loop": (START + """
leading = threading.Event()
async def main():
    async with elect.aio.LeaderElection("job", store=url, drain_timeout=30) as election:
        await election.run(work)
async def work(term):
    leading.set()
    await asyncio.sleep(3600)
async def run():
    await elect.aio.LeaderElection("job", store=url, drain_timeout=30).run(work)
threading.Thread(target=asyncio.run, args=(run(),), daemon=True).start()
leading.wait()
""", 0),
    "a store in Python": (START + """
class Register(elect.Store):
    data = {}
    def read(self, key, remaining): return self.data.get(key, ("", ""))
    def write(self, key, value, version, remaining):
        if self.read(key, 0)[1] != version: raise elect.ConflictError()
        self.data[key] = value, str(int(version or 0) + 1)
        return self.data[key][1]
election = elect.LeaderElection("job", store=Register(), lock_ttl=0.3)
election.start()
election.wait_elected()
""", 0),
}  # fmt: skip
KILLED = {"os._exit", "SIGTERM"}


@pytest.mark.parametrize("state", STATES)
def test_exit(state: str, local: str, scale: int) -> None:
    program, code = STATES[state]
    for _ in range(1 if scale == 1 else 15 * scale):
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", program, local],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr.decode()
        if state == "leading, with callbacks":
            assert done.stdout == b"lost"
        if "exception" not in state:
            assert done.stderr == b""
        if state not in KILLED:
            with elect.LeaderElection("job", store=local) as election:
                assert election.wait_elected(HANG), "it was released"


def test_a_process_that_is_killed_is_followed(local: str) -> None:
    with Script(LEAD + "print('leads', flush=True); time.sleep(3600)", local) as script:
        assert script.line() == "leads"
        with elect.LeaderElection("job", store=local, retry_interval=0.05) as election:
            assert not election.wait_elected(0.05)
            script.process.kill()
            assert election.wait_elected(HANG)


def test_the_command_is_in_the_package() -> None:
    command = [sys.executable, "-m", "elect", "version"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=HANG)
    assert elect.__version__ in done.stdout
