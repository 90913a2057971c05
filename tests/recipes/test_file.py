"""The recipe for files."""

import pathlib
import subprocess
import sys
import threading

import pytest
from conftest import ROOT, recipe

file = recipe("file")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.txt"


def test_the_page_names_the_program(page):
    assert "../examples/fencing/file.py" in page


def test_terms_in_their_order_write(path):
    file.write(path, 7, b"first")
    file.write(path, 7, b"again")
    file.write(path, 8, b"next")
    assert path.read_bytes() == b"next"
    assert {entry.name for entry in path.parent.iterdir()} == {"report.txt", "report.txt.fence"}


def test_a_stale_epoch_is_refused_and_writes_nothing(path):
    file.write(path, 8, b"new")
    with pytest.raises(file.Fenced):
        file.write(path, 7, b"old")
    assert path.read_bytes() == b"new"


def test_a_term_that_has_begun_is_enough_to_fence(path):
    with file.term(path, 8):
        pass
    with pytest.raises(file.Fenced):
        file.write(path, 7, b"old")
    assert not path.exists()


def test_a_later_term_waits_for_the_write_under_way(path):
    entered, order = threading.Event(), []

    def next_leader():
        entered.wait()
        file.write(path, 8, b"new")
        order.append("new")

    thread = threading.Thread(target=next_leader)
    thread.start()
    with file.term(path, 7):
        entered.set()
        path.write_bytes(b"old")
        order.append("old")
    thread.join()
    assert order == ["old", "new"] and path.read_bytes() == b"new"


def test_a_writer_that_was_frozen_before_its_write_comes_too_late(path):
    """It has read its input for longer than its lease."""
    program = ROOT / "examples" / "fencing" / "file.py"
    late = subprocess.Popen([sys.executable, program, path, "7"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    file.write(path, 8, b"new")
    _, said = late.communicate(b"old", timeout=60)
    assert late.returncode == 1 and b"epoch 7 is of the past, 8 has written" in said
    assert pathlib.Path(path).read_bytes() == b"new"
