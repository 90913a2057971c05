"""elect run: what it does with its command, and how it ends."""

import json
import os
import signal
import subprocess

import pytest
from conftest import HERE, WORKER, threads
from host import HANG, processes, until

FAST = ["--lock-ttl", "5s"]


def sh(script):
    return ["--", "sh", "-c", script]


def test_the_command_learns_its_term_and_is_no_candidate_itself(box):
    env = {
        "LEADER_ELECTION_NAME": "other",
        "LEADER_ELECTION_INSTANCE_ID": "me",
        "LEADER_ELECTION_LOCK_TTL": "5s",
        "LEADER_ELECTION_PASSWORD": "hunter2",
    }
    run = box.start("run", "job", "--", "env", env=env)
    assert run.end() == 0
    seen = dict(line.split("=", 1) for line in run.printed().splitlines() if "=" in line)
    assert seen["ELECT_NAME"] == "job" and seen["ELECT_INSTANCE_ID"] == "me" and int(seen["ELECT_EPOCH"]) > 10**15
    assert "LEADER_ELECTION_NAME" not in seen and "LEADER_ELECTION_INSTANCE_ID" not in seen
    assert "hunter2" not in run.printed() and "LEADER_ELECTION_PASSWORD" not in seen
    assert seen["LEADER_ELECTION_LOCK_TTL"] == "5s"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(box, code):
    assert box.run("run", "job", *sh(f"exit {code}"))[0] == code


@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "USR1", "SEGV"])
def test_a_command_that_died_of_a_signal_is_128_plus_n(box, name):
    assert box.run("run", "job", *sh(f"ulimit -c 0; kill -{name} $$"))[0] == 128 + signal.Signals[f"SIG{name}"]


def test_a_command_that_does_not_exist_is_127(box):
    code, _, err = box.run("run", "job", "--", "/no/such/command")
    assert code == 127 and "/no/such/command: No such file" in err


def test_a_command_that_is_not_executable_is_126(box):
    file = box.path / "text"
    file.write_text("not a program")
    code, _, err = box.run("run", "job", "--", str(file))
    assert code == 126 and "Permission denied" in err


def test_standard_streams_are_the_commands(box):
    with HERE.joinpath("worker.py").open("rb") as source:
        run = box.start("run", "-q", "job", "--", "cat", stdin=source)
    assert run.end() == 0
    assert run.printed() == HERE.joinpath("worker.py").read_text()
    assert run.said() == ""


def test_leadership_is_released_when_the_command_ends(box):
    assert box.run("run", "job", "--", "true")[0] == 0
    code, status = box.json("status", "job")
    assert code == 1 and status["state"] == "nobody" and status["last"]["reason"] == "stopped"
    # The next need not wait for any lease.
    assert box.run("run", "--try", "job", "--", "true")[0] == 0


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_term_and_hup_end_the_command_and_exit_0(box, name):
    run = box.start("run", "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    run.send_signal(signal.Signals[f"SIG{name}"])
    assert run.end() == 0
    assert box.json("status", "job")[1]["last"]["reason"] == "stopped"


def test_a_command_that_had_to_be_killed_is_137(box):
    run = box.start("run", "--drain-timeout", "500ms", "job", "--", *WORKER, box.journal().path, "deaf")
    box.journal().wait_starts(1)
    run.terminate()
    assert run.end() == 137
    assert box.run("status", "job")[0] == 1


def test_a_drain_that_is_over_at_once_leaves_nothing_behind(box):
    run = box.start("run", "--drain-timeout", "0", "job", "--", *WORKER, box.journal().path, "deaf", "family")
    box.journal().wait_starts(1)
    run.terminate()
    assert run.end() == 137
    assert box.left() == []


def test_int_ends_the_command_and_then_us_by_int(box):
    run = box.start("run", "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    run.send_signal(signal.SIGINT)
    assert run.end() == -signal.SIGINT
    assert box.run("status", "job")[0] == 1


def test_term_while_waiting_is_0(box):
    leader = box.start("run", "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    second = box.start("run", "job", "--", "true")
    until(lambda: threads(second.pid) > 1, "the second candidate")
    second.terminate()
    assert second.end() == 0
    assert leader.poll() is None


def test_int_that_was_ignored_stays_ignored(box):
    run = box.start(
        "run",
        "job",
        *sh("kill -INT $PPID; echo up; kill -INT 0; exit 3"),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert run.end() == 3


@pytest.mark.parametrize("name", ["USR1", "USR2", "WINCH"])
def test_signals_are_passed_on(box, name):
    script = f"trap 'echo got; exit 5' {name}; echo ready; while :; do sleep 0.05; done"
    run = box.start("run", "job", *sh(script))
    until(lambda: "ready" in run.printed(), "the trap")
    run.send_signal(signal.Signals[f"SIG{name}"])
    assert run.end() == 5 and "got" in run.printed()


def test_two_side_by_side_run_one_at_a_time(box):
    runs = [box.start("run", *FAST, "job", "--", *WORKER, box.journal().path) for _ in range(2)]
    box.journal().wait_starts(1)
    assert len(box.journal().starts()) == 1
    leader = next(run for run in runs if run.children())
    other = next(run for run in runs if run is not leader)
    leader.terminate()
    assert leader.end() == 0
    box.journal().wait_starts(2)
    other.terminate()
    assert other.end() == 0
    assert len(box.journal().check()) == 2


def test_try_is_75_when_another_leads(box):
    leader = box.start("run", "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    code, _, err = box.run("run", "--try", "job", "--", "true")
    assert code == 75 and "not elected" in err
    assert box.run("run", "--wait", "300ms", "job", "--", "true")[0] == 75
    assert leader.poll() is None


def test_wait_bounds_the_start_only(box):
    run = box.start("run", "--wait", "5s", "job", *sh("sleep 6; exit 9"))
    assert run.end() == 9


def test_hold_keeps_leading_after_the_command(box):
    run = box.start("run", "--hold", "1h", "job", *sh("exit 4"))
    until(lambda: "command ended" in run.said(), "the end of the command")
    assert box.run("status", "job")[0] == 0
    assert box.run("run", "--try", "job", "--", "true")[0] == 75
    run.terminate()
    assert run.end() == 4
    assert box.run("status", "job")[0] == 1


def test_hold_ends(box):
    assert box.run("run", "--hold", "200ms", "job", *sh("exit 4"))[0] == 4


def test_restart_on_failure_runs_again_with_a_new_epoch(box):
    log = box.path / "epochs"
    script = f'echo "$ELECT_EPOCH" >> {log}; [ "$(wc -l < {log})" -ge 3 ]'
    assert box.run("run", "--restart=on-failure", "job", *sh(script))[0] == 0
    epochs = [int(line) for line in log.read_text().split()]
    assert len(epochs) == 3 and epochs == sorted(set(epochs))


def test_restart_lets_another_host_try(box):
    first = box.start("run", "--restart=always", "--instance-id", "one", "job", *sh("exit 1"))
    until(lambda: "command ended" in first.said(), "the first end")
    second = box.start("run", "--instance-id", "two", "job", *sh('echo "$ELECT_INSTANCE_ID"'))
    assert second.end() == 0 and second.printed() == "two\n"


def test_restart_always_ends_with_term(box):
    run = box.start("run", "--restart=always", "job", *sh("exit 0"))
    until(lambda: "command ended" in run.said(), "the end of the command")
    run.terminate()
    assert run.end() == 0


def test_once_is_76_when_leadership_is_lost(box):
    run = box.start("run", "--once", "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    assert box.run("step-down", "job")[0] == 0
    assert run.end() == 76


def test_without_once_it_stands_again(box):
    run = box.start("run", *FAST, "job", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    assert box.run("step-down", "job")[0] == 0
    box.journal().wait_starts(2)
    assert run.poll() is None
    assert len(box.journal().check()) == 2


def test_what_the_command_leaves_behind_is_ended_before_the_release(box):
    script = "(trap '' TERM; while :; do date +%s >> left; sleep 0.02; done) & setsid sh -c 'sleep 1000' & exit 3"
    run = box.start("run", *FAST, "--stop-timeout", "200ms", "job", *sh(script), cwd=box.path)
    assert run.end() == 3
    assert box.left() == []


def test_run_ends_after_its_guard_even_one_that_hangs(box):
    os.mkfifo(box.path / "fifo")
    run = box.start("run", "--lock-ttl", "1h", "job", *sh("read line < fifo; exit 3"), cwd=box.path)
    until(lambda: "Started the command" in run.said(), "the command")
    guard = run.guard()
    run.send_signal(signal.SIGSTOP)
    (box.path / "fifo").write_text("go\n")
    until(lambda: all(parent != guard for _, parent, _, _ in processes()), "the command's burial")
    until(
        lambda: (guard, run.pid, "S") in [row[:3] for row in processes()], "the guard, which waits for run's farewell"
    )
    os.kill(guard, signal.SIGSTOP)
    run.send_signal(signal.SIGCONT)
    assert run.end() == 3
    assert box.left() == []


def test_orphans_of_others_outlive_run(box):
    """Of a script that begins something in the background and becomes `elect run`."""
    for name in ("fork", "end"):
        os.mkfifo(box.path / name)
    sidecar = "(read x < fork; sleep 1000 & echo $! > orphan) &"
    script = f"{sidecar} exec {box.command} run job -- sh -c '> up; read x < end; exit 3'"
    run = subprocess.Popen(["sh", "-c", script], cwd=box.path, env=box.env)
    try:
        until((box.path / "up").exists, "the command")
        (box.path / "fork").write_text("go\n")
        orphan = int(until(lambda: (file := box.path / "orphan").exists() and file.read_text(), "the orphan"))
        until(lambda: (orphan, run.pid) in [row[:2] for row in processes()], "its new parent")
        (box.path / "end").write_text("go\n")
        assert run.wait(HANG) == 3
        os.kill(orphan, signal.SIGKILL)  # it lives
    finally:
        run.kill()


def test_orphans_that_turn_up_late_are_ended_too(box):
    # Each ends on TERM, and leaves one in a session of its own to us; nothing here would wait for the stop-timeout.
    nest = "setsid sh -c 'sleep 1000 & echo ready; exec sleep 1000'"
    script = f'setsid sh -c "{nest} & exec sleep 1000" & read line < fifo; exit 3'
    os.mkfifo(box.path / "fifo")
    run = box.start("run", "--lock-ttl", "1h", "job", *sh(script), cwd=box.path)
    until(lambda: "ready" in run.printed(), "the nest")
    (box.path / "fifo").write_text("go\n")
    assert run.end() == 3
    assert box.left() == []


def test_kubernetes_without_a_store_is_an_error(box):
    code, _, err = box.run(
        "run", "job", "--", "true", env={"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, drop=["LEADER_ELECTION_STORE"]
    )
    assert code == 78 and "store" in err and "Kubernetes" in err
    assert box.run("run", "job", "--", "true", env={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})[0] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root's default is the machine's")
def test_the_default_store_is_the_users(box):
    state = box.path / "state"
    code, _, err = box.run(
        "run", "job", "--", "true", env={"XDG_STATE_HOME": str(state)}, drop=["LEADER_ELECTION_STORE"]
    )
    assert code == 0 and f"local:{state}/elect (this host only)" in err
    code, _, err = box.run("run", "job", "--", "true", drop=["LEADER_ELECTION_STORE", "XDG_STATE_HOME"])
    assert code == 0 and f"local:{box.path}/.local/state/elect (this host only)" in err


def test_logs_as_json(box):
    run = box.start("run", "--log-json", "job", "--", "true")
    assert run.end() == 0
    lines = [json.loads(line) for line in run.said().splitlines()]
    assert all({"time", "level", "msg"} <= set(line) for line in lines)
    became = next(line for line in lines if "Became the leader" in line["msg"])
    assert became["level"] == "info" and isinstance(became["epoch"], int)


def test_epochs_are_written_in_full(box):
    """One in ten would be 1.79e+15 if a double had its way."""
    for flags in [["--log-json"], []] * 15:
        run = box.start("run", *flags, "job", *sh('echo "$ELECT_EPOCH"'))
        assert run.end() == 0
        mark = '"epoch":' if flags else "epoch="
        assert run.said().split(mark)[1].startswith(run.printed().strip())


def test_logs_for_people(box):
    run = box.start("run", "job", "--", "true")
    assert run.end() == 0
    assert any(
        line.startswith("INFO  elect: Became the leader!") and " epoch=" in line and "e+" not in line
        for line in run.said().splitlines()
    )


def test_memory_store(box):
    assert box.run("run", "--store", "memory:", "job", *sh("exit 6"))[0] == 6
