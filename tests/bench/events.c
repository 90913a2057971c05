#include "bench.h"
#include <elect/elect.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* So many elections of one client; whoever is elected resigns, and stands again when its LOST has been freed. */
enum { ELECTIONS = 100 };

struct crowd {
    elect_client_t *client;
    elect_election_t *all[ELECTIONS];
    long wanted;
    atomic_long seen;
    sem_t enough;
};

static void resign_when_elected(elect_election_t *election, const elect_event_t *event)
{
    if (elect_event_kind(event) == ELECT_EVENT_ELECTED)
        elect_election_resign(election, elect_event_epoch(event), 0);
}

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct crowd *crowd = user;
    resign_when_elected(election, event);
    if (atomic_fetch_add(&crowd->seen, 1) + 1 == crowd->wanted)
        sem_post(&crowd->enough);
}

static void gather(struct crowd *crowd, bool queued)
{
    char name[32];
    elect_options_t *options = elect_options_new();
    if (elect_options_set(options, "store", "memory:") != ELECT_OK ||
        elect_client_open(options, &crowd->client) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_set(options, "store", NULL);
    for (int i = 0; i < ELECTIONS; i++) {
        snprintf(name, sizeof(name), "election-%d", i);
        elect_options_set(options, "name", name);
        if (elect_election_new(crowd->client, options, &crowd->all[i]) != ELECT_OK)
            bench_die("%s", elect_options_error(options));
        if (queued)
            elect_election_queue_events(crowd->all[i], (uint64_t)i + 1);
        else
            elect_election_on_event(crowd->all[i], on_event, crowd, NULL);
    }
    elect_options_free(options);
}

static void start(struct crowd *crowd)
{
    for (int i = 0; i < ELECTIONS; i++)
        elect_election_start(crowd->all[i]);
}

static void read_queue(struct crowd *crowd)
{
    for (long seen = 0; seen < crowd->wanted; seen++) {
        elect_event_t *event;
        if (elect_client_next_event(crowd->client, BENCH_PATIENCE_MS, &event) != ELECT_OK)
            bench_die("no event came");
        resign_when_elected(crowd->all[elect_event_tag(event) - 1], event);
        elect_event_free(event);
    }
}

static void wait_for_callbacks(struct crowd *crowd)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BENCH_PATIENCE_MS / 1000;
    if (sem_timedwait(&crowd->enough, &until) != 0)
        bench_die("callbacks were not called");
}

/* Freed unread, and without draining: what is still under way is not measured. */
static void scatter(struct crowd *crowd)
{
    for (int i = 0; i < ELECTIONS; i++)
        elect_election_free(crowd->all[i]);
    elect_client_close(crowd->client, BENCH_PATIENCE_MS);
    elect_client_free(crowd->client);
}

double bench_events(bool queued, long wanted)
{
    struct crowd crowd = {.wanted = wanted};
    sem_init(&crowd.enough, 0, 0);
    gather(&crowd, queued);
    int64_t start_ns = bench_now_ns();
    start(&crowd);
    if (queued)
        read_queue(&crowd);
    else
        wait_for_callbacks(&crowd);
    double seconds = (double)(bench_now_ns() - start_ns) / 1e9;
    scatter(&crowd);
    sem_destroy(&crowd.enough);
    return (double)wanted / seconds;
}
