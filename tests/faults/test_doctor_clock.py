"""elect doctor on servers whose clocks go wrong while it looks."""

from __future__ import annotations

import json
import re
import subprocess

from clocks import Clock
from host import HANG, until
from servers import Server
from stage import Stage


class Look:
    """One server with a clock of its own, and one who looks at it."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self.seconds = seconds
        self.clock = Clock(stage.folder / f"clock{seconds}")
        self.server: Server = stage.server(f"store{seconds}", env=self.clock.env)
        self.doctor = subprocess.Popen(
            [stage.command, "doctor", "--json", "--store", self.server.url],
            env=stage.env,
            stdout=subprocess.PIPE,
            text=True,
        )

    def reads_clock(self) -> bool:
        found = re.search(r"cmdstat_time:calls=(\d+)", self.server.do("INFO", "commandstats"))
        return found is not None and int(found.group(1)) > 20


def test_a_step_of_the_servers_clock_is_found(stage: Stage) -> None:
    looks = [Look(stage, seconds) for seconds in (0.0, 1.0, -1.0)]
    for look in looks:
        until(look.reads_clock, "its looking at the clock")
        look.clock.step_wall(look.seconds)
    for look in looks:
        report = json.loads(look.doctor.communicate(timeout=HANG)[0])
        found = {check["check"]: check["result"] for check in report["checks"]}["clock"]
        stepped = look.seconds != 0.0
        assert (found, look.doctor.returncode) == (("fail", 1) if stepped else ("ok", 0)), report
        assert report["clock"]["stepped"] == stepped
        assert abs(report["clock"]["offset_low_us"] - look.seconds * 1e6) < 5e5
