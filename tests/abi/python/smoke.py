"""Elects on memory: and local: through CFFI, as a Python program would: one thread reads the queue."""

import sys
import threading

from _elect import ffi, lib


def text(string):
    return ffi.string(string).decode()


def success(code, what=""):
    assert code == lib.ELECT_OK, (text(lib.elect_code_name(code)), what)


def options(**pairs):
    made = ffi.gc(lib.elect_options_new(), lib.elect_options_free)
    for name, value in pairs.items():
        success(lib.elect_options_set(made, name.encode(), value.encode()), name)
    return made


def out(kind, function, *arguments, given=ffi.NULL):
    at = ffi.new(kind + "*")
    success(function(*arguments, at), text(lib.elect_options_error(given)) if given else "")
    return at[0]


def errors():
    given = options(lock_ttl="2s")
    assert lib.elect_options_set(given, b"lock_ttl", b"10") == lib.ELECT_EINVAL
    assert "lock_ttl" in text(lib.elect_options_error(given))
    assert text(lib.elect_options_get(given, b"lock_ttl")) == "2s"
    at = ffi.new("elect_client_t **")
    assert lib.elect_client_open(given, at) == lib.ELECT_EINVAL
    assert at[0] == ffi.NULL
    assert "store" in text(lib.elect_options_error(given))
    assert text(lib.elect_code_name(-1)) == "ELECT_EINVAL"


def pump(client, events, elected):
    """Keeps (kind, epoch) of each event until the queue ends, without LEADER_CHANGED."""
    at = ffi.new("elect_event_t **")
    while lib.elect_client_next_event(client, -1, at) == lib.ELECT_OK:
        kind = lib.elect_event_kind(at[0])
        if kind != lib.ELECT_EVENT_LEADER_CHANGED:
            events.append((kind, lib.elect_event_tag(at[0]), lib.elect_event_epoch(at[0])))
        lib.elect_event_free(at[0])
        if kind == lib.ELECT_EVENT_ELECTED:
            elected.set()


def elect(store):
    given, own = options(store=store, lock_ttl="2s"), options(name="smoke", instance_id="py-1", address="here:1")
    client = out("elect_client_t *", lib.elect_client_open, given, given=given)
    election = out("elect_election_t *", lib.elect_election_new, client, own, given=own)
    success(lib.elect_election_queue_events(election, 7))
    events, elected = [], threading.Event()
    reader = threading.Thread(target=pump, args=(client, events, elected))
    reader.start()

    success(lib.elect_election_start(election))
    success(lib.elect_election_wait(election, 60000))
    assert elected.wait(60)
    epoch, lease = ffi.new("uint64_t *"), ffi.new("int64_t *")
    assert lib.elect_election_is_leader(election) == 1
    assert lib.elect_election_check(election, epoch, lease) == 1
    assert 0 < lease[0] <= 2000
    leader = out("elect_leader_t *", lib.elect_election_leader, election, -1, 60000)
    assert text(lib.elect_leader_instance_id(leader)) == "py-1"
    assert text(lib.elect_leader_address(leader)) == "here:1"
    assert lib.elect_leader_epoch(leader) == epoch[0]
    lib.elect_leader_free(leader)
    report = out("char *", lib.elect_election_report, election, b"status", 60000)
    assert str(epoch[0]) in text(report)
    lib.elect_string_free(report)

    success(lib.elect_election_stop(election))
    assert lib.elect_election_is_leader(election) == 0
    success(lib.elect_election_join(election, 60000))
    success(lib.elect_client_close(client, 60000))
    reader.join(60)
    wanted = [lib.ELECT_EVENT_ELECTED, lib.ELECT_EVENT_LOST, lib.ELECT_EVENT_CLOSED]
    assert [kind for kind, _, _ in events] == wanted, events
    assert {tag for _, tag, _ in events} == {7}, events
    assert events[0][2] == events[1][2] == epoch[0], events
    lib.elect_election_free(election)
    lib.elect_client_free(client)


def main():
    assert text(lib.elect_version()) == sys.argv[1]
    errors()
    elect("memory:")
    elect("local:" + sys.argv[2])
    print("ok")


main()
