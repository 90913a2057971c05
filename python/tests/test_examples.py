"""The programs in python/examples."""

from __future__ import annotations

import datetime
import pathlib
import sys
import threading
from typing import Any

import elect
import pytest
from elect.testing import MemoryStore
from host import HANG, until

pytest.importorskip("fastapi")  # in the environment of tests/pypackage
pytest.importorskip("apscheduler")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "examples"))

import scheduler  # noqa: E402
import service  # noqa: E402
import use_cases  # noqa: E402
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402


def test_service(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADER_ELECTION_STORE", local)
    monkeypatch.setenv("LEADER_ELECTION_INSTANCE_ID", "one")
    with TestClient(service.app) as client:
        found: dict[str, Any] = until(lambda: _body(client), "somebody leads")
        assert found["is_leader"] is True
        assert found["instance_id"] == "one"
        leader = found["leader_info"]
        assert leader["instance_id"] == "one"
        assert leader["epoch"] > 0
        assert datetime.datetime.fromisoformat(leader["started_at"]).tzinfo
        assert set(leader) >= {"hostname", "last_heartbeat"}
    assert not service.app.state.election.is_leader
    del service.app.state.election  # with its descriptors


def _body(client: TestClient) -> Any:
    answer = client.get("/health/leader")
    if answer.status_code == 500:
        assert answer.json() == {"detail": "nobody leads"}
        return None
    return answer.json()


def test_scheduler(elect_store: MemoryStore) -> None:
    election = elect_store.election()
    timetable = BackgroundScheduler()
    job = scheduler.lead(election, timetable)
    ran = threading.Event()
    epochs: list[int] = []

    def work(epoch: int) -> None:
        epochs.append(epoch)
        ran.set()

    timetable.add_job(job(work), "interval", seconds=0.02)
    election.start()
    assert not ran.is_set()
    elect_store.advance()
    epoch = election.epoch
    assert election.is_leader
    assert ran.wait(HANG)
    elect_store.rival()
    elect_store.lose()
    many = len(epochs)  # paused, and the last one has ended
    job(epochs.append)()
    assert len(epochs) == many
    timetable.shutdown()
    assert set(epochs) == {epoch}


def test_background_jobs(client: elect.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "EVERY", 0.001)
    election = elect.LeaderElection("job", client=client)
    epochs: list[int] = []

    def process(epoch: int) -> None:
        epochs.append(epoch)
        if len(epochs) == 1:
            election.resign()
        if len(epochs) == 2:
            election.stop()

    use_cases.background_jobs(election, process)
    assert len(epochs) == 2
    assert epochs[0] < epochs[1]


def test_migrations(client: elect.Client) -> None:
    done: list[str] = []
    for _ in range(2):
        use_cases.migrations(elect.LeaderElection("job", client=client), lambda: done.append("done"))
    assert done == ["done", "done"]


def test_the_others(elect_store: MemoryStore) -> None:
    election = elect_store.election(instance_id="me")
    warmed: list[int] = []
    use_cases.warm_caches(election, lambda: warmed.append(election.epoch))
    cleaned: list[int] = []
    clean_up = use_cases.guarded(election, lambda: cleaned.append(election.epoch))
    clean_up()
    election.start()
    elect_store.advance()
    clean_up()
    assert warmed == cleaned == [election.epoch]
    assert use_cases.status(election).startswith("me on ")
    elect_store.lose()
    clean_up()
    assert cleaned == warmed
