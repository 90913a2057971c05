/* Events: their order, what is merged and dropped, what holds, and to whom they go. */
#include "api.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

Test(api_events, an_elected_that_nobody_read_goes_with_its_lost)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_queued(client, "name=a", 1);
    settle(client);
    must(elect_election_resign(election, 0, 3600000));
    settle(client);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 0, "nobody works, so it is released at once");
    expect_events(client, "1 leader_changed");
    elect_election_free(election);
    close_client(client);
}

Test(api_events, an_elected_that_was_read_gets_its_lost)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_queued(client, "name=a", 1);
    for (int i = 0; i < 5; i++) {
        elect_event_t *elected = next_event(client, ELECT_EVENT_ELECTED);
        uint64_t epoch = elect_event_epoch(elected);
        elect_event_free(elected);
        must(elect_election_resign(election, epoch, 0));
        elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
        cr_assert_eq(elect_event_epoch(lost), epoch);
        cr_assert_eq(elect_event_tag(lost), 1);
        elect_event_free(lost);
    }
    elect_election_free(election);
    close_client(client);
}

Test(api_events, unread_news_of_leaders_are_merged)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *watcher = start_queued(client, "name=a role=observer", 1);
    for (int i = 0; i < 10; i++) {
        command(client, "rival a");
        command(client, "advance 10s");
        command(client, "retire a");
        command(client, "advance 10s");
    }
    command(client, "rival a");
    settle(client);
    elect_event_t *event = next_event(client, ELECT_EVENT_LEADER_CHANGED);
    cr_assert_str_eq(elect_leader_instance_id(elect_event_leader(event)), "rival");
    cr_assert_eq(elect_leader_epoch(elect_event_leader(event)), elect_event_epoch(event));
    elect_event_free(event);
    expect_events(client, "");
    command(client, "retire a");
    event = next_event(client, ELECT_EVENT_LEADER_CHANGED);
    cr_assert_null(elect_event_leader(event));
    elect_event_free(event);
    elect_election_free(watcher);
    close_client(client);
}

Test(api_events, an_error_is_told_once_and_follows_the_lost_that_it_caused)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *election = start_queued(client, "name=a", 1);
    expect_events(client, "1 elected, 1 leader_changed");
    command(client, "cut a");
    command(client, "advance 1h");
    elect_event_free(next_event(client, ELECT_EVENT_LOST));
    elect_event_t *error = next_event(client, ELECT_EVENT_ERROR);
    cr_assert_eq(elect_event_code(error), ELECT_EUNREACHABLE);
    cr_assert_str_not_empty(elect_event_text(error));
    elect_event_free(error);
    expect_events(client, "");
    elect_election_free(election);
    close_client(client);
}

Test(api_events, the_descriptor_is_readable_while_events_wait)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_event_t *event;
    cr_assert_eq(is_readable(client), 0);
    cr_assert_eq(elect_client_next_event(client, 0, &event), ELECT_ETIMEOUT);
    cr_assert_null(event);
    elect_election_t *election = start_queued(client, "name=a", 1);
    settle(client);
    cr_assert_eq(is_readable(client), 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    cr_assert_eq(is_readable(client), 1);
    elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
    cr_assert_eq(is_readable(client), 0);
    must(elect_election_stop(election));
    settle(client);
    cr_assert_eq(is_readable(client), 1);
    expect_events(client, "1 lost/stopped, 1 closed");
    cr_assert_eq(is_readable(client), 0);
    elect_election_free(election);
    must(elect_client_close(client, FOR_EVER));
    cr_assert_eq(is_readable(client), 1);
    elect_client_free(client);
}

static void *read_one(void *client)
{
    elect_event_t *event;
    return elect_client_next_event(client, FOR_EVER, &event) == ELECT_ECLOSED ? client : NULL;
}

Test(api_events, closing_wakes_every_reader)
{
    elect_client_t *client = open_client(MANUAL, "");
    pthread_t readers[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&readers[i], NULL, read_one, client), 0);
    must(elect_client_close(client, FOR_EVER));
    for (int i = 0; i < 3; i++) {
        void *closed;
        pthread_join(readers[i], &closed);
        cr_assert_eq(closed, client);
    }
    elect_client_free(client);
}

Test(api_events, a_lost_read_late_and_freed_after_everything_is_harmless)
{
    elect_client_t *client = open_client(MANUAL, "drain_timeout=0");
    elect_election_t *election = start_queued(client, "name=a", 1);
    expect_events(client, "1 elected, 1 leader_changed");
    must(elect_election_stop(election));
    must(elect_client_close(client, FOR_EVER));
    elect_event_t *lost = next_event(client, ELECT_EVENT_LOST);
    elect_election_free(election);
    elect_client_free(client);
    cr_assert_eq(elect_event_reason(lost), ELECT_REASON_STOPPED);
    elect_event_free(lost);
}

/* ---- logs ---- */

Test(api_events, logs_tell_what_happens_at_their_level)
{
    elect_client_t *client = open_client(MANUAL, "log_level=info");
    must(elect_client_on_log(client, NULL, NULL, NULL));
    cr_assert_eq(elect_client_on_log(client, NULL, NULL, NULL), ELECT_ESTATE);
    elect_election_t *election = make_election(client, "name=a instance_id=me");
    must(elect_election_start(election));
    command(client, "advance 10s");
    elect_event_t *event = next_event(client, ELECT_EVENT_LOG);
    cr_assert_str_eq(elect_event_text(event), "Became the leader!");
    cr_assert_eq(elect_event_level(event), ELECT_LOG_INFO);
    cr_assert_eq(elect_event_tag(event), 0);
    cr_assert_not_null(strstr(elect_event_fields(event), "\"election\":\"a\",\"id\":\"me\""), "%s",
                       elect_event_fields(event));
    elect_event_free(event);
    expect_events(client, "");
    command(client, "cut a");
    command(client, "advance 20s");
    for (int level = ELECT_LOG_WARN; level != ELECT_LOG_ERROR;) {
        event = next_event(client, ELECT_EVENT_LOG);
        level = elect_event_level(event);
        cr_assert_leq(level, ELECT_LOG_WARN);
        if (level == ELECT_LOG_ERROR)
            cr_assert_str_eq(elect_event_text(event), "Failed to send heartbeat, lost leadership");
        elect_event_free(event);
    }
    elect_election_free(election);
    close_client(client);
}

Test(api_events, the_oldest_logs_are_dropped_and_counted)
{
    elect_client_t *client = open_client(MANUAL, "log_level=off lock_ttl=10s heartbeat_interval=2s");
    elect_options_t *louder = make_options("log_level=debug");
    must(elect_client_update(client, louder));
    elect_options_free(louder);
    must(elect_client_on_log(client, NULL, NULL, NULL));
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_start(election));
    command(client, "advance 3h");
    elect_event_t *event = next_event(client, ELECT_EVENT_LOG);
    cr_assert_eq(elect_event_level(event), ELECT_LOG_WARN);
    cr_assert_not_null(strstr(elect_event_fields(event), "\"dropped\":"), "%s", elect_event_fields(event));
    elect_event_free(event);
    int kept = 0;
    while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
        kept++;
        cr_assert_str_eq(elect_event_text(event), "Heartbeat sent");
        elect_event_free(event);
    }
    cr_assert_eq(kept, 1000);
    elect_election_free(election);
    close_client(client);
}
