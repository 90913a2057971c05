/* A question under way: between redis_ask.c and redis_list.c. */
#ifndef ELECT_SRC_STORES_REDIS_ASK_H
#define ELECT_SRC_STORES_REDIS_ASK_H
#include "redis_store.h"

enum { ELECT__REDIS_PATTERN_SIZE = 2 * ELECT__REDIS_KEY_MAX + 8 };

typedef void elect__redis_take(struct elect__redis_question *question, redisReply *const *replies);

/* What was found of one election of a list. */
struct elect__redis_item {
    struct elect__redis_request request; /* first */
    struct elect__redis_question *question;
    struct elect__redis_keys *keys; /* while it is asked for */
    char *name, *id;                /* id NULL: nobody leads */
    enum elect__report_state state;
    uint64_t epoch;
    int64_t left_ms;
};

struct elect__redis_question {
    struct elect__redis_request request; /* first */
    struct elect__redis *redis;
    struct elect__query *query;
    struct elect__redis_question *previous, *next;
    elect__redis_take *take;
    struct elect__redis_keys *keys; /* of its election; NULL: of none */
    bool by_text;

    struct elect__status_view status; /* STATUS, until its last term is known */
    struct elect__redis_leader leader;
    uint64_t last_epoch;    /* of the record */
    int64_t lease_until_ms; /* of a term that is over, by the server's clock; 0: not known */

    char pattern[ELECT__REDIS_PATTERN_SIZE]; /* LIST */
    size_t before, behind;                   /* what a key has before and behind the name */
    char cursor[24];
    struct elect__redis_item *items;
    size_t count, room;
    size_t asked, under_way; /* of the items */
};

/* The end: takes json, frees the question, answers the query. */
void elect__redis_question_end(struct elect__redis_question *question, int32_t code, char *json, const char *text);
void elect__redis_question_json(struct elect__redis_question *question, char *json); /* NULL: out of memory */
/* answer: that there is none. */
void elect__redis_question_failed(struct elect__redis_question *question, const struct elect__redis_answer *answer);
void elect__redis_question_refused(struct elect__redis_question *question, const redisReply *reply);
/* Sends a request of the question's; its done is set. False: out of memory. */
bool elect__redis_question_post(struct elect__redis_question *question, struct elect__redis_request *request,
                                const char *key, const struct elect__redis_command *commands, int count);
/* take is called with the replies, and the question may be gone when this returns. */
void elect__redis_question_send(struct elect__redis_question *question, const struct elect__redis_command *commands,
                                int count, elect__redis_take *take);
void elect__redis_question_leader(const struct elect__redis_keys *keys, const struct elect__redis_holder *holder,
                                  struct elect__redis_leader *leader);

/* ---- redis_list.c ---- */
void elect__redis_question_list(struct elect__redis_question *question);
#endif
