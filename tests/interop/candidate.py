"""candidate.py FOLDER [--NAME=VALUE...] OPTION=VALUE...: stands in an election through CFFI, by the module in FOLDER.

It speaks as tests/faults/candidate.c does: lines "NANOSECONDS WORD ..." on stdout; orders "stop" and
"resign MILLISECONDS" by stdin, whose end ends it; the histories of --checks and --writes.
"""

import mmap
import pathlib
import sys
import threading
import time

sys.path[:0] = [sys.argv[1], str(pathlib.Path(__file__).parents[1] / "faults")]
from _elect import ffi, lib  # noqa: E402
from history import ACCEPTED, CHECK, LEADS, RECORD, REFUSED, SILENCE, WRITE  # noqa: E402
from resp import Client, RedisError  # noqa: E402

RECORDS = 1 << 20
PAUSE = 0.001


def tell(*words):
    """Once, so that lines of threads never mix."""
    sys.stdout.write(" ".join(map(str, (time.monotonic_ns(), *words))) + "\n")
    sys.stdout.flush()


def text(string):
    return ffi.string(string).decode()


def name(code):
    return text(lib.elect_code_name(code))


def out(kind, function, *arguments):
    at = ffi.new(kind + "*")
    code = function(*arguments, at)
    assert code == lib.ELECT_OK, (name(code), text(lib.elect_options_error(arguments[-1])))
    return at[0]


class History:
    """In a file that is mapped: what was written is there even if the process is killed the next moment."""

    def __init__(self, path):
        with pathlib.Path(path).open("x+b") as file:
            file.truncate(RECORDS * RECORD.size)
            self.map = mmap.mmap(file.fileno(), 0)
        self.used = 0

    def put(self, place, *fields):
        """called, returned, epoch, number, lease_ms, kind, answer."""
        RECORD.pack_into(self.map, place * RECORD.size, *fields)

    def add(self, *fields):
        """Answers its place."""
        self.used += 1
        self.put(self.used - 1, *fields)
        return self.used - 1


class Candidate:
    def __init__(self, options):
        given, none = lib.elect_options_new(), lib.elect_options_new()
        for option in options:
            key, _, value = option.partition("=")
            assert lib.elect_options_set(given, key.encode(), value.encode()) == lib.ELECT_OK, option
        self.client = out("elect_client_t *", lib.elect_client_open, given)
        self.election = out("elect_election_t *", lib.elect_election_new, self.client, none)
        lib.elect_options_free(given)
        lib.elect_options_free(none)
        assert lib.elect_election_queue_events(self.election, 1) == lib.ELECT_OK
        assert lib.elect_client_on_log(self.client, ffi.NULL, ffi.NULL, ffi.NULL) == lib.ELECT_OK
        self.over = False

    # ---- threads ----

    def pump(self):
        at = ffi.new("elect_event_t **")
        while lib.elect_client_next_event(self.client, -1, at) == lib.ELECT_OK:
            tell(*self.words(at[0]))
            lib.elect_event_free(at[0])

    def words(self, event):
        kind, epoch = lib.elect_event_kind(event), lib.elect_event_epoch(event)
        if kind == lib.ELECT_EVENT_ELECTED:
            return "elected", epoch
        if kind == lib.ELECT_EVENT_LOST:
            return "lost", epoch, text(lib.elect_reason_name(lib.elect_event_reason(event)))
        if kind == lib.ELECT_EVENT_LEADER_CHANGED:
            leader = lib.elect_event_leader(event)
            found = text(lib.elect_leader_instance_id(leader)) if leader else "-"
            return "leader", found, lib.elect_leader_epoch(leader)
        if kind == lib.ELECT_EVENT_ERROR:
            return "error", name(lib.elect_event_code(event)), text(lib.elect_event_text(event))
        if kind == lib.ELECT_EVENT_LOG:
            words = text(lib.elect_event_text(event)), text(lib.elect_event_fields(event))
            return "log", lib.elect_event_level(event), *words
        return (text(lib.elect_kind_name(kind)),)

    def check(self, path):
        """is_leader comes first: after a pause it is the first to be asked. It speaks of the term whose epoch was known
        before and is after it; of none that can be named when these differ."""
        history = History(path)
        epoch, lease_ms = ffi.new("uint64_t *"), ffi.new("int64_t *")
        silence, last = None, 0
        while not self.over:
            called = time.monotonic_ns()
            leads = lib.elect_election_is_leader(self.election)
            between = time.monotonic_ns()
            answer = lib.elect_election_check(self.election, epoch, lease_ms)
            returned = time.monotonic_ns()
            if leads or answer:
                silence = None
            else:
                if silence is None:
                    silence, since, count = history.add(called, 0, 0, 0, 0, SILENCE, 0), called, 0
                count += 1
                history.put(silence, since, returned, 0, count, 0, SILENCE, 0)
            if leads:
                named = epoch[0] if epoch[0] == last else 0
                history.add(called, between, named, 0, 0, LEADS, 1)
            if answer:
                history.add(between, returned, epoch[0], 0, lease_ms[0], CHECK, answer)
            last = epoch[0]
            time.sleep(PAUSE)

    def write(self, path, register, script):
        """What a leader does: work comes between the question and the write, and a pause hits it there."""
        history, client = History(path), Client(register)
        epoch = ffi.new("uint64_t *")
        while not self.over:
            leads = lib.elect_election_check(self.election, epoch, ffi.NULL) == 1
            time.sleep(2 * PAUSE)
            if not leads:
                continue
            called, answer, high = time.monotonic_ns(), ACCEPTED, 0
            place = history.add(called, 0, epoch[0], 0, 0, WRITE, 0)
            try:
                assert client.do("EVALSHA", script, 2, "{register}:high", "{register}", epoch[0], called) == 1
            except RedisError as error:
                word, _, high = str(error).partition(" ")
                assert word == "FENCED", error
                answer = REFUSED
            history.put(place, called, time.monotonic_ns(), epoch[0], int(high), 0, WRITE, answer)
        client.close()

    # ---- life ----

    def obey(self, line):
        order, _, number = line.partition(" ")
        if order == "stop":
            code = lib.elect_election_stop(self.election)
            tell("stop", name(code), lib.elect_election_is_leader(self.election))
        elif order == "resign":
            tell("resign", name(lib.elect_election_resign(self.election, 0, int(number))))
        else:
            raise ValueError(f"no such order: {line}")

    def close(self):
        assert lib.elect_client_close(self.client, 20000) == lib.ELECT_OK


def main(arguments):
    own = dict(word[2:].split("=", 1) for word in arguments if word.startswith("--"))
    one = Candidate(word for word in arguments if not word.startswith("--"))
    threads = [threading.Thread(target=one.check, args=[own["checks"]])] if "checks" in own else []
    if "writes" in own:
        threads.append(threading.Thread(target=one.write, args=[own["writes"], own["register"], own["guard"]]))
    pump = threading.Thread(target=one.pump)
    for thread in (*threads, pump):
        thread.daemon = True  # one that fails ends the others: at the end of main, not never
        thread.start()
    tell("ready")
    assert lib.elect_election_start(one.election) == lib.ELECT_OK
    for line in sys.stdin:
        one.obey(line.rstrip("\n"))
    one.over = True
    for thread in threads:
        thread.join()
    one.close()
    pump.join()
    lib.elect_election_free(one.election)
    lib.elect_client_free(one.client)


main(sys.argv[2:])
