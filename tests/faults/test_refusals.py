"""Servers that say no, for a reason that somebody can mend."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest
from bad import ENDS, NOT_ELECTED, REFUSED, REQUESTS_A_SECOND, SOON, UNREACHABLE, calm, command, complaint, elected
from checker import UNHURRIED
from faults import LOCK, TERM
from host import HANG, free_port
from servers import Server
from stage import Stage

Mend = Callable[[], None]


def wrong_password(server: Server) -> Mend:
    server.do("ACL", "SETUSER", "joe", "resetpass", ">another")
    return lambda: server.do("ACL", "SETUSER", "joe", ">secret-word")


def unknown_user(server: Server) -> Mend:
    server.do("ACL", "DELUSER", "joe")
    return lambda: server.do("ACL", "SETUSER", "joe", "on", ">secret-word", "~*", "&*", "+@all")


def no_right_to_run_scripts(server: Server) -> Mend:
    server.do("ACL", "SETUSER", "joe", "-eval", "-evalsha")
    return lambda: server.do("ACL", "SETUSER", "joe", "+eval", "+evalsha")


def no_right_to_the_keys(server: Server) -> Mend:
    server.do("ACL", "SETUSER", "joe", "resetkeys", "~other:*")
    return lambda: server.do("ACL", "SETUSER", "joe", "~*")


def lock_of_another_type(server: Server) -> Mend:
    server.do("LPUSH", LOCK, "x")
    return lambda: server.do("DEL", LOCK)


def record_of_another_type(server: Server) -> Mend:
    server.do("SET", TERM, "x")
    return lambda: server.do("DEL", TERM)


def lock_without_ttl(server: Server) -> Mend:
    server.do("SET", LOCK, "somebody")
    return lambda: server.do("DEL", LOCK)


def epoch_that_is_no_number(server: Server) -> Mend:
    server.do("HSET", TERM, "epoch", "12x", "until", 1)
    return lambda: server.do("DEL", TERM)


def epoch_that_none_can_follow(server: Server) -> Mend:
    server.do("HSET", TERM, "epoch", 2**53 - 1, "until", 1)
    return lambda: server.do("DEL", TERM)


def full_memory(server: Server) -> Mend:
    server.do("CONFIG", "SET", "maxmemory", 1)
    return lambda: server.do("CONFIG", "SET", "maxmemory", 0)


def too_few_replicas(server: Server) -> Mend:
    server.do("CONFIG", "SET", "min-replicas-to-write", 1)
    return lambda: server.do("CONFIG", "SET", "min-replicas-to-write", 0)


def replica(server: Server) -> Mend:
    server.do("REPLICAOF", "127.0.0.1", free_port())
    return lambda: server.do("REPLICAOF", "NO", "ONE")


def replica_without_its_master(server: Server) -> Mend:
    server.do("CONFIG", "SET", "replica-serve-stale-data", "no")
    return replica(server)


def busy_script(server: Server) -> Mend:
    server.do("CONFIG", "SET", "busy-reply-threshold", 1)
    server.open().send("EVAL", "while true do end", 0)
    time.sleep(0.1)
    return lambda: server.do("SCRIPT", "KILL")


SAYING_NO: list[tuple[Callable[[Server], Mend], str, int]] = [
    (wrong_password, "refuses the password, or the user", REFUSED),
    (unknown_user, "refuses the password, or the user", REFUSED),
    (no_right_to_run_scripts, "ACL SETUSER <user> +eval", UNREACHABLE),
    (no_right_to_the_keys, "NOPERM", UNREACHABLE),
    (lock_of_another_type, "another kind of value", UNREACHABLE),
    (record_of_another_type, "another kind of value", UNREACHABLE),
    (lock_without_ttl, "has no TTL", NOT_ELECTED),
    (epoch_that_is_no_number, "12x", UNREACHABLE),
    (epoch_that_none_can_follow, "no epoch can follow", UNREACHABLE),
    (full_memory, "maxmemory", UNREACHABLE),
    (too_few_replicas, "too few replicas", UNREACHABLE),
    (replica, "is a replica", UNREACHABLE),
    (replica_without_its_master, "is a replica", UNREACHABLE),
    (busy_script, "BUSY", UNREACHABLE),
]


@pytest.mark.parametrize(("cause", "words", "code"), SAYING_NO, ids=[each[0].__name__ for each in SAYING_NO])
def test_a_server_that_says_no(stage: Stage, cause: Callable[[Server], Mend], words: str, code: int) -> None:
    server = stage.server()
    server.do("ACL", "SETUSER", "joe", "on", ">secret-word", "~*", "&*", "+@all")
    mend = cause(server)
    proxy = stage.proxy(server.path)
    url = f"redis://joe:secret-word@127.0.0.1:{proxy.port}"
    candidate = stage.candidate("a", "restart_grace=0", store=url)
    complaint(candidate, words)
    calm(candidate)
    ended, said = command(stage, url, wait=ENDS if code == REFUSED else SOON)
    assert ended == code and words in said, f"{ended}: {said}"
    assert "secret-word" not in said + str(candidate.events)
    mend()
    elected(stage, candidate)


def test_a_server_that_wants_a_password(stage: Stage) -> None:
    """Given in a file, which is read at each connect."""
    server = stage.server()
    file = stage.folder / "password"
    file.write_text("not-this-one\n")
    server.do("CONFIG", "SET", "requirepass", "secret-word")
    url = f"redis://127.0.0.1:{stage.proxy(server.path).port}"
    candidate = stage.candidate("a", "restart_grace=0", f"password_file={file}", store=url)
    complaint(candidate, "refuses the password")
    calm(candidate)
    ended, said = command(stage, server.url, wait=ENDS)
    assert ended == REFUSED and "give password or password_file" in said
    file.write_text("secret-word\n")
    elected(stage, candidate)
    assert "secret-word" not in str(candidate.events) and "not-this-one" not in str(candidate.events)


def test_a_database_that_is_not_there(stage: Stage) -> None:
    server = stage.server()
    wide = stage.server("wide", "--databases", "128")
    proxy = stage.proxy(server.path)
    url = f"redis://127.0.0.1:{proxy.port}/99"
    candidate = stage.candidate("a", "restart_grace=0", store=url)
    complaint(candidate, "database 99")
    calm(candidate)
    ended, said = command(stage, url)
    assert ended == UNREACHABLE and "database 99: the server has no such database" in said
    assert server.do("DBSIZE") == 0, "nothing was written to another one"
    proxy.move(wide.path)
    elected(stage, candidate)
    wide.do("SELECT", 99)
    assert wide.do("EXISTS", TERM) == 1


def test_a_lock_with_a_foreign_value_is_waited_for(stage: Stage) -> None:
    server = stage.server()
    server.do("SET", LOCK, "somebody else", "PX", 600_000)
    candidate = stage.candidate("a", "restart_grace=0")
    candidate.await_("leader", containing="somebody")
    calm(candidate)
    ended, _ = command(stage, server.url)
    assert ended == NOT_ELECTED
    server.do("PEXPIRE", LOCK, 500)
    elected(stage, candidate)


def test_full_memory_ends_no_term(stage: Stage) -> None:
    """What renews and releases writes nothing that is denied then."""
    server = stage.server()
    stage.lease = UNHURRIED
    candidate = stage.candidate("a", "restart_grace=0")
    epoch = candidate.await_("elected").epoch
    server.do("CONFIG", "SET", "maxmemory", 1)
    time.sleep(4)
    assert candidate.term() == epoch
    candidate.ask("stop")
    assert candidate.ask("join 20000").rest == "ELECT_OK"
    assert server.do("EXISTS", LOCK) == 0
    assert not stage.verdict().violations()


def test_a_server_that_is_loading(stage: Stage) -> None:
    """For two seconds after its restart."""
    server = stage.server()
    candidate = stage.candidate("a", "restart_grace=0")
    epoch = candidate.await_("elected").epoch
    server.do("DEBUG", "POPULATE", 2000)
    server.do("SAVE")
    server.args += ("--key-load-delay", "1500", "--loading-process-events-interval-bytes", "1024")
    server.restart()
    complaint(candidate, "loading")
    stage.await_leader(epoch)
    assert not stage.verdict().violations()


def test_scripts_that_are_flushed_again_and_again(stage: Stage) -> None:
    server = stage.server()
    stage.lease = UNHURRIED
    candidate = stage.candidate("a", "restart_grace=0")
    epoch = candidate.await_("elected").epoch
    end = time.monotonic() + 4
    while time.monotonic() < end:
        server.do("SCRIPT", "FLUSH")
        time.sleep(0.002)
    assert candidate.term() == epoch
    requests = candidate.proxy and sum(candidate.proxy.requests.values())
    assert requests and requests < 4 * REQUESTS_A_SECOND
    rival = stage.candidate("b", "restart_grace=0")
    stop_flushing = threading.Event()

    def flush() -> None:
        with contextlib.closing(server.open()) as client:
            while not stop_flushing.is_set():
                client.do("SCRIPT", "FLUSH")

    flusher = threading.Thread(target=flush)
    flusher.start()
    candidate.ask("stop")
    rival.await_("elected")
    stop_flushing.set()
    flusher.join(HANG)
    assert not stage.verdict().violations()
