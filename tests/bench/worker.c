#include "bench.h"
#include <elect/elect.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* A candidate in a process of its own: it tells by lines "EVENT NANOSECONDS" and stops when told "stop". */
static void tell(const char *what, int64_t at_ns)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "%s %" PRId64 "\n", what, at_ns);
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(1); /* nobody reads any more */
}

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election, (void)user;
    if (elect_event_kind(event) == ELECT_EVENT_ELECTED)
        tell("elected", bench_now_ns());
    else if (elect_event_kind(event) == ELECT_EVENT_LEADER_CHANGED && elect_event_leader(event))
        tell("sees", bench_now_ns());
}

int bench_worker(const char *store, const char *id)
{
    elect_options_t *options = elect_options_new();
    elect_client_t *client;
    elect_election_t *election;
    if (elect_options_set(options, "store", store) != ELECT_OK || elect_client_open(options, &client) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_set(options, "store", NULL);
    if (elect_options_set(options, "name", "handover") != ELECT_OK ||
        elect_options_set(options, "instance_id", id) != ELECT_OK ||
        elect_election_new(client, options, &election) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_free(options);
    elect_election_on_event(election, on_event, NULL, NULL);
    elect_election_start(election);
    char order;
    if (read(STDIN_FILENO, &order, 1) == 1) { /* else the parent has gone */
        int64_t stopped_at_ns = bench_now_ns();
        elect_election_stop(election);
        tell("stopped", stopped_at_ns);
    }
    elect_client_close(client, BENCH_PATIENCE_MS);
    elect_election_free(election);
    elect_client_free(client);
    return 0;
}
