"""Elects by the installed package: smoke.py VERSION STORE..."""

import importlib.metadata
import sys
import threading
from pathlib import Path

import elect

try:
    import _interpreters as interpreters
except ImportError:  # before 3.13
    import _xxsubinterpreters as interpreters


def lead(store: str) -> None:
    heard = []
    told = threading.Event()
    with elect.LeaderElection("smoke", store=store, lock_ttl=2) as election:
        election.on_become_leader(told.set)
        election.on_lose_leadership(lambda: heard.append("lost"))
        assert election.wait_elected(60)
        assert told.wait(60)
        assert election.is_leader is True
        leader = election.leader_info
        assert leader is not None
        assert (leader.instance_id, leader.epoch) == (election.instance_id, election.epoch)
    assert election.is_leader is False
    assert heard == ["lost"]
    epoch = elect.LeaderElection("smoke", store=store, lock_ttl=2).run(lambda term: term.epoch)
    assert epoch is not None
    assert epoch > leader.epoch


def refused_in_subinterpreters() -> None:
    """By the modules that cffi made; from Python 3.12 on, which asks modules."""
    other = interpreters.create()
    try:
        said = interpreters.run_string(other, "import elect").formatted
    except interpreters.RunFailedError as error:  # so it is in 3.12
        said = str(error)
    interpreters.destroy(other)
    assert "ImportError" in said, said
    assert "does not support loading in subinterpreters" in said, said


def main(version: str, *stores: str) -> None:
    assert elect.__version__ == importlib.metadata.version("libelect") == version
    assert Path(sys.prefix) in Path(elect.__file__).parents, elect.__file__
    for store in stores:
        lead(store)
    if sys.version_info >= (3, 12):
        refused_in_subinterpreters()


main(*sys.argv[1:])
