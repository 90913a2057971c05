/* redis: through the public interface, with the library's own threads: what a program sees. */
#include "redis/server.h"
#include "unit/api.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Reads events until one of this kind; those before it are freed. */
static elect_event_t *until_event(elect_client_t *client, int32_t kind)
{
    elect_event_t *event;
    for (;;) {
        must(elect_client_next_event(client, GUARD_MS, &event));
        if (elect_event_kind(event) == kind)
            return event;
        elect_event_free(event);
    }
}

static uint64_t until_elected(elect_client_t *client)
{
    elect_event_t *event = until_event(client, ELECT_EVENT_ELECTED);
    uint64_t epoch = elect_event_epoch(event);
    elect_event_free(event);
    return epoch;
}

static void until_closed(elect_client_t *client)
{
    elect_event_free(until_event(client, ELECT_EVENT_CLOSED));
}

/* Until a text that has word in it is logged. */
static void until_logged(elect_client_t *client, const char *word)
{
    bool found = false;
    while (!found) {
        elect_event_t *event = until_event(client, ELECT_EVENT_LOG);
        found = strstr(elect_event_text(event), word) != NULL;
        elect_event_free(event);
    }
}

Test(redis_api, leadership_goes_from_one_client_to_the_other)
{
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *one = open_client(server->url, "restart_grace=0s"),
                   *two = open_client(server->path_url, "restart_grace=0s");
    elect_election_t *a = start_queued(one, "name=job instance_id=a-1", 1);
    uint64_t first = until_elected(one);
    cr_assert_eq(elect_election_is_leader(a), 1);
    elect_election_t *b = start_queued(two, "name=job instance_id=b-2", 2);
    elect_event_t *event = until_event(two, ELECT_EVENT_LEADER_CHANGED);
    cr_assert_str_eq(elect_leader_instance_id(elect_event_leader(event)), "a-1");
    elect_event_free(event);
    cr_assert_eq(elect_election_is_leader(b), 0);
    must(elect_election_stop(a));
    elect_event_t *lost = until_event(one, ELECT_EVENT_LOST);
    cr_assert_eq(elect_event_reason(lost), ELECT_REASON_STOPPED);
    cr_assert_eq(redis_server_ask_number(server, "EXISTS elect:{job}:leader"), 1, "it holds while the work goes on");
    elect_event_free(lost);
    uint64_t second = until_elected(two);
    cr_assert_gt(second, first);
    until_closed(one);
    elect_election_free(a);
    close_client(one);
    must(elect_election_resign(b, 0, 0));
    elect_event_free(until_event(two, ELECT_EVENT_LOST));
    cr_assert_gt(until_elected(two), second, "nobody else is there");
    elect_election_free(b);
    close_client(two);
    redis_server_stop(server);
}

Test(redis_api, a_term_ends_with_the_data_and_the_next_one_waits)
{
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *client = open_client(server->url, "log_level=warn lock_ttl=4s");
    must(elect_client_on_log(client, NULL, NULL, NULL));
    elect_election_t *a = start_queued(client, "name=job instance_id=a-1", 1);
    uint64_t first = until_elected(client);
    redis_server_do(server, "FLUSHALL");
    elect_event_t *lost = until_event(client, ELECT_EVENT_LOST);
    cr_assert_eq(elect_event_reason(lost), ELECT_REASON_DELETED);
    elect_event_free(lost);
    until_logged(client, "standing in");
    cr_assert_gt(until_elected(client), first);
    elect_election_free(a);
    close_client(client);
    redis_server_stop(server);
}

Test(redis_api, new_credentials_are_used_at_once)
{
    struct redis_server *server = redis_server_start((const char *[]){"--requirepass", "old", NULL});
    elect_client_t *client = open_client(server->url, "restart_grace=0s password=old log_level=info lock_ttl=30s");
    must(elect_client_on_log(client, NULL, NULL, NULL));
    elect_election_t *a = start_queued(client, "name=job instance_id=a-1", 1);
    uint64_t epoch = until_elected(client);
    redis_server_do(server, "CONFIG SET requirepass new");
    server->password = "new";
    redis_server_do(server, "CLIENT KILL TYPE normal SKIPME yes");
    until_logged(client, "refuses the password");
    elect_options_t *options = make_options("password=new");
    must(elect_client_update(client, options));
    elect_options_free(options);
    until_logged(client, "connected to the store again");
    cr_assert_eq(elect_election_epoch(a), epoch, "the term goes on");
    elect_election_free(a);
    close_client(client);
    redis_server_stop(server);
}

Test(redis_api, a_wrong_password_is_told_and_nobody_leads)
{
    struct redis_server *server = redis_server_start((const char *[]){"--requirepass", "right", NULL});
    elect_client_t *client = open_client(server->url, "restart_grace=0s password=wrong-one");
    elect_election_t *a = start_queued(client, "name=job instance_id=a-1", 1);
    elect_event_t *event = until_event(client, ELECT_EVENT_ERROR);
    cr_assert_eq(elect_event_code(event), ELECT_EAUTH);
    cr_assert_not_null(strstr(elect_event_text(event), "password"), "%s", elect_event_text(event));
    cr_assert_null(strstr(elect_event_text(event), "wrong-one"));
    elect_event_free(event);
    elect_options_t *options = make_options("password=right");
    must(elect_client_update(client, options));
    elect_options_free(options);
    until_elected(client);
    elect_election_free(a);
    close_client(client);
    redis_server_stop(server);
}

Test(redis_api, what_a_leader_changes_is_told_to_an_observer)
{
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *one = open_client(server->url, "restart_grace=0s"),
                   *two = open_client(server->url, "restart_grace=0s");
    elect_election_t *a = start_queued(one, "name=job instance_id=a-1 address=here", 1);
    until_elected(one);
    elect_election_t *b = start_queued(two, "name=job instance_id=b-2 role=observer", 2);
    elect_options_t *options = make_options("address=there");
    must(elect_election_update(a, options));
    elect_options_free(options);
    bool there = false;
    while (!there) {
        elect_leader_t *leader;
        must(elect_election_leader(b, 0, GUARD_MS, &leader));
        cr_assert_str_eq(elect_leader_instance_id(leader), "a-1");
        there = strcmp(elect_leader_address(leader), "there") == 0;
        elect_leader_free(leader);
    }
    must(elect_election_depose(b, 0, GUARD_MS));
    elect_event_t *lost = until_event(one, ELECT_EVENT_LOST);
    cr_assert_eq(elect_event_reason(lost), ELECT_REASON_RESIGNED);
    elect_event_free(lost);
    elect_election_free(a);
    elect_election_free(b);
    close_client(one);
    close_client(two);
    redis_server_stop(server);
}

Test(redis_api, a_forked_child_leads_nothing_and_disturbs_nobody)
{
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *client = open_client(server->url, "restart_grace=0s lock_ttl=1m heartbeat_interval=200ms");
    elect_election_t *a = start_queued(client, "name=job instance_id=a-1", 1);
    uint64_t epoch = until_elected(client), now;
    int64_t left_ms = 0, last_ms;
    int status;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        bool leads = elect_election_is_leader(a) != 0;
        elect_client_t *own = open_client(server->url, "restart_grace=0s");
        elect_election_t *another = start_queued(own, "name=another instance_id=c-3", 3);
        until_elected(own);
        elect_election_free(another);
        close_client(own);
        elect_election_free(a);
        elect_client_free(client);
        _exit(leads);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    do { /* the lease goes on being renewed */
        usleep(1000);
        last_ms = left_ms;
        cr_assert_eq(elect_election_check(a, &now, &left_ms), 1);
        cr_assert_eq(now, epoch);
    } while (last_ms == 0 || left_ms <= last_ms);
    elect_election_free(a);
    close_client(client);
    redis_server_stop(server);
}

Test(redis_api, elections_with_one_lock_are_refused)
{
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *client = open_client(server->url, "restart_grace=0s layout=plain lock_key=mine");
    elect_election_t *a = start_queued(client, "name=one instance_id=a-1", 1);
    until_elected(client);
    elect_election_t *b = start_queued(client, "name=two instance_id=a-1", 2);
    elect_event_t *event = until_event(client, ELECT_EVENT_ERROR);
    cr_assert_eq(elect_event_code(event), ELECT_EINVAL);
    cr_assert_not_null(strstr(elect_event_text(event), "\"mine\""), "%s", elect_event_text(event));
    elect_event_free(event);
    elect_election_free(a);
    elect_election_free(b);
    close_client(client);
    redis_server_stop(server);
}

/* Nothing tells the TTL of such a lock. */
Test(redis_api, a_lock_that_lasts_longer_than_ours_was_not_renewed_in_the_future)
{
    struct redis_server *server = redis_server_start(NULL);
    redis_server_do(server, "SET mine somebody PX 600000");
    elect_client_t *client = open_client(server->url, "restart_grace=0s layout=plain lock_key=mine");
    elect_election_t *a = start_queued(client, "name=one instance_id=a-1", 1);
    elect_leader_t *leader;
    must(elect_election_leader(a, -1, GUARD_MS, &leader));
    cr_assert_str_eq(elect_leader_instance_id(leader), "somebody");
    cr_assert_gt(elect_leader_last_heartbeat_ms(leader), 0);
    cr_assert_leq(elect_leader_last_heartbeat_ms(leader), (int64_t)time(NULL) * 1000 + 1000);
    elect_leader_free(leader);
    elect_election_free(a);
    close_client(client);
    redis_server_stop(server);
}

Test(redis_api, a_thousand_elections_share_two_connections)
{
    enum { COUNT = 1000 };
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *client = open_client(server->url, "restart_grace=0s");
    elect_election_t **all = calloc(COUNT, sizeof *all);
    for (uint64_t i = 0; i < COUNT; i++) {
        char pairs[64];
        snprintf(pairs, sizeof pairs, "name=job-%d instance_id=a-1", (int)i);
        all[i] = start_queued(client, pairs, i + 1);
    }
    for (int i = 0; i < COUNT; i++)
        until_elected(client);
    redisReply *clients = redis_server_ask(server, "CLIENT LIST");
    int ours = 0;
    for (const char *at = clients->str; (at = strstr(at, "name=libelect")); at++)
        ours++;
    freeReplyObject(clients);
    cr_assert_eq(ours, 2);
    for (int i = 0; i < COUNT; i++)
        elect_election_free(all[i]);
    free(all);
    close_client(client);
    cr_assert_eq(redis_server_ask_number(server, "EXISTS elect:{job-0}:leader"), 0);
    redis_server_stop(server);
}

Test(redis_api, a_list_has_all_elections_however_many)
{
    enum { ELECTIONS = 250 };
    struct redis_server *server = redis_server_start(NULL);
    elect_client_t *client = open_client(server->url, "restart_grace=0s");
    elect_election_t *election = start_queued(client, "name=job-100 instance_id=me", 1);
    char *json, entry[64];
    until_elected(client);
    for (int i = 0; i < ELECTIONS; i++) {
        if (i != 100)
            redis_server_do(server, "HSET elect:{job-%d}:term epoch 7 holder me released 1", i);
    }
    must(elect_client_report(client, "elections", -1, &json));
    for (int i = 0; i < ELECTIONS; i++) {
        snprintf(entry, sizeof entry, "\"job-%d\"", i);
        cr_assert(strstr(json, entry), "%s", entry);
    }
    const char *led = strstr(json, "\"job-100\"");
    cr_assert(strstr(led, "\"me\"") != NULL && strstr(led, "\"me\"") < strstr(json, "\"job-101\""), "%s", json);
    elect_string_free(json);
    cr_assert_eq(elect_client_report(client, "elections", 0, &json), ELECT_ETIMEOUT, "it is dropped under way");
    elect_election_free(election);
    close_client(client);
    redis_server_stop(server);
}
