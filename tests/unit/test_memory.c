/* memory: and the commands that script it. */
#include "api.h"
#include "options.h"
#include "stores/memory.h"
#include <stdlib.h>

static const char *report(elect_client_t *client, const char *what)
{
    static char copy[WORDS];
    char *text;
    must(elect_client_report(client, what, FOR_EVER, &text));
    snprintf(copy, sizeof copy, "%s", text);
    elect_string_free(text);
    return copy;
}

Test(memory, advance_stops_at_each_timer_on_the_way)
{
    elect_client_t *client = open_client(MANUAL, "log_level=debug lock_ttl=10s heartbeat_interval=2s");
    elect_event_t *event;
    must(elect_client_on_log(client, NULL, NULL, NULL));
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_start(election));
    command(client, "advance 11s");
    int heartbeats = 0;
    while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
        heartbeats += strcmp(elect_event_text(event), "Heartbeat sent") == 0;
        elect_event_free(event);
    }
    cr_assert_eq(heartbeats, 5);
    cr_assert_eq(elect_election_lease_ms(election), 8000);
    command(client, "advance 1500ms");
    cr_assert_eq(elect_election_lease_ms(election), 8500, "renewed at 12s");
    elect_election_free(election);
    close_client(client);
}

Test(memory, only_a_manual_clock_can_be_advanced)
{
    elect_client_t *manual = open_client(MANUAL, ""), *real = open_client("memory:", "");
    static const char *const lines[] = {
        "advance",         "advance ", "advance 5", "advance -5s", "advance  5s", "advance x", "advance 99999999999h",
        "advance 2562047h"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_eq(elect_memory_command(manual, lines[i]), ELECT_EINVAL, "%s", lines[i]);
    command(manual, "advance 0");
    command(manual, "advance 1752000h"); /* 200 years */
    cr_assert_eq(elect_memory_command(manual, "advance 876000h"), ELECT_EINVAL, "epochs end there");
    elect_election_t *election = start_queued(manual, "name=a", 1);
    expect_events(manual, "1 elected, 1 leader_changed");
    cr_assert_eq(elect_memory_command(real, "advance 5s"), ELECT_EINVAL);
    elect_election_free(election);
    close_client(manual);
    close_client(real);
}

Test(memory, what_is_no_command_is_refused_and_changes_nothing)
{
    elect_client_t *client = open_client(MANUAL, "");
    char line[300] = "cut ";
    static const char *const lines[] = {"",     " ",          "lose",    "lose ",      "wipe ",    "wipe a",
                                        "Wipe", "nonsense a", " lose a", "rival \xff", "rival a\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_eq(elect_memory_command(client, lines[i]), ELECT_EINVAL, "%s", lines[i]);
    memset(line + 4, 'n', 201);
    cr_assert_eq(elect_memory_command(client, line), ELECT_EINVAL);
    line[204] = '\0';
    command(client, line);
    cr_assert_str_eq(report(client, "elections"), "[]");
    close_client(client);
}

Test(memory, other_stores_take_no_commands)
{
    char folder[] = "/tmp/elect-command-XXXXXX", store[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(store, sizeof store, "local:%s", folder);
    elect_client_t *client = open_client(store, "");
    cr_assert_eq(elect_memory_command(client, "wipe"), ELECT_EINVAL);
    cr_assert_eq(elect_memory_command(client, "advance 1s"), ELECT_EINVAL);
    close_client(client);
}

Test(memory, lose_ends_the_term_at_once)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s clock_margin=1s");
    command(client, "lose a");
    elect_election_t *election = start_queued(client, "name=a", 1);
    command(client, "lose b");
    expect_events(client, "1 elected, 1 leader_changed");
    uint64_t epoch = elect_election_epoch(election);
    command(client, "lose a");
    cr_assert_eq(elect_election_check(election, NULL, NULL), 0);
    expect_events(client, "1 lost/deleted, 1 leader_changed");
    command(client, "advance 9s");
    cr_assert_eq(elect_election_is_leader(election), 0, "the store holds to the lease that vanished");
    command(client, "advance 2s");
    cr_assert_gt(elect_election_epoch(election), epoch);
    expect_events(client, "1 elected, 1 leader_changed");
    elect_election_free(election);
    close_client(client);
}

Test(memory, a_rival_takes_what_may_be_granted_and_no_sooner)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *election = start_queued(client, "name=a", 1);
    expect_events(client, "1 elected, 1 leader_changed");
    uint64_t epoch = elect_election_epoch(election);
    command(client, "lose a");
    command(client, "rival a");
    cr_assert_not_null(strstr(report(client, "elections"), "\"nobody\""));
    cr_assert_eq(elect_client_forget(client, "a", FOR_EVER), ELECT_ESTATE);
    expect_events(client, "1 lost/deleted, 1 leader_changed");
    command(client, "advance 11s");
    elect_event_t *event = next_event(client, ELECT_EVENT_LEADER_CHANGED);
    cr_assert_str_eq(elect_leader_instance_id(elect_event_leader(event)), "rival");
    cr_assert_gt(elect_event_epoch(event), epoch);
    elect_event_free(event);
    command(client, "advance 10m");
    cr_assert_eq(elect_election_is_leader(election), 0, "it renews its lease");
    elect_election_free(election);
    close_client(client);
}

Test(memory, a_rival_that_stands_alone_is_somebody_who_stands)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_queued(client, "name=a", 1);
    settle(client);
    command(client, "lose a");
    elect_election_free(election);
    command(client, "rival a");
    cr_assert_eq(elect_client_forget(client, "a", FOR_EVER), ELECT_ESTATE);
    command(client, "retire a");
    must(elect_client_forget(client, "a", FOR_EVER));
    cr_assert_str_eq(report(client, "elections"), "[]");
    close_client(client);
}

Test(memory, a_rival_that_retires_before_it_led_leaves_all_as_it_was)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *election = start_queued(client, "name=a", 1);
    settle(client);
    uint64_t epoch = elect_election_epoch(election);
    command(client, "retire a");
    command(client, "rival a");
    command(client, "retire a");
    command(client, "advance 1m");
    cr_assert_eq(elect_election_epoch(election), epoch);
    elect_election_free(election);
    close_client(client);
}

Test(memory, a_rival_can_be_deposed)
{
    elect_client_t *client = open_client(MANUAL, "");
    command(client, "rival a");
    elect_election_t *election = start_queued(client, "name=a", 1);
    expect_events(client, "1 leader_changed");
    must(elect_election_depose(election, 0, FOR_EVER));
    cr_assert_eq(elect_election_wait(election, GUARD_MS), ELECT_OK);
    elect_election_free(election);
    close_client(client);
}

Test(memory, cut_cuts_off_one_election_until_it_is_healed)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    char *text;
    command(client, "cut a");
    elect_election_t *cut = start_queued(client, "name=a", 1), *other = start_queued(client, "name=b", 2);
    command(client, "advance 1m");
    cr_assert_eq(elect_election_is_leader(cut), 0);
    cr_assert_eq(elect_election_is_leader(other), 1);
    cr_assert_eq(elect_election_report(cut, "status", FOR_EVER, &text), ELECT_EUNREACHABLE);
    cr_assert_null(text);
    cr_assert_eq(elect_election_depose(cut, 0, FOR_EVER), ELECT_EUNREACHABLE);
    expect_events(client, "2 elected, 2 leader_changed, 1 error");
    command(client, "heal a");
    command(client, "advance 10s");
    cr_assert_eq(elect_election_is_leader(cut), 1);
    elect_election_free(cut);
    elect_election_free(other);
    close_client(client);
}

Test(memory, what_is_cut_stays_cut_when_the_store_forgets)
{
    elect_client_t *client = open_client(MANUAL, "");
    command(client, "cut a");
    command(client, "wipe");
    elect_election_t *election = start_queued(client, "name=a", 1);
    command(client, "advance 1m");
    expect_events(client, "1 error");
    elect_election_free(election);
    close_client(client);
}

Test(memory, wipe_forgets_everything)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = start_queued(client, "name=a", 1), *ended = start_queued(client, "name=b", 2);
    char *text;
    settle(client);
    elect_election_free(ended);
    command(client, "rival c");
    cr_assert_not_null(strstr(report(client, "elections"), "\"rival\""));
    command(client, "wipe");
    cr_assert_str_eq(report(client, "elections"), "[]");
    must(elect_election_report(election, "history", FOR_EVER, &text));
    cr_assert_str_eq(text, "[]");
    elect_string_free(text);
    command(client, "wipe");
    elect_election_free(election);
    close_client(client);
}

Test(memory, only_elections_of_which_it_keeps_something_are_listed)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *watcher = start_queued(client, "name=a role=observer", 1);
    command(client, "heal b");
    settle(client);
    cr_assert_str_eq(report(client, "elections"), "[]");
    elect_election_free(watcher);
    close_client(client);
}

Test(memory, two_clients_never_meet)
{
    elect_client_t *one = open_client(MANUAL, ""), *two = open_client(MANUAL, "");
    elect_election_t *first = start_queued(one, "name=a", 1), *second = start_queued(two, "name=a", 1);
    must(elect_election_wait(first, GUARD_MS));
    must(elect_election_wait(second, GUARD_MS));
    command(one, "wipe");
    command(one, "advance 1m");
    cr_assert_eq(elect_election_is_leader(second), 1);
    elect_election_free(first);
    elect_election_free(second);
    close_client(one);
    close_client(two);
}

Test(memory, a_url_that_is_refused_is_told_without_its_secrets)
{
    elect_options_t *options = make_options("store=memory://user:hunter2@host/path");
    elect_client_t *client;
    cr_assert_eq(elect_client_open(options, &client), ELECT_EINVAL);
    cr_assert_not_null(strstr(elect_options_error(options), "memory:?clock=manual"), "%s",
                       elect_options_error(options));
    cr_assert_null(strstr(elect_options_error(options), "hunter2"), "%s", elect_options_error(options));
    elect_options_free(options);
}

static void on_answer(struct elect__query *query, int32_t code, char *json, const char *text)
{
    cr_assert_eq(code, ELECT_OK, "%s", text ? text : "");
    cr_assert_not_null(json);
    *(bool *)query->user = true;
    free(json);
}

Test(memory, questions_about_the_whole_store_need_no_name)
{
    elect_options_t *options = make_options("store=memory:");
    struct elect__settings *settings;
    struct elect__store *store;
    char error[100];
    bool answered;
    must(elect__settings_resolve(options, NULL, NULL, &settings));
    struct elect__store_args args = {.settings = settings, .env = &elect__system_env};
    must(elect__memory_store.open(&args, &store, error, sizeof error));
    struct elect__query query = {.settings = settings, .done = on_answer, .user = &answered};
    static const enum elect__query_kind kinds[] = {ELECT__QUERY_LIST, ELECT__QUERY_STORE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        query.kind = kinds[i];
        answered = false;
        store->class_->query(store, &query);
        cr_assert(answered);
    }
    store->class_->close(store);
    elect__settings_free(settings);
    elect_options_free(options);
}
