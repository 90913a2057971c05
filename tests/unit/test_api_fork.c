/* A forked child is no leader and touches nothing of its parent. */
#include "api_local.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { DESCRIPTORS = 8192 };

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

/* "memory:" or a directory. */
static const char *store_of(size_t run)
{
    return run == 0 ? "memory:" : make_local();
}

static void lead_in_child(const char *store, const char *name)
{
    elect_client_t *client = open_client(store, "");
    elect_election_t *election = start_queued(client, name, 1);
    child_must(elect_election_wait(election, GUARD_MS) == ELECT_OK);
    child_must(elect_election_is_leader(election) == 1);
    elect_election_free(election);
    child_must(elect_client_close(client, GUARD_MS) == ELECT_OK);
    elect_client_free(client);
}

/* The numbers that are open, and what each is. */
static const char *list_descriptors(char text[DESCRIPTORS])
{
    char path[64], target[256];
    size_t length = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof target - 1);
        if (size < 0)
            continue;
        target[size] = '\0';
        length += (size_t)snprintf(text + length, DESCRIPTORS - length, "%d %s\n", fd, target);
        cr_assert_lt(length, (size_t)DESCRIPTORS);
    }
    return text;
}

static int64_t heartbeat_ms(elect_election_t *election)
{
    elect_leader_t *leader;
    must(elect_election_leader(election, -1, GUARD_MS, &leader));
    int64_t at_ms = elect_leader_last_heartbeat_ms(leader);
    elect_leader_free(leader);
    return at_ms;
}

/* Renewals that begin from now on are confirmed. */
static void expect_renewals(elect_election_t *election)
{
    int64_t before_ms = heartbeat_ms(election);
    for (int renewals = 0; renewals < 3;) {
        int64_t now_ms = heartbeat_ms(election);
        renewals += now_ms > before_ms;
        before_ms = now_ms;
        sched_yield();
    }
}

/* A lease that no busy machine ends, renewed all the time. */
#define LONG_LEASE "lock_ttl=1h heartbeat_interval=20ms"

Test(api_fork, a_child_of_a_leader_is_dead_and_may_lead_by_itself)
{
    static char before[DESCRIPTORS], after[DESCRIPTORS];
    for (size_t run = 0; run < 2; run++) {
        const char *store = store_of(run);
        elect_client_t *client = open_client(store, LONG_LEASE);
        elect_election_t *election = start_queued(client, "name=a", 1);
        elect_options_t *options = make_options("name=b");
        elect_event_t *elected = next_event(client, ELECT_EVENT_ELECTED);
        uint64_t epoch = elect_election_epoch(election);
        list_descriptors(before);
        pid_t child = fork();
        if (child == 0) {
            check_dead_handles(client, election, options);
            lead_in_child(store, run == 0 ? "name=a" : "name=b");
            elect_event_free(elected);
            elect_client_free(client);
            elect_election_free(election);
            _exit(0);
        }
        expect_renewals(election);
        wait_for_child(child);
        expect_renewals(election);
        cr_assert_str_eq(list_descriptors(after), before);
        cr_assert_eq(elect_election_is_leader(election), 1);
        cr_assert_eq(elect_election_epoch(election), epoch);
        elect_event_free(elected);
        elect_options_free(options);
        elect_election_free(election);
        close_client(client);
    }
    remove_local();
}

/* On local: the lock of the leader is on a file whose descriptor the child inherits. */
Test(api_fork, neither_a_child_nor_its_end_lets_another_lead_before_the_parent_does)
{
    const char *store = make_local();
    elect_client_t *client = open_client(store, LONG_LEASE " instance_id=parent");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    uint64_t epoch = elect_election_epoch(election);
    pid_t child = fork();
    if (child == 0) {
        elect_leader_t *leader;
        elect_client_t *own = open_client(store, LONG_LEASE " instance_id=child");
        elect_election_t *candidate = start_queued(own, "name=a", 1);
        child_must(elect_election_leader(candidate, 0, GUARD_MS, &leader) == ELECT_OK);
        child_must(elect_leader_epoch(leader) == epoch);
        child_must(strcmp(elect_leader_instance_id(leader), "parent") == 0);
        child_must(elect_election_is_leader(candidate) == 0);
        elect_leader_free(leader);
        elect_election_free(election);
        elect_client_free(client);
        child_must(elect_election_wait(candidate, GUARD_MS) == ELECT_OK); /* when the parent lets it */
        child_must(elect_election_epoch(candidate) > epoch);
        _exit(0);
    }
    elect_client_t *third = open_client(store, LONG_LEASE " instance_id=third");
    elect_election_t *watcher = start_queued(third, "name=a role=observer", 1);
    elect_leader_t *leader;
    must(elect_election_leader(watcher, 0, GUARD_MS, &leader));
    cr_assert_str_eq(elect_leader_instance_id(leader), "parent");
    elect_leader_free(leader);
    expect_renewals(election);
    cr_assert_eq(elect_election_epoch(election), epoch);
    must(elect_election_resign(election, epoch, 3600000));
    elect_event_t *event;
    do {
        must(elect_client_next_event(client, GUARD_MS, &event));
        int32_t kind = elect_event_kind(event);
        elect_event_free(event);
        if (kind == ELECT_EVENT_LOST)
            break;
    } while (true);
    wait_for_child(child);
    elect_election_free(watcher);
    close_client(third);
    elect_election_free(election);
    close_client(client);
    remove_local();
}

Test(api_fork, a_lost_freed_in_the_child_holds_on_in_the_parent)
{
    for (size_t run = 0; run < 2; run++) {
        elect_client_t *client = open_client(store_of(run), "drain_timeout=1h " LONG_LEASE);
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
    remove_local();
}

/* ---- in callbacks ---- */

struct forker {
    const char *store;
    pid_t parent;
    _Atomic(pid_t) child;
    bool frees, returns;
    atomic_int *again; /* shared: what the child was called for once it had returned */
};

static void leave(void)
{
    _exit(0);
}

static void on_event_fork(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct forker *forker = user;
    if (getpid() != forker->parent)
        atomic_fetch_add(forker->again, 1);
    if (elect_event_kind(event) != ELECT_EVENT_ELECTED || atomic_load(&forker->child) != 0)
        return;
    pid_t child = fork();
    if (child != 0) {
        atomic_store(&forker->child, child);
        return;
    }
    atexit(leave); /* the process ends with its last thread: before what the test's own program does then */
    child_must(elect_election_is_leader(election) == 0);
    child_must(elect_election_stop(election) == ELECT_EFORKED);
    elect_event_t *kept = elect_event_keep(event);
    if (forker->frees)
        elect_election_free(election);
    elect_event_free(kept);
    lead_in_child(forker->store, "name=b");
    if (!forker->returns)
        _exit(0);
}

static void on_free_fork(void *user)
{
    struct forker *forker = user;
    if (getpid() != forker->parent)
        atomic_fetch_add(forker->again, 1);
}

static void fork_in_callback(struct forker *forker)
{
    elect_client_t *client = open_client(forker->store, LONG_LEASE);
    elect_election_t *election = make_election(client, "name=a");
    forker->parent = getpid();
    must(elect_election_on_event(election, on_event_fork, forker, on_free_fork));
    must(elect_election_on_event(election, on_event_fork, forker, on_free_fork));
    must(elect_election_start(election));
    while (atomic_load(&forker->child) == 0)
        sched_yield();
    expect_renewals(election);
    wait_for_child(atomic_load(&forker->child));
    expect_renewals(election);
    elect_election_free(election);
    close_client(client);
}

Test(api_fork, a_callback_may_fork)
{
    for (size_t run = 0; run < 2; run++) {
        struct forker forker = {.store = store_of(run), .frees = true};
        fork_in_callback(&forker);
    }
    remove_local();
}

Test(api_fork, a_child_that_returns_from_a_callback_ends_with_its_thread)
{
    atomic_int *again = mmap(NULL, sizeof *again, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(again, MAP_FAILED);
    for (size_t run = 0; run < 4; run++) {
        struct forker forker = {.store = store_of(run % 2), .frees = run >= 2, .returns = true, .again = again};
        fork_in_callback(&forker);
        cr_assert_eq(atomic_load(again), 0);
    }
    remove_local();
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
    for (size_t run = 0; run < 2; run++) {
        elect_client_t *client = open_client(store_of(run), "lock_ttl=100ms");
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
    remove_local();
}
