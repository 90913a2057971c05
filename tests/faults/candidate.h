/* One candidate in a process of its own, which writes down what it was told, and what came of its writes. */
#ifndef TESTS_FAULTS_CANDIDATE_H
#define TESTS_FAULTS_CANDIDATE_H
#include <elect/elect.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What history.py reads, in the byte order of this machine. A record whose returned_ns is 0 was cut off in its middle. */
enum record_kind {
    RECORD_CHECK = 1, /* elect_election_check: answer is its result; epoch, lease_ms */
    RECORD_LEADS, /* elect_election_is_leader said 1; epoch as check said before and after it, 0 where it said two things */
    RECORD_SILENCE, /* number times in a row neither said anything but 0, from called_ns to returned_ns */
    RECORD_WRITE    /* a fenced write with epoch; answer is a record_write; number: the register's epoch, if refused */
};
enum record_write { WRITE_UNKNOWN, WRITE_ACCEPTED, WRITE_REFUSED };
struct record {
    int64_t called_ns, returned_ns; /* CLOCK_MONOTONIC, one for all processes of the machine */
    uint64_t epoch, number;
    int32_t lease_ms;
    uint16_t kind, answer;
};

/* In a file that is mapped: what was written is there even if the process is killed the next moment. */
struct history {
    struct record *records;
    uint64_t size, used;
};

struct candidate {
    elect_client_t *client;
    elect_election_t *election;
    elect_options_t *options; /* of its elections */
    bool on_events, on_queue;
    int64_t slow_ms; /* how long the callback of ELECTED takes */
    int64_t check_us, work_us;
    const char *check_file, *write_file, *register_path, *guard;
    _Atomic(bool) over;
};

/* The true time, also where another clock is faked: by the kernel's own call. */
int64_t true_ns(void);
void true_sleep_us(int64_t us);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* candidate_record.c: threads, each with its own history, until over. */
void *check_thread(void *candidate);
void *write_thread(void *candidate);
#endif
