/* The connection to a real server: requests and the login. How it ends: test_redis_conn_end.c; what only a false server
 * does: test_redis_conn_faults.c */
#include "redis_rig.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct redis_server *server;
static struct rig rig;

/* ---- requests ---- */

Test(redis_conn, replies_are_given_in_the_order_of_requests)
{
    enum { REQUESTS = 100 };
    static struct asked asked[REQUESTS];
    server = rig_arrive(&rig, NULL);
    for (int i = 0; i < REQUESTS; i++)
        rig_ask(&rig, &asked[i], i % 3 == 0 ? "GET nothing|INCR n" : "INCR n", LONG);
    rig_until(&rig, asked[REQUESTS - 1].answered);
    for (int i = 0; i < REQUESTS; i++) {
        cr_assert_eq(asked[i].fate, ELECT__REDIS_ANSWERED);
        cr_assert_eq(asked[i].order, i + 1);
        cr_assert_eq(asked[i].number, i + 1);
        cr_assert_leq(asked[i].sent_ns, asked[i].received_ns);
    }
    rig_leave(&rig, server);
}

Test(redis_conn, an_error_of_the_server_is_an_answer)
{
    struct asked asked;
    server = rig_arrive(&rig, NULL);
    rig_ask(&rig, &asked, "INCR", LONG);
    rig_until(&rig, asked.answered);
    cr_assert_eq(asked.fate, ELECT__REDIS_ANSWERED);
    cr_assert(strstr(asked.text, "wrong number of arguments"));
    cr_assert_eq(rig.downs, 0);
    rig_leave(&rig, server);
}

Test(redis_conn, a_request_counts_from_when_it_was_written_not_from_when_it_waited)
{
    struct asked asked[2];
    server = redis_server_start(NULL);
    rig_open(&rig, server->path_url);
    rig_begin(&rig);
    rig_ask(&rig, &asked[0], "INCR n", LONG);
    rig_ask(&rig, &asked[1], "INCR n", LONG);
    cr_assert_eq(asked[0].request.sent->sent_ns, 0, "it waits");
    rig_until(&rig, asked[1].answered);
    cr_assert_eq(asked[0].order, 1);
    cr_assert_eq(asked[1].number, 2);
    cr_assert_geq(asked[0].sent_ns, elect__redis_conn_up_since_ns(rig.conn));
    rig_leave(&rig, server);
}

Test(redis_conn, what_was_cancelled_keeps_its_place_among_the_replies)
{
    struct asked asked[3];
    server = rig_arrive(&rig, NULL);
    for (int i = 0; i < 3; i++)
        rig_ask(&rig, &asked[i], "INCR n", LONG);
    elect__redis_conn_cancel(rig.conn, &asked[1].request);
    elect__redis_conn_cancel(rig.conn, &asked[1].request);
    rig_until(&rig, asked[2].answered);
    cr_assert_eq(asked[0].number, 1);
    cr_assert_not(asked[1].answered);
    cr_assert_eq(asked[2].number, 3);
    rig_leave(&rig, server);
}

Test(redis_conn, what_is_cancelled_before_it_is_sent_is_not_sent)
{
    struct asked asked[2];
    server = redis_server_start(NULL);
    rig_open(&rig, server->url);
    rig_begin(&rig);
    rig_ask(&rig, &asked[0], "SET a b", LONG);
    rig_ask(&rig, &asked[1], "PING", LONG);
    elect__redis_conn_cancel(rig.conn, &asked[0].request);
    rig_until(&rig, asked[1].answered);
    cr_assert_eq(redis_server_ask_number(server, "EXISTS a"), 0);
    rig_leave(&rig, server);
}

Test(redis_conn, nothing_is_sent_past_its_deadline)
{
    struct asked asked;
    server = rig_arrive(&rig, NULL);
    rig_ask(&rig, &asked, "SET a b", -1);
    rig_until(&rig, asked.answered);
    cr_assert_eq(asked.fate, ELECT__REDIS_NOT_SENT);
    cr_assert_eq(redis_server_ask_number(server, "EXISTS a"), 0);
    cr_assert(elect__redis_conn_is_up(rig.conn));
    rig_leave(&rig, server);
}

/* ---- the login ---- */

/* One attempt to log in ends so. */
static void is_refused(const char *url, const char *password, int32_t code, bool lasting, const char *text)
{
    struct asked asked;
    int64_t before_ns = rig_now();
    rig_open(&rig, url);
    rig.settings.password = password;
    rig_begin(&rig);
    rig_ask(&rig, &asked, "SET a b", LONG);
    rig_until(&rig, rig.downs == 1);
    cr_assert_eq(rig.code, code, "%s", rig.text);
    cr_assert_eq(rig.lasting, lasting, "%s", rig.text);
    cr_assert(strstr(rig.text, text), "%s, not %s", rig.text, text);
    cr_assert(asked.answered, "before it is told to be down");
    cr_assert_eq(asked.fate, ELECT__REDIS_NOT_SENT);
    cr_assert_eq(asked.code, code);
    cr_assert_str_eq(elect__redis_conn_fault(rig.conn, &code), asked.text);
    cr_assert_eq(rig.ups, 0);
    int64_t least_ns = lasting ? 2 * ELECT__S : ELECT__MS;
    cr_assert_geq(rig.conn->retry.at_ns, before_ns + least_ns, "who waits for an operator need not hurry");
    rig_close(&rig);
}

Test(redis_conn, who_is_refused_is_told_why)
{
    char url[100];
    server = redis_server_start((const char *const[]){"--requirepass", SECRET, "--user", "app", "on", ">" SECRET "app",
                                                      "~*", "&*", "+@all", "-select", NULL});
    snprintf(url, sizeof url, "redis://app@127.0.0.1:%d", server->port);
    is_refused(server->url, "", ELECT_EAUTH, true, "wants a password");
    is_refused(server->url, SECRET "x", ELECT_EAUTH, true, "refuses the password");
    is_refused(url, "", ELECT_EAUTH, true, "refuses the password, or the user");
    snprintf(url, sizeof url, "redis://app:%sapp@127.0.0.1:%d/1", SECRET, server->port);
    is_refused(url, "", ELECT_EAUTH, true, "+select");
    snprintf(url, sizeof url, "redis://:%s@127.0.0.1:%d/16", SECRET, server->port);
    is_refused(url, "", ELECT_ESTORE, true, "database 16: the server has no such database");
    cr_assert_eq(redis_server_ask_number(server, "EXISTS a"), 0);
    redis_server_stop(server);
    server = redis_server_start(NULL);
    is_refused(server->url, SECRET, ELECT_EAUTH, true, "has none for its default user");
    redis_server_stop(server);
}

Test(redis_conn, nobody_there_is_tried_again)
{
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", redis_free_port());
    is_refused(url, "", ELECT_EUNREACHABLE, false, "refused");
    is_refused("redis+unix:///nonexistent/socket", "", ELECT_EUNREACHABLE, false, "/nonexistent/socket");
}

Test(redis_conn, a_database_is_chosen_before_anything_is_asked)
{
    char url[64];
    struct asked asked;
    server = redis_server_start(NULL);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d/3", server->port);
    rig_open(&rig, url);
    rig_begin(&rig);
    rig_ask(&rig, &asked, "SET a b", LONG);
    rig_until(&rig, asked.answered);
    cr_assert_eq(redis_server_ask_number(server, "EXISTS a"), 0);
    cr_assert_eq(redis_server_ask_number(server, "MOVE a 3"), 0);
    redis_server_do(server, "SWAPDB 0 3");
    cr_assert_eq(redis_server_ask_number(server, "EXISTS a"), 1);
    rig_leave(&rig, server);
}

Test(redis_conn, what_it_would_like_may_be_denied)
{
    static const char *const scripts[] = {"return 7", NULL};
    char url[100];
    struct asked asked;
    server =
        redis_server_start((const char *const[]){"--user", "app", "on", ">" SECRET, "~*", "&*", "-@all", "+get", NULL});
    snprintf(url, sizeof url, "redis://app:%s@127.0.0.1:%d", SECRET, server->port);
    rig_open(&rig, url);
    rig.args.scripts = scripts;
    rig_begin(&rig);
    rig_ask(&rig, &asked, "GET a", LONG);
    rig_until(&rig, asked.answered);
    cr_assert_str_empty(rig.info);
    cr_assert_eq(asked.fate, ELECT__REDIS_ANSWERED);
    rig_leave(&rig, server);
}

Test(redis_conn, scripts_are_loaded_and_info_is_told_before_it_is_up)
{
    static const char *const scripts[] = {"return 7", "return 8", NULL};
    struct asked asked[2];
    server = redis_server_start(NULL);
    rig_open(&rig, server->url);
    rig.args.scripts = scripts;
    rig_begin(&rig);
    rig_ask(&rig, &asked[0], "EVALSHA 4ca238f611c9d0ae4e9a75a5dbac22aedc1e44cb 0", LONG);
    rig_ask(&rig, &asked[1], "CLIENT GETNAME", LONG);
    rig_until(&rig, asked[1].answered);
    redisReply *sha = redis_server_ask(server, "SCRIPT LOAD %s", "return 8");
    redisReply *there = redis_server_ask(server, "SCRIPT EXISTS %s", sha->str);
    cr_assert_eq(there->element[0]->integer, 1);
    cr_assert_str_eq(asked[1].text, "libelect");
    cr_assert(strstr(rig.info, "redis_version:"));
    freeReplyObject(sha);
    freeReplyObject(there);
    rig_leave(&rig, server);
}

static void write_file(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, text, length), (ssize_t)length);
    close(fd);
}

Test(redis_conn, the_password_file_is_read_at_each_connect)
{
    char path[REDIS_SERVER_PATH + 16];
    server = redis_server_start((const char *const[]){"--requirepass", SECRET, NULL});
    snprintf(path, sizeof path, "%s/password", server->folder);
    write_file(path, "wrong\n", 6);
    rig_open(&rig, server->url);
    rig.settings.password_file = path;
    rig_begin(&rig);
    rig_until(&rig, rig.downs == 1);
    cr_assert(rig.lasting);
    write_file(path, SECRET "\nsomething else\n", strlen(SECRET) + 16);
    elect__redis_conn_hurry(rig.conn);
    rig_until(&rig, rig.ups == 1);
    cr_assert_eq(rig.downs, 1, "it does not wait for its next try");
    rig_leave(&rig, server);
}

Test(redis_conn, what_is_wrong_with_a_password_file_is_said)
{
    static char line[5000], path[REDIS_SERVER_PATH + 16];
    const struct {
        size_t length;
        const char *text;
    } table[] = {{0, "is empty"}, {4097, "at most 4096 bytes"}};
    memset(line, 'x', sizeof line);
    server = redis_server_start(NULL);
    snprintf(path, sizeof path, "%s/password", server->folder);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        rig_open(&rig, server->url);
        write_file(path, line, table[i].length);
        rig.settings.password_file = path;
        rig_begin(&rig);
        rig_until(&rig, rig.downs == 1);
        cr_assert(strstr(rig.text, table[i].text), "%s", rig.text);
        cr_assert(strstr(rig.text, path));
        cr_assert(rig.lasting && rig.code == ELECT_EAUTH);
        rig_close(&rig);
    }
    rig_open(&rig, server->url);
    rig.settings.password_file = server->folder;
    rig_begin(&rig);
    rig_until(&rig, rig.downs == 1);
    cr_assert(strstr(rig.text, "regular file"), "%s", rig.text);
    rig.settings.password_file = "/nonexistent";
    elect__redis_conn_hurry(rig.conn);
    rig_until(&rig, rig.downs == 2);
    cr_assert(strstr(rig.text, "password_file=\"/nonexistent\": no such file"), "%s", rig.text);
    rig_leave(&rig, server);
}

Test(redis_conn, the_newest_password_comes_before_that_of_the_url)
{
    char url[100];
    server = redis_server_start((const char *const[]){"--requirepass", SECRET, NULL});
    snprintf(url, sizeof url, "redis://:old@127.0.0.1:%d", server->port);
    rig_open(&rig, url);
    rig_begin(&rig);
    rig_until(&rig, rig.downs == 1);
    rig.settings.password = SECRET;
    elect__redis_conn_hurry(rig.conn);
    rig_until(&rig, rig.ups == 1);
    rig_leave(&rig, server);
}
