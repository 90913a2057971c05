#!/usr/bin/env python3
"""A table that refuses leaders of the past: sql.py DATABASE EPOCH VALUE.

As the command of `elect run`, whose environment has the epoch:

    elect run billing -- sh -c './sql.py state.db "$ELECT_EPOCH" "as of $(date)"'
"""

import contextlib
import sqlite3
import sys

TABLE = """
CREATE TABLE IF NOT EXISTS fence (
    name TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS state (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
"""

# First in every transaction of a leader. It changes no row when a later term has been here; and when it changes one, it
# locks it: whoever comes next waits until this transaction has ended.
RAISE = """
INSERT INTO fence (name, epoch) VALUES (:name, :epoch)
ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch WHERE fence.epoch <= excluded.epoch
"""

WRITE = """
INSERT INTO state (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


class Fenced(Exception):
    """A leader of a later term has been here: this one leads no more."""


@contextlib.contextmanager
def term(connection, name, epoch):
    """A transaction of the leader of this epoch, or Fenced."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute(RAISE, {"name": name, "epoch": epoch}).rowcount != 1:
            raise Fenced(f"{name}: epoch {epoch} is of the past")
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def main(database, epoch, value):
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.executescript(TABLE)
        with term(connection, "billing", int(epoch)):
            connection.execute(WRITE, {"name": "billing", "value": value})


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Fenced as error:
        sys.exit(str(error))
