"""Options: typed keywords, the environment, and the words of errors."""

from __future__ import annotations

import datetime
import json
import math
import pickle
from typing import Any

import elect
import pytest
from elect import _errors
from elect._native import lib, text
from elect.aio import LeaderElection as AioElection

ROWS = {row["name"]: row for row in json.loads(text(lib.elect_options_table()))}
PARAMETERS = {"store", "name"}  # of the constructors


def test_every_option_is_a_keyword_and_every_keyword_an_option() -> None:
    assert set(elect.ClientOptions.__annotations__) | PARAMETERS == set(ROWS)
    assert set(elect.ElectionOptions.__annotations__) == {
        name for name, row in ROWS.items() if row["scope"] == "election" and name not in PARAMETERS
    }


@pytest.mark.parametrize("name", sorted(set(ROWS) - PARAMETERS))
def test_the_type_of_a_keyword_is_the_kind_of_its_option(name: str) -> None:
    kind = elect.ClientOptions.__annotations__[name]
    words = str(getattr(kind, "__forward_arg__", kind)).replace("'", '"')
    row = ROWS[name]
    if row["kind"] == "duration":
        assert words == "Duration | None"
    elif name == "tls_verify":
        assert words == "bool | None"
    elif row["kind"] == "enum":
        literals = ", ".join(f'"{word}"' for word in row["words"].split("|"))
        assert words == f"Literal[{literals}] | None"
    else:
        assert words == "str | None"


@pytest.mark.parametrize("ttl", [4.2, datetime.timedelta(milliseconds=4200), "4200ms"])
def test_durations(ttl: Any) -> None:
    with elect.LeaderElection("job", store="memory:", lock_ttl=ttl) as election:
        assert election.wait_elected(30)
        assert 0 < election.lease_remaining <= 4.2
        assert election._time_ms("lock_ttl") == 4200
        assert election._time_ms("heartbeat_interval") == 1260


def test_times_come_from_where_the_library_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADER_ELECTION_STORE", "memory:?lock_ttl=1m30s&retry_interval=1s")
    monkeypatch.setenv("LEADER_ELECTION_HEARTBEAT_INTERVAL", "2s")
    client = elect.Client.from_env(retry_interval=3)

    def times(election: elect.LeaderElection) -> list[int]:
        return [election._time_ms(name) for name in ("lock_ttl", "heartbeat_interval", "retry_interval")]

    assert times(elect.LeaderElection("job", client=client)) == [90_000, 2000, 3000]
    own = elect.LeaderElection("own", client=client, lock_ttl=20, heartbeat_interval=5)
    assert times(own) == [20_000, 5000, 3000]
    client.close()


def test_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADER_ELECTION_STORE", "memory:")
    monkeypatch.setenv("LEADER_ELECTION_NAME", "from-env")
    monkeypatch.setenv("LEADER_ELECTION_INSTANCE_ID", "one")
    with elect.LeaderElection.from_env(instance_id="two") as election:
        assert (election.name, election.instance_id) == ("from-env", "two")
    monkeypatch.setenv("LEADER_ELECTION_LOCK_TTL", "soon")
    with pytest.raises(elect.ConfigError, match="LEADER_ELECTION_LOCK_TTL"):
        elect.LeaderElection.from_env()
    elect.LeaderElection("job", store="memory:")  # where the environment is not asked, it says nothing
    monkeypatch.delenv("LEADER_ELECTION_LOCK_TTL")
    monkeypatch.setenv("LEADER_ELECTION_STORE", "custom:?password=hunter2")
    with pytest.raises(elect.ConfigError, match="give an elect.Store") as error:
        elect.LeaderElection.from_env()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"store": "memory:", "lock_ttl": 0.01}, 'lock_ttl="10ms": must be from 100ms'),
        ({"store": "memory:", "lock_ttl": datetime.timedelta(hours=2)}, 'lock_ttl="7200s": must be from 100ms to 1h'),
        ({"store": "memory:", "lock_ttl": 1e-6}, 'lock_ttl="1us"'),
        ({"store": "memory:", "lock_ttl": -1}, "lock_ttl"),
        ({"store": "memory:", "lock_ttl": math.nan}, "lock_ttl=nan: must be a finite number of seconds"),
        ({"store": "memory:", "lock_ttl": math.inf}, "lock_ttl=inf: must be a finite number"),
        ({"store": "memory:", "lock_ttl": True}, "lock_ttl: must be a number of seconds or a timedelta"),
        ({"store": "memory:", "metadata": 5}, "metadata: must be a str, and is of type int"),
        ({"store": "memory:", "metadata": True}, "metadata: must be a str, and is of type bool"),
        ({"store": "memory:", "metadata": "a\0b"}, "metadata: must be UTF-8 without a zero byte"),
        ({"store": "memory:", "metadata": "\ud800"}, "metadata: must be UTF-8"),
        ({"store": "memory:", "role": "king"}, "role.*king.*candidate or observer"),
        ({"store": "memory:", "colour": "red"}, 'unknown option "colour"; there are store, name'),
        ({"store": "memory:", "lock_tll": 10}, 'unknown option "lock_tll"; there are store, name'),
        ({"store": "nowhere:"}, "nowhere"),
        ({"store": "custom:"}, "give an elect.Store"),
        ({}, "store"),
    ],
)
def test_errors_name_the_option_and_the_rule(options: dict[str, Any], words: str) -> None:
    for kind in (elect.LeaderElection, AioElection):
        with pytest.raises(elect.ConfigError, match=words):
            kind("job", **options)
    assert issubclass(elect.ConfigError, ValueError)


def test_a_name_is_needed_and_what_was_opened_for_nothing_is_closed() -> None:
    for kind in (elect.LeaderElection, AioElection):
        with pytest.raises(elect.ConfigError, match="name"):
            kind(store="memory:")


def test_secrets_are_not_shown() -> None:
    for password in (b"hunter2", "hunter2\0", "\ud800hunter2"):
        with pytest.raises(elect.ConfigError) as caught:
            elect.LeaderElection("job", store="memory:", password=password)  # type: ignore[arg-type]
        assert "hunter2" not in str(caught.value)


def test_options_of_a_client_are_not_its_elections(client: elect.Client) -> None:
    for options in ({"store": "memory:"}, {"password": "x"}, {"store": client}):
        with pytest.raises(elect.ConfigError, match="store:|give it to elect.Client$"):
            elect.LeaderElection("job", client=client, **options)
    with pytest.raises(elect.ConfigError, match="client"):
        elect.LeaderElection.from_env("job", client=client)  # type: ignore[call-arg]


def test_update() -> None:
    with elect.LeaderElection("job", store="memory:", address="here") as election:
        assert election.wait_elected(30)
        election.update(address="there")
        with pytest.raises(elect.ConfigError, match="lock_ttl"):
            election.update(lock_ttl=5)
        with pytest.raises(elect.ConfigError, match="prefix"):
            election._client.update(prefix="other")
        election._client.update(log_level="off")


def test_each_code_has_a_class() -> None:
    codes = {text(lib.elect_code_name(code)): code for code in range(-1, -100, -1)}
    codes.pop(text(lib.elect_code_name(-1000)), None)
    assert set(_errors._BY_CODE) == set(codes)
    for name, code in codes.items():
        error = _errors.error_of(code)
        assert error.code == name
        assert isinstance(error, elect.ElectError)
        assert str(error) == text(lib.elect_code_text(code))
    assert type(_errors.error_of(-1000)) is elect.ElectError


def test_tracebacks_name_errors_as_users_import_them() -> None:
    for name in elect.__all__:
        found = getattr(elect, name)
        if isinstance(found, type) and issubclass(found, BaseException):
            assert f"{found.__module__}.{found.__qualname__}" == f"elect.{name}"


def test_errors_survive_pickling() -> None:
    lost = pickle.loads(pickle.dumps(elect.LeadershipLostError(elect.Reason.TAKEN, 7)))
    assert (lost.reason, lost.epoch, str(lost)) == (elect.Reason.TAKEN, 7, "no longer leader of epoch 7: taken")
    assert str(pickle.loads(pickle.dumps(elect.StoreError("no")))) == "no"
