"""The command on redis:, as the user of docs/redis.md and with the rights of its line."""

import re
import signal

import pytest
from conftest import WORKER
from host import until
from redis_stage import PAGE, least, page_rights, server

SHORT = ["--lock-ttl", "5s", "--restart-grace", "0"]


@pytest.fixture(scope="module")
def redis():
    with server() as one:
        yield one


@pytest.fixture
def box(box, redis):
    redis.ask("FLUSHALL")
    redis.ask("ACL", "LOG", "RESET")
    box.store = least(redis)
    box.env["LEADER_ELECTION_STORE"] = box.store
    return box


def test_a_term_from_its_beginning_to_its_end(box, redis):
    run = box.start("run", *SHORT, "--instance-id", "web-1", "billing", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    code, status = box.json("status", "billing")
    assert code == 0 and status["leader"]["instance_id"] == "web-1" and "least" not in str(status)
    assert [row["name"] for row in box.json("list")[1]] == ["billing"]
    assert box.run("forget", "billing")[0] == 1
    assert box.run("step-down", "billing")[0] == 0
    box.journal().wait_starts(2)
    run.send_signal(signal.SIGTERM)
    assert run.end() == 0
    code, terms = box.json("history", "billing")
    assert code == 0 and [term["reason"] for term in terms] == ["stopped", "resigned"]
    assert len(box.journal().check()) == 2
    assert box.run("status", "billing")[0] == 1
    assert box.run("forget", "billing")[0] == 0
    assert redis.ask("DBSIZE") == 0


def test_one_of_two_leads_and_the_other_follows_at_once(box, redis):
    first = box.start("run", *SHORT, "billing", "--", *WORKER, box.journal().path)
    box.journal().wait_starts(1)
    second = box.start("run", *SHORT, "billing", "--", *WORKER, box.journal().path)
    until(lambda: redis.ask("PUBSUB", "NUMSUB", "elect:{billing}:events")[1] == 2, "the follower")
    first.send_signal(signal.SIGTERM)
    assert first.end() == 0
    box.journal().wait_starts(2)
    second.send_signal(signal.SIGTERM)
    assert second.end() == 0
    assert len(box.journal().check()) == 2


def layouts():
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| `(~[^`]*)` \|$", PAGE, re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize("layout", ["elect", "plain", "maplefile", "elector", "go-leader"])
def test_the_keys_of_the_page_are_enough_for_each_layout(box, redis, layout):
    keys = layouts()[layout].split()
    commands = [word for word in page_rights() if word[0] not in "~&"]
    box.env["LEADER_ELECTION_STORE"] = least(redis, *keys, *commands)
    lock = ["--lock-key", "app-lock"] if layout == "plain" else []
    code, out, err = box.run("run", *SHORT, "--layout", layout, *lock, "job", "--", "echo", "led")
    assert code == 0 and out == "led\n", err
    assert "denie" not in err and "NOPERM" not in err
    code, out, err = box.run("status", "--layout", layout, *lock, "job")
    assert code == 1 and "NOPERM" not in err, err
    assert redis.ask("ACL", "LOG") == []


def test_what_is_denied_is_named_with_the_rule_that_grants_it(box, redis):
    box.env["LEADER_ELECTION_STORE"] = least(redis, *page_rights(), "-evalsha", "-eval")
    _, _, err = box.run("run", *SHORT, "--wait", "3s", "job", "--", "true")
    assert re.search(r"\+eval(sha)?\b", err) and "least" not in err


@pytest.mark.parametrize("way", ["environment", "file", "url"])
def test_a_password_is_used_and_shown_nowhere(box, way):
    file = box.path / "password"
    file.write_text("hunter2\nand what else stands there\n")
    with server(password="hunter2") as one:
        url = one.url if way != "url" else one.url.replace("//", "//:hunter2@")
        env = {"LEADER_ELECTION_PASSWORD": "hunter2"} if way == "environment" else {}
        args = ["--password-file", file] if way == "file" else []
        run = box.start("run", *SHORT, "-v", "--store", url, *args, "job", "--", "env", env=env)
        assert run.end() == 0
        assert "hunter2" not in run.said() + run.printed() and "ELECT_EPOCH=" in run.printed()
        code, out, err = box.run("status", "--store", url, *args, "job", env=env)
        assert code == 1 and "hunter2" not in out + err


@pytest.mark.parametrize("user", ["", "default"])
def test_the_password_of_a_url_in_the_environment_is_not_handed_on(box, user):
    with server(password="hunter2") as one:
        url = one.url.replace("//", f"//{user}:hunter2@") + "?address=a:b@c"
        run = box.start("run", *SHORT, "job", "--", "env", env={"LEADER_ELECTION_STORE": url})
        assert run.end() == 0
        assert "hunter2" not in run.printed()
        store = one.url.replace("//", f"//{user}@" if user else "//") + "?address=a:b@c"
        assert f"LEADER_ELECTION_STORE={store}\n" in run.printed()


def test_a_wrong_password_ends_it_at_once_and_is_not_shown(box):
    with server(password="hunter2") as one:
        run = box.start("run", "--store", one.url, "--password", "hunter3", "job", "--", "true")
        assert run.end() == 78
        assert "hunter" not in run.said()
