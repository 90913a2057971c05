#include "bench.h"
#include <elect/elect.h>
#include <pthread.h>
#include <time.h>

enum { THREADS_MAX = 8, CALLS = 20000 };

/* One who leads and renews often while others ask. */
static elect_election_t *lead(elect_client_t **client)
{
    elect_options_t *options = elect_options_new();
    elect_election_t *election = NULL;
    if (elect_options_set(options, "store", "memory:") != ELECT_OK ||
        elect_options_set(options, "heartbeat_interval", "10ms") != ELECT_OK ||
        elect_options_set(options, "name", "bench") != ELECT_OK || elect_client_open(options, client) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_set(options, "store", NULL);
    if (elect_election_new(*client, options, &election) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_free(options);
    if (elect_election_start(election) != ELECT_OK || elect_election_wait(election, BENCH_PATIENCE_MS) != ELECT_OK)
        bench_die("memory: nobody was elected");
    return election;
}

/* Time that this thread had: others that have the processor meanwhile do not count. */
static int64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double ns_of_clock(void)
{
    struct timespec now;
    int64_t start = thread_ns();
    for (int i = 0; i < CALLS; i++)
        clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)(thread_ns() - start) / CALLS;
}

static double ns_of_check(const elect_election_t *election)
{
    int yes = 0;
    int64_t start = thread_ns();
    for (int i = 0; i < CALLS; i++)
        yes += elect_election_is_leader(election);
    int64_t took = thread_ns() - start;
    if (yes == 0)
        bench_die("is_leader said no to its leader");
    return (double)took / CALLS;
}

struct reader {
    const elect_election_t *election;
    int rounds;
    double is_leader_ns, clock_ns; /* the least of all rounds */
    pthread_t thread;
};

static void *read_rounds(void *argument)
{
    struct reader *reader = argument;
    reader->is_leader_ns = reader->clock_ns = 1e9;
    for (int i = 0; i < reader->rounds; i++) { /* in turns, so that a busy machine slows both */
        double clock_ns = ns_of_clock(), check_ns = ns_of_check(reader->election);
        reader->clock_ns = clock_ns < reader->clock_ns ? clock_ns : reader->clock_ns;
        reader->is_leader_ns = check_ns < reader->is_leader_ns ? check_ns : reader->is_leader_ns;
    }
    return NULL;
}

struct bench_check bench_is_leader(int threads, bool quick)
{
    struct reader readers[THREADS_MAX];
    struct bench_check mean = {.threads = threads};
    elect_client_t *client;
    elect_election_t *election = lead(&client);
    for (int i = 0; i < threads; i++) {
        readers[i] = (struct reader){.election = election, .rounds = quick ? 5 : 200};
        if (pthread_create(&readers[i].thread, NULL, read_rounds, &readers[i]) != 0)
            bench_die("no thread");
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(readers[i].thread, NULL);
        mean.is_leader_ns += readers[i].is_leader_ns / threads;
        mean.clock_ns += readers[i].clock_ns / threads;
    }
    elect_client_close(client, BENCH_PATIENCE_MS);
    elect_election_free(election);
    elect_client_free(client);
    return mean;
}
