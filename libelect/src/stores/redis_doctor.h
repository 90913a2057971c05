/* The long check of a Redis server, in parts: redis_doctor.c goes from one to the next, redis_doctor_rights.c tries
 * what the user may do, redis_doctor_server.c judges what INFO says. */
#ifndef ELECT_SRC_STORES_REDIS_DOCTOR_H
#define ELECT_SRC_STORES_REDIS_DOCTOR_H
#include "../doctor.h"
#include "redis_reply.h"
#include "redis_rights.h"
#include "redis_store.h"
#include <event2/event_struct.h>

enum { ELECT__DOCTOR_LIST = 400, ELECT__DOCTOR_ROUNDS = 100 };

struct elect__redis_visit {
    struct elect__redis_request request; /* first */
    struct elect__redis_conn *conn;      /* that the request went by */
    struct elect__redis *redis;
    struct elect__query *query;
    struct elect__redis_visit *previous, *next;
    struct elect__doctor doctor;
    void (*take)(struct elect__redis_visit *visit, const struct elect__redis_answer *answer);
    struct event timer;
    bool timed; /* the timer has been assigned */

    bool met;  /* the server has answered */
    int tries; /* before that */
    struct elect__redis_keys *keys;
    char database[24];
    int right;    /* being tried */
    bool written; /* SET was answered by OK: there is a string, with an end */
    /* What is denied: as ACL rules, and what is lost by it. */
    char missing[ELECT__DOCTOR_LIST], unwise[ELECT__DOCTOR_LIST], losses[ELECT__DOCTOR_LIST];

    struct elect__redis_conn *listener; /* of our own: what it hears is nobody else's */
    bool published, heard;

    struct elect__redis_clock clock;
    int round;
    bool no_script;
};

/* One command; take gets its answer, always ELECT__REDIS_ANSWERED. After it the visit may be gone. */
void elect__redis_visit_send(struct elect__redis_visit *visit, const char *const *argv, int argc,
                             void (*take)(struct elect__redis_visit *visit, const struct elect__redis_answer *answer));

/* Tries them all, and goes on to elect__redis_visit_listen. */
void elect__redis_visit_rights(struct elect__redis_visit *visit);
/* error: of a command. Notes what is denied by it; false: nothing is. */
bool elect__redis_visit_denied(struct elect__redis_visit *visit, enum elect__redis_right right, const char *error);
void elect__redis_visit_find_rights(struct elect__redis_visit *visit);
/* info: INFO's text; NULL: it is denied. */
void elect__redis_visit_find_server(struct elect__redis_visit *visit, const char *info);
void elect__redis_visit_find_way(struct elect__redis_visit *visit);
void elect__redis_visit_listen(struct elect__redis_visit *visit);
#endif
