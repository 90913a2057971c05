/* What the parts of elect_bench share. */
#ifndef ELECT_BENCH_H
#define ELECT_BENCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* Nothing here takes this long: it guards against a hang, and is never part of a figure. */
#define BENCH_PATIENCE_MS 30000

/* What is measured, in the order it is printed. */
struct bench_result {
    const char *store; /* "" where there is none */
    const char *what;
    int64_t *ns; /* the samples */
    size_t count, size;
};

noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t bench_now_ns(void); /* CLOCK_BOOTTIME, which all processes share */
void bench_add(struct bench_result *result, int64_t ns);
int64_t bench_percentile(struct bench_result *result, int percent); /* sorts the samples */

/* Nanoseconds of one call while the leader renews, by the time that the calling thread has: of each of these threads the
 * least of several rounds that take turns. */
struct bench_check {
    int threads;
    double is_leader_ns, clock_ns;
};
struct bench_check bench_is_leader(int threads, bool quick);

/* Many elections of one client, all led. */
struct bench_many {
    const char *store;
    int elections, led;
    int threads, descriptors; /* of the library */
    double bytes_each;        /* resident */
    double cpu_percent;       /* of one processor, over the seconds in which nothing but renewals happens */
    double start_s, stop_s, close_s;
};
/* In a process of its own, so with a fresh heap. custom: is served by threads of the example store, whose memory and time
 * count too. */
struct bench_many bench_many(const char *store, int elections, double seconds);

/* Events in a second from elections that are won and resigned without end: through the queue, or through callbacks. */
double bench_events(bool queued, long wanted);

/* Store operations as the client does them: from the request to its answer. */
void bench_operations(const char *store, int rounds, struct bench_result *acquire, struct bench_result *renew);

/* From the leader's elect_election_stop until the follower's callback has its ELECTED. In one process. */
void bench_handover_inside(const char *store, int rounds, struct bench_result *handover);

/* The same between two processes; and from SIGKILL of the leading process. */
void bench_handover_between(const char *store, int rounds, struct bench_result *handover);
void bench_kill(const char *store, int rounds, struct bench_result *kill);

/* The process of these two. */
int bench_worker(const char *store, const char *id);

struct bench_sim {
    double elections_per_s, virtual_hours_per_s;
};
struct bench_sim bench_simulator(const char *program, long elections);
#endif
