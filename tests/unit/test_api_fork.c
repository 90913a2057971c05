/* A forked child is no leader and touches nothing of its parent. */
#include "api.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child says what was wrong by its exit code: the line. */
#define child_must(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            _exit(__LINE__ % 250 + 1);                                                                                 \
    } while (0)

static void wait_for_child(pid_t child)
{
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "line %d (modulo 250)", WEXITSTATUS(status) - 1);
}

static void check_dead_handles(elect_client_t *client, elect_election_t *election, elect_options_t *options)
{
    elect_election_t *other;
    elect_leader_t *leader;
    elect_event_t *event;
    uint64_t epoch = 1;
    int64_t lease_ms = 1;
    char *text;
    child_must(elect_election_is_leader(election) == 0);
    child_must(elect_election_check(election, &epoch, &lease_ms) == 0 && epoch == 0 && lease_ms == 0);
    child_must(elect_election_epoch(election) == 0);
    child_must(elect_election_start(election) == ELECT_EFORKED);
    child_must(elect_election_stop(election) == ELECT_EFORKED);
    child_must(elect_election_join(election, FOR_EVER) == ELECT_EFORKED);
    child_must(elect_election_wait(election, FOR_EVER) == ELECT_EFORKED);
    child_must(elect_election_resign(election, 0, 0) == ELECT_EFORKED);
    child_must(elect_election_depose(election, 0, FOR_EVER) == ELECT_EFORKED);
    child_must(elect_election_leader(election, -1, FOR_EVER, &leader) == ELECT_EFORKED);
    child_must(elect_election_report(election, "status", FOR_EVER, &text) == ELECT_EFORKED);
    child_must(elect_election_update(election, options) == ELECT_EFORKED);
    child_must(elect_election_queue_events(election, 1) == ELECT_EFORKED);
    child_must(elect_election_new(client, options, &other) == ELECT_EFORKED);
    child_must(elect_client_next_event(client, FOR_EVER, &event) == ELECT_EFORKED);
    child_must(elect_client_event_fd(client) == ELECT_EFORKED);
    child_must(elect_client_report(client, "metrics", FOR_EVER, &text) == ELECT_EFORKED);
    child_must(elect_client_update(client, options) == ELECT_EFORKED);
    child_must(elect_client_forget(client, "a", FOR_EVER) == ELECT_EFORKED);
    child_must(elect_client_on_log(client, NULL, NULL, NULL) == ELECT_EFORKED);
    child_must(elect_memory_command(client, "wipe") == ELECT_EFORKED);
    child_must(elect_client_close(client, FOR_EVER) == ELECT_EFORKED);
}

static void lead_in_child(void)
{
    elect_client_t *client = open_client("memory:", "");
    elect_election_t *election = start_queued(client, "name=a", 1);
    child_must(elect_election_wait(election, GUARD_MS) == ELECT_OK);
    child_must(elect_election_is_leader(election) == 1);
    elect_election_free(election);
    child_must(elect_client_close(client, GUARD_MS) == ELECT_OK);
    elect_client_free(client);
}

Test(api_fork, a_child_of_a_leader_is_dead_and_may_lead_by_itself)
{
    elect_client_t *client = open_client("memory:", "");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_options_t *options = make_options("name=b");
    elect_event_t *elected = next_event(client, ELECT_EVENT_ELECTED);
    pid_t child = fork();
    if (child == 0) {
        check_dead_handles(client, election, options);
        lead_in_child();
        elect_event_free(elected);
        elect_client_free(client);
        elect_election_free(election);
        _exit(0);
    }
    wait_for_child(child);
    cr_assert_eq(elect_election_is_leader(election), 1);
    elect_event_free(elected);
    elect_options_free(options);
    elect_election_free(election);
    close_client(client);
}

Test(api_fork, a_lost_freed_in_the_child_holds_on_in_the_parent)
{
    elect_client_t *client = open_client("memory:", "drain_timeout=1h");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    must(elect_election_stop(election));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    pid_t child = fork();
    if (child == 0) {
        child_must(elect_election_check(election, NULL, NULL) == 0);
        elect_election_free(election);
        elect_client_free(client);
        elect_event_free(lost);
        _exit(0);
    }
    wait_for_child(child);
    cr_assert_eq(elect_election_join(election, 20), ELECT_ETIMEOUT);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2);
    elect_event_free(lost);
    must(elect_election_join(election, GUARD_MS));
    elect_election_free(election);
    close_client(client);
}

static void on_event_fork(elect_election_t *election, const elect_event_t *event, void *user)
{
    if (elect_event_kind(event) != ELECT_EVENT_ELECTED)
        return;
    pid_t child = fork();
    if (child == 0) {
        child_must(elect_election_is_leader(election) == 0);
        child_must(elect_election_stop(election) == ELECT_EFORKED);
        elect_event_t *kept = elect_event_keep(event);
        elect_election_free(election);
        elect_event_free(kept);
        lead_in_child();
        _exit(0);
    }
    *(pid_t *)user = child;
}

Test(api_fork, a_callback_may_fork)
{
    pid_t child = 0;
    elect_client_t *client = open_client("memory:", "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event_fork, &child, NULL));
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    must(elect_client_close(client, GUARD_MS)); /* joins the thread that wrote child */
    if (child != 0)
        wait_for_child(child);
    elect_election_free(election);
    elect_client_free(client);
}

static void read_waiting(elect_client_t *client)
{
    elect_event_t *event;
    while (elect_client_next_event(client, 0, &event) == ELECT_OK)
        elect_event_free(event);
}

Test(api_fork, children_may_come_at_any_time)
{
    enum { CHILDREN = 50 };
    elect_client_t *client = open_client("memory:", "lock_ttl=100ms");
    elect_election_t *election = start_queued(client, "name=a", 1);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            child_must(elect_election_is_leader(election) == 0);
            elect_election_free(election);
            elect_client_free(client);
            _exit(0);
        }
        elect_election_resign(election, 0, 0);
        wait_for_child(child);
        read_waiting(client);
    }
    while (elect_election_wait(election, 10) == ELECT_ETIMEOUT)
        read_waiting(client); /* the last LOST may come late, and holds until it is read */
    elect_election_free(election);
    close_client(client);
}
