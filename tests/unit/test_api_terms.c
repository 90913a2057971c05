/* Terms: how they begin, what ends them, and what is_leader says meanwhile. */
#include "api.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* A leader whose first events have been read. */
static elect_election_t *start_leader(elect_client_t *client, const char *pairs, uint64_t tag)
{
    elect_election_t *election = start_queued(client, pairs, tag);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
    return election;
}

Test(api_terms, is_leader_ends_with_the_lease_by_the_clock_alone)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s clock_margin=1s");
    elect_election_t *election = start_leader(client, "name=a", 1);
    int64_t lease_ms;
    command(client, "cut a");
    command(client, "advance 8999ms");
    cr_assert_eq(elect_election_is_leader(election), 1);
    cr_assert_eq(elect_election_check(election, NULL, &lease_ms), 1);
    cr_assert_eq(lease_ms, 1);
    command(client, "advance 1ms");
    cr_assert_eq(elect_election_is_leader(election), 0);
    cr_assert_eq(elect_election_epoch(election), 0);
    expect_events(client, "1 lost/unreachable, 1 error");
    elect_leader_t *leader;
    cr_assert_eq(elect_election_leader(election, -1, 0, &leader), ELECT_ETIMEOUT, "who leads is not known any more");
    command(client, "heal a");
    command(client, "advance 30s");
    cr_assert_eq(elect_election_is_leader(election), 1);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, resigning_drains_releases_and_stands_again_after_the_backoff)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_leader(client, "name=a", 1);
    uint64_t epoch = elect_election_epoch(election);
    cr_assert_eq(elect_election_resign(election, epoch + 1, 0), ELECT_ENOTLEADER);
    cr_assert_eq(elect_election_is_leader(election), 1);
    must(elect_election_resign(election, epoch, 60000));
    cr_assert_eq(elect_election_is_leader(election), 0);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2);
    cr_assert_eq(elect_election_resign(election, 0, 0), ELECT_ENOTLEADER);
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    cr_assert_eq(elect_event_epoch(lost), epoch);
    cr_assert_eq(elect_event_reason(lost), ELECT_REASON_RESIGNED);
    command(client, "advance 3s");
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2, "the lease is renewed while the work goes on");
    elect_event_free(lost);
    expect_events(client, "1 leader_changed");
    command(client, "advance 56s");
    cr_assert_eq(elect_election_is_leader(election), 0);
    command(client, "advance 30s");
    cr_assert_eq(elect_election_is_leader(election), 1);
    cr_assert_gt(elect_election_epoch(election), epoch);
    expect_events(client, "1 elected, 1 leader_changed");
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, no_renewal_revives_what_was_resigned)
{
    elect_client_t *client = open_client("memory:", "lock_ttl=10s heartbeat_interval=10ms drain_timeout=1h");
    elect_election_t *election = start_leader(client, "name=a", 1);
    must(elect_election_resign(election, 0, 0));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    uint64_t epoch = elect_event_epoch(lost), now = epoch;
    int32_t state = 2;
    for (int renewals = 0; renewals < 1000 && state == 2; renewals++) {
        cr_assert_eq(elect_election_is_leader(election), 0);
        state = elect_election_check(election, &now, NULL);
        cr_assert(now == epoch || state == 0);
    }
    elect_event_free(lost);
    must(elect_election_wait(election, GUARD_MS));
    cr_assert_gt(elect_election_epoch(election), epoch);
    elect_election_free(election);
    close_client(client);
}

static int64_t heartbeat_ms(elect_election_t *election)
{
    elect_leader_t *leader;
    must(elect_election_leader(election, -1, 0, &leader));
    int64_t at_ms = elect_leader_last_heartbeat_ms(leader);
    elect_leader_free(leader);
    return at_ms;
}

struct hours {
    elect_client_t *client;
    atomic_bool over;
};

/* Thousands of renewals, one after the other: the thread that makes them sees no wish of ours before they are over. */
static void *pass_hours(void *argument)
{
    struct hours *hours = argument;
    command(hours->client, "advance 6h");
    atomic_store(&hours->over, true);
    return NULL;
}

static void begin_hours(struct hours *hours, elect_election_t *leader, pthread_t *passing)
{
    int64_t before_ms = heartbeat_ms(leader);
    cr_assert_eq(pthread_create(passing, NULL, pass_hours, hours), 0);
    while (heartbeat_ms(leader) == before_ms)
        sched_yield();
}

static void never_leads(const struct hours *hours, elect_election_t *election)
{
    do
        cr_assert_eq(elect_election_is_leader(election), 0);
    while (!atomic_load(&hours->over));
    cr_assert_eq(elect_election_is_leader(election), 0);
}

Test(api_terms, no_renewal_under_way_revives_what_was_ended)
{
    for (int stops = 0; stops < 2; stops++) {
        elect_client_t *client = open_client(MANUAL, "lock_ttl=10s heartbeat_interval=1s");
        elect_election_t *election = start_leader(client, "name=a", 1);
        struct hours hours = {.client = client};
        pthread_t passing;
        begin_hours(&hours, election, &passing);
        must(stops ? elect_election_stop(election) : elect_election_resign(election, 0, 0));
        never_leads(&hours, election);
        pthread_join(passing, NULL);
        elect_election_free(election);
        close_client(client);
    }
}

Test(api_terms, no_grant_under_way_makes_a_leader_of_what_was_stopped)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s heartbeat_interval=1s");
    elect_election_t *busy = start_leader(client, "name=a", 1), *election = start_leader(client, "name=b", 2);
    struct hours hours = {.client = client};
    pthread_t passing;
    must(elect_election_resign(election, 0, 3 * 3600000)); /* it stands again in the midst of what passes */
    elect_event_free(next_event(client, ELECT_EVENT_LOST));
    settle(client);
    begin_hours(&hours, busy, &passing);
    must(elect_election_stop(election));
    never_leads(&hours, election);
    pthread_join(passing, NULL);
    elect_election_free(election);
    elect_election_free(busy);
    close_client(client);
}

Test(api_terms, no_second_term_before_the_work_of_the_first_has_ended)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s drain_timeout=1h");
    elect_election_t *election = start_leader(client, "name=a", 1);
    uint64_t epoch = elect_election_epoch(election);
    command(client, "lose a");
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    cr_assert_eq(elect_event_reason(lost), ELECT_REASON_DELETED);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 0);
    command(client, "advance 5m");
    cr_assert_eq(elect_election_is_leader(election), 0);
    elect_event_free(lost);
    expect_events(client, "1 elected, 1 leader_changed");
    cr_assert_gt(elect_election_epoch(election), epoch);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, drain_timeout_ends_renewing_and_releases_nothing)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s clock_margin=1s drain_timeout=8s");
    elect_election_t *election = start_leader(client, "name=a instance_id=x", 1);
    elect_election_t *other = start_queued(client, "name=a instance_id=y", 2);
    must(elect_election_stop(election));
    elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    command(client, "advance 7900ms");
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2);
    cr_assert_eq(elect_election_join(election, 0), ELECT_ETIMEOUT);
    command(client, "advance 100ms");
    must(elect_election_join(election, FOR_EVER));
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2, "what is proven may be used until it ends");
    elect_event_t *error = next_event(client, ELECT_EVENT_ERROR);
    cr_assert_eq(elect_event_code(error), ELECT_ETIMEOUT);
    cr_assert_not_null(strstr(elect_event_text(error), "drain_timeout"), "%s", elect_event_text(error));
    elect_event_free(error);
    elect_event_free(next_event(client, ELECT_EVENT_CLOSED));
    cr_assert_eq(elect_election_is_leader(other), 0, "nothing was released");
    command(client, "advance 12s");
    cr_assert_eq(elect_election_is_leader(other), 1);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 0);
    elect_event_free(lost);
    elect_election_free(election);
    elect_election_free(other);
    close_client(client);
}

Test(api_terms, an_election_not_stopped_stands_again_only_when_its_late_work_has_ended)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s drain_timeout=1s");
    elect_election_t *election = start_leader(client, "name=a", 1);
    must(elect_election_resign(election, 0, 0));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    command(client, "advance 1h");
    cr_assert_eq(elect_election_is_leader(election), 0);
    elect_event_free(lost);
    settle(client);
    command(client, "advance 15s");
    cr_assert_eq(elect_election_is_leader(election), 1);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, a_rival_leads_when_we_resign_and_we_when_it_retires)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_leader(client, "name=a", 1);
    elect_leader_t *leader;
    command(client, "rival a");
    cr_assert_eq(elect_election_is_leader(election), 1, "the store may not grant it yet");
    must(elect_election_resign(election, 0, 0));
    expect_events(client, "1 lost/resigned, 1 leader_changed");
    command(client, "advance 1m");
    cr_assert_eq(elect_election_is_leader(election), 0);
    must(elect_election_leader(election, -1, 0, &leader));
    cr_assert_str_eq(elect_leader_instance_id(leader), "rival");
    cr_assert_gt(elect_leader_epoch(leader), 0);
    elect_leader_free(leader);
    command(client, "retire a");
    cr_assert_eq(elect_election_is_leader(election), 1);
    expect_events(client, "1 elected, 1 leader_changed");
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, a_store_that_forgot_is_waited_for)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s clock_margin=1s");
    elect_election_t *election = start_leader(client, "name=a", 1);
    uint64_t epoch = elect_election_epoch(election);
    command(client, "wipe");
    command(client, "advance 3s");
    expect_events(client, "1 lost/deleted, 1 leader_changed");
    command(client, "advance 10s");
    cr_assert_eq(elect_election_is_leader(election), 0, "somebody may lead whom the store forgot");
    command(client, "advance 5s");
    cr_assert_eq(elect_election_is_leader(election), 1);
    cr_assert_gt(elect_election_epoch(election), epoch);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, depose_asks_the_leader_through_the_store)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *watcher = make_election(client, "name=a role=observer");
    cr_assert_eq(elect_election_depose(watcher, 0, FOR_EVER), ELECT_ENOTLEADER);
    elect_election_t *leader = start_leader(client, "name=a instance_id=x", 1);
    elect_election_t *other = start_queued(client, "name=a instance_id=y", 2);
    uint64_t epoch = elect_election_epoch(leader);
    cr_assert_eq(elect_election_depose(watcher, epoch + 1, FOR_EVER), ELECT_ENOTLEADER);
    must(elect_election_depose(watcher, epoch, FOR_EVER));
    expect_events(client, "2 leader_changed, 1 lost/resigned, 1 leader_changed, 2 elected, 2 leader_changed");
    cr_assert_eq(elect_election_is_leader(other), 1);
    elect_election_free(leader);
    elect_election_free(other);
    elect_election_free(watcher);
    close_client(client);
}

Test(api_terms, an_observer_looks_and_never_leads)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *watcher = start_queued(client, "name=a role=observer", 9);
    cr_assert_eq(elect_election_wait(watcher, FOR_EVER), ELECT_ESTATE);
    elect_leader_t *leader = (elect_leader_t *)client;
    must(elect_election_leader(watcher, -1, FOR_EVER, &leader));
    cr_assert_null(leader);
    elect_election_t *election = start_leader(client, "name=a address=here:1 metadata={} hostname=host", 1);
    command(client, "advance 10s");
    expect_events(client, "9 leader_changed");
    must(elect_election_leader(watcher, -1, FOR_EVER, &leader));
    cr_assert_str_eq(elect_leader_instance_id(leader), elect_election_instance_id(election));
    cr_assert_str_eq(elect_leader_address(leader), "here:1");
    cr_assert_str_eq(elect_leader_metadata(leader), "{}");
    cr_assert_str_eq(elect_leader_hostname(leader), "host");
    cr_assert_eq(elect_leader_epoch(leader), elect_election_epoch(election));
    elect_leader_free(leader);
    command(client, "rival a");
    elect_election_free(election);
    command(client, "advance 10s");
    cr_assert_eq(elect_election_is_leader(watcher), 0);
    command(client, "retire a");
    command(client, "advance 1m");
    cr_assert_eq(elect_election_is_leader(watcher), 0);
    elect_election_free(watcher);
    close_client(client);
}

Test(api_terms, leader_asks_the_store_when_what_is_known_is_too_old)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=1h heartbeat_interval=10m");
    elect_election_t *election = make_election(client, "name=a");
    elect_leader_t *leader;
    cr_assert_eq(elect_election_leader(election, -1, 0, &leader), ELECT_ESTATE);
    must(elect_election_start(election));
    must(elect_election_wait(election, FOR_EVER));
    command(client, "rival a");
    must(elect_election_resign(election, 0, 0));
    settle(client);
    must(elect_election_leader(election, -1, FOR_EVER, &leader));
    cr_assert_str_eq(elect_leader_instance_id(leader), "rival");
    elect_leader_free(leader);
    command(client, "advance 5m");
    must(elect_election_leader(election, -1, 0, &leader));
    cr_assert_geq(elect_leader_age_ms(leader), 300000);
    elect_leader_free(leader);
    must(elect_election_leader(election, 1000, FOR_EVER, &leader));
    cr_assert_lt(elect_leader_age_ms(leader), 300000);
    elect_leader_free(leader);
    command(client, "cut a");
    command(client, "advance 5m");
    cr_assert_eq(elect_election_leader(election, 1000, 1, &leader), ELECT_ETIMEOUT);
    cr_assert_null(leader);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, the_leader_knows_itself)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_leader(client, "name=a instance_id=me address=one", 1);
    elect_options_t *changes = make_options("address=two");
    elect_leader_t *leader;
    must(elect_election_update(election, changes));
    elect_options_free(changes);
    command(client, "advance 5s");
    must(elect_election_leader(election, 0, 0, &leader));
    cr_assert_str_eq(elect_leader_instance_id(leader), "me");
    cr_assert_str_eq(elect_leader_address(leader), "two");
    cr_assert_gt(elect_leader_started_at_ms(leader), 0);
    cr_assert_gt(elect_leader_last_heartbeat_ms(leader), elect_leader_started_at_ms(leader));
    elect_leader_free(leader);
    changes = make_options("lock_ttl=1m");
    cr_assert_eq(elect_election_update(election, changes), ELECT_EINVAL);
    cr_assert_not_null(strstr(elect_options_error(changes), "lock_ttl"), "%s", elect_options_error(changes));
    elect_options_free(changes);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, waiting_ends_with_the_timeout_the_term_or_the_stop)
{
    elect_client_t *client = open_client("memory:", "lock_ttl=100ms");
    command(client, "rival a");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_start(election));
    cr_assert_eq(elect_election_wait(election, 0), ELECT_ETIMEOUT);
    cr_assert_eq(elect_election_wait(election, 1), ELECT_ETIMEOUT);
    command(client, "retire a");
    must(elect_election_wait(election, GUARD_MS));
    must(elect_election_stop(election));
    cr_assert_eq(elect_election_wait(election, GUARD_MS), ELECT_ECLOSED);
    elect_election_free(election);
    close_client(client);
}

Test(api_terms, reports_tell_of_terms)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_leader(client, "name=a instance_id=me", 1);
    char *text, epoch[32];
    snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)elect_election_epoch(election));
    must(elect_election_report(election, "status", FOR_EVER, &text));
    cr_assert_not_null(strstr(text, epoch), "%s", text);
    cr_assert_not_null(strstr(text, "\"led\""), "%s", text);
    elect_string_free(text);
    must(elect_election_resign(election, 0, 3600000));
    expect_events(client, "1 lost/resigned, 1 leader_changed");
    must(elect_election_report(election, "history", FOR_EVER, &text));
    cr_assert_not_null(strstr(text, epoch), "%s", text);
    cr_assert_not_null(strstr(text, "\"resigned\""), "%s", text);
    elect_string_free(text);
    must(elect_client_report(client, "elections", FOR_EVER, &text));
    cr_assert_not_null(strstr(text, "\"nobody\""), "%s", text);
    elect_string_free(text);
    must(elect_client_report(client, "store", FOR_EVER, &text));
    cr_assert_not_null(strstr(text, "in memory"), "%s", text);
    elect_string_free(text);
    must(elect_client_report(client, "metrics", 0, &text));
    cr_assert_not_null(strstr(text, "\"elections\":1,\"leading\":0"), "%s", text);
    elect_string_free(text);
    cr_assert_eq(elect_client_forget(client, "a", FOR_EVER), ELECT_ESTATE);
    elect_election_free(election);
    settle(client);
    must(elect_client_forget(client, "a", FOR_EVER));
    must(elect_client_report(client, "elections", FOR_EVER, &text));
    cr_assert_str_eq(text, "[]");
    elect_string_free(text);
    close_client(client);
}
