/* A server of the test's own and candidates that ask it by redis_op.h alone, over a plain blocking connection: the scripts
 * and the readers of their replies, without the library's own transport. */
#ifndef ELECT_TESTS_REDIS_PLAY_H
#define ELECT_TESTS_REDIS_PLAY_H
#include "redis/server.h"
#include "stores/redis_op.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOCK "elect:{job}:leader"
#define TERM "elect:{job}:term"
#define HISTORY "elect:{job}:history"
#define PLAIN_LOCK "app:lock"
#define PLAY_TTL_NS INT64_C(3600000000000) /* no lease ends by itself while a test looks */

struct play {
    struct redis_server *server;
    redisContext *link;
    struct elect__settings settings; /* of the candidates that enter from here on */
};

struct rival {
    struct play *play;
    struct elect__settings settings;
    struct elect__redis_keys *keys;
    struct elect__redis_party party;
    char incarnation[33];
    /* of the last answer */
    redisReply *replies[ELECT__REDIS_COMMANDS];
    struct elect__reply reply;
    struct elect__redis_found found;
    enum elect__redis_read read;
    char text[512];
    uint64_t seq;
};

void play_open(struct play *play);
void play_close(struct play *play);
/* The connection speaks as this user from here on. */
void play_as(struct play *play, const char *user, const char *password);
/* The connection speaks as a user who may do all but ask for INFO. */
void play_deny_info(struct play *play);
/* As the server says it; below 0 where its clock was stepped back. */
long long play_uptime_s(struct play *play);
/* Of which the server has started so long ago that a grace of 1 ms is over. */
void play_age(struct play *play);
/* The server's clock. */
int64_t play_now_us(struct play *play);
/* The server becomes another, as by a promotion; id: its new one. */
void play_promote(struct play *play, char id[ELECT__SERVER_SIZE]);
void play_server_id(struct play *play, char id[ELECT__SERVER_SIZE]);
/* One command over the connection, by words; to be freed. */
redisReply *play_ask(struct play *play, const char *format, ...);
void play_do(struct play *play, const char *format, ...);
/* The string that key, or field of the hash key, holds, in text; "(none)". */
const char *play_get(struct play *play, const char *key, const char *field, char text[8192]);

void rival_enter(struct rival *rival, struct play *play, const char *id);
void rival_leave(struct rival *rival);
/* The outcome of op; sent by EVALSHA, and by EVAL where the server does not know the script. 0: it was NO_INFO. */
enum elect__outcome rival_do(struct rival *rival, struct elect__op op);
#define DO(rival, ...) rival_do((rival), (struct elect__op){__VA_ARGS__})
/* Acquires by attempt and demands WON; the epoch. */
uint64_t rival_win(struct rival *rival, uint64_t attempt);
enum elect__outcome rival_acquire(struct rival *rival, uint64_t attempt);
enum elect__outcome rival_renew(struct rival *rival, uint64_t attempt, uint64_t epoch);
enum elect__outcome rival_release(struct rival *rival, uint64_t attempt, uint64_t epoch);
/* DEPOSE or FORGET: the code, and a text in rival->text. */
int32_t rival_ask(struct rival *rival, enum elect__query_kind kind, uint64_t epoch);
/* Who leads; lent by rival->replies. */
struct elect__redis_holder rival_holder(struct rival *rival);

/* Two candidates of one election. */
struct pair {
    struct play play;
    struct rival a, b;
    char text[8192];
};

/* layout plain is that of PLAIN_LOCK. */
void pair_open(struct pair *pair, const char *layout);
void pair_close(struct pair *pair);
/* play_get, in pair->text. */
const char *pair_get(struct pair *pair, const char *key, const char *field);
/* The integer that a command of one key answers. */
long long pair_number(struct pair *pair, const char *format, const char *key);
#endif
