/* Callbacks: their order, what they may call, and that a slow one delays nothing but events. */
#include "api.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct seen {
    elect_client_t *client;
    char words[WORDS];
    atomic_int frees;
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
}

static void on_free(void *user)
{
    struct seen *seen = user;
    note(seen, "free");
    atomic_fetch_add(&seen->frees, 1);
}

static elect_election_t *start_called(elect_client_t *client, const char *pairs, elect_event_cb callback, void *user)
{
    elect_election_t *election = make_election(client, pairs);
    must(elect_election_on_event(election, callback, user, on_free));
    must(elect_election_start(election));
    return election;
}

Test(api_callbacks, callbacks_come_in_order_and_user_free_last)
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

Test(api_callbacks, a_callback_may_ask_but_not_wait)
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

struct keeper {
    struct gate gate;
    elect_event_t *kept;
};

static void on_event_keep(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct keeper *keeper = user;
    (void)election;
    pthread_mutex_lock(&keeper->gate.mutex);
    if (elect_event_kind(event) == ELECT_EVENT_ELECTED)
        keeper->gate.entered = true;
    if (elect_event_kind(event) == ELECT_EVENT_LOST)
        keeper->kept = elect_event_keep(event);
    pthread_cond_broadcast(&keeper->gate.changed);
    pthread_mutex_unlock(&keeper->gate.mutex);
}

Test(api_callbacks, a_kept_lost_holds_beyond_its_callback)
{
    struct keeper keeper = {{PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, true}, NULL};
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event_keep, &keeper, NULL));
    must(elect_election_start(election));
    wait_entered(&keeper.gate);
    must(elect_election_stop(election));
    pthread_mutex_lock(&keeper.gate.mutex);
    while (!keeper.kept)
        pthread_cond_wait(&keeper.gate.changed, &keeper.gate.mutex);
    pthread_mutex_unlock(&keeper.gate.mutex);
    settle(client);
    cr_assert_eq(elect_election_join(election, 0), ELECT_ETIMEOUT);
    cr_assert_eq(elect_election_check(election, NULL, NULL), 2);
    elect_event_free(keeper.kept);
    must(elect_election_join(election, GUARD_MS));
    elect_election_free(election);
    close_client(client);
}

Test(api_callbacks, a_callback_that_blocks_delays_no_renewal)
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

Test(api_callbacks, no_callback_begins_after_free)
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

Test(api_callbacks, no_log_callback_begins_after_the_free_of_the_client)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    struct seen seen = {0};
    elect_client_t *client = open_client(MANUAL, "log_level=debug");
    elect_election_t *blocker = make_election(client, "name=a");
    must(elect_election_on_event(blocker, on_event_block, &gate, NULL));
    must(elect_election_start(blocker));
    wait_entered(&gate);
    must(elect_client_on_log(client, on_event, &seen, on_free)); /* what was logged waits behind the blocked callback */
    elect_client_free(client);
    open_gate(&gate);
    must(elect_election_stop(blocker));
    must(elect_election_join(blocker, GUARD_MS));
    elect_election_free(blocker);
    while (atomic_load(&seen.frees) == 0)
        sched_yield();
    cr_assert_str_eq(seen.words, "free");
}

static void on_log_free(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct seen *seen = user;
    on_event(election, event, user);
    elect_client_free(seen->client);
}

/* Several logs wait for their callback, and the first of them ends the client: on_log itself is still at work. */
Test(api_callbacks, the_first_log_may_free_the_client)
{
    for (int i = 0; i < 20; i++) {
        struct seen seen = {.client = open_client(MANUAL, "log_level=debug")};
        elect_election_t *election = make_election(seen.client, "name=a");
        must(elect_election_start(election));
        command(seen.client, "advance 1m");
        elect_election_free(election);
        must(elect_client_on_log(seen.client, on_log_free, &seen, on_free));
        while (atomic_load(&seen.frees) == 0)
            sched_yield();
        cr_assert_str_eq(seen.words, "log free");
    }
}

Test(api_callbacks, logs_for_the_queue_need_no_user)
{
    struct seen seen = {0};
    elect_client_t *client = open_client(MANUAL, "");
    must(elect_client_on_log(client, NULL, &seen, on_free));
    cr_assert_eq(seen.frees, 1);
    cr_assert_eq(elect_client_on_log(client, NULL, &seen, on_free), ELECT_ESTATE);
    cr_assert_eq(elect_client_on_log(client, on_event, &seen, on_free), ELECT_ESTATE);
    cr_assert_eq(seen.frees, 1, "what was refused stays the caller's");
    close_client(client);
}

struct mirror {
    atomic_int elected, others;
};

static void on_event_look(elect_election_t *election, const elect_event_t *event, void *user)
{
    struct mirror *mirror = user;
    elect_leader_t *leader;
    if (elect_event_kind(event) != ELECT_EVENT_ELECTED)
        return;
    if (elect_election_leader(election, -1, 0, &leader) != ELECT_OK ||
        strcmp(elect_leader_instance_id(leader), "me") != 0 || elect_leader_epoch(leader) != elect_event_epoch(event))
        atomic_fetch_add(&mirror->others, 1);
    elect_leader_free(leader);
    atomic_fetch_add(&mirror->elected, 1);
}

Test(api_callbacks, who_hears_that_it_was_elected_finds_itself_as_the_leader)
{
    enum { TERMS = 200 };
    struct mirror mirror = {0};
    elect_client_t *client = open_client(MANUAL, "");
    command(client, "rival a");
    elect_election_t *election = make_election(client, "name=a instance_id=me");
    must(elect_election_on_event(election, on_event_look, &mirror, NULL));
    must(elect_election_start(election));
    for (int i = 1; i <= TERMS; i++) {
        command(client, "retire a");
        while (atomic_load(&mirror.elected) < i)
            sched_yield();
        command(client, "rival a");
        must(elect_election_resign(election, 0, 0));
        while (elect_election_check(election, NULL, NULL) != 0)
            settle(client); /* until the callbacks have let the LOST go */
    }
    cr_assert_eq(atomic_load(&mirror.others), 0);
    elect_election_free(election);
    close_client(client);
}

Test(api_callbacks, logs_go_to_a_callback_without_an_election)
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

Test(api_callbacks, callbacks_and_queue_live_side_by_side)
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
