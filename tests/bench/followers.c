#include "bench.h"
#include <elect/elect.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct follower {
    elect_client_t *client;
    elect_election_t *election;
    bool sees;
};

/* The clock of the candidates that it is compared with. */
static void tell(const char *event)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t at_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    if (dprintf(STDOUT_FILENO, "{\"event\":\"%s\",\"at\":%" PRId64 ",\"epoch\":0}\n", event, at_ns) < 0)
        _exit(1); /* nobody reads any more */
}

static void stand(struct follower *follower, const char *store, int number, int epoll)
{
    char id[32];
    elect_options_t *options = elect_options_new(), *own = elect_options_new();
    snprintf(id, sizeof(id), "follower-%d", number);
    if (elect_options_set(options, "store", store) != ELECT_OK ||
        elect_client_open(options, &follower->client) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    if (elect_options_set(own, "name", "handover") != ELECT_OK ||
        elect_options_set(own, "instance_id", id) != ELECT_OK ||
        elect_election_new(follower->client, own, &follower->election) != ELECT_OK)
        bench_die("%s", elect_options_error(own));
    elect_options_free(options);
    elect_options_free(own);
    elect_election_queue_events(follower->election, 1);
    elect_election_start(follower->election);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = follower};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, elect_client_event_fd(follower->client), &wanted) != 0)
        bench_die("a follower's queue can't be watched");
}

/* Answers how many more see a leader. */
static int drain(struct follower *follower)
{
    int more = 0;
    elect_event_t *event;
    while (elect_client_next_event(follower->client, 0, &event) == ELECT_OK) {
        if (elect_event_kind(event) == ELECT_EVENT_ELECTED)
            tell("elected");
        if (elect_event_kind(event) == ELECT_EVENT_LEADER_CHANGED && elect_event_leader(event) && !follower->sees)
            more = follower->sees = true;
        elect_event_free(event);
    }
    return more;
}

int bench_followers(const char *store, int followers)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), seeing = 0;
    struct follower *all = calloc((size_t)followers, sizeof(*all));
    struct epoll_event input = {.events = EPOLLIN}, ready[64];
    if (!all || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
        bench_die("no memory or no epoll");
    for (int i = 0; i < followers; i++)
        stand(&all[i], store, i, epoll);
    tell("standing");
    for (;;) {
        int count = epoll_wait(epoll, ready, sizeof(ready) / sizeof(*ready), -1);
        for (int i = 0; i < count; i++) {
            if (!ready[i].data.ptr)
                _exit(
                    0); /* the parent has what it wants: as a crash ends, for stopping a thousand would elect each in turn */
            int more = drain(ready[i].data.ptr);
            seeing += more;
            if (more && seeing == followers)
                tell("sees");
        }
    }
}
