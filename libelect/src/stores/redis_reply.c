#include "redis_reply.h"
#include "../election.h"
#include <stdlib.h>
#include <string.h>

enum { NS_OF_MS = 1000000, US_OF_S = 1000000 };

bool elect__reply_is_error(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR && reply->str;
}

bool elect__reply_error_begins(const redisReply *reply, const char *word)
{
    return elect__reply_is_error(reply) && strncmp(reply->str, word, strlen(word)) == 0;
}

bool elect__reply_lacks_script(const redisReply *reply)
{
    return elect__reply_error_begins(reply, "NOSCRIPT");
}

bool elect__reply_number(const redisReply *reply, uint64_t *out)
{
    *out = 0;
    if (!elect__reply_is_text(reply) || reply->len == 0 || reply->len > 16 ||
        strspn(reply->str, "0123456789") != reply->len)
        return false;
    uint64_t number = strtoull(reply->str, NULL, 10);
    if (number >= ELECT__EPOCH_END)
        return false;
    *out = number;
    return true;
}

bool elect__reply_time(const redisReply *reply, int64_t *out)
{
    uint64_t number;
    bool read = elect__reply_number(reply, &number);
    *out = (int64_t)number;
    return read;
}

bool elect__reply_clock(const redisReply *reply, int64_t *server_us)
{
    uint64_t seconds, microseconds;
    if (!elect__reply_is_array(reply, 2) || !elect__reply_number(reply->element[0], &seconds) ||
        seconds > INT64_MAX / US_OF_S - 1 || !elect__reply_number(reply->element[1], &microseconds) ||
        microseconds >= US_OF_S)
        return false;
    *server_us = (int64_t)(seconds * US_OF_S + microseconds);
    return true;
}

bool elect__reply_left(const redisReply *left, int64_t *left_ns)
{
    if (!left || left->type != REDIS_REPLY_INTEGER || left->integer < -2 || left->integer > INT64_MAX / NS_OF_MS)
        return false;
    *left_ns = left->integer == -1 ? -1 : left->integer == -2 ? 0 : left->integer * NS_OF_MS;
    return true;
}
