/* One connection to a server, for ever: it connects, proves who it is, sends what it is given in order, gives each
 * reply to the request that it answers, and connects again, with jitter, when it ends. Nothing of an election is sent
 * before AUTH and SELECT were answered: a SELECT that failed was seen to run an acquire in database 0. */
#ifndef ELECT_SRC_STORES_REDIS_CONN_H
#define ELECT_SRC_STORES_REDIS_CONN_H
#include "../store.h"
#include "redis_resp.h"
#include "redis_target.h"

struct elect__redis_conn;
struct elect__redis_sent; /* what the connection keeps of a request */

/* A command: argc strings with lengths. */
enum { ELECT__REDIS_ARGS = 16, ELECT__REDIS_COMMANDS = 4 };
struct elect__redis_command {
    int argc;
    const char *argv[ELECT__REDIS_ARGS];
    size_t length[ELECT__REDIS_ARGS];
};
/* Of C strings, which it borrows. */
void elect__redis_command_of(struct elect__redis_command *command, int argc, const char *const *argv);

enum { ELECT__REDIS_TEXT_SIZE = 512 }; /* of what a person reads */

enum elect__redis_fate {
    ELECT__REDIS_ANSWERED, /* replies are there, one for each command; an error of the server is a reply */
    ELECT__REDIS_NOT_SENT, /* the server never saw it, and won't: code, text */
    ELECT__REDIS_LOST      /* it was sent, and no answer will come: it may have been applied: code, text */
};
struct elect__redis_answer {
    enum elect__redis_fate fate;
    redisReply *replies[ELECT__REDIS_COMMANDS]; /* lent for the call */
    int64_t sent_ns, received_ns;               /* when it was queued, and when the last reply came; boot clock */
    int32_t code;                               /* enum elect_code */
    const char *text;
};

/* Lies in what asks. While it is under way, sent is not NULL. patience_ns: so long the server may say nothing once it
 * was sent; 0: as the deadline has it. For what a person asks, whose deadline says nothing of the server. */
struct elect__redis_request {
    void (*done)(struct elect__redis_request *request, const struct elect__redis_answer *answer);
    struct elect__redis_sent *sent;
    int64_t patience_ns;
};

struct elect__redis_conn_events {
    /* AUTH and SELECT are answered; info: what INFO said, "" where it is refused. Requests that wait are sent after
     * it. */
    void (*up)(void *user, const char *info);
    /* It has ended, or could not be opened: after the requests that it had were answered. lasting: an operator has to
     * change something (password, certificate, database): code is ELECT_EAUTH or ELECT_ESTORE. */
    void (*down)(void *user, int32_t code, bool lasting, const char *text);
    /* A subscriber's message or confirmation, as SUBSCRIBE and PUBLISH make them: an array whose first element is a
     * string; or the error NOPERM, of a SUBSCRIBE. */
    void (*push)(void *user, const redisReply *reply);
};

struct elect__redis_conn_args {
    const struct elect__store_args *store;
    const struct elect__redis_target *target; /* lives as long as the connection */
    bool subscriber;                          /* replies are pushes; a PING shows every 5 s that it lives */
    const char *const *scripts;               /* to be loaded before it is up; NULL ends them */
    const struct elect__redis_conn_events *events;
    void *user;
};

/* Begins to connect. NULL: out of memory. */
struct elect__redis_conn *elect__redis_conn_open(const struct elect__redis_conn_args *args);
/* Requests under way are dropped without an answer. Also from within what it calls. */
void elect__redis_conn_close(struct elect__redis_conn *conn);
bool elect__redis_conn_is_up(const struct elect__redis_conn *conn);
/* When it came up last; boot clock; 0: never. */
int64_t elect__redis_conn_up_since_ns(const struct elect__redis_conn *conn);
/* What the last failure was, or NULL while up or not yet known. */
const char *elect__redis_conn_fault(const struct elect__redis_conn *conn, int32_t *code);
/* New credentials are there: tries now, if it waits to try again. */
void elect__redis_conn_hurry(struct elect__redis_conn *conn);

/* Copies the commands, which are sent in one go: as soon as it is up, and the server has taken enough of what was sent
 * before. done comes once, never from within this call. deadline_ns: past it nothing of the request is sent any more
 * (ELECT__REDIS_NOT_SENT). The connection counts as lost when the server has said nothing for a third of the time until
 * then (at least half a second), and when it has not answered half a second after it; or as the request's patience_ns
 * has it. False: out of memory, or the request is under way already. */
bool elect__redis_conn_send(struct elect__redis_conn *conn, struct elect__redis_request *request,
                            const struct elect__redis_command *commands, int count, int64_t deadline_ns);
/* done is not called any more. What was sent keeps its place among the replies. Takes a request that is not under
 * way. */
void elect__redis_conn_cancel(struct elect__redis_conn *conn, struct elect__redis_request *request);
/* A subscriber's command, such as SUBSCRIBE: what comes of it is a push. False: not up, or out of memory. */
bool elect__redis_conn_say(struct elect__redis_conn *conn, const struct elect__redis_command *command);
#endif
