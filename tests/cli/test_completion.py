"""Completion in bash: what a press of TAB offers, asked of the script as readline asks it."""

import pathlib
import re
import shlex
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "libelect" / "completion" / "elect"
ASK = """
source {script}
COMP_LINE={line} COMP_POINT={point} COMP_WORDS=({words}) COMP_CWORD={place}
_elect elect {current} {previous}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(line, before=""):
    """The words that bash would offer at the end of this line, whose words it breaks at "=" and ":"."""
    words = [piece for word in line.split(" ") for piece in (re.findall(r"[=:]+|[^=:]+", word) or [""])]
    current = "" if words[-1] in ("=", ":") else words[-1]
    asked = ASK.format(
        script=shlex.quote(str(SCRIPT)),
        line=shlex.quote(line),
        point=len(line),
        words=shlex.join(words),
        place=len(words) - 1,
        current=shlex.quote(current),
        previous=shlex.quote(words[-2]),
    )
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-uc", before + asked],
        text=True,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def commands(box):
    return [line.split()[0] for line in box.run("--help")[1].splitlines() if line.startswith("  ")]


def test_commands(box):
    assert offered("elect ") == [*commands(box), "help"]
    assert offered("elect st") == ["status", "step-down"]
    assert offered("elect help st") == ["status", "step-down"]
    assert offered("elect frobnicate ") == []


def test_every_option_that_a_command_takes_and_no_other(box):
    for command in commands(box):
        out = box.run(command, "--help")[1]
        taken = re.findall(r"^ .{4,5}?(--[a-z-]+)|^  (--[a-z-]+)", out, re.MULTILINE)
        wanted = {one or other for one, other in taken} | ({"--"} if command == "run" else set())
        assert set(offered(f"elect {command} -")) == wanted


@pytest.mark.parametrize(
    "line, words",
    [
        ("elect run --lock", ["--lock-key", "--lock-ttl"]),
        ("elect run --log-level ", ["off", "error", "warn", "info", "debug"]),
        ("elect run --log-level=w", ["warn"]),
        ("elect run --log-level=", ["off", "error", "warn", "info", "debug"]),
        ("elect status --layout e", ["elect", "elector"]),
        ("elect run --restart a", ["always"]),
        ("elect run --lock-ttl ", []),
        ("elect run ", []),
        ("elect run job ", ["--"]),
        ("elect run --lock-ttl 5s ", []),
        ("elect run --store local:/tmp --lock-ttl=5s job ", ["--"]),
        ("elect status job ", []),
        ("elect run job --onc", ["--once"]),
        ("elect run job -- --onc", []),
    ],
)
def test_what_may_come_next(line, words):
    assert offered(line) == words


def test_the_folder_of_a_store(tmp_path):
    (tmp_path / "elections").mkdir()
    for before in ("--store local:", "--store=local:"):
        assert offered(f"elect run {before}{tmp_path}/el") == [f"{tmp_path}/elections"]


def test_after_the_dashes_another_command_is_completed(tmp_path):
    (tmp_path / "elections").mkdir()
    assert "printf" in offered("elect run job -- printf")
    assert offered(f"elect run job -- ls {tmp_path}/el") == [f"{tmp_path}/elections"]
    theirs = "_command_offset() { COMPREPLY=(theirs $1); }\n"
    assert offered("elect run job -- ls -", theirs) == ["theirs", "4"]


def test_it_is_what_the_command_says(box):
    done = subprocess.run(
        [SCRIPT.with_name("generate.py"), "--check"],
        input=box.run("--help", "--json")[1],
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
