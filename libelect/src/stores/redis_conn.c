/* A connection's life: it opens, is up, ends, rests, and opens again. */
#include "redis_conn_parts.h"
#include <elect/elect.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MIN_NS (50 * ELECT__MS) /* of the second try; doubled from one to the next */
#define REST_MAX_NS (2 * ELECT__S)   /* so long it must have been up for the next try to count as the first */
#define LASTING_MIN_NS (2 * ELECT__S)
#define LASTING_SPREAD_NS (3 * ELECT__S)
#define FIRST_NS (1 * ELECT__MS)
#define FIRST_SPREAD_NS (5 * ELECT__MS)
#define STEP_NS (3 * ELECT__S)
#define QUIET_NS (5 * ELECT__S)
enum { CONNECT_MS = 3000, TRIES_MAX = 30 };

static const struct timeval hour = {.tv_sec = 3600}; /* what the alarm is set to while it is not needed */

int64_t elect__redis_conn_now(const struct elect__redis_conn *conn)
{
    const struct elect__env *env = conn->args.store->env;
    return env->boot_ns(env->ctx);
}

static void free_conn(struct elect__redis_conn *conn)
{
    if (conn->alarm)
        event_free(conn->alarm);
    elect__resp_free(conn->resp);
    free(conn);
}

static void leave(struct elect__redis_conn *conn)
{
    if (--conn->inside == 0 && conn->closed)
        free_conn(conn);
}

/* ---- timers ---- */

/* It may go off too early: it then sets itself anew. So of the many that are answered in time, none sets it. */
void elect__redis_conn_timer(struct elect__redis_conn *conn, struct elect__timer *timer, int64_t at_ns)
{
    elect__heap_set(&conn->timers, timer, at_ns);
    const struct elect__timer *first = conn->timers.first;
    if (!first || first->at_ns >= conn->armed_ns)
        return;
    int64_t left_us = (first->at_ns - elect__redis_conn_now(conn)) / 1000 + 1;
    if (left_us < 0)
        left_us = 0;
    struct timeval wait = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    event_add(conn->alarm, &wait);
    conn->armed_ns = first->at_ns;
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    struct elect__redis_conn *conn = arg;
    struct elect__timer *timer;
    int64_t now_ns = elect__redis_conn_now(conn);
    (void)fd;
    (void)what;
    conn->inside++;
    conn->armed_ns = ELECT__NEVER;
    event_add(conn->alarm, &hour);
    while (!conn->closed && (timer = conn->timers.first) && timer->at_ns <= now_ns) {
        elect__redis_conn_timer(conn, timer, ELECT__NEVER);
        timer->fire(timer);
    }
    if (conn->timers.first)
        elect__redis_conn_timer(conn, conn->timers.first, conn->timers.first->at_ns);
    leave(conn);
}

#define OF_TIMER(timer, field)                                                                                         \
    ((struct elect__redis_conn *)(void *)((char *)(timer) - offsetof(struct elect__redis_conn, field)))

/* ---- the end, and when to try again ---- */

/* A part of spread_ns; all of it where there is no randomness. */
static int64_t draw(const struct elect__redis_conn *conn, int64_t spread_ns)
{
    const struct elect__env *env = conn->args.store->env;
    uint32_t part = UINT32_MAX;
    if (env->random(env->ctx, &part, sizeof part) != 0)
        part = UINT32_MAX;
    return (int64_t)((uint64_t)spread_ns / 1000 * part >> 32) * 1000;
}

/* Never none at all, whatever the server does and is drawn. */
static int64_t rest_ns(struct elect__redis_conn *conn)
{
    bool lasting = conn->fault.lasting && !conn->hurried;
    conn->hurried = false;
    int tries = conn->tries;
    if (conn->tries < TRIES_MAX)
        conn->tries++;
    if (lasting)
        return LASTING_MIN_NS + draw(conn, LASTING_SPREAD_NS);
    if (tries == 0)
        return FIRST_NS + draw(conn, FIRST_SPREAD_NS);
    int64_t most_ns = REST_MIN_NS << (tries - 1);
    if (most_ns > REST_MAX_NS)
        most_ns = REST_MAX_NS;
    return most_ns / 10 + draw(conn, most_ns - most_ns / 10);
}

static void fail(struct elect__redis_conn *conn, const struct elect__redis_fault *fault)
{
    int64_t now_ns = elect__redis_conn_now(conn);
    if (conn->state == ELECT__REDIS_UP && now_ns - conn->up_since_ns >= REST_MAX_NS)
        conn->tries = 0;
    conn->fault = *fault;
    conn->state = ELECT__REDIS_RESTING;
    if (conn->stream)
        elect__stream_close(conn->stream);
    conn->stream = NULL;
    elect__redis_conn_timer(conn, &conn->broken, ELECT__NEVER);
    elect__redis_conn_timer(conn, &conn->ping, ELECT__NEVER);
    elect__redis_conn_timer(conn, &conn->retry, now_ns + rest_ns(conn));
    elect__redis_queue_end(conn);
    if (!conn->closed)
        conn->args.events->down(conn->args.user, fault->code, fault->lasting, fault->text);
}

void elect__redis_conn_fail(struct elect__redis_conn *conn, int32_t code, bool lasting, const char *format, ...)
{
    struct elect__redis_fault fault = {.code = code, .lasting = lasting};
    int used = snprintf(fault.text, sizeof fault.text, "%s: ", conn->peer);
    va_list values;
    va_start(values, format);
    vsnprintf(fault.text + used, sizeof fault.text - (size_t)used, format, values);
    va_end(values);
    fail(conn, &fault);
}

void elect__redis_conn_silent(struct elect__redis_conn *conn, int64_t since_ns)
{
    int64_t tenths = (elect__redis_conn_now(conn) - since_ns) / (100 * ELECT__MS);
    elect__redis_conn_fail(conn, ELECT_EUNREACHABLE, false, "no answer for %lld.%llds", (long long)(tenths / 10),
                           (long long)(tenths % 10));
}

static void on_broken(struct elect__timer *timer)
{
    elect__redis_conn_fail(OF_TIMER(timer, broken), ELECT_EUNREACHABLE, false,
                           "out of memory, or the server does not read what it is sent");
}

/* ---- the stream ---- */

static void on_up(void *user)
{
    struct elect__redis_conn *conn = user;
    conn->inside++;
    elect__redis_login_begin(conn);
    leave(conn);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct elect__redis_conn *conn = user;
    struct elect__stream *stream = conn->stream;
    char error[ELECT__REDIS_TEXT_SIZE / 2];
    redisReply *reply;
    int got = 0;
    conn->inside++;
    conn->heard_ns = elect__redis_conn_now(conn);
    conn->pinged_ns = 0;
    if (!elect__resp_feed(conn->resp, bytes, length))
        elect__redis_conn_fail(conn, ELECT_ENOMEM, false, "%s", elect_code_text(ELECT_ENOMEM));
    while (!conn->closed && conn->stream == stream &&
           (got = elect__resp_next(conn->resp, &reply, error, sizeof error)) == 1)
        elect__redis_queue_reply(conn, reply);
    if (!conn->closed && conn->stream == stream && got < 0)
        elect__redis_conn_fail(conn, ELECT_EUNREACHABLE, false, "%s", error);
    if (!conn->closed && conn->state == ELECT__REDIS_UP)
        elect__redis_queue_flush(conn);
    leave(conn);
}

static void on_down(void *user, bool certificate, const char *text)
{
    struct elect__redis_conn *conn = user;
    conn->inside++;
    struct elect__redis_fault fault = {.code = certificate ? ELECT_EAUTH : ELECT_EUNREACHABLE, .lasting = certificate};
    snprintf(fault.text, sizeof fault.text, "%s", text); /* which names the peer */
    fail(conn, &fault);
    leave(conn);
}

static const struct elect__stream_events stream_events = {.up = on_up, .data = on_data, .down = on_down};

/* With the newest settings, which last as long as this call: nothing is opened in it, since others wait for its end. */
static void make_stream(const struct elect__settings *settings, void *user)
{
    struct elect__redis_conn *conn = user;
    const struct elect__redis_target *target = conn->args.target;
    const struct elect__tls tls = {
        .ca_file = settings->tls_ca_file,
        .ca_dir = settings->tls_ca_dir,
        .cert_file = settings->tls_cert_file,
        .key_file = settings->tls_key_file,
        .server_name = *settings->tls_server_name ? settings->tls_server_name : target->host,
        .min_version = settings->tls_min_version,
        .verify = settings->tls_verify,
    };
    const struct elect__stream_target where = {
        .where = {.path = target->path, .host = target->host, .port = target->port},
        .tls = target->tls ? &tls : NULL,
        .connect_ms = CONNECT_MS};
    conn->warned = conn->warned && !tls.verify;
    conn->stream = elect__stream_new(conn->args.store->base, &where, &stream_events, conn);
    conn->unverified = target->tls && !tls.verify;
}

static void warn(struct elect__redis_conn *conn)
{
    const struct elect__store_args *store = conn->args.store;
    char text[ELECT__REDIS_TEXT_SIZE];
    snprintf(text, sizeof text,
             "%s: tls_verify=off: anybody may stand between us and the server, and read the password", conn->peer);
    store->host->log(store->ctx, ELECT_LOG_WARN, text);
    conn->warned = true;
}

static void on_retry(struct elect__timer *timer)
{
    struct elect__redis_conn *conn = OF_TIMER(timer, retry);
    const struct elect__store_args *store = conn->args.store;
    elect__resp_free(conn->resp);
    conn->resp = elect__resp_new();
    conn->state = ELECT__REDIS_OPENING;
    store->host->current(store->ctx, make_stream, conn);
    if (conn->unverified && !conn->warned)
        warn(conn);
    if (!conn->resp || !conn->stream || !elect__stream_open(conn->stream))
        elect__redis_conn_fail(conn, ELECT_ENOMEM, false, "out of memory, descriptors or threads");
}

/* ---- up ---- */

void elect__redis_conn_arrive(struct elect__redis_conn *conn, const char *info)
{
    conn->state = ELECT__REDIS_UP;
    conn->up_since_ns = elect__redis_conn_now(conn);
    conn->fault = (struct elect__redis_fault){.code = ELECT_OK};
    conn->hurried = false;
    if (conn->args.subscriber)
        elect__redis_conn_timer(conn, &conn->ping, conn->up_since_ns + conn->quiet_ns);
    conn->args.events->up(conn->args.user, info);
    if (!conn->closed)
        elect__redis_queue_flush(conn);
}

static void on_ping(struct elect__timer *timer)
{
    static const struct elect__redis_command ping = {.argc = 1, .argv = {"PING"}, .length = {4}};
    struct elect__redis_conn *conn = OF_TIMER(timer, ping);
    int64_t now_ns = elect__redis_conn_now(conn);
    if (conn->pinged_ns != 0) {
        elect__redis_conn_silent(conn, conn->heard_ns);
        return;
    }
    int64_t next_ns = conn->heard_ns + conn->quiet_ns;
    if (next_ns <= now_ns) {
        next_ns = now_ns + conn->quiet_ns;
        conn->pinged_ns = now_ns;
        elect__redis_conn_say(conn, &ping);
    }
    elect__redis_conn_timer(conn, &conn->ping, next_ns);
}

/* ---- for the store ---- */

void elect__redis_command_of(struct elect__redis_command *command, int argc, const char *const *argv)
{
    command->argc = argc;
    for (int i = 0; i < argc; i++) {
        command->argv[i] = argv[i];
        command->length[i] = strlen(argv[i]);
    }
}

static void name_peer(struct elect__redis_conn *conn)
{
    const struct elect__redis_target *target = conn->args.target;
    if (*target->path)
        snprintf(conn->peer, sizeof conn->peer, "%s", target->path);
    else
        snprintf(conn->peer, sizeof conn->peer, strchr(target->host, ':') ? "[%s]:%s" : "%s:%s", target->host,
                 target->port);
}

struct elect__redis_conn *elect__redis_conn_open(const struct elect__redis_conn_args *args)
{
    struct elect__redis_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    conn->args = *args;
    conn->armed_ns = ELECT__NEVER;
    conn->step_ns = STEP_NS;
    conn->quiet_ns = QUIET_NS;
    TAILQ_INIT(&conn->waiting);
    TAILQ_INIT(&conn->flying);
    TAILQ_INIT(&conn->ended);
    conn->retry = (struct elect__timer){.at_ns = ELECT__NEVER, .fire = on_retry};
    conn->ping = (struct elect__timer){.at_ns = ELECT__NEVER, .fire = on_ping};
    conn->broken = (struct elect__timer){.at_ns = ELECT__NEVER, .fire = on_broken};
    name_peer(conn);
    conn->alarm = event_new(args->store->base, -1, EV_PERSIST, on_alarm, conn);
    if (!conn->alarm || event_add(conn->alarm, &hour) != 0) {
        free_conn(conn);
        return NULL;
    }
    elect__redis_conn_timer(conn, &conn->retry, elect__redis_conn_now(conn));
    return conn;
}

void elect__redis_conn_close(struct elect__redis_conn *conn)
{
    struct elect__stream *stream = conn->stream;
    conn->closed = true;
    conn->state = ELECT__REDIS_RESTING;
    conn->stream = NULL;
    if (stream)
        elect__stream_close(stream);
    elect__redis_queue_drop(conn);
    if (conn->inside == 0)
        free_conn(conn);
}

bool elect__redis_conn_is_up(const struct elect__redis_conn *conn)
{
    return conn->state == ELECT__REDIS_UP;
}

int64_t elect__redis_conn_up_since_ns(const struct elect__redis_conn *conn)
{
    return conn->up_since_ns;
}

const char *elect__redis_conn_fault(const struct elect__redis_conn *conn, int32_t *code)
{
    if (conn->fault.code == ELECT_OK)
        return NULL;
    *code = conn->fault.code;
    return conn->fault.text;
}

void elect__redis_conn_hurry(struct elect__redis_conn *conn)
{
    if (conn->state == ELECT__REDIS_RESTING) {
        conn->tries = 0;
        elect__redis_conn_timer(conn, &conn->retry, elect__redis_conn_now(conn));
    } else {
        conn->hurried = conn->state != ELECT__REDIS_UP;
    }
}
