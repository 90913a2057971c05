#include "bench.h"
#include <elect/elect.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Two candidates of one client hand the lease to and fro. Each event of interest is counted on a descriptor. */
struct candidate {
    elect_election_t *election;
    int elected, sees_leader; /* eventfd */
    int64_t elected_at_ns;    /* written before elected is counted up */
};

static void wait_for(int fd, const char *what)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    uint64_t count;
    if (poll(&poll_fd, 1, BENCH_PATIENCE_MS) != 1 || read(fd, &count, sizeof(count)) != sizeof(count))
        bench_die("%s did not happen", what);
}

static void count_up(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) != sizeof(one))
        bench_die("an eventfd refused a write");
}

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election;
    struct candidate *candidate = user;
    if (elect_event_kind(event) == ELECT_EVENT_ELECTED) {
        candidate->elected_at_ns = bench_now_ns();
        count_up(candidate->elected);
    } else if (elect_event_kind(event) == ELECT_EVENT_LEADER_CHANGED && elect_event_leader(event)) {
        count_up(candidate->sees_leader);
    }
}

static void stand(elect_client_t *client, struct candidate *candidate, int number)
{
    char id[32];
    snprintf(id, sizeof(id), "bench-%d", number);
    elect_options_t *options = elect_options_new();
    candidate->elected = eventfd(0, EFD_CLOEXEC);
    candidate->sees_leader = eventfd(0, EFD_CLOEXEC);
    if (elect_options_set(options, "name", "handover") != ELECT_OK ||
        elect_options_set(options, "instance_id", id) != ELECT_OK ||
        elect_options_set(options, "restart_grace", "0") != ELECT_OK ||
        elect_election_new(client, options, &candidate->election) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_free(options);
    elect_election_on_event(candidate->election, on_event, candidate, NULL);
    elect_election_start(candidate->election);
}

/* Ends a stopped candidate; its callbacks are over after the join. */
static void leave(struct candidate *candidate)
{
    if (elect_election_join(candidate->election, BENCH_PATIENCE_MS) != ELECT_OK)
        bench_die("a stopped election did not end");
    elect_election_free(candidate->election);
    close(candidate->elected);
    close(candidate->sees_leader);
}

void bench_handover_inside(const char *store, int rounds, struct bench_result *handover)
{
    elect_options_t *options = elect_options_new();
    elect_client_t *client;
    if (elect_options_set(options, "store", store) != ELECT_OK || elect_client_open(options, &client) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_free(options);
    struct candidate pair[2];
    stand(client, &pair[0], 0);
    wait_for(pair[0].elected, "the first election");
    for (int i = 0; i < rounds; i++) {
        struct candidate *leader = &pair[i % 2], *follower = &pair[(i + 1) % 2];
        stand(client, follower, i + 1);
        wait_for(follower->sees_leader, "a follower's sight of its leader");
        int64_t stopped_at_ns = bench_now_ns();
        elect_election_stop(leader->election);
        wait_for(follower->elected, "a handover");
        bench_add(handover, follower->elected_at_ns - stopped_at_ns);
        leave(leader);
    }
    elect_election_stop(pair[rounds % 2].election);
    leave(&pair[rounds % 2]);
    elect_client_close(client, BENCH_PATIENCE_MS);
    elect_client_free(client);
}
