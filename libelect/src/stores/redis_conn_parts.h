/* The parts of a connection: redis_conn.c (it begins, ends and begins again), redis_login.c (who we are, before it is
 * up), redis_queue.c (what was sent, and what answers it). */
#ifndef ELECT_SRC_STORES_REDIS_CONN_PARTS_H
#define ELECT_SRC_STORES_REDIS_CONN_PARTS_H
#include "../env.h"
#include "../heap.h"
#include "../net/stream.h"
#include "redis_conn.h"
#include <sys/queue.h>

enum elect__redis_state {
    ELECT__REDIS_RESTING, /* until it tries again */
    ELECT__REDIS_OPENING, /* the stream is */
    ELECT__REDIS_PROVING, /* AUTH and SELECT */
    ELECT__REDIS_ASKING,  /* what may fail: the name, scripts, INFO */
    ELECT__REDIS_UP
};

/* A command of the login, each sent as a request of its own. */
enum elect__redis_step {
    ELECT__REDIS_NO_STEP,
    ELECT__REDIS_AUTH,
    ELECT__REDIS_SELECT,
    ELECT__REDIS_EXTRA, /* its answer says nothing but whether the server is ready */
    ELECT__REDIS_LAST   /* INFO, or a subscriber's PING: it is up once this is answered */
};

TAILQ_HEAD(elect__redis_list, elect__redis_sent);
struct elect__redis_sent {
    TAILQ_ENTRY(elect__redis_sent) entry;
    struct elect__redis_list *list; /* that it is in */
    struct elect__redis_conn *conn;
    struct elect__redis_request *request; /* NULL: nobody waits for it */
    struct elect__timer timer;
    enum elect__redis_step step;
    int64_t deadline_ns, sent_ns; /* sent_ns 0: it waits */
    int64_t patience_ns;          /* the request's */
    int count, got;               /* commands and replies */
    redisReply *replies[ELECT__REDIS_COMMANDS];
    char *bytes; /* until they are written */
    size_t length;
};

struct elect__redis_fault {
    int32_t code; /* ELECT_OK: there is none */
    bool lasting;
    char text[ELECT__REDIS_TEXT_SIZE];
};

struct elect__redis_conn {
    struct elect__redis_conn_args args;
    char peer[ELECT__REDIS_TEXT_SIZE / 2]; /* as texts name it */
    enum elect__redis_state state;
    struct elect__stream *stream;
    struct elect__resp *resp;
    struct event *alarm; /* always pending: so to set it never fails */
    int64_t armed_ns;
    struct elect__heap timers;
    struct elect__timer retry, ping, broken; /* broken: a write failed, in a call that may not call back */
    struct elect__redis_list waiting, flying, ended;
    struct elect__redis_fault fault;
    int64_t up_since_ns;
    int64_t step_ns;         /* so long the answer to a step of the login may take */
    int64_t quiet_ns;        /* so long a subscriber hears nothing before it asks, and then before it gives up */
    int64_t heard_ns;        /* when something came last */
    int64_t pinged_ns;       /* 0: something came since */
    int tries;               /* without success */
    bool hurried;            /* meanwhile there are new credentials */
    bool unverified, warned; /* tls_verify=off; that was said */
    int inside;              /* calls of ours that are under way, and may call back */
    bool closed;             /* in one of them */
};

/* ---- redis_conn.c ---- */

int64_t elect__redis_conn_now(const struct elect__redis_conn *conn);
/* ELECT__NEVER: not at all. */
void elect__redis_conn_timer(struct elect__redis_conn *conn, struct elect__timer *timer, int64_t at_ns);
/* Ends the stream, answers what was asked and tells. Only from an event, never from within a call of others. */
void elect__redis_conn_fail(struct elect__redis_conn *conn, int32_t code, bool lasting, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same where nothing came since then. */
void elect__redis_conn_silent(struct elect__redis_conn *conn, int64_t since_ns);
/* The login is over. */
void elect__redis_conn_arrive(struct elect__redis_conn *conn, const char *info);

/* ---- redis_queue.c ---- */

/* The commands as bytes in a request that is in no list; NULL: out of memory. */
struct elect__redis_sent *elect__redis_sent_new(struct elect__redis_conn *conn,
                                                const struct elect__redis_command *commands, int count,
                                                int64_t deadline_ns);
/* Out of its list, without an answer. */
void elect__redis_sent_free(struct elect__redis_sent *sent);
/* Writes it, and awaits its replies. */
void elect__redis_sent_fly(struct elect__redis_sent *sent);
/* What waits, as far as its time has not come, and the stream has not more than it can send. What is left has to wait
 * for answers to what was sent. */
void elect__redis_queue_flush(struct elect__redis_conn *conn);
/* Gives a reply to what it answers, and frees it. */
void elect__redis_queue_reply(struct elect__redis_conn *conn, redisReply *reply);
/* Answers everything that is under way by the fault. */
void elect__redis_queue_end(struct elect__redis_conn *conn);
/* Drops it. */
void elect__redis_queue_drop(struct elect__redis_conn *conn);

/* ---- redis_login.c ---- */

void elect__redis_login_begin(struct elect__redis_conn *conn);
/* The answer to a step of the login. */
void elect__redis_login_answer(struct elect__redis_conn *conn, enum elect__redis_step step, const redisReply *reply);
#endif
