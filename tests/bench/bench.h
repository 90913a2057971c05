/* What the parts of elect_bench share. */
#ifndef ELECT_BENCH_H
#define ELECT_BENCH_H
#include <cjson/cJSON.h>
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
    int sockets;              /* of the descriptors */
    double bytes_each;        /* resident */
    double cpu_percent;       /* of one processor, over the seconds in which nothing but renewals happens */
    double start_s, stop_s, close_s;
};
/* In a process of its own, so with a fresh heap. custom: is served by threads of the example store, whose memory and time
 * count too. */
struct bench_many bench_many(const char *store, int elections, double seconds);

/* Events in a second from elections that are won and resigned without end: through the queue, or through callbacks. */
double bench_events(bool queued, long wanted);

/* Something else that is measured in turn with a store's operations. */
struct bench_beside {
    struct bench_result *result;
    int64_t (*measure)(void *user); /* nanoseconds */
    void *user;
};
/* Store operations as the client does them: from the request to its answer. beside may be NULL. */
void bench_operations(const char *store, int rounds, struct bench_result *acquire, struct bench_result *renew,
                      const struct bench_beside *beside);

/* From the leader's elect_election_stop until the follower's callback has its ELECTED. In one process. */
void bench_handover_inside(const char *store, int rounds, struct bench_result *handover);

/* The same between two processes; and from SIGKILL of the leading process. */
void bench_handover_between(const char *store, int rounds, struct bench_result *handover);
void bench_kill(const char *store, int rounds, struct bench_result *kill);

/* The process of these two. */
int bench_worker(const char *store, const char *id);

/* What compare.py measures by this program: operations and many elections on a server, as JSON. */
int bench_redis(const char *store, int rounds, int elections);

/* Followers of one election, each on a client of its own. Tells by lines of JSON when all see a leader and when one is
 * elected, as tests/interop/candidate.c does. Ends when its input does. */
int bench_followers(const char *store, int followers);

struct bench_sim {
    double elections_per_s, virtual_hours_per_s;
};
struct bench_sim bench_simulator(const char *program, long elections);

/* ---- as JSON ---- */
void bench_add_result(cJSON *array, struct bench_result *result);
void bench_add_many(cJSON *array, const struct bench_many *many);
void bench_print(cJSON *json); /* frees it */
#endif
