/* Pieces of replies, read strictly: what is not to the letter what was asked for is no answer. */
#ifndef ELECT_SRC_STORES_REDIS_REPLY_H
#define ELECT_SRC_STORES_REDIS_REPLY_H
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each takes NULL. The first two are here so that a static analysis sees that what passes them is none. */
static inline bool elect__reply_is_text(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING && reply->str;
}

static inline bool elect__reply_is_array(const redisReply *reply, size_t elements)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != elements)
        return false;
    return elements == 0 || reply->element;
}

bool elect__reply_is_error(const redisReply *reply);
/* An error that begins so. */
bool elect__reply_error_begins(const redisReply *reply, const char *word);
bool elect__reply_lacks_script(const redisReply *reply);
/* Digits of a number below 2^53. False, and 0: it is none. */
bool elect__reply_number(const redisReply *reply, uint64_t *out);
bool elect__reply_time(const redisReply *reply, int64_t *out);
/* TIME's. */
bool elect__reply_clock(const redisReply *reply, int64_t *server_us);
/* PTTL's: a lock without TTL stands for ever (-1). False: it is no such answer. */
bool elect__reply_left(const redisReply *reply, int64_t *left_ns);
#endif
