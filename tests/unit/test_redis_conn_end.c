/* How the connection to a real server ends and comes back, how much it takes, and the subscriber. */
#include "redis_rig.h"
#include <sys/wait.h>
#include <unistd.h>

enum { LONG_TEXT = 1 << 21 };

static struct redis_server *server;
static struct rig rig;
static char long_text[LONG_TEXT];

Test(redis_conn_end, what_was_sent_to_a_server_that_died_is_lost_and_it_comes_back)
{
    struct asked asked[2];
    server = rig_arrive(&rig, NULL);
    redis_server_freeze(server);
    rig_ask(&rig, &asked[0], "SET a b", LONG);
    rig_turn(&rig); /* it is written */
    redis_server_kill(server);
    rig_until(&rig, rig.downs == 1);
    cr_assert(asked[0].answered);
    cr_assert_eq(asked[0].fate, ELECT__REDIS_LOST);
    cr_assert_eq(asked[0].code, ELECT_EUNREACHABLE);
    cr_assert_not(rig.lasting);
    redis_server_restart(server);
    rig_ask(&rig, &asked[1], "INCR n", LONG);
    rig_until(&rig, rig.ups == 2);
    rig_until(&rig, asked[1].answered);
    rig_leave(&rig, server);
}

Test(redis_conn_end, a_server_that_does_not_answer_in_time_is_given_up)
{
    struct asked asked[2];
    server = rig_arrive(&rig, NULL);
    redis_server_freeze(server);
    rig_ask(&rig, &asked[0], "SET a b", LONG);
    rig_ask(&rig, &asked[1], "SET a b", 20 * ELECT__MS);
    rig_until(&rig, rig.downs == 1);
    for (int i = 0; i < 2; i++)
        cr_assert(asked[i].answered && asked[i].fate == ELECT__REDIS_LOST);
    cr_assert(strstr(rig.text, "no answer for "), "%s", rig.text);
    cr_assert_geq(asked[1].received_ns - asked[1].sent_ns, 500 * ELECT__MS);
    redis_server_thaw(server);
    rig_until(&rig, rig.ups == 2);
    rig_leave(&rig, server);
}

/* Each with a text of LONG_TEXT bytes behind verb. */
static void send_many(struct asked *asked, int count, const char *verb, const char *key, int64_t within_ns)
{
    const struct elect__redis_command command = {
        .argc = 3, .argv = {verb, key, long_text}, .length = {strlen(verb), strlen(key), LONG_TEXT}};
    for (int i = 0; i < count; i++) {
        asked[i] = (struct asked){.request = {.done = rig_answered}, .rig = &rig};
        cr_assert(elect__redis_conn_send(rig.conn, &asked[i].request, &command, 1, rig_now() + within_ns));
    }
}

Test(redis_conn_end, more_than_the_stream_holds_waits_for_answers)
{
    enum { REQUESTS = 40 };
    static struct asked asked[REQUESTS];
    server = redis_server_start(NULL);
    rig_open(&rig, server->url);
    rig_begin(&rig);
    send_many(asked, REQUESTS, "SET", "k", LONG);
    rig_until(&rig, asked[REQUESTS - 1].answered);
    for (int i = 0; i < REQUESTS; i++)
        cr_assert(asked[i].fate == ELECT__REDIS_ANSWERED && asked[i].order == i + 1);
    cr_assert_eq(rig.downs, 0);
    rig_leave(&rig, server);
}

/* So that there is time left for another connection: whoever asked for 3 s has 2 s then. */
Test(redis_conn_end, a_way_that_says_nothing_for_a_third_of_the_time_is_given_up)
{
    struct asked asked;
    server = rig_arrive(&rig, NULL);
    redis_server_freeze(server);
    rig_ask(&rig, &asked, "SET a b", 3 * ELECT__S);
    rig_until(&rig, rig.downs == 1);
    cr_assert(asked.answered && asked.fate == ELECT__REDIS_LOST);
    cr_assert_geq(asked.received_ns - asked.sent_ns, 1 * ELECT__S);
    redis_server_thaw(server);
    rig_until(&rig, rig.ups == 2);
    rig_leave(&rig, server);
}

/* It is slow, and not silent: what is asked in its turn is answered in its turn. */
Test(redis_conn_end, a_server_that_answers_others_is_waited_for)
{
    enum { REQUESTS = 5 };
    struct asked asked[REQUESTS];
    server = rig_arrive(&rig, NULL);
    for (int i = 0; i < REQUESTS; i++)
        rig_ask(&rig, &asked[i], "BLPOP nothing 0.2", 1500 * ELECT__MS);
    rig_until(&rig, asked[REQUESTS - 1].answered);
    cr_assert_eq(rig.downs, 0, "%s", rig.text);
    cr_assert_geq(asked[REQUESTS - 1].received_ns - asked[REQUESTS - 1].sent_ns, ELECT__S);
    rig_leave(&rig, server);
}

Test(redis_conn_end, a_server_that_does_not_read_is_given_up)
{
    enum { REQUESTS = 20 };
    static struct asked asked[REQUESTS];
    server = rig_arrive(&rig, NULL);
    redis_server_freeze(server);
    send_many(asked, REQUESTS, "SET", "k", 3 * ELECT__S);
    rig_until(&rig, rig.downs == 1);
    cr_assert(strstr(rig.text, "no answer for "), "%s", rig.text);
    cr_assert_eq(asked[0].fate, ELECT__REDIS_LOST);
    cr_assert_eq(asked[REQUESTS - 1].fate, ELECT__REDIS_NOT_SENT);
    rig_leave(&rig, server);
}

Test(redis_conn_end, a_request_that_no_stream_holds_ends_the_connection)
{
    enum { PARTS = 9 };
    struct elect__redis_command command = {.argc = PARTS, .argv = {"DEL"}, .length = {3}};
    struct asked asked = {.request = {.done = rig_answered}, .rig = &rig};
    for (int i = 1; i < PARTS; i++) {
        command.argv[i] = long_text;
        command.length[i] = LONG_TEXT;
    }
    server = rig_arrive(&rig, NULL);
    cr_assert(elect__redis_conn_send(rig.conn, &asked.request, &command, 1, rig_now() + LONG));
    cr_assert(elect__redis_conn_send(rig.conn, &asked.request, &command, 1, rig_now() + LONG) == false,
              "a request that is under way is refused");
    rig_until(&rig, rig.downs == 1);
    cr_assert(strstr(rig.text, "does not read"), "%s", rig.text);
    cr_assert_eq(asked.fate, ELECT__REDIS_LOST);
    rig_until(&rig, rig.ups == 2);
    rig_leave(&rig, server);
}

/* A report with a short timeout says nothing of a server that is slow just then. */
Test(redis_conn_end, the_deadline_of_a_question_does_not_end_the_connection)
{
    struct asked asked = {.request = {.done = rig_answered, .patience_ns = LONG}, .rig = &rig};
    const struct elect__redis_command ping = {.argc = 1, .argv = {"PING"}, .length = {4}};
    server = rig_arrive(&rig, NULL);
    redis_server_freeze(server);
    cr_assert(elect__redis_conn_send(rig.conn, &asked.request, &ping, 1, rig_now() + ELECT__S));
    rig_turn(&rig);
    cr_assert_geq(asked.request.sent->timer.at_ns, asked.request.sent->sent_ns + LONG);
    redis_server_thaw(server);
    rig_until(&rig, asked.answered);
    cr_assert_eq(asked.fate, ELECT__REDIS_ANSWERED);
    rig_leave(&rig, server);
}

Test(redis_conn_end, requests_of_a_closed_connection_are_dropped)
{
    struct asked asked[2];
    server = rig_arrive(&rig, NULL);
    rig_ask(&rig, &asked[0], "PING", LONG);
    rig_turn(&rig);
    rig_until(&rig, asked[0].answered);
    rig_ask(&rig, &asked[0], "PING", LONG);
    rig_ask(&rig, &asked[1], "PING", -1);
    rig_leave(&rig, server);
    cr_assert_not(asked[0].answered || asked[1].answered);
    cr_assert_null(asked[0].request.sent);
    cr_assert_null(asked[1].request.sent);
}

Test(redis_conn_end, it_may_be_closed_in_whatever_it_calls)
{
    struct asked asked[2];
    server = rig_arrive(&rig, NULL);
    rig_ask(&rig, &asked[0], "PING", LONG);
    rig_ask(&rig, &asked[1], "PING", LONG);
    asked[0].close = true;
    rig_until(&rig, asked[0].answered);
    cr_assert_null(asked[1].request.sent);
    rig.close_in_up = true; /* it is closed */
    rig_close(&rig);
    rig_open(&rig, server->url);
    rig.close_in_up = true;
    rig_begin(&rig);
    rig_ask(&rig, &asked[0], "PING", LONG);
    rig_until(&rig, rig.ups == 1);
    rig_close(&rig);
    rig_open(&rig, server->url);
    rig.settings.password = "wrong";
    rig.close_in_down = true;
    rig_begin(&rig);
    rig_ask(&rig, &asked[0], "PING", LONG);
    rig_ask(&rig, &asked[1], "PING", LONG);
    asked[0].close = true;
    rig_until(&rig, rig.downs == 1 || asked[0].answered);
    cr_assert_eq(rig.downs, 0, "nothing is called any more");
    rig_close(&rig);
    redis_server_stop(server);
}

Test(redis_conn_end, a_forked_child_leaves_the_connection_to_its_parent)
{
    struct asked asked;
    int status = 0;
    server = rig_arrive(&rig, NULL);
    rig_ask(&rig, &asked, "INCR n", LONG);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    rig_until(&rig, asked.answered);
    cr_assert_eq(asked.number, 1);
    cr_assert_eq(rig.downs, 0);
    rig_leave(&rig, server);
}

/* ---- the subscriber ---- */

static void say(const char *line)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    char copy[RIG_TEXT];
    snprintf(copy, sizeof copy, "%s", line);
    cr_assert_eq(rig_commands(copy, commands), 1);
    cr_assert(elect__redis_conn_say(rig.conn, commands));
}

static void subscribe(const char *const *args, const char *url)
{
    server = redis_server_start(args);
    rig_open(&rig, url != NULL ? url : server->path_url);
    rig.args.subscriber = true;
    rig_begin(&rig);
    rig_until(&rig, rig.ups == 1);
}

Test(redis_conn_end, a_subscriber_is_told_what_is_published)
{
    subscribe(NULL, NULL);
    say("SUBSCRIBE a b");
    rig_until(&rig, rig.pushes == 2);
    redis_server_do(server, "PUBLISH b 41");
    rig_until(&rig, rig.pushes == 3);
    cr_assert_str_eq(rig.pushed, "41");
    rig_leave(&rig, server);
}

/* As if nothing had come for a while. */
static void be_quiet(void)
{
    rig.conn->heard_ns = 0;
    elect__redis_conn_timer(rig.conn, &rig.conn->ping, 0);
    rig_until(&rig, rig.conn->ping.at_ns != 0);
}

Test(redis_conn_end, a_subscriber_asks_whether_the_server_lives)
{
    subscribe(NULL, NULL);
    say("SUBSCRIBE a");
    rig_until(&rig, rig.pushes == 1);
    be_quiet();
    cr_assert_neq(rig.conn->pinged_ns, 0);
    rig_until(&rig, rig.conn->pinged_ns == 0);
    cr_assert_eq(rig.pushes, 1, "its answer is none of the messages");
    cr_assert_eq(rig.downs, 0);
    redis_server_freeze(server);
    rig.conn->quiet_ns = 20 * ELECT__MS;
    be_quiet();
    rig_until(&rig, rig.downs == 1);
    cr_assert(strstr(rig.text, "no answer for "), "%s", rig.text);
    redis_server_thaw(server);
    rig_until(&rig, rig.ups == 2);
    rig_leave(&rig, server);
}

Test(redis_conn_end, a_subscriber_learns_that_it_may_not)
{
    server = redis_server_start(
        (const char *const[]){"--user", "app", "on", ">x", "~*", "resetchannels", "-@all", "+subscribe", NULL});
    char url[64];
    snprintf(url, sizeof url, "redis://app:x@127.0.0.1:%d", server->port);
    rig_open(&rig, url);
    rig.args.subscriber = true;
    rig_begin(&rig);
    rig_until(&rig, rig.ups == 1);
    say("SUBSCRIBE a");
    rig_until(&rig, rig.pushes == 1);
    cr_assert_eq(strncmp(rig.pushed, "NOPERM", 6), 0);
    cr_assert_eq(rig.downs, 0);
    rig_leave(&rig, server);
}

/* A subscription to a name of LONG_CHANNEL bytes. */
static void say_long(int number)
{
    enum { LONG_CHANNEL = 1 << 18 };
    static char channel[LONG_CHANNEL];
    memset(channel, 'a' + number % 26, sizeof channel);
    memcpy(channel, &number, sizeof number);
    const struct elect__redis_command command = {
        .argc = 2, .argv = {"SUBSCRIBE", channel}, .length = {strlen("SUBSCRIBE"), sizeof channel}};
    cr_assert(elect__redis_conn_say(rig.conn, &command));
}

Test(redis_conn_end, more_channels_than_the_stream_holds_wait_for_answers)
{
    enum { CHANNELS = 80 };
    subscribe(NULL, NULL);
    for (int i = 0; i < CHANNELS; i++)
        say_long(i);
    rig_until(&rig, rig.pushes == CHANNELS || rig.downs > 0);
    cr_assert_eq(rig.downs, 0, "%s", rig.text);
    rig_leave(&rig, server);
}

Test(redis_conn_end, a_ping_that_is_denied_shows_that_the_server_lives)
{
    server =
        redis_server_start((const char *const[]){"--user", "app", "on", ">x", "~*", "&*", "-@all", "+subscribe", NULL});
    char url[64];
    snprintf(url, sizeof url, "redis://app:x@127.0.0.1:%d", server->port);
    rig_open(&rig, url);
    rig.args.subscriber = true;
    rig_begin(&rig);
    rig_until(&rig, rig.ups == 1);
    say("SUBSCRIBE a");
    rig_until(&rig, rig.pushes == 1);
    be_quiet();
    cr_assert_neq(rig.conn->pinged_ns, 0);
    rig_until(&rig, rig.conn->pinged_ns == 0);
    cr_assert_eq(rig.pushes, 1, "it is no refusal of a channel: %s", rig.pushed);
    cr_assert_eq(rig.downs, 0);
    rig_leave(&rig, server);
}
