/* Requests: those that wait until the connection is up, and those that were sent, in the order in which the server answers
 * them. */
#include "../planted.h"
#include "redis_conn_parts.h"
#include "redis_reply.h"
#include <assert.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNASKED "not the answer of a Redis server: it answers nothing that was asked"
#define SOON_MIN_NS (20 * ELECT__MS)
#define GRACE_NS (500 * ELECT__MS) /* past the deadline of a request, a server that says nothing counts as hung */
#define SILENT_MIN_NS (500 * ELECT__MS)
#define OUTPUT_MAX ((size_t)1 << 20) /* what is more waits here, where it has a time */

/* ---- one request ---- */

static struct elect__redis_sent *of_timer(struct elect__timer *timer)
{
    return (struct elect__redis_sent *)(void *)((char *)timer - offsetof(struct elect__redis_sent, timer));
}

static void put_in(struct elect__redis_list *list, struct elect__redis_sent *sent)
{
    if (sent->list)
        TAILQ_REMOVE(sent->list, sent, entry);
    sent->list = list;
    if (list)
        TAILQ_INSERT_TAIL(list, sent, entry);
}

/* What was written may have been a password. */
static void free_bytes(struct elect__redis_sent *sent)
{
    if (sent->bytes)
        explicit_bzero(sent->bytes, sent->length);
    free(sent->bytes);
    sent->bytes = NULL;
}

void elect__redis_sent_free(struct elect__redis_sent *sent)
{
    put_in(NULL, sent);
    elect__redis_conn_timer(sent->conn, &sent->timer, ELECT__NEVER);
    if (sent->request)
        sent->request->sent = NULL;
    for (int i = 0; i < sent->got; i++)
        freeReplyObject(sent->replies[i]);
    free_bytes(sent);
    free(sent);
}

static bool write_bytes(struct elect__redis_sent *sent, const struct elect__redis_command *commands, int count)
{
    for (int i = 0; i < count; i++)
        sent->length += elect__resp_size(commands[i].argc, commands[i].length);
    char *at = sent->bytes = malloc(sent->length);
    for (int i = 0; at && i < count; i++)
        at = elect__resp_write(at, commands[i].argc, commands[i].argv, commands[i].length);
    return at != NULL;
}

/* An answer, and the end of the request. */
static void answer(struct elect__redis_sent *sent, enum elect__redis_fate fate, const struct elect__redis_fault *fault)
{
    struct elect__redis_request *request = sent->request;
    struct elect__redis_answer told = {.fate = fate, .sent_ns = sent->sent_ns};
    sent->request = NULL;
    if (request) {
        request->sent = NULL;
        told.received_ns = elect__redis_conn_now(sent->conn);
        told.code = fault ? fault->code : ELECT_OK;
        told.text = fault ? fault->text : NULL;
        memcpy(told.replies, sent->replies, sizeof told.replies);
        put_in(NULL, sent); /* done may close the connection, which frees what is in its lists */
        elect__redis_conn_timer(sent->conn, &sent->timer, ELECT__NEVER);
        request->done(request, &told);
    }
    elect__redis_sent_free(sent);
}

/* When a request that was sent gives the connection up. A way that swallows all it is given says nothing of it, and another
 * connection may do better while there is time for one: so a third of the request's time without a word is enough. Who
 * answers others meanwhile may come to it until its end. */
static int64_t given_up_ns(const struct elect__redis_sent *sent)
{
    const struct elect__redis_conn *conn = sent->conn;
    int64_t end_ns = sent->deadline_ns < ELECT__NEVER - GRACE_NS ? sent->deadline_ns + GRACE_NS : ELECT__NEVER;
    int64_t heard_ns = conn->heard_ns > sent->sent_ns ? conn->heard_ns : sent->sent_ns;
    if (sent->patience_ns != 0)
        return heard_ns + sent->patience_ns;
    int64_t part_ns = (sent->deadline_ns - sent->sent_ns) / 3;
    if (part_ns < SILENT_MIN_NS)
        part_ns = SILENT_MIN_NS;
    bool of_login = sent->step != ELECT__REDIS_NO_STEP; /* there is no better one yet */
    return of_login || part_ns > end_ns - heard_ns ? end_ns : heard_ns + part_ns;
}

/* Its time has come: it was not sent, or has no answer. */
static void on_time(struct elect__timer *timer)
{
    struct elect__redis_sent *sent = of_timer(timer);
    struct elect__redis_conn *conn = sent->conn;
    struct elect__redis_fault fault = conn->fault;
    if (sent->sent_ns != 0 && given_up_ns(sent) > elect__redis_conn_now(conn)) {
        elect__redis_conn_timer(conn, timer, given_up_ns(sent));
        return;
    }
    if (sent->sent_ns != 0) {
        elect__redis_conn_silent(conn, sent->sent_ns);
        return;
    }
    if (fault.code == ELECT_OK) {
        const char *why = conn->state == ELECT__REDIS_UP ? "too late to be sent" : "not connected yet";
        fault.code = ELECT_EUNREACHABLE;
        snprintf(fault.text, sizeof fault.text, "%s: %s", conn->peer, why);
    }
    answer(sent, ELECT__REDIS_NOT_SENT, &fault);
}

struct elect__redis_sent *elect__redis_sent_new(struct elect__redis_conn *conn,
                                                const struct elect__redis_command *commands, int count,
                                                int64_t deadline_ns)
{
    struct elect__redis_sent *sent = calloc(1, sizeof *sent);
    if (!sent)
        return NULL;
    *sent = (struct elect__redis_sent){
        .conn = conn, .count = count, .deadline_ns = deadline_ns, .timer = {.at_ns = ELECT__NEVER, .fire = on_time}};
    if (!write_bytes(sent, commands, count)) {
        elect__redis_sent_free(sent);
        return NULL;
    }
    return sent;
}

static void write_out(struct elect__redis_sent *sent)
{
    struct elect__redis_conn *conn = sent->conn;
    if (!elect__stream_write(conn->stream, sent->bytes, sent->length))
        elect__redis_conn_timer(conn, &conn->broken, elect__redis_conn_now(conn));
    free_bytes(sent);
}

void elect__redis_sent_fly(struct elect__redis_sent *sent)
{
    struct elect__redis_conn *conn = sent->conn;
    put_in(&conn->flying, sent);
    sent->sent_ns = elect__redis_conn_now(conn);
    elect__redis_conn_timer(conn, &sent->timer, given_up_ns(sent));
    write_out(sent);
}

/* ---- all of them ---- */

void elect__redis_queue_flush(struct elect__redis_conn *conn)
{
    int64_t now_ns = elect__redis_conn_now(conn);
    struct elect__redis_sent *sent = TAILQ_FIRST(&conn->waiting);
    while (sent && !conn->broken.set && elect__stream_waiting(conn->stream) < OUTPUT_MAX) {
        struct elect__redis_sent *next = TAILQ_NEXT(sent, entry);
        if (conn->args.subscriber) { /* what comes of it is a push */
            write_out(sent);
            elect__redis_sent_free(sent);
        } else if (sent->deadline_ns > now_ns) { /* else its timer answers it */
            elect__redis_sent_fly(sent);
        }
        sent = next;
    }
}

static void take_push(struct elect__redis_conn *conn, const redisReply *reply)
{
    const redisReply *kind = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 ? reply->element[0] : NULL;
    bool named = kind && kind->type == REDIS_REPLY_STRING;
    bool pong = reply->type == REDIS_REPLY_STATUS || (named && strcmp(kind->str, "pong") == 0);
    bool denied = elect__reply_error_begins(reply, "NOPERM");
    if (denied && strstr(reply->str, "'ping'")) /* who refuses to answer it is alive as well */
        return;
    if (denied || (named && !pong))
        conn->args.events->push(conn->args.user, reply);
    else if (reply->type == REDIS_REPLY_ERROR)
        elect__redis_conn_fail(conn, ELECT_ESTORE, false, "the server refuses what a subscriber sends");
    else if (!pong)
        elect__redis_conn_fail(conn, ELECT_EUNREACHABLE, false, UNASKED);
}

void elect__redis_queue_reply(struct elect__redis_conn *conn, redisReply *reply)
{
    struct elect__redis_sent *sent = TAILQ_FIRST(&conn->flying);
    if (!sent) {
        if (conn->args.subscriber && conn->state == ELECT__REDIS_UP)
            take_push(conn, reply);
        else
            elect__redis_conn_fail(conn, ELECT_EUNREACHABLE, false, UNASKED);
        freeReplyObject(reply);
        return;
    }
    sent->replies[sent->got++] = reply;
    if (sent->got < sent->count)
        return;
    enum elect__redis_step step = sent->step;
    if (step == ELECT__REDIS_NO_STEP) {
        answer(sent, ELECT__REDIS_ANSWERED, NULL);
        return;
    }
    sent->got = 0; /* the reply is kept until the step was taken */
    elect__redis_sent_free(sent);
    elect__redis_login_answer(conn, step, reply);
    freeReplyObject(reply);
}

static bool was_sent(const struct elect__redis_sent *sent)
{
    return sent->sent_ns != 0 && !ELECT__PLANTED(REDIS_LOST_IS_NOT_SENT);
}

void elect__redis_queue_end(struct elect__redis_conn *conn)
{
    struct elect__redis_list *lists[] = {&conn->flying, &conn->waiting};
    struct elect__redis_fault fault = conn->fault;
    struct elect__redis_sent *sent;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        /* Apart from what is sent anew by those who hear of it. */
        while ((sent = TAILQ_FIRST(lists[i]))) {
            elect__redis_conn_timer(conn, &sent->timer, ELECT__NEVER);
            put_in(&conn->ended, sent);
        }
    }
    while (!conn->closed && (sent = TAILQ_FIRST(&conn->ended)))
        answer(sent, was_sent(sent) ? ELECT__REDIS_LOST : ELECT__REDIS_NOT_SENT, &fault);
}

void elect__redis_queue_drop(struct elect__redis_conn *conn)
{
    struct elect__redis_list *lists[] = {&conn->waiting, &conn->flying, &conn->ended};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        while (!TAILQ_EMPTY(lists[i]))
            elect__redis_sent_free(TAILQ_FIRST(lists[i]));
    }
}

/* Who has little time left does not wait for the end of a long rest: several tries fit into what is left. */
static void come_sooner(struct elect__redis_conn *conn, int64_t deadline_ns, int64_t now_ns)
{
    int64_t part_ns = (deadline_ns - now_ns) / 4;
    int64_t at_ns = now_ns + (part_ns > SOON_MIN_NS ? part_ns : SOON_MIN_NS);
    if (conn->state == ELECT__REDIS_RESTING && !conn->fault.lasting && conn->retry.set && at_ns < conn->retry.at_ns)
        elect__redis_conn_timer(conn, &conn->retry, at_ns);
}

bool elect__redis_conn_send(struct elect__redis_conn *conn, struct elect__redis_request *request,
                            const struct elect__redis_command *commands, int count, int64_t deadline_ns)
{
    assert(count > 0 && count <= ELECT__REDIS_COMMANDS && !conn->args.subscriber);
    if (request->sent) /* its answer would go to whoever comes to lie there next */
        return false;
    struct elect__redis_sent *sent = elect__redis_sent_new(conn, commands, count, deadline_ns);
    if (!sent)
        return false;
    int64_t now_ns = elect__redis_conn_now(conn);
    request->sent = sent;
    sent->request = request;
    sent->patience_ns = request->patience_ns;
    put_in(&conn->waiting, sent);
    if (conn->state == ELECT__REDIS_UP)
        elect__redis_queue_flush(conn);
    else
        come_sooner(conn, deadline_ns, now_ns);
    /* A moment that has passed comes at the next turn of the loop, never in this one: else who sends it again in answer
     * would hold the loop. */
    if (sent->list == &conn->waiting)
        elect__redis_conn_timer(conn, &sent->timer, deadline_ns > now_ns ? deadline_ns : now_ns + 1);
    return true;
}

void elect__redis_conn_cancel(struct elect__redis_conn *conn, struct elect__redis_request *request)
{
    struct elect__redis_sent *sent = request->sent;
    if (!sent)
        return;
    request->sent = NULL;
    sent->request = NULL;
    if (sent->list != &conn->flying)
        elect__redis_sent_free(sent);
}

bool elect__redis_conn_say(struct elect__redis_conn *conn, const struct elect__redis_command *command)
{
    assert(conn->args.subscriber);
    struct elect__redis_sent *sent = NULL;
    if (conn->state == ELECT__REDIS_UP)
        sent = elect__redis_sent_new(conn, command, 1, ELECT__NEVER);
    if (!sent)
        return false;
    put_in(&conn->waiting, sent);
    elect__redis_queue_flush(conn);
    return true;
}
