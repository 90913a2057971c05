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

/* ---- callbacks ---- */

struct seen {
    elect_client_t *client;
    char words[WORDS];
    elect_event_t *kept;
    int keeps, frees;
    int32_t codes[8];
};

static void note(struct seen *seen, const char *word)
{
    size_t length = strlen(seen->words);
    snprintf(seen->words + length, sizeof seen->words - length, "%s%s", length ? " " : "", word);
}

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct seen *seen = user;
    (void)election;
    note(seen, elect_kind_name(elect_event_kind(event)));
    if (seen->keeps && elect_event_kind(event) == ELECT_EVENT_LOST)
        seen->kept = elect_event_keep(event);
}

static void on_free(void *user)
{
    struct seen *seen = user;
    note(seen, "free");
    seen->frees++;
}

static elect_election_t *start_called(elect_client_t *client, const char *pairs, elect_event_cb callback, void *user)
{
    elect_election_t *election = make_election(client, pairs);
    must(elect_election_on_event(election, callback, user, on_free));
    must(elect_election_start(election));
    return election;
}

Test(api_events, callbacks_come_in_order_and_user_free_last)
{
    struct seen seen = {0}, second = {0};
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event, &seen, on_free));
    must(elect_election_on_event(election, on_event, &second, on_free));
    cr_assert_eq(elect_election_queue_events(election, 1), ELECT_ESTATE);
    must(elect_election_start(election));
    cr_assert_eq(elect_election_on_event(election, on_event, &seen, on_free), ELECT_ESTATE);
    must(elect_election_wait(election, FOR_EVER));
    must(elect_client_close(client, GUARD_MS));
    cr_assert(strcmp(seen.words, "elected leader_changed lost closed free") == 0 ||
                  strcmp(seen.words, "leader_changed closed free") == 0,
              "%s", seen.words);
    cr_assert_str_eq(second.words, seen.words);
    cr_assert_eq(seen.frees, 1);
    elect_election_free(election);
    elect_client_free(client);
    cr_assert_eq(seen.frees, 1);
}

Test(api_events, a_kept_lost_holds_beyond_its_callback)
{
    struct seen seen = {.keeps = 1};
    elect_client_t *client = open_client("memory:", "drain_timeout=1h");
    elect_election_t *election = start_called(client, "name=a", on_event, &seen);
    elect_leader_t *leader = NULL;
    must(elect_election_wait(election, GUARD_MS));
    must(elect_election_leader(election, -1, GUARD_MS, &leader));
    elect_leader_free(leader);
    must(elect_election_stop(election));
    int32_t code = elect_election_join(election, 0);
    if (code == ELECT_ETIMEOUT) { /* ELECTED was delivered before the stop: its LOST is kept */
        cr_assert_eq(elect_election_join(election, 20), ELECT_ETIMEOUT);
        cr_assert_eq(elect_client_close(client, 20), ELECT_ETIMEOUT);
        cr_assert_not_null(seen.kept);
    }
    elect_event_free(seen.kept);
    must(elect_election_join(election, GUARD_MS));
    close_client(client);
    elect_election_free(election);
    cr_assert_eq(seen.frees, 1);
}

static void on_event_call_all(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct seen *seen = user;
    elect_leader_t *leader;
    if (elect_event_kind(event) != ELECT_EVENT_LEADER_CHANGED)
        return;
    seen->codes[0] = elect_client_close(seen->client, FOR_EVER);
    seen->codes[1] = elect_election_join(election, FOR_EVER);
    seen->codes[2] = elect_election_wait(election, FOR_EVER);
    seen->codes[3] = elect_election_leader(election, -1, FOR_EVER, &leader);
    seen->codes[4] = elect_election_leader(election, -1, 0, &leader);
    elect_leader_free(leader);
    seen->codes[5] = elect_election_stop(election);
    elect_election_free(election);
}

Test(api_events, a_callback_may_ask_but_not_wait)
{
    static const int32_t wanted[] = {ELECT_ESTATE, ELECT_ESTATE, ELECT_ESTATE, ELECT_ESTATE, ELECT_OK, ELECT_OK};
    elect_client_t *client = open_client("memory:", "");
    struct seen seen = {.client = client};
    command(client, "rival a");
    start_called(client, "name=a", on_event_call_all, &seen);
    while (elect_client_close(client, 10) == ELECT_ETIMEOUT)
        ;
    if (seen.codes[0] != 0) { /* the callback ran before the close */
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            cr_assert_eq(seen.codes[i], wanted[i], "call %zu: %s", i, elect_code_name(seen.codes[i]));
    }
    cr_assert_eq(seen.frees, 1);
    elect_client_free(client);
}

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool entered, open;
};

static void on_event_block(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct gate *gate = user;
    (void)election;
    if (elect_event_kind(event) != ELECT_EVENT_ELECTED)
        return;
    pthread_mutex_lock(&gate->mutex);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static void wait_entered(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (!gate->entered)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

Test(api_events, a_callback_that_blocks_delays_no_renewal)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event_block, &gate, NULL));
    must(elect_election_start(election));
    wait_entered(&gate);
    command(client, "advance 100s");
    cr_assert_eq(elect_election_is_leader(election), 1);
    must(elect_election_stop(election));
    cr_assert_eq(elect_client_close(client, 1), ELECT_ETIMEOUT);
    open_gate(&gate);
    must(elect_client_close(client, GUARD_MS));
    elect_election_free(election);
    elect_client_free(client);
}

Test(api_events, no_callback_begins_after_free)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    struct seen seen = {0};
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *blocker = make_election(client, "name=a");
    must(elect_election_on_event(blocker, on_event_block, &gate, NULL));
    must(elect_election_start(blocker));
    wait_entered(&gate);
    elect_election_t *election = start_called(client, "name=b", on_event, &seen);
    must(elect_election_wait(election, FOR_EVER));
    elect_election_free(election); /* its events wait behind the blocked callback */
    open_gate(&gate);
    must(elect_client_close(client, GUARD_MS));
    cr_assert_str_eq(seen.words, "free");
    elect_election_free(blocker);
    elect_client_free(client);
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

Test(api_events, logs_go_to_a_callback_without_an_election)
{
    struct seen seen = {0};
    elect_client_t *client = open_client(MANUAL, "log_level=debug");
    must(elect_client_on_log(client, on_event, &seen, on_free));
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_start(election));
    command(client, "advance 4s");
    close_client(client);
    cr_assert_not_null(strstr(seen.words, "log log"), "%s", seen.words);
    cr_assert_eq(seen.frees, 1);
    elect_election_free(election);
}

/* ---- one client, two receivers ---- */

Test(api_events, callbacks_and_queue_live_side_by_side)
{
    struct seen seen = {0};
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *called = start_called(client, "name=a", on_event, &seen);
    elect_election_t *queued = start_queued(client, "name=b", 2);
    must(elect_election_wait(called, FOR_EVER));
    expect_events(client, "2 elected, 2 leader_changed");
    elect_election_free(called);
    elect_election_free(queued);
    expect_events(client, "2 lost/stopped, 2 closed");
    close_client(client);
    cr_assert_eq(seen.frees, 1);
}
