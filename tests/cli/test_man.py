"""The manual page says what the command says."""

import pathlib
import shutil
import subprocess
import sys

import pytest

MAN = pathlib.Path(__file__).parents[2] / "libelect" / "man"


def test_the_options_of_the_page_are_those_of_the_table(box):
    table = box.run("options", "--json")[1]
    done = subprocess.run(
        [sys.executable, "-B", MAN / "options.py", "--check"], input=table, text=True, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_every_command_and_flag_is_on_the_page(box):
    page = (MAN / "elect.1").read_text().replace("\\-", "-")
    for line in box.run("--help")[1].splitlines():
        if line.startswith("  "):
            command = line.split()[0]
            assert command in page
            for flag in box.json(command, "--help")[1]["flags"]:
                assert f"--{flag['name']}" in page, f"{command} --{flag['name']}"


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff here")
def test_the_page_is_well_formed():
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", MAN / "elect.1"], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0 and not done.stderr
