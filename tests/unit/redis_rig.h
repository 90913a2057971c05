/* A connection on a base of the test's own, and what it told. */
#ifndef ELECT_TESTS_REDIS_RIG_H
#define ELECT_TESTS_REDIS_RIG_H
#include "redis/server.h"
#include "stores/redis_conn_parts.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "hunter2"
#define LONG (30 * ELECT__S)
enum { RIG_TEXT = 1024, RIG_HANG_S = 60 };

struct rig {
    struct event_base *base;
    struct elect__env env;
    uint32_t drawn; /* what env->random gives, unless it is 0 */
    struct elect__settings settings;
    struct elect__host host;
    struct elect__store_args store;
    struct elect__redis_target target;
    struct elect__redis_conn_args args;
    struct elect__redis_conn *conn;
    int ups, downs, pushes, warnings, asked;
    int32_t code;
    bool lasting, close_in_up, close_in_down;
    char text[RIG_TEXT], info[RIG_TEXT], pushed[RIG_TEXT];
};

/* A request of a test's, and its answer. */
struct asked {
    struct elect__redis_request request; /* first */
    struct rig *rig;
    bool answered, close;
    int order; /* of the answers, from 1 on */
    enum elect__redis_fate fate;
    int32_t code;
    int64_t sent_ns, received_ns;
    long long number; /* of the last reply */
    char text[RIG_TEXT];
};

static inline int rig_random(void *ctx, void *bytes, size_t length)
{
    struct rig *rig = ctx;
    if (rig->drawn == 0)
        return elect__system_env.random(NULL, bytes, length);
    memcpy(bytes, &rig->drawn, length < sizeof rig->drawn ? length : sizeof rig->drawn);
    return 0;
}

static inline void rig_shows_nothing_secret(const char *text)
{
    cr_assert_null(strstr(text, SECRET), "%s", text);
}

static inline void rig_up(void *user, const char *info)
{
    struct rig *rig = user;
    rig->ups++;
    snprintf(rig->info, sizeof rig->info, "%s", info);
    cr_assert(elect__redis_conn_is_up(rig->conn));
    if (rig->close_in_up)
        elect__redis_conn_close(rig->conn);
}

static inline void rig_down(void *user, int32_t code, bool lasting, const char *text)
{
    struct rig *rig = user;
    rig->downs++;
    rig->code = code;
    rig->lasting = lasting;
    snprintf(rig->text, sizeof rig->text, "%s", text);
    rig_shows_nothing_secret(text);
    cr_assert_not(elect__redis_conn_is_up(rig->conn));
    if (rig->close_in_down)
        elect__redis_conn_close(rig->conn);
}

static inline void rig_push(void *user, const redisReply *reply)
{
    struct rig *rig = user;
    const redisReply *last = reply->type == REDIS_REPLY_ARRAY ? reply->element[reply->elements - 1] : reply;
    rig->pushes++;
    snprintf(rig->pushed, sizeof rig->pushed, "%s", last->str != NULL ? last->str : "");
}

static inline void rig_log(void *ctx, int32_t level, const char *text)
{
    struct rig *rig = ctx;
    rig->warnings += level == ELECT_LOG_WARN;
    rig_shows_nothing_secret(text);
}

static inline void rig_current(void *ctx, void (*read)(const struct elect__settings *settings, void *user), void *user)
{
    struct rig *rig = ctx;
    read(&rig->settings, user);
}

static const struct elect__redis_conn_events rig_events = {.up = rig_up, .down = rig_down, .push = rig_push};

/* All but the connection: what its arguments say may be changed before rig_begin. */
static inline void rig_open(struct rig *rig, const char *url)
{
    char rule[512] = "";
    sigset_t pipes;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipes, NULL);
    *rig = (struct rig){.env = elect__system_env};
    rig->env.random = rig_random;
    rig->env.ctx = rig;
    rig->settings = (struct elect__settings){.password = "",
                                             .password_file = "",
                                             .tls_ca_file = "",
                                             .tls_ca_dir = "",
                                             .tls_cert_file = "",
                                             .tls_key_file = "",
                                             .tls_server_name = "",
                                             .tls_min_version = "1.2",
                                             .tls_verify = true};
    rig->host = (struct elect__host){.log = rig_log, .current = rig_current};
    rig->base = event_base_new();
    rig->store = (struct elect__store_args){
        .settings = &rig->settings, .env = &rig->env, .host = &rig->host, .ctx = rig, .base = rig->base};
    cr_assert_eq(elect__redis_target_parse(url, &rig->target, rule, sizeof rule), ELECT_OK, "%s", rule);
    rig->args = (struct elect__redis_conn_args){
        .store = &rig->store, .target = &rig->target, .events = &rig_events, .user = rig};
}

static inline void rig_begin(struct rig *rig)
{
    rig->conn = elect__redis_conn_open(&rig->args);
    cr_assert_not_null(rig->conn);
    cr_assert_eq(rig->ups + rig->downs, 0, "nothing is called from within open");
}

static inline void rig_close(struct rig *rig)
{
    if (!rig->close_in_up && !rig->close_in_down)
        elect__redis_conn_close(rig->conn);
    for (int turns = 0; turns < 10; turns++) /* what libevent frees later */
        event_base_loop(rig->base, EVLOOP_NONBLOCK);
    event_base_free(rig->base);
    elect__redis_target_free(&rig->target);
}

static inline int64_t rig_now(void)
{
    return elect__system_env.boot_ns(NULL);
}

/* Runs the base until the condition holds. */
#define rig_until(rig_, condition)                                                                                     \
    do {                                                                                                               \
        int64_t until_ns_ = rig_now() + RIG_HANG_S * ELECT__S;                                                         \
        while (!(condition)) {                                                                                         \
            cr_assert_lt(rig_now(), until_ns_, "%s: it hangs; last: %s", #condition, (rig_)->text);                    \
            rig_turn(rig_);                                                                                            \
        }                                                                                                              \
    } while (0)

static inline void rig_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* One turn of the base, at most 50 ms of it. */
static inline void rig_turn(struct rig *rig)
{
    const struct timeval wait = {.tv_usec = 50000};
    event_base_once(rig->base, -1, EV_TIMEOUT, rig_stop, NULL, &wait);
    event_base_loop(rig->base, EVLOOP_ONCE);
}

/* A server with these arguments, and a connection to it that is up. */
static inline struct redis_server *rig_arrive(struct rig *rig, const char *const *args)
{
    struct redis_server *server = redis_server_start(args);
    rig_open(rig, server->url);
    rig_begin(rig);
    rig_until(rig, rig->ups == 1);
    return server;
}

static inline void rig_leave(struct rig *rig, struct redis_server *server)
{
    rig_close(rig);
    redis_server_stop(server);
}

static inline void rig_answered(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    struct asked *asked = (struct asked *)(void *)request;
    cr_assert_null(request->sent);
    cr_assert_not(asked->answered, "once");
    asked->answered = true;
    asked->order = ++asked->rig->asked;
    asked->fate = answer->fate;
    asked->code = answer->code;
    asked->sent_ns = answer->sent_ns;
    asked->received_ns = answer->received_ns;
    if (answer->fate == ELECT__REDIS_ANSWERED) {
        const redisReply *last = answer->replies[0];
        for (int i = 1; i < ELECT__REDIS_COMMANDS && answer->replies[i] != NULL; i++)
            last = answer->replies[i];
        asked->number = last->integer;
        snprintf(asked->text, sizeof asked->text, "%s", last->str != NULL ? last->str : "");
    } else {
        snprintf(asked->text, sizeof asked->text, "%s", answer->text);
        rig_shows_nothing_secret(answer->text);
    }
    if (asked->close)
        elect__redis_conn_close(asked->rig->conn);
}

/* Words with a space between; commands with a | between. */
static inline int rig_commands(char *line, struct elect__redis_command commands[ELECT__REDIS_COMMANDS])
{
    int count = 0;
    for (char *command; (command = strsep(&line, "|")) != NULL; count++) {
        commands[count] = (struct elect__redis_command){.argc = 0};
        for (char *word; (word = strsep(&command, " ")) != NULL; commands[count].argc++) {
            commands[count].argv[commands[count].argc] = word;
            commands[count].length[commands[count].argc] = strlen(word);
        }
    }
    return count;
}

static inline void rig_ask(struct rig *rig, struct asked *asked, const char *line, int64_t within_ns)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    char copy[RIG_TEXT];
    *asked = (struct asked){.request = {.done = rig_answered}, .rig = rig};
    snprintf(copy, sizeof copy, "%s", line);
    int count = rig_commands(copy, commands);
    cr_assert(elect__redis_conn_send(rig->conn, &asked->request, commands, count, rig_now() + within_ns));
    cr_assert_not(asked->answered, "done is not called from within send");
    cr_assert_not_null(asked->request.sent);
}
#endif
