/* What nobody should do, and somebody will: slow callbacks, callbacks that call everything, what is never freed, a
 * program that closes what is not its own. */
#include "api_local.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* ---- callbacks that block ---- */

static void on_event_block(elect_election_t *election, const elect_event_t *event, void *user)
{
    atomic_int *step = user; /* 1: it blocks, 2: it may go on */
    (void)election;
    if (elect_event_kind(event) != ELECT_EVENT_ELECTED || atomic_load(step) == 2)
        return;
    atomic_store(step, 1);
    while (atomic_load(step) != 2)
        sched_yield();
}

Test(api_abuse, a_callback_that_blocks_for_ten_leases_costs_nobody_a_lease)
{
    atomic_int step = 0;
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *called = make_election(client, "name=a"), *another = make_election(client, "name=b");
    must(elect_election_on_event(called, on_event_block, &step, NULL));
    must(elect_election_on_event(another, on_event_block, &step, NULL));
    must(elect_election_start(called));
    while (atomic_load(&step) != 1)
        sched_yield();
    must(elect_election_start(another)); /* its events wait behind */
    elect_election_t *queued = start_queued(client, "name=c", 3);
    expect_events(client, "3 elected, 3 leader_changed");
    elect_election_t *elections[] = {called, another, queued};
    uint64_t epochs[3];
    for (int i = 0; i < 3; i++)
        epochs[i] = elect_election_epoch(elections[i]);
    for (int second = 0; second < 100; second++) {
        command(client, "advance 1s");
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(elect_election_is_leader(elections[i]), 1, "%s", elect_election_name(elections[i]));
            cr_assert_eq(elect_election_epoch(elections[i]), epochs[i]);
        }
    }
    expect_events(client, "");
    atomic_store(&step, 2);
    for (int i = 0; i < 3; i++)
        elect_election_free(elections[i]);
    close_client(client);
}

/* ---- callbacks that call everything ---- */

struct caller {
    elect_client_t *client;
    elect_options_t *options; /* of one more election */
    atomic_int kinds, wrong, line, inner;
};

#define expect(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            atomic_store(&caller->line, __LINE__);                                                                     \
            atomic_fetch_add(&caller->wrong, 1);                                                                       \
        }                                                                                                              \
    } while (0)

static void on_inner_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election;
    (void)event;
    atomic_fetch_add(&((struct caller *)user)->inner, 1);
}

static void call_client(struct caller *caller, bool stands)
{
    elect_client_t *client = caller->client;
    elect_options_t *louder = make_options("log_level=error");
    elect_event_t *event;
    elect_op_t *op;
    char *text;
    expect(elect_client_close(client, FOR_EVER) == ELECT_ESTATE);
    expect(elect_client_close(client, 0) == ELECT_ESTATE);
    expect(elect_client_update(client, louder) == ELECT_OK);
    expect(elect_client_report(client, "store", FOR_EVER, &text) == ELECT_OK);
    elect_string_free(text);
    expect(elect_client_report(client, "metrics", FOR_EVER, &text) == ELECT_OK);
    elect_string_free(text);
    expect(elect_client_report(client, "elections", FOR_EVER, &text) == ELECT_OK);
    elect_string_free(text);
    expect(elect_client_forget(client, "nobody", FOR_EVER) == ELECT_OK);
    expect(elect_client_forget(client, "a", FOR_EVER) == (stands ? ELECT_ESTATE : ELECT_OK));
    expect(elect_client_on_log(client, NULL, NULL, NULL) == ELECT_ESTATE);
    expect(elect_client_event_fd(client) >= 0);
    expect(elect_client_next_op(client, FOR_EVER, &op) == ELECT_ESTATE);
    expect(elect_client_op_fd(client) == ELECT_ESTATE);
    expect(elect_client_key_changed(client, "elect/a") == ELECT_ESTATE);
    while (elect_client_next_event(client, 0, &event) == ELECT_OK)
        elect_event_free(event);
    expect(elect_memory_command(client, "advance 1ms") == ELECT_OK);
    elect_options_free(louder);
}

static void call_others(struct caller *caller)
{
    elect_client_t *other = open_client(MANUAL, "");
    elect_election_t *more = NULL, *elsewhere = start_queued(other, "name=a", 1);
    expect(elect_election_wait(elsewhere, GUARD_MS) == ELECT_OK);
    elect_election_free(elsewhere);
    expect(elect_client_close(other, GUARD_MS) == ELECT_OK); /* its callbacks are not ours */
    elect_client_free(other);
    expect(elect_election_new(caller->client, caller->options, &more) == ELECT_OK);
    expect(elect_election_on_event(more, on_inner_event, caller, NULL) == ELECT_OK);
    expect(elect_election_queue_events(more, 1) == ELECT_ESTATE);
    expect(elect_election_start(more) == ELECT_OK);
    expect(elect_election_wait(more, FOR_EVER) == ELECT_ESTATE);
    elect_election_free(more);
}

static void ask_event(struct caller *caller, const elect_event_t *event)
{
    int32_t kind = elect_event_kind(event);
    const elect_leader_t *leader = elect_event_leader(event);
    bool of_term = kind == ELECT_EVENT_ELECTED || kind == ELECT_EVENT_LOST;
    expect(elect_event_tag(event) == 0);
    expect(*elect_kind_name(kind) != '\0');
    expect(!of_term || elect_event_epoch(event) != 0);
    expect(elect_event_reason(event) == (kind == ELECT_EVENT_LOST ? ELECT_REASON_STOPPED : 0));
    expect(elect_event_code(event) == ELECT_OK && elect_event_level(event) == 0);
    expect(*elect_event_text(event) == '\0' && strcmp(elect_event_fields(event), "{}") == 0);
    expect(!leader || (kind == ELECT_EVENT_LEADER_CHANGED && elect_leader_epoch(leader) != 0));
    expect(!leader || strcmp(elect_leader_instance_id(leader), "me") == 0);
    elect_event_free(elect_event_keep(event));
}

static void on_event_call_all(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct caller *caller = user;
    elect_options_t *changes = make_options("address=there");
    elect_leader_t *leader;
    char *text;
    ask_event(caller, event);
    expect(elect_election_start(election) == ELECT_ESTATE);
    expect(elect_election_on_event(election, on_inner_event, caller, NULL) == ELECT_ESTATE);
    expect(elect_election_update(election, changes) == ELECT_OK);
    expect(elect_election_join(election, FOR_EVER) == ELECT_ESTATE);
    expect(elect_election_wait(election, FOR_EVER) == ELECT_ESTATE);
    expect(elect_election_leader(election, -1, FOR_EVER, &leader) == ELECT_ESTATE);
    int32_t code = elect_election_leader(election, -1, 0, &leader);
    expect(code == ELECT_OK || code == ELECT_ETIMEOUT || code == ELECT_ECLOSED);
    elect_leader_free(leader);
    expect(elect_election_report(election, "status", FOR_EVER, &text) == ELECT_OK);
    elect_string_free(text);
    expect(elect_election_report(election, "history", FOR_EVER, &text) == ELECT_OK);
    elect_string_free(text);
    code = elect_election_depose(election, 1, FOR_EVER);
    expect(code == ELECT_ENOTLEADER);
    expect(elect_election_resign(election, 1, 0) == ELECT_ENOTLEADER);
    expect(elect_election_check(election, NULL, NULL) >= elect_election_is_leader(election));
    expect(elect_election_epoch(election) == 0 || elect_election_lease_ms(election) >= 0);
    expect(strcmp(elect_election_name(election), "a") == 0);
    expect(strcmp(elect_election_instance_id(election), "me") == 0);
    call_client(caller, elect_event_kind(event) != ELECT_EVENT_CLOSED);
    call_others(caller);
    if (elect_event_kind(event) == ELECT_EVENT_LEADER_CHANGED)
        expect(elect_election_stop(election) == ELECT_OK);
    if (elect_event_kind(event) == ELECT_EVENT_CLOSED)
        elect_election_free(election);
    elect_options_free(changes);
    atomic_fetch_or(&caller->kinds, 1 << elect_event_kind(event));
}

Test(api_abuse, a_callback_may_call_everything)
{
    elect_client_t *client = open_client(MANUAL, "log_level=debug");
    struct caller caller = {.client = client, .options = make_options("name=inner")};
    must(elect_client_on_log(client, NULL, NULL, NULL));
    elect_election_t *election = make_election(client, "name=a instance_id=me");
    must(elect_election_on_event(election, on_event_call_all, &caller, NULL));
    must(elect_election_start(election));
    while ((atomic_load(&caller.kinds) & 1 << ELECT_EVENT_CLOSED) == 0)
        sched_yield();
    must(elect_client_close(client, GUARD_MS));
    cr_assert_eq(atomic_load(&caller.wrong), 0, "line %d", atomic_load(&caller.line));
    cr_assert_eq(atomic_load(&caller.inner), 0, "freed before any event of it was due");
    cr_assert_eq(atomic_load(&caller.kinds), 1 << ELECT_EVENT_ELECTED | 1 << ELECT_EVENT_LOST |
                                                 1 << ELECT_EVENT_LEADER_CHANGED | 1 << ELECT_EVENT_CLOSED);
    elect_options_free(caller.options);
    elect_client_free(client);
}

static void on_event_free_all(elect_election_t *election, const elect_event_t *event, void *user)
{
    elect_client_t **client = user;
    if (elect_event_kind(event) != ELECT_EVENT_ELECTED)
        return;
    elect_client_free(*client);
    elect_election_free(election);
    *client = NULL;
}

static void on_free_flag(void *user)
{
    atomic_store((atomic_bool *)user, true);
}

Test(api_abuse, a_callback_may_free_its_election_and_the_client)
{
    atomic_bool freed = false;
    elect_client_t *client = open_client("memory:", "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event_free_all, &client, NULL));
    must(elect_election_on_event(election, on_event_free_all, &freed, on_free_flag));
    must(elect_election_start(election));
    while (!atomic_load(&freed)) /* so the second callback was not called: it would take a flag for a client */
        sched_yield();
    cr_assert_null(client);
}

/* ---- a LOST that nobody frees ---- */

static elect_event_t *kept[2];

static void on_event_keep(elect_election_t *election, const elect_event_t *event, void *user)
{
    atomic_int *count = user;
    (void)election;
    if (elect_event_kind(event) != ELECT_EVENT_LOST && elect_event_kind(event) != ELECT_EVENT_ELECTED)
        return;
    kept[elect_event_kind(event) == ELECT_EVENT_LOST] = elect_event_keep(event);
    atomic_fetch_add(count, 1);
}

/* For those who count what is left at the end. */
static void free_kept(void)
{
    elect_event_free(kept[0]);
    elect_event_free(kept[1]);
}

static elect_election_t *start_keeper(elect_client_t *client, atomic_int *count)
{
    elect_election_t *election = make_election(client, "name=a instance_id=keeper");
    must(elect_election_on_event(election, on_event_keep, count, NULL));
    must(elect_election_start(election));
    while (atomic_load(count) != 1)
        sched_yield();
    return election;
}

Test(api_abuse, a_kept_lost_that_is_never_freed_does_not_hold_the_end_up)
{
    atomic_int count = 0;
    elect_client_t *client = open_client("memory:", "lock_ttl=1s drain_timeout=50ms");
    elect_election_t *election = start_keeper(client, &count);
    must(elect_election_stop(election));
    must(elect_election_join(election, GUARD_MS));
    elect_election_free(election);
    close_client(client);
    cr_assert_eq(atomic_load(&count), 2);
    cr_assert_eq(elect_event_reason(kept[1]), ELECT_REASON_STOPPED);
    free_kept();
}

Test(api_abuse, who_never_frees_its_lost_never_stands_again_and_others_lead)
{
    atomic_int count = 0;
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s drain_timeout=20s");
    elect_election_t *keeper = start_keeper(client, &count);
    elect_election_t *other = start_queued(client, "name=a instance_id=other", 2);
    uint64_t epoch = elect_election_epoch(keeper);
    must(elect_election_resign(keeper, epoch, 0));
    while (atomic_load(&count) != 2)
        sched_yield();
    command(client, "advance 19s");
    cr_assert_eq(elect_election_check(keeper, NULL, NULL), 2, "its work goes on, so it renews");
    cr_assert_eq(elect_election_is_leader(other), 0);
    command(client, "advance 15s");
    cr_assert_eq(elect_election_check(keeper, NULL, NULL), 0);
    cr_assert_eq(elect_election_is_leader(other), 1);
    must(elect_election_stop(other));
    cr_assert_eq(elect_election_is_leader(other), 0);
    settle(client);
    read_all(client);
    command(client, "advance 1h");
    cr_assert_eq(elect_election_is_leader(keeper), 0);
    elect_election_free(other);
    elect_election_free(keeper);
    close_client(client);
    free_kept();
}

/* ---- what is the library's own ---- */

static int count_descriptors(bool own[256], bool (*is)(const char *target))
{
    int count = 0;
    char path[64], target[256];
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        own[fd] = size > 0 && is(target);
        count += own[fd];
    }
    return count;
}

static bool is_any(const char *target)
{
    (void)target;
    return true;
}

static bool is_epoll(const char *target)
{
    return strstr(target, "eventpoll") != NULL;
}

static void on_event_nothing(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election, (void)event, (void)user;
}

Test(api_abuse, every_descriptor_closes_on_exec)
{
    bool before[256], after[256];
    int count = count_descriptors(before, is_any);
    elect_client_t *memory = open_client("memory:", ""), *local = open_client(make_local(), "");
    elect_election_t *elections[] = {start_queued(memory, "name=a", 1), start_queued(local, "name=a", 1)};
    for (int i = 0; i < 2; i++)
        must(elect_election_wait(elections[i], GUARD_MS));
    cr_assert_gt(count_descriptors(after, is_any), count + 8);
    for (int fd = 0; fd < 256; fd++) {
        if (after[fd] && !before[fd])
            cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
    }
    for (int i = 0; i < 2; i++)
        elect_election_free(elections[i]);
    close_client(memory);
    close_client(local);
    remove_local();
}

/* The signals that a thread blocks, and its name. */
static uint64_t blocked_signals(const char *task, char name[32])
{
    char path[300], line[256];
    uint64_t mask = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE *status = fopen(path, "r");
    cr_assert_not_null(status);
    while (fgets(line, sizeof line, status)) {
        if (strncmp(line, "Name:\t", 6) == 0)
            snprintf(name, 32, "%.*s", (int)strcspn(line + 6, "\n"), line + 6);
        if (strncmp(line, "SigBlk:\t", 8) == 0)
            mask = strtoull(line + 8, NULL, 16);
    }
    fclose(status);
    return mask;
}

Test(api_abuse, threads_of_the_library_take_no_signals)
{
    /* All 64, but for KILL and STOP, and the two that the C library keeps for itself. */
    const uint64_t wanted = ~(1ull << 8 | 1ull << 18 | 1ull << 31 | 1ull << 32);
    elect_client_t *client = open_client("memory:", "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event_nothing, NULL, NULL));
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    int workers = 0;
    while (workers != 2) { /* a thread gives itself its name */
        workers = 0;
        DIR *tasks = opendir("/proc/self/task");
        for (struct dirent *task; (task = readdir(tasks));) {
            char name[32];
            if (task->d_name[0] == '.')
                continue;
            uint64_t mask = blocked_signals(task->d_name, name);
            if (strncmp(name, "elect-", 6) != 0)
                continue;
            workers++;
            cr_assert_eq(mask & wanted, wanted, "%s blocks %llx", name, (unsigned long long)mask);
        }
        closedir(tasks);
    }
    elect_election_free(election);
    close_client(client);
}

/* A program that closes descriptors by number hits the one that the I/O thread waits on. */
static void break_loop(bool before[256])
{
    bool now[256];
    count_descriptors(now, is_epoll);
    for (int fd = 0; fd < 256; fd++) {
        if (now[fd] && !before[fd])
            close(fd);
    }
}

static void *wait_long(void *election)
{
    return elect_election_wait(election, FOR_EVER) == ELECT_ECLOSED ? election : NULL;
}

Test(api_abuse, a_client_that_cannot_wait_for_events_ends_its_terms_and_every_wait)
{
    for (int run = 0; run < 2; run++) {
        bool before[256];
        elect_election_t *late = NULL;
        elect_event_t *event;
        pthread_t waiter;
        void *closed;
        const char *store = run == 0 ? "memory:" : make_local();
        count_descriptors(before, is_epoll);
        elect_client_t *client = open_client(store, "lock_ttl=1h heartbeat_interval=20ms");
        elect_options_t *options = make_options("name=late");
        elect_election_t *leader = start_queued(client, "name=a instance_id=x", 1);
        elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
        elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
        elect_election_t *follower = make_election(client, "name=a instance_id=y");
        elect_election_t *idle = make_election(client, "name=b");
        must(elect_election_start(follower));
        cr_assert_eq(pthread_create(&waiter, NULL, wait_long, follower), 0);
        break_loop(before); /* the leader's next renewal meets it */
        event = next_event(client, ELECT_EVENT_LOST);
        cr_assert_eq(elect_election_check(leader, NULL, NULL), 0);
        elect_event_free(event);
        event = next_event(client, ELECT_EVENT_ERROR);
        cr_assert_eq(elect_event_code(event), ELECT_ESTORE);
        elect_event_free(event);
        elect_event_free(next_event(client, ELECT_EVENT_CLOSED));
        cr_assert_eq(elect_client_next_event(client, FOR_EVER, &event), ELECT_ECLOSED);
        pthread_join(waiter, &closed);
        cr_assert_eq(closed, follower);
        must(elect_election_join(leader, FOR_EVER));
        must(elect_election_join(idle, FOR_EVER));
        cr_assert_eq(elect_election_start(idle), ELECT_ESTATE);
        cr_assert_eq(elect_election_new(client, options, &late), ELECT_ECLOSED);
        must(elect_client_close(client, FOR_EVER));
        elect_options_free(options);
        elect_election_free(leader);
        elect_election_free(follower);
        elect_election_free(idle);
        elect_client_free(client);
        if (run == 0)
            continue;
        client = open_client(store, "lock_ttl=1h"); /* it was released */
        leader = start_queued(client, "name=a instance_id=z", 1);
        must(elect_election_wait(leader, GUARD_MS));
        elect_election_free(leader);
        close_client(client);
    }
    remove_local();
}
