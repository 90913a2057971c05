"""elect demo: figures measured, and the exit code tells whether all of it held."""

import re
import signal

from host import until

# Waited out several times; so long that a busy machine does not end a term of its own.
FAST = ["--lock-ttl", "4s"]


def test_the_timeline(box):
    code, out, err = box.run("demo", *FAST, drop=["LEADER_ELECTION_STORE"], env={"TMPDIR": str(box.path)})
    assert code == 0, out + err
    lines = out.splitlines()
    assert lines[0].startswith("elect demo: candidates A B C, store local:") and lines[0].endswith("lock_ttl 4s")
    assert lines[1].split() == ["time", "A", "B", "C", "what", "happened"]
    texts = [re.split(r"\s{2,}", line.strip(), maxsplit=4) for line in lines[2:-2]]
    assert [len(row) for row in texts] == [5] * 7
    assert re.match(r"started: pids \d+ \d+ \d+$", texts[0][4])
    patterns = [
        r"[ABC] elected in",
        r"kill -9 [ABC]: [ABC] leads after",
        r"[ABC] stops gracefully: [ABC] after",
        r"SIGSTOP to [ABC], longer than",
        r"[ABC]'s lease ran out: [ABC] after",
        r'[ABC] asked itself: "not leader", first answer',
    ]
    for row, pattern in zip(texts[1:], patterns, strict=True):
        assert re.match(pattern, row[4]), row
    assert re.match(r"ok  4 terms, 0 overlaps in [\d,]+ is_leader answers, epochs rose +\d+\.\d s$", lines[-2])
    assert lines[-1].startswith(f"next: {box.command} run ")
    assert not list(box.path.glob("elect-demo-*")), "its folder is removed"


def test_in_json_on_a_store_of_the_users(box):
    code, seen = box.json("demo", *FAST)
    assert code == 0 and seen["ok"] and seen["terms"] == 4 and seen["overlaps"] == 0 and seen["answers"] > 0
    assert seen["epochs_rose"] and not seen["resumed_as_leader"]
    assert len(seen["timeline"]) == 7
    assert seen["elected_us"] > 0 and seen["crash_us"] > 0 and seen["graceful_us"] > 0 and seen["freeze_us"] > 0
    assert box.json("list") == (0, []), "its election is forgotten"


def test_an_unfit_store_ends_it(box):
    code, _, err = box.run("demo", "--store", "local:/proc/elect")
    assert code == 78 and "elect: " in err


def test_it_cleans_up_when_interrupted(box):
    run = box.start("demo", env={"TMPDIR": str(box.path), "LEADER_ELECTION_STORE": ""})
    until(lambda: "elected in" in run.printed() or run.poll() is not None, "a leader")
    run.send_signal(signal.SIGINT)
    assert run.end() == 130
    assert not list(box.path.glob("elect-demo-*"))


def test_a_killed_demo_leaves_no_candidates(box):
    run = box.start("demo", *FAST)
    until(lambda: "elected in" in run.printed(), "a leader")
    run.kill()
    run.end()
    until(lambda: box.left() == [], "the end of the candidates")
