/* redis: the parts of the store, for its own files only.
 *   redis.c         the class: open, attach, detach, close
 *   redis_seat.c    a candidate's operations: sent, answered, sent again where a script was missing
 *   redis_listen.c  the subscriber: wake-ups, and probes after it was deaf
 *   redis_check.c   what is found at each connect: fitness, warnings, the tier; the server's clock
 *   redis_ask.c     questions outside of elections
 *   redis_doctor.c  the long check */
#ifndef ELECT_SRC_STORES_REDIS_STORE_H
#define ELECT_SRC_STORES_REDIS_STORE_H
#include "../table.h"
#include "redis_clock.h"
#include "redis_link.h"
#include "redis_op.h"

struct elect__redis_seat;
struct elect__redis_question;

/* What INFO said of the server at the last connect. */
struct elect__redis_server {
    char version[32], product[16]; /* "7.0.15", "redis" or "valkey"; "": INFO is denied */
    char replid[ELECT__SERVER_SIZE];
    char policy[32]; /* maxmemory_policy */
    bool replica, aof, snapshots, knows_info;
    int replicas;
    int64_t uptime_s;
};

struct elect__redis {
    struct elect__store store;
    struct elect__store_args args;
    struct elect__redis_link link;
    struct elect__redis_server server;
    struct elect__redis_clock clock;
    bool stepped;                 /* its clock was, since we look */
    struct elect__table channels; /* of struct elect__redis_channel, by name */
    struct elect__table
        locks; /* of seats, by lock key: no two candidates of a client in one election, of two layouts */
    struct elect__redis_seat *seats;
    struct elect__redis_question *questions;
};

/* Logs never hold what is secret: texts come from redis_op.h and redis_conn.h, which see to it. */
void elect__redis_log(struct elect__redis *redis, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void elect__redis_submit(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op);
void elect__redis_query(struct elect__store *store, struct elect__query *query);

/* ---- redis_check.c ---- */
void elect__redis_check_connect(struct elect__redis *redis, const char *info);
/* A reading of the server's clock; tells all candidates when it was stepped. */
void elect__redis_check_clock(struct elect__redis *redis, int64_t server_us, int64_t sent_ns, int64_t received_ns);
/* "redis, asynchronously replicated", "redis, single node, no persistence", ... into out. */
const char *elect__redis_tier(const struct elect__redis *redis, char *out, size_t size);
/* What is unwise about this server, each a sentence; answers their number. */
enum { ELECT__REDIS_WARNINGS = 8, ELECT__REDIS_WARNING_SIZE = 200 };
int elect__redis_warnings(const struct elect__redis *redis, char out[ELECT__REDIS_WARNINGS][ELECT__REDIS_WARNING_SIZE]);
#endif
