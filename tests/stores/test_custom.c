/* custom: from end to end: clients over one register, served as an application serves it, well and badly. */
#include "custom_api.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

Test(custom, two_clients_over_one_register_have_one_leader_and_hand_over)
{
    struct example_store *table = example_store_new();
    struct site a = open_site(table, "custom:?bootstrap=now", ""), b = open_site(table, "custom:?bootstrap=now", "");
    elect_election_t *one = start_leading(a.client, "name=job");
    uint64_t epoch = elect_election_epoch(one);
    elect_election_t *two = start_queued(b.client, "name=job retry_interval=50ms", 1);
    elect_event_t *event = next_event(b.client, ELECT_EVENT_LEADER_CHANGED);
    cr_assert_str_eq(elect_leader_instance_id(elect_event_leader(event)), elect_election_instance_id(one));
    cr_assert_eq(elect_event_epoch(event), epoch);
    elect_event_free(event);
    cr_assert_eq(elect_election_is_leader(two), 0);
    must(elect_election_stop(one));
    must(elect_election_wait(two, GUARD_MS));
    cr_assert_gt(elect_election_epoch(two), epoch);
    cr_assert_eq(elect_election_is_leader(one), 0);
    elect_election_free(one);
    elect_election_free(two);
    close_site(&a);
    close_site(&b);
    example_store_free(table);
}

/* The process that serves them is gone, as far as this client can see. */
Test(custom, a_leader_whose_operations_nobody_serves_loses_its_lease_and_another_follows)
{
    int32_t reason, code;
    uint64_t epoch;
    struct example_store *table = example_store_new();
    /* An operation lives for a quarter of it. */
    elect_client_t *crashed = open_client("custom:?bootstrap=now", "lock_ttl=5s heartbeat_interval=1s");
    elect_election_t *one = start_queued(crashed, "name=job", 1);
    for (int32_t kind = ELECT_OP_READ; kind <= ELECT_OP_WRITE; kind++) {
        char version[EXAMPLE_VERSION_SIZE];
        elect_op_t *op = next_op(crashed, kind);
        if (kind == ELECT_OP_READ) {
            elect_op_complete(op, ELECT_OK, "", "", NULL);
        } else {
            must(example_store_put(table, elect_op_key(op), elect_op_version(op), elect_op_value(op), version));
            elect_op_complete(op, ELECT_OK, version, NULL, NULL);
        }
    }
    skip_to(crashed, ELECT_EVENT_ELECTED, NULL, &epoch, NULL);
    struct site b = open_site(table, "custom:", SHORT);
    elect_election_t *two = start_queued(b.client, "name=job", 1);
    skip_to(crashed, ELECT_EVENT_LOST, &reason, NULL, NULL);
    cr_assert_eq(elect_election_is_leader(one), 0);
    /* PAUSED: the machine was too busy for the clock to be looked at when the lease ended. */
    cr_assert(reason == ELECT_REASON_UNREACHABLE || reason == ELECT_REASON_PAUSED, "%d", (int)reason);
    skip_to(crashed, ELECT_EVENT_ERROR, &code, NULL, NULL);
    cr_assert_eq(code, ELECT_EUNREACHABLE);
    must(elect_election_wait(two, GUARD_MS));
    cr_assert_gt(elect_election_epoch(two), epoch);
    elect_election_free(one);
    elect_election_free(two);
    close_client(crashed);
    close_site(&b);
    example_store_free(table);
}

Test(custom, what_is_no_record_is_an_error_and_never_overwritten)
{
    char version[EXAMPLE_VERSION_SIZE], now[EXAMPLE_VERSION_SIZE], text[WORDS];
    int32_t code;
    struct example_store *table = example_store_new();
    must(example_store_put(table, "elect/job", "", "{\"mine\":true}", version));
    struct site a = open_site(table, "custom:?bootstrap=now", "lock_ttl=1h");
    elect_election_t *one = start_queued(a.client, "name=job", 1);
    skip_to(a.client, ELECT_EVENT_ERROR, &code, NULL, text);
    cr_assert_eq(code, ELECT_ESTORE);
    cr_assert_not_null(strstr(text, "no record of this library"), "%s", text);
    cr_assert_eq(elect_election_depose(one, 0, GUARD_MS), ELECT_ESTORE);
    cr_assert_eq(elect_election_is_leader(one), 0);
    elect_election_free(one);
    close_site(&a);
    char *value = example_store_get(table, "elect/job", now);
    cr_assert_str_eq(value, "{\"mine\":true}");
    cr_assert_str_eq(now, version);
    free(value);
    example_store_free(table);
}

/* lock_ttl after the first look, where the record may have been deleted under a leader. */
Test(custom, an_absent_record_is_waited_out_unless_the_url_says_that_it_is_new)
{
    struct example_store *table = example_store_new();
    struct site slow = open_site(table, "custom:", "lock_ttl=1h"), fast = open_site(table, "custom:?bootstrap=now", "");
    elect_election_t *one = start_queued(slow.client, "name=job", 1);
    elect_leader_t *leader;
    must(elect_election_leader(one, -1, GUARD_MS, &leader));
    cr_assert_null(leader);
    cr_assert_eq(elect_election_wait(one, 20), ELECT_ETIMEOUT);
    elect_election_t *two = start_queued(fast.client, "name=job", 1);
    must(elect_election_wait(two, GUARD_MS));
    elect_election_free(one);
    elect_election_free(two);
    close_site(&slow);
    close_site(&fast);
    example_store_free(table);
}

Test(custom, the_leader_is_asked_to_step_down_through_the_register)
{
    static const char options[] = "lock_ttl=1h heartbeat_interval=100ms";
    int32_t reason;
    struct example_store *table = example_store_new();
    struct site a = open_site(table, "custom:?bootstrap=now", options), b = open_site(table, "custom:", options);
    elect_election_t *one = start_queued(a.client, "name=job", 1);
    skip_to(a.client, ELECT_EVENT_ELECTED, NULL, NULL, NULL); /* unread, it would go together with its LOST */
    elect_election_t *observer = start_queued(b.client, "name=job role=observer", 1);
    must(elect_election_depose(observer, 0, GUARD_MS));
    skip_to(a.client, ELECT_EVENT_LOST, &reason, NULL, NULL);
    cr_assert_eq(reason, ELECT_REASON_RESIGNED);
    elect_election_free(one);
    elect_election_free(observer);
    close_site(&a);
    close_site(&b);
    example_store_free(table);
}

Test(custom, a_watch_of_the_application_makes_a_handover_quick)
{
    struct example_store *table = example_store_new();
    struct site a = open_site(table, "custom:?bootstrap=now", "lock_ttl=1h"),
                b = open_site(table, "custom:", "lock_ttl=1h retry_interval=30m");
    elect_election_t *one = start_leading(a.client, "name=job");
    elect_election_t *two = start_queued(b.client, "name=job", 1);
    elect_event_free(next_event(b.client, ELECT_EVENT_LEADER_CHANGED));
    must(elect_election_stop(one));
    must(elect_election_join(one, GUARD_MS));
    must(elect_client_key_changed(b.client, "elect/other"));
    must(elect_client_key_changed(b.client, "elect/job"));
    must(elect_election_wait(two, GUARD_MS));
    elect_election_free(one);
    elect_election_free(two);
    close_site(&a);
    close_site(&b);
    example_store_free(table);
}

Test(custom, reports_say_what_the_register_says)
{
    char *json;
    struct example_store *table = example_store_new();
    struct site a = open_site(table, "custom:?bootstrap=now", "");
    elect_election_t *one = start_leading(a.client, "name=job");
    must(elect_election_report(one, "status", GUARD_MS, &json));
    cr_assert_not_null(strstr(json, "\"state\":\"led\""), "%s", json);
    elect_string_free(json);
    must(elect_election_report(one, "history", GUARD_MS, &json));
    cr_assert_not_null(strstr(json, elect_election_instance_id(one)), "%s", json);
    elect_string_free(json);
    must(elect_client_report(a.client, "store", GUARD_MS, &json));
    cr_assert_not_null(strstr(json, "compare-and-set register of the application"), "%s", json);
    elect_string_free(json);
    cr_assert_eq(elect_client_report(a.client, "elections", GUARD_MS, &json), ELECT_ESTORE);
    cr_assert_eq(elect_client_forget(a.client, "job", GUARD_MS), ELECT_ESTORE);
    elect_election_free(one);
    close_site(&a);
    example_store_free(table);
}

static atomic_int late_writes;

/* One thread that answers each operation only when the next but one is there, or when nothing else comes: late, and out of
 * order. */
static void *serve_late(void *argument)
{
    enum { HELD = 2, PATIENCE_MS = 20 };
    struct site *site = argument;
    elect_op_t *held[HELD] = {NULL}, *op;
    char version[EXAMPLE_VERSION_SIZE];
    int32_t code = ELECT_OK;
    for (int i = 0; code != ELECT_ECLOSED; i = (i + 1) % HELD) {
        if ((op = held[i]) && elect_op_kind(op) == ELECT_OP_READ) {
            char *value = example_store_get(site->table, elect_op_key(op), version);
            elect_op_complete(op, ELECT_OK, version, value, NULL);
            free(value);
        } else if (op) {
            int32_t put =
                example_store_put(site->table, elect_op_key(op), elect_op_version(op), elect_op_value(op), version);
            elect_op_complete(op, put, version, NULL, NULL);
            atomic_fetch_add(&late_writes, 1);
        }
        code = elect_client_next_op(site->client, PATIENCE_MS, &held[i]);
    }
    for (int i = 0; i < HELD; i++)
        elect_op_complete(held[i], ELECT_ESTORE, NULL, NULL, NULL);
    return NULL;
}

Test(custom, a_slow_thread_keeps_its_leaders)
{
    enum { ELECTIONS = 5, RENEWALS = 20 };
    pthread_t thread;
    elect_election_t *elections[ELECTIONS];
    elect_event_t *event;
    char pairs[32];
    struct site site = {.table = example_store_new()};
    site.client = open_client("custom:?bootstrap=now", "heartbeat_interval=50ms");
    cr_assert_eq(pthread_create(&thread, NULL, serve_late, &site), 0);
    for (uint64_t i = 0; i < ELECTIONS; i++) {
        snprintf(pairs, sizeof pairs, "name=e%d", (int)i);
        elections[i] = start_queued(site.client, pairs, i + 1);
    }
    for (int i = 0; i < ELECTIONS; i++)
        must(elect_election_wait(elections[i], GUARD_MS));
    while (atomic_load(&late_writes) < ELECTIONS * RENEWALS)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    while (elect_client_next_event(site.client, 0, &event) == ELECT_OK) {
        cr_assert_neq(elect_event_kind(event), ELECT_EVENT_LOST);
        elect_event_free(event);
    }
    for (int i = 0; i < ELECTIONS; i++)
        elect_election_free(elections[i]);
    must(elect_client_close(site.client, GUARD_MS));
    pthread_join(thread, NULL);
    elect_client_free(site.client);
    example_store_free(site.table);
}

Test(custom, a_thousand_elections_lead_and_end)
{
    enum { ELECTIONS = 1000 };
    char name[32];
    struct example_store *table = example_store_new();
    struct site a = open_site(table, "custom:?bootstrap=now", "lock_ttl=1h"); /* a slow tool renews none meanwhile */
    elect_election_t **elections = calloc(ELECTIONS, sizeof *elections);
    for (int i = 0; i < ELECTIONS; i++) {
        snprintf(name, sizeof name, "name=e%d", i);
        elections[i] = make_election(a.client, name);
        must(elect_election_start(elections[i]));
    }
    for (int i = 0; i < ELECTIONS; i++)
        must(elect_election_wait(elections[i], GUARD_MS));
    for (int i = 0; i < ELECTIONS; i++)
        elect_election_free(elections[i]);
    free(elections);
    close_site(&a);
    example_store_free(table);
}
