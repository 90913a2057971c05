"""The guard script, on a real server."""

import pytest
from conftest import ROOT
from server import Refused, server

SCRIPT = (ROOT / "examples" / "fencing" / "guard.lua").read_text()
FENCE, DATA = "{billing}:fence", "{billing}:state"
NOW = 1795233392001234


@pytest.fixture(scope="module")
def redis():
    with server() as one:
        yield one


@pytest.fixture(autouse=True)
def _empty(redis):
    redis.ask("FLUSHALL")


def guard(redis, epoch, value):
    return redis.ask("EVAL", SCRIPT, 2, FENCE, DATA, epoch, value)


def test_the_page_has_the_script_as_it_is(page):
    assert f"```lua\n{SCRIPT}```\n" in page


def test_terms_in_their_order_write(redis):
    assert guard(redis, NOW, "first") == 1
    assert guard(redis, NOW, "again") == 1
    assert guard(redis, NOW + 1, "next") == 1
    assert redis.ask("GET", DATA) == "next" and redis.ask("GET", FENCE) == str(NOW + 1)


def test_a_stale_epoch_is_refused_and_writes_nothing(redis):
    guard(redis, NOW + 1, "new")
    with pytest.raises(Refused, match=f"^FENCED {NOW + 1}$"):
        guard(redis, NOW, "old")
    assert redis.ask("GET", DATA) == "new" and redis.ask("GET", FENCE) == str(NOW + 1)


def test_epochs_are_compared_as_whole_numbers(redis):
    last = 2**53 - 1
    assert guard(redis, 9, "a") == 1
    assert guard(redis, 10, "b") == 1
    assert guard(redis, last - 1, "c") == 1
    assert guard(redis, last, "d") == 1
    with pytest.raises(Refused, match=f"^FENCED {last}$"):
        guard(redis, last - 1, "e")
    with pytest.raises(Refused, match=f"^FENCED {last}$"):
        guard(redis, 99, "f")


@pytest.mark.parametrize(
    "epoch",
    [
        "",
        "0",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e15",
        "0x10",
        "nan",
        "12345678901234567",
        b"1\x00",
        b"\xb2",
    ],
)
def test_what_is_no_epoch_is_refused(redis, epoch):
    with pytest.raises(Refused, match="^BADEPOCH"):
        guard(redis, epoch, "x")
    assert redis.ask("EXISTS", FENCE, DATA) == 0


@pytest.mark.parametrize("held", ["", "x", "1.79e+15", "001", "12345678901234567"])
def test_a_fence_that_holds_something_else_is_refused(redis, held):
    redis.ask("SET", FENCE, held)
    with pytest.raises(Refused, match="^BADFENCE"):
        guard(redis, NOW, "x")
    assert redis.ask("EXISTS", DATA) == 0 and redis.ask("GET", FENCE) == held


def test_a_fence_of_another_type_is_refused(redis):
    redis.ask("LPUSH", FENCE, "x")
    with pytest.raises(Refused, match="WRONGTYPE"):
        guard(redis, NOW, "x")
    assert redis.ask("EXISTS", DATA) == 0


def test_a_full_memory_writes_neither(redis):
    guard(redis, NOW, "kept")
    redis.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(Refused, match="OOM"):
            guard(redis, NOW + 1, "x")
    finally:
        redis.ask("CONFIG", "SET", "maxmemory", 0)
    assert redis.ask("GET", DATA) == "kept" and redis.ask("GET", FENCE) == str(NOW)


def test_the_fence_has_no_end_of_its_own(redis):
    guard(redis, NOW, "x")
    assert redis.ask("PTTL", FENCE) == redis.ask("PTTL", DATA) == -1


def test_it_fences_only_as_long_as_its_key_is_there(redis, page):
    guard(redis, NOW + 1, "new")
    redis.ask("DEL", FENCE)
    assert guard(redis, NOW, "old") == 1
    assert "as long as its own key" in page


def test_it_needs_no_more_rights_than_the_page_says(redis, page):
    rights = page.split("`ACL SETUSER writer ")[1].split("`")[0].replace("PASSWORD", "secret").split()
    redis.ask("ACL", "SETUSER", "writer", *rights)
    from server import Client  # noqa: PLC0415

    with Client(redis.path) as client:
        client.ask("AUTH", "writer", "secret")
        sha = client.ask("SCRIPT", "LOAD", SCRIPT)
        assert client.ask("EVALSHA", sha, 2, FENCE, DATA, NOW, "x") == 1
        with pytest.raises(Refused, match="NOPERM"):
            client.ask("DEL", FENCE)
