/* From open to free, in every order that users find. */
#include "api.h"

Test(api_lifecycle, a_term_from_start_to_close)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_queued(client, "name=a instance_id=me", 1);
    expect_events(client, "1 elected, 1 leader_changed");
    cr_assert_eq(elect_election_is_leader(election), 1);
    cr_assert_str_eq(elect_election_name(election), "a");
    cr_assert_str_eq(elect_election_instance_id(election), "me");
    must(elect_election_stop(election));
    cr_assert_eq(elect_election_is_leader(election), 0);
    expect_events(client, "1 lost/stopped, 1 closed");
    must(elect_election_join(election, FOR_EVER));
    cr_assert_eq(elect_election_check(election, NULL, NULL), 0);
    elect_election_free(election);
    close_client(client);
}

Test(api_lifecycle, it_stays_leader_as_time_goes_by)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *election = start_queued(client, "name=a", 1);
    uint64_t epoch;
    int64_t lease_ms;
    settle(client);
    command(client, "advance 1h");
    cr_assert_eq(elect_election_check(election, &epoch, &lease_ms), 1);
    cr_assert_eq(epoch, elect_election_epoch(election));
    cr_assert_gt(lease_ms, 5000);
    cr_assert_leq(lease_ms, 9000);
    expect_events(client, "1 elected, 1 leader_changed");
    elect_election_free(election);
    close_client(client);
}

Test(api_lifecycle, start_works_once)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    cr_assert_eq(elect_election_join(election, FOR_EVER), ELECT_ESTATE);
    cr_assert_eq(elect_election_wait(election, FOR_EVER), ELECT_ESTATE);
    must(elect_election_start(election));
    cr_assert_eq(elect_election_start(election), ELECT_ESTATE);
    cr_assert_eq(elect_election_queue_events(election, 1), ELECT_ESTATE);
    must(elect_election_wait(election, FOR_EVER));
    must(elect_election_stop(election));
    must(elect_election_stop(election));
    must(elect_election_join(election, FOR_EVER));
    must(elect_election_join(election, 0));
    cr_assert_eq(elect_election_start(election), ELECT_ESTATE);
    cr_assert_eq(elect_election_wait(election, FOR_EVER), ELECT_ECLOSED);
    elect_election_free(election);
    close_client(client);
}

Test(api_lifecycle, stop_before_start_closes)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_queue_events(election, 3));
    must(elect_election_stop(election));
    must(elect_election_join(election, FOR_EVER));
    cr_assert_eq(elect_election_start(election), ELECT_ESTATE);
    expect_events(client, "3 closed");
    elect_election_free(election);
    close_client(client);
}

Test(api_lifecycle, start_and_at_once_stop_never_shows_a_term)
{
    elect_client_t *client = open_client(MANUAL, "");
    for (int i = 0; i < 100; i++) {
        elect_election_t *election = start_queued(client, "name=a instance_id=x", 1);
        must(elect_election_stop(election));
        cr_assert_eq(elect_election_is_leader(election), 0);
        must(elect_election_join(election, FOR_EVER));
        elect_event_t *event;
        int32_t kind = 0;
        while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
            kind = elect_event_kind(event);
            cr_assert(kind == ELECT_EVENT_LEADER_CHANGED || kind == ELECT_EVENT_CLOSED);
            elect_event_free(event);
        }
        cr_assert_eq(kind, ELECT_EVENT_CLOSED);
        elect_election_free(election);
    }
    close_client(client);
}

Test(api_lifecycle, who_has_read_closed_may_make_another_of_that_id)
{
    elect_election_t *elections[200];
    elect_client_t *client = open_client(MANUAL, "");
    for (int i = 0; i < 200; i++) {
        elections[i] = make_election(client, "name=a instance_id=x");
        must(elect_election_queue_events(elections[i], 1));
        must(elect_election_stop(elections[i]));
        elect_event_free(next_event(client, ELECT_EVENT_CLOSED));
    }
    for (int i = 0; i < 200; i++)
        elect_election_free(elections[i]);
    close_client(client);
}

Test(api_lifecycle, an_election_that_was_never_started_can_be_freed)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_queue_events(election, 3));
    elect_election_free(election);
    expect_events(client, "3 closed");
    close_client(client);
}

Test(api_lifecycle, freeing_a_leader_releases_without_draining)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *first = start_queued(client, "name=a instance_id=x", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    elect_election_t *second = start_queued(client, "name=a instance_id=y", 2);
    settle(client);
    cr_assert_eq(elect_election_is_leader(second), 0);
    elect_election_free(first);
    expect_events(client, "1 leader_changed, 1 lost/stopped, 1 closed, 2 elected, 2 leader_changed");
    cr_assert_eq(elect_election_is_leader(second), 1);
    elect_election_free(second);
    close_client(client);
}

Test(api_lifecycle, everything_may_be_freed_in_any_order)
{
    enum { CLIENT, ELECTION, EVENT };
    static const int orders[][3] = {{CLIENT, ELECTION, EVENT}, {CLIENT, EVENT, ELECTION}, {ELECTION, CLIENT, EVENT},
                                    {ELECTION, EVENT, CLIENT}, {EVENT, CLIENT, ELECTION}, {EVENT, ELECTION, CLIENT}};
    for (size_t order = 0; order < sizeof orders / sizeof orders[0]; order++) {
        for (int closes = 0; closes < 2; closes++) {
            elect_client_t *client = open_client(MANUAL, "drain_timeout=0");
            elect_election_t *election = start_queued(client, "name=a", 1);
            elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
            elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
            must(elect_election_resign(election, 0, 0));
            elect_event_t *event = next_event(client, ELECT_EVENT_LOST);
            if (closes)
                must(elect_client_close(client, FOR_EVER));
            for (int i = 0; i < 3; i++) {
                if (orders[order][i] == CLIENT)
                    elect_client_free(client);
                else if (orders[order][i] == ELECTION)
                    elect_election_free(election);
                else
                    elect_event_free(event);
            }
        }
    }
}

Test(api_lifecycle, an_election_outlives_the_handle_of_its_client)
{
    elect_client_t *client = open_client("memory:", "lock_ttl=100ms");
    elect_election_t *election = make_election(client, "name=a");
    elect_client_free(client);
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    must(elect_election_resign(election, 0, 0));
    must(elect_election_wait(election, GUARD_MS));
    must(elect_election_stop(election));
    must(elect_election_join(election, GUARD_MS));
    elect_election_free(election);
}

Test(api_lifecycle, close_stops_everything_and_can_be_called_again)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *leader = start_queued(client, "name=a", 1), *idle = make_election(client, "name=b");
    elect_event_t *event;
    must(elect_election_queue_events(idle, 2));
    must(elect_election_wait(leader, FOR_EVER));
    must(elect_client_close(client, FOR_EVER));
    must(elect_client_close(client, 0));
    cr_assert_eq(elect_election_is_leader(leader), 0);
    cr_assert_eq(elect_election_start(idle), ELECT_ESTATE);
    cr_assert_eq(is_readable(client), 1);
    int closed = 0;
    while (elect_client_next_event(client, FOR_EVER, &event) == ELECT_OK) {
        closed += elect_event_kind(event) == ELECT_EVENT_CLOSED;
        elect_event_free(event);
    }
    cr_assert_eq(closed, 2);
    cr_assert_eq(elect_client_next_event(client, FOR_EVER, &event), ELECT_ECLOSED);
    cr_assert_null(event);
    cr_assert_eq(is_readable(client), 1);
    elect_options_t *options = make_options("name=c");
    elect_election_t *late = leader;
    cr_assert_eq(elect_election_new(client, options, &late), ELECT_ECLOSED);
    cr_assert_null(late);
    elect_options_free(options);
    cr_assert_eq(elect_memory_command(client, "wipe"), ELECT_ECLOSED);
    elect_election_free(leader);
    elect_election_free(idle);
    elect_client_free(client);
}

Test(api_lifecycle, close_and_join_wait_for_work_that_goes_on)
{
    elect_client_t *client = open_client("memory:", "drain_timeout=1h");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    must(elect_election_stop(election));
    elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    cr_assert_eq(elect_election_join(election, 1), ELECT_ETIMEOUT);
    cr_assert_eq(elect_client_close(client, 1), ELECT_ETIMEOUT);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2);
    elect_event_free(lost);
    must(elect_client_close(client, GUARD_MS));
    elect_election_free(election);
    elect_client_free(client);
}

Test(api_lifecycle, a_closing_client_can_be_freed)
{
    elect_client_t *client = open_client("memory:", "drain_timeout=1h");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    cr_assert_eq(elect_client_close(client, 0), ELECT_ETIMEOUT);
    elect_client_free(client); /* its unread LOST has no reader any more, so nothing holds the release */
    must(elect_election_join(election, GUARD_MS));
    elect_election_free(election);
}

Test(api_lifecycle, each_candidate_has_an_id_of_its_own)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *first = make_election(client, "name=a instance_id=x"), *second;
    elect_options_t *options = make_options("name=a instance_id=x");
    cr_assert_eq(elect_election_new(client, options, &second), ELECT_EINVAL);
    cr_assert_null(second);
    cr_assert_not_null(strstr(elect_options_error(options), "instance_id=\"x\""), "%s", elect_options_error(options));
    elect_election_t *other = make_election(client, "name=b instance_id=x");
    elect_election_t *watcher = make_election(client, "name=a instance_id=x role=observer");
    elect_election_free(first);
    must(elect_election_new(client, options, &second));
    elect_options_free(options);
    elect_election_free(second);
    elect_election_free(other);
    elect_election_free(watcher);
    close_client(client);
}

Test(api_lifecycle, an_unset_store_is_told_with_examples)
{
    elect_options_t *options = elect_options_new();
    elect_client_t *client = (elect_client_t *)options;
    cr_assert_eq(elect_client_open(options, &client), ELECT_EINVAL);
    cr_assert_null(client);
    cr_assert_not_null(strstr(elect_options_error(options), "local:"), "%s", elect_options_error(options));
    must(elect_options_set(options, "store", "memory:/somewhere"));
    cr_assert_eq(elect_client_open(options, &client), ELECT_EINVAL);
    cr_assert_not_null(strstr(elect_options_error(options), "memory:"), "%s", elect_options_error(options));
    elect_options_free(options);
}

/* The options of an election, of its client, of the store's URL, and what follows from them. */
Test(api_lifecycle, what_is_in_force_can_be_asked_for)
{
    elect_client_t *client =
        open_client(MANUAL "&retry_interval=10900us&role=observer", "lock_ttl=5s drain_timeout=1s");
    elect_election_t *one = make_election(client, "name=a drain_timeout=0 role=candidate");
    elect_election_t *other = make_election(client, "name=b lock_ttl=20s heartbeat_interval=1s");
    cr_assert_eq(elect_election_observes(one), 0);
    cr_assert_eq(elect_election_observes(other), 1);
    cr_assert_eq(elect_election_time_ms(one, "lock_ttl"), 5000);
    cr_assert_eq(elect_election_time_ms(one, "heartbeat_interval"), 1500);
    cr_assert_eq(elect_election_time_ms(one, "drain_timeout"), 0);
    cr_assert_eq(elect_election_time_ms(one, "restart_grace"), 5000);
    cr_assert_eq(elect_election_time_ms(other, "heartbeat_interval"), 1000);
    cr_assert_eq(elect_election_time_ms(other, "retry_interval"), 10, "rounded down");
    static const char *const others[] = {"name", "store", "log_level", "no_option", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_eq(elect_election_time_ms(one, others[i]), -1, "%s", others[i]);
    cr_assert_eq(elect_election_time_ms(one, NULL), -1);
    elect_election_free(one);
    elect_election_free(other);
    close_client(client);
}
