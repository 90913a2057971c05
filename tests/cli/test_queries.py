"""status, watch, history, list, step-down, forget."""

import json
import signal

from conftest import WORKER
from host import until


def led(box, *options):
    run = box.start("run", *options, "billing", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    return run


def test_status_of_a_led_election(box):
    led(box, "--instance-id", "web-1", "--hostname", "here")
    code, out, _ = box.run("status", "billing")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("billing   LED by web-1 (host here)   for ") and "epoch " in lines[0] and "e+" not in out
    assert (
        lines[1].startswith("  lease   ") and " of 10s left, renewed " in lines[1] and f"store {box.store}" in lines[1]
    )
    code, status = box.json("status", "billing")
    assert code == 0 and status["state"] == "led" and status["leader"]["instance_id"] == "web-1"
    assert 0 < status["lease_left_ms"] <= 10000 and status["lock_ttl_ms"] == 10000


def test_status_when_nobody_leads_is_1(box):
    code, out, _ = box.run("status", "ledger")
    assert code == 1 and out == "ledger    NOBODY LEADS, and nobody ever did\n"
    assert box.run("run", "--instance-id", "web-2", "ledger", "--", "true")[0] == 0
    code, out, _ = box.run("status", "ledger")
    assert code == 1 and out.startswith("ledger    NOBODY LEADS for ") and "last web-2, ended: stopped" in out
    code, status = box.json("status", "ledger")
    assert code == 1 and status["leader"] is None and status["last"]["instance_id"] == "web-2"


def test_status_tells_who_led_before(box):
    assert box.run("run", "--instance-id", "web-1", "billing", "--", "true")[0] == 0
    led(box, "--instance-id", "web-2")
    code, out, _ = box.run("status", "billing")
    assert code == 0 and out.splitlines()[2].startswith("  before  web-1 ") and out.rstrip().endswith("Z: stopped")


def test_history_newest_first(box):
    for i in range(3):
        assert box.run("run", "--instance-id", f"web-{i}", "billing", "--", "true")[0] == 0
    led(box, "--instance-id", "web-3")
    code, terms = box.json("history", "billing")
    assert code == 0 and [term["instance_id"] for term in terms] == ["web-3", "web-2", "web-1", "web-0"]
    assert terms[0]["ended_at_ms"] is None and all(term["reason"] == "stopped" for term in terms[1:])
    epochs = [term["epoch"] for term in terms]
    assert epochs == sorted(epochs, reverse=True) and all(isinstance(epoch, int) for epoch in epochs)
    code, out, _ = box.run("history", "billing")
    assert code == 0 and len(out.splitlines()) == 4 and "leads" in out.splitlines()[0]


def test_history_keeps_32_terms(box):
    for _ in range(34):
        assert box.run("run", "billing", "--", "true")[0] == 0
    assert len(box.json("history", "billing")[1]) == 32


def test_history_of_nothing(box):
    assert box.run("history", "nothing")[:2] == (0, "nothing   nobody ever led\n")
    assert box.json("history", "nothing") == (0, [])


def test_list(box):
    assert box.json("list") == (0, [])
    assert box.run("run", "ledger", "--", "true")[0] == 0
    led(box, "--instance-id", "web-1")
    code, elections = box.json("list")
    states = {row["name"]: row["state"] for row in elections}
    assert code == 0 and states == {"billing": "led", "ledger": "nobody"}
    out = box.run("list")[1]
    assert "LED by web-1" in out and "NOBODY LEADS" in out


def test_step_down_moves_leadership(box):
    runs = [led(box, "--instance-id", "one")]
    runs.append(box.start("run", "--instance-id", "two", "billing", "--", *WORKER, box.journal().path))
    code, out, _ = box.run("step-down", "billing")
    assert code == 0 and "asked to step down" in out
    box.journal().wait_starts(2)
    box.journal().check()
    assert box.json("history", "billing")[1][-1]["reason"] == "resigned"


def test_step_down_of_nobody_is_1(box):
    code, _, err = box.run("step-down", "billing")
    assert code == 1 and "nobody leads" in err
    assert box.json("step-down", "billing") == (1, {"name": "billing", "done": False, "code": "ELECT_ENOTLEADER"})


def test_forget(box):
    run = led(box)
    code, _, err = box.run("forget", "billing")
    assert code == 1 and "somebody leads or stands" in err
    run.terminate()
    assert run.end() == 0
    code, out, _ = box.run("forget", "billing")
    assert code == 0 and "forgotten" in out
    assert box.json("list") == (0, [])
    assert box.json("history", "billing") == (0, [])


def test_watch_prints_each_change(box):
    watch = box.start("watch", "billing")
    until(lambda: "NOBODY" in watch.printed(), "the first line")
    first = led(box, "--instance-id", "one")
    until(lambda: "LEADER one" in watch.printed(), "the first leader")
    first.terminate()
    assert first.end() == 0
    second = box.start("run", "--instance-id", "two", "billing", "--", *WORKER, box.journal().path)
    until(lambda: "LEADER two" in watch.printed(), "the second leader")
    lines = watch.printed().splitlines()
    assert all(line[2] == ":" and line[12] == "Z" and line.split()[1] == "billing" for line in lines)
    last = next(line for line in lines if "LEADER two" in line)
    assert " epoch=" in last and last.split("gap=")[1].endswith("ms")
    second.terminate()
    watch.send_signal(signal.SIGINT)
    assert watch.end() == -signal.SIGINT


def test_watch_in_json(box):
    led(box, "--instance-id", "one")
    watch = box.start("watch", "--json", "billing")
    until(lambda: watch.printed().count("\n") >= 1, "a line")
    row = json.loads(watch.printed().splitlines()[0])
    assert row["state"] == "led" and row["instance_id"] == "one" and isinstance(row["epoch"], int)
    watch.terminate()
    watch.end()
