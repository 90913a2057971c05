"""The command line: what is refused, how, and with which exit code."""

import json

import pytest

COMMANDS = ["run", "status", "watch", "history", "list", "step-down", "forget", "doctor", "options", "demo", "version"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(box, command):
    code, out, err = box.run(command, "--help")
    assert code == 0 and not err
    assert out.startswith(f"usage: elect {command}")
    code, described = box.json(command, "--help")
    assert code == 0 and described["command"] == command
    assert box.run("help", command)[1] == out


def test_help_lists_all_commands_and_no_hidden_ones(box):
    code, out, _ = box.run("--help")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == COMMANDS


@pytest.mark.parametrize(
    "args, hint",
    [
        ([], "elect demo"),
        (["rum", "x"], 'did you mean "elect run"?'),
        (["frobnicate"], 'no command "frobnicate"'),
        (["run", "--lock-tll=3s", "x", "--", "true"], "unknown option --lock-tll; did you mean --lock-ttl?"),
        (["run", "--lock_ttl=3s", "x", "--", "true"], "did you mean --lock-ttl?"),
        (["run", "--zzzzzz", "x", "--", "true"], "unknown option --zzzzzz"),
        (["run", "-z", "x", "--", "true"], "unknown option -z"),
        (["run", "--lock-ttl"], "wants a value"),
        (["run", "--once=1", "x", "--", "true"], "--once takes no value"),
        (["run"], "no NAME"),
        (["run", "x"], "no COMMAND"),
        (["run", "x", "--"], "no COMMAND"),
        (["run", "x", "true"], 'put "--" before the command'),
        (["run", "--name", "x", "--", "true"], "--name is not for the command line"),
        (["status"], "no NAME"),
        (["status", "a", "b"], '"b" is one word too many'),
        (["list", "a"], '"a" is one word too many'),
        (["list", "\x1b[31ma\n"], '"?[31ma?" is one word too many'),
        (["version", "--store", "memory:"], "unknown option --store"),
    ],
)
def test_a_wrong_command_line_is_64(box, args, hint):
    code, out, err = box.run(*args)
    assert code == 64 and not out
    assert err.startswith("elect: ") and hint in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "args, words",
    [
        (["--lock-ttl", "10", "x"], ["lock_ttl", '"10"', "unit"]),
        (["--lock-ttl", "10 s", "x"], ["lock_ttl", '"10 s"']),
        (["--lock-ttl=-1s", "x"], ["lock_ttl", '"-1s"']),
        (["--lock-ttl", "50ms", "x"], ["lock_ttl", '"50ms"', "100ms", "1h"]),
        (["--lock-ttl", "2h", "x"], ["lock_ttl", '"2h"', "1h"]),
        (
            ["--lock-ttl", "1s", "--heartbeat-interval", "700ms", "x"],
            ["heartbeat_interval", "lock_ttl", "clock_margin"],
        ),
        (["--lock-ttl", "1s", "--clock-margin", "600ms", "x"], ["clock_margin", '"600ms"']),
        (["--store", "", "x"], ["store"]),
        (["--store", "etcd://host", "x"], ["store", "etcd:"]),
        (["--store", "/var/lib/elect", "x"], ["store"]),
        (["--store", "local:", "x"], ["local:"]),
        (["--layout", "plane", "x"], ["layout", '"plane"']),
        (["--log-level", "loud", "x"], ["log_level", '"loud"', "debug"]),
        ([""], ["name", "1 to 200 bytes"]),
        (["n" * 201], ["name", "1 to 200 bytes"]),
        ([b"\xff\xfe"], ["name", "UTF-8"]),
        (["a\nb"], ["name"]),
        (["--instance-id", "i" * 257, "x"], ["instance_id", "256"]),
        (["--hold", "5", "x"], ["--hold", '"5"', "unit"]),
        (["--wait", "soon", "x"], ["--wait", '"soon"']),
        (["--restart", "maybe", "x"], ["--restart", '"maybe"', "on-failure"]),
        (["--stop-timeout", "9s", "x"], ["--stop-timeout", '"9s"', "lock_ttl"]),
    ],
)
def test_a_refused_value_is_78_and_names_option_value_and_rule(box, args, words):
    args = [arg if isinstance(arg, str) else arg.decode("utf-8", "surrogateescape") for arg in args]
    code, out, err = box.run("run", *args, "--", "true")
    assert code == 78 and not out
    assert err.startswith("elect: ") and err.count("\n") == 1
    for word in words:
        assert word in err


def test_the_environment_is_validated_too(box):
    code, _, err = box.run("run", "x", "--", "true", env={"LEADER_ELECTION_LOCK_TTL": "7"})
    assert code == 78 and "LOCK_TTL" in err.upper() and '"7"' in err


def test_options_prints_the_table(box):
    code, table = box.json("options")
    assert code == 0 and {"store", "name", "lock_ttl"} <= {row["name"] for row in table}
    code, out, _ = box.run("options")
    for row in table:
        assert row["name"] in out and row["env"] in out and row["help"] in out


def test_effective_says_where_each_value_comes_from(box):
    code, rows = box.json(
        "options",
        "--effective",
        "--lock-ttl",
        "8s",
        "--store",
        "local:/tmp/x?lock_ttl=5s&heartbeat_interval=1s&drain_timeout=3s",
        env={"LEADER_ELECTION_HEARTBEAT_INTERVAL": "2s", "LEADER_ELECTION_LOCK_TTL": "9s"},
    )
    assert code == 0
    found = {row["name"]: (row["value"], row["source"]) for row in rows}
    assert found["lock_ttl"] == ("8s", "command line")
    assert found["heartbeat_interval"] == ("2s", "environment LEADER_ELECTION_HEARTBEAT_INTERVAL")
    assert found["drain_timeout"] == ("3s", "query of the store's URL")
    assert found["clock_margin"] == ("auto: 800ms", "default")
    assert found["role"] == ("candidate", "default")


def test_version(box):
    code, out, _ = box.run("version")
    assert code == 0 and out.startswith("elect 0.")
    assert box.run("--version")[1] == out
    assert box.json("version")[1]["version"] == out.split()[1]


def test_json_help_of_run_holds_the_table(box):
    _, described = box.json("run", "--help")
    assert {flag["name"] for flag in described["flags"]} >= {"wait", "try", "once", "hold", "restart", "stop-timeout"}
    assert described["options"] == json.loads(box.run("options", "--json")[1])


def test_hidden_commands_are_not_for_people(box):
    assert box.run("guard")[0] == 64
    assert box.run("candidate")[0] == 64
