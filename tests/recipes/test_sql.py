"""The recipe for databases, on SQLite."""

import contextlib
import re
import sqlite3
import subprocess
import sys
import threading

import pytest
from conftest import ROOT, recipe

sql = recipe("sql")


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "state.db"
    with contextlib.closing(connect(path)) as connection:
        connection.executescript(sql.TABLE)
    return path


def connect(path):
    return sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)


def value(path):
    with contextlib.closing(connect(path)) as connection:
        rows = connection.execute("SELECT value FROM state WHERE name = 'billing'").fetchall()
    return rows[0][0] if rows else None


def write(path, epoch, text):
    with contextlib.closing(connect(path)) as connection, sql.term(connection, "billing", epoch):
        connection.execute(sql.WRITE, {"name": "billing", "value": text})


def test_the_page_has_the_statements_as_they_are(page):
    blocks = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    squeezed = [" ".join(block.replace(";", " ").split()) for block in blocks]
    assert " ".join(sql.TABLE.split("CREATE TABLE IF NOT EXISTS state")[0].replace(";", " ").split()) in squeezed
    assert " ".join(sql.RAISE.split()) in squeezed


def test_the_statement_for_a_single_row(page):
    update = re.search(r"```sql\n(UPDATE .*?)```", page, re.DOTALL).group(1)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT, epoch BIGINT NOT NULL)")
        connection.execute("INSERT INTO job VALUES ('billing', 'none', 0)")
        done = [
            connection.execute(update, {"name": "billing", "value": value, "epoch": epoch}).rowcount
            for epoch, value in ((7, "a"), (8, "b"), (7, "late"), (8, "c"))
        ]
        assert done == [1, 1, 0, 1]
        assert connection.execute("SELECT value, epoch FROM job").fetchall() == [("c", 8)]


def test_terms_in_their_order_write(database):
    write(database, 7, "first")
    write(database, 7, "again")
    write(database, 8, "next")
    assert value(database) == "next"


def test_a_stale_epoch_is_refused_and_its_transaction_undone(database):
    write(database, 8, "new")
    with pytest.raises(sql.Fenced):
        write(database, 7, "old")
    assert value(database) == "new"


def test_epochs_beyond_what_a_double_holds(database):
    write(database, 2**53 - 1, "new")
    with pytest.raises(sql.Fenced):
        write(database, 2**53 - 2, "old")


def test_a_failure_of_the_work_leaves_nothing_behind(database):
    connection = connect(database)
    with contextlib.closing(connection), pytest.raises(RuntimeError), sql.term(connection, "billing", 7):
        connection.execute(sql.WRITE, {"name": "billing", "value": "half"})
        raise RuntimeError
    assert value(database) is None


def test_a_later_term_waits_for_the_transaction_under_way(database):
    entered, order = threading.Event(), []

    def next_leader():
        entered.wait()
        write(database, 8, "new")
        order.append("new")

    thread = threading.Thread(target=next_leader)
    thread.start()
    with contextlib.closing(connect(database)) as connection, sql.term(connection, "billing", 7):
        entered.set()
        connection.execute(sql.WRITE, {"name": "billing", "value": "old"})
        order.append("old")
    thread.join()
    assert order == ["old", "new"] and value(database) == "new"
    with pytest.raises(sql.Fenced):
        write(database, 7, "too late")


def test_the_program(tmp_path):
    program, path = ROOT / "examples" / "fencing" / "sql.py", tmp_path / "state.db"
    for epoch, text, code in ((8, "new", 0), (7, "old", 1)):
        done = subprocess.run([sys.executable, program, path, str(epoch), text], check=False, capture_output=True)
        assert done.returncode == code, done.stderr
    assert value(path) == "new"
