/* Handles that are freed while other threads wait in a call on them: the wait ends, nothing is used after its end. */
#include "api.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum waits { JOIN, WAIT, LEADER, NEXT_EVENT, NEXT_OP, CLOSE };

struct waiter {
    enum waits in;
    elect_client_t *client;
    elect_election_t *election;
    int64_t timeout_ms;
    pthread_t thread;
    _Atomic(pid_t) tid;
    int32_t code;
};

static void *wait_in_call(void *argument)
{
    struct waiter *waiter = argument;
    elect_leader_t *leader = NULL;
    elect_event_t *event = NULL;
    elect_op_t *op = NULL;
    atomic_store(&waiter->tid, (pid_t)syscall(SYS_gettid));
    if (waiter->in == JOIN)
        waiter->code = elect_election_join(waiter->election, waiter->timeout_ms);
    else if (waiter->in == WAIT)
        waiter->code = elect_election_wait(waiter->election, waiter->timeout_ms);
    else if (waiter->in == LEADER)
        waiter->code = elect_election_leader(waiter->election, 0, waiter->timeout_ms, &leader);
    else if (waiter->in == NEXT_EVENT)
        waiter->code = elect_client_next_event(waiter->client, waiter->timeout_ms, &event);
    else if (waiter->in == NEXT_OP)
        waiter->code = elect_client_next_op(waiter->client, waiter->timeout_ms, &op);
    else
        waiter->code = elect_client_close(waiter->client, waiter->timeout_ms);
    elect_leader_free(leader);
    elect_event_free(event);
    return NULL;
}

/* Does the thread sleep, all that it sleeps in is the call, or has it ended? */
static bool waits_or_ended(pid_t tid)
{
    char path[64], line[128];
    bool asleep = false;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)tid);
    FILE *status = fopen(path, "r");
    if (!status)
        return true;
    while (fgets(line, sizeof line, status))
        asleep = asleep || strncmp(line, "State:\tS", 8) == 0;
    fclose(status);
    return asleep;
}

static void start_waiting(struct waiter *waiter)
{
    cr_assert_eq(pthread_create(&waiter->thread, NULL, wait_in_call, waiter), 0);
    while (atomic_load(&waiter->tid) == 0 || !waits_or_ended(atomic_load(&waiter->tid)))
        sched_yield();
}

static int32_t end_waiting(struct waiter *waiter)
{
    pthread_join(waiter->thread, NULL);
    return waiter->code;
}

/* A candidate that never leads and never hears anything. */
static elect_election_t *start_unanswered(elect_client_t *client)
{
    command(client, "cut a");
    elect_election_t *election = start_queued(client, "name=a", 1);
    settle(client);
    return election;
}

Test(api_free, who_waits_on_an_election_that_is_freed_is_woken)
{
    static const int64_t timeouts_ms[] = {FOR_EVER, GUARD_MS};
    for (int i = 0; i < 2; i++) {
        elect_client_t *client = open_client(MANUAL, "");
        elect_election_t *election = start_unanswered(client);
        struct waiter join = {.in = JOIN, .election = election, .timeout_ms = timeouts_ms[i]};
        struct waiter wait = {.in = WAIT, .election = election, .timeout_ms = timeouts_ms[i]};
        struct waiter leader = {.in = LEADER, .election = election, .timeout_ms = timeouts_ms[i]};
        start_waiting(&join);
        start_waiting(&wait);
        start_waiting(&leader);
        elect_election_free(election);
        cr_assert_eq(end_waiting(&wait), ELECT_ECLOSED);
        command(client, "heal a");
        command(client, "advance 10s");
        cr_assert_eq(end_waiting(&join), ELECT_OK);
        cr_assert_eq(end_waiting(&leader), ELECT_ECLOSED);
        close_client(client);
    }
}

Test(api_free, who_waits_on_an_election_may_outlive_the_client)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_unanswered(client);
    struct waiter join = {.in = JOIN, .election = election, .timeout_ms = FOR_EVER};
    struct waiter leader = {.in = LEADER, .election = election, .timeout_ms = FOR_EVER};
    start_waiting(&join);
    start_waiting(&leader);
    elect_client_free(client);
    elect_election_free(election);
    cr_assert_eq(end_waiting(&join), ELECT_OK);
    cr_assert_eq(end_waiting(&leader), ELECT_ECLOSED);
}

Test(api_free, who_reads_events_of_a_client_that_is_freed_is_woken)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_unanswered(client);
    struct waiter reader = {.in = NEXT_EVENT, .client = client, .timeout_ms = FOR_EVER};
    struct waiter another = {.in = NEXT_EVENT, .client = client, .timeout_ms = GUARD_MS};
    start_waiting(&reader);
    start_waiting(&another);
    elect_client_free(client);
    cr_assert_eq(end_waiting(&reader), ELECT_ECLOSED);
    cr_assert_eq(end_waiting(&another), ELECT_ECLOSED);
    elect_election_free(election);
}

/* Whoever has an operation asks for the next one, on a handle that is gone: so there is none, though a release waits. */
Test(api_free, who_serves_a_client_that_is_freed_is_woken)
{
    enum { CLIENTS = 20, SERVERS = 4 };
    for (int i = 0; i < CLIENTS; i++) {
        elect_op_t *op;
        elect_client_t *client = open_client("custom:?bootstrap=now", "lock_ttl=1h");
        elect_election_t *election = make_election(client, "name=a");
        must(elect_election_start(election));
        for (int operations = 0; operations < 2; operations++) { /* read, write */
            must(elect_client_next_op(client, GUARD_MS, &op));
            elect_op_complete(op, ELECT_OK, elect_op_kind(op) == ELECT_OP_READ ? "" : "1", NULL, NULL);
        }
        must(elect_election_wait(election, GUARD_MS));
        struct waiter servers[SERVERS] = {{0}};
        for (int j = 0; j < SERVERS; j++) {
            servers[j] = (struct waiter){.in = NEXT_OP, .client = client, .timeout_ms = j % 2 ? FOR_EVER : GUARD_MS};
            start_waiting(&servers[j]);
        }
        elect_client_free(client);
        elect_election_free(election);
        for (int j = 0; j < SERVERS; j++)
            cr_assert_eq(end_waiting(&servers[j]), ELECT_ECLOSED);
    }
}

Test(api_free, who_closes_a_client_that_is_freed_waits_for_its_end)
{
    elect_client_t *client = open_client("memory:", "drain_timeout=1h");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    must(elect_election_stop(election));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    struct waiter closer = {.in = CLOSE, .client = client, .timeout_ms = FOR_EVER};
    struct waiter another = {.in = CLOSE, .client = client, .timeout_ms = GUARD_MS};
    start_waiting(&closer);
    start_waiting(&another);
    elect_client_free(client);
    elect_event_free(lost);
    cr_assert_eq(end_waiting(&closer), ELECT_OK);
    cr_assert_eq(end_waiting(&another), ELECT_OK);
    elect_election_free(election);
}

Test(api_free, handles_may_be_freed_under_their_waiters_again_and_again)
{
    for (int i = 0; i < 100; i++) {
        elect_client_t *client = open_client(MANUAL, "");
        elect_election_t *election = start_unanswered(client);
        struct waiter waiters[] = {{.in = JOIN, .election = election, .timeout_ms = FOR_EVER},
                                   {.in = WAIT, .election = election, .timeout_ms = FOR_EVER},
                                   {.in = LEADER, .election = election, .timeout_ms = FOR_EVER},
                                   {.in = NEXT_EVENT, .client = client, .timeout_ms = FOR_EVER},
                                   {.in = CLOSE, .client = client, .timeout_ms = FOR_EVER}};
        size_t count = sizeof waiters / sizeof waiters[0] - (i % 2 == 0);
        for (size_t j = 0; j < count; j++)
            start_waiting(&waiters[j]);
        if (i % 3 == 0)
            elect_client_free(client);
        elect_election_free(election);
        if (i % 3 != 0)
            elect_client_free(client);
        for (size_t j = 0; j < count; j++)
            end_waiting(&waiters[j]);
    }
}
