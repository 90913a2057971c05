/* Redis' wire format: replies by hiredis, with limits, for what a server sends is never trusted; and commands. */
#ifndef ELECT_SRC_STORES_REDIS_RESP_H
#define ELECT_SRC_STORES_REDIS_RESP_H
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    ELECT__RESP_REPLY_MAX = 1024 * 1024, /* bytes of one reply, whatever it is made of */
    ELECT__RESP_ELEMENTS_MAX = 4096,     /* of one array */
    ELECT__RESP_DEPTH_MAX = 8
};

struct elect__resp;
struct elect__resp *elect__resp_new(void); /* NULL: out of memory */
void elect__resp_free(struct elect__resp *resp);
/* False: out of memory. */
bool elect__resp_feed(struct elect__resp *resp, const char *bytes, size_t length);
/* 1: *reply is the next one, to be freed by freeReplyObject. 0: none is whole yet. -1: what came is no RESP2, or over a
 * limit: error says what, without the server's bytes but for a few that are shown safely. */
int elect__resp_next(struct elect__resp *resp, redisReply **reply, char *error, size_t size);

/* The bytes that a command takes: argc strings of these lengths. */
size_t elect__resp_size(int argc, const size_t *length);
/* Writes it to at, where there are so many; answers their end. */
char *elect__resp_write(char *at, int argc, const char *const *argv, const size_t *length);
#endif
