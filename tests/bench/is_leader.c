#include "bench.h"
#include <elect/elect.h>
#include <time.h>

static elect_election_t *lead(elect_client_t **client)
{
    elect_options_t *options = elect_options_new();
    elect_election_t *election = NULL;
    if (elect_options_set(options, "store", "memory:") != ELECT_OK ||
        elect_options_set(options, "lock_ttl", "1h") != ELECT_OK ||
        elect_options_set(options, "restart_grace", "0") != ELECT_OK ||
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

static double ns_of_clock(int calls)
{
    struct timespec now;
    int64_t start = bench_now_ns();
    for (int i = 0; i < calls; i++)
        clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)(bench_now_ns() - start) / calls;
}

static double ns_of_check(const elect_election_t *election, int calls)
{
    int yes = 0;
    int64_t start = bench_now_ns();
    for (int i = 0; i < calls; i++)
        yes += elect_election_is_leader(election);
    int64_t took = bench_now_ns() - start;
    if (yes != calls)
        bench_die("is_leader said no to its leader");
    return (double)took / calls;
}

struct bench_check bench_is_leader(bool quick)
{
    int rounds = quick ? 5 : 200, calls = 20000;
    struct bench_check least = {1e9, 1e9};
    elect_client_t *client;
    elect_election_t *election = lead(&client);
    for (int i = 0; i < rounds; i++) { /* in turns, so that a busy machine slows both */
        double clock_ns = ns_of_clock(calls), check_ns = ns_of_check(election, calls);
        least.clock_ns = clock_ns < least.clock_ns ? clock_ns : least.clock_ns;
        least.is_leader_ns = check_ns < least.is_leader_ns ? check_ns : least.is_leader_ns;
    }
    elect_client_close(client, BENCH_PATIENCE_MS);
    elect_election_free(election);
    elect_client_free(client);
    return least;
}
