/* What nobody should do, and somebody will: slow callbacks, callbacks that call everything, what is never freed. */
#include "api.h"
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
