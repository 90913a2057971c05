/* Which connection serves a key: the one place that will know of Sentinels and of a cluster's slots. Today there is one
 * server: one connection carries the commands of all elections, one more those that wait for replicas (WAIT counts only
 * its own connection's writes), and one subscribes. */
#ifndef ELECT_SRC_STORES_REDIS_LINK_H
#define ELECT_SRC_STORES_REDIS_LINK_H
#include "redis_conn.h"

struct elect__redis;
enum elect__redis_use {
    ELECT__REDIS_COMMANDS_OF_ALL,
    ELECT__REDIS_COMMANDS_WITH_WAIT,
    ELECT__REDIS_SUBSCRIBER,
    ELECT__REDIS_USES
};

struct elect__redis_link {
    struct elect__redis_target target;
    struct elect__redis_conn *conns[ELECT__REDIS_USES]; /* NULL: not needed yet */
    bool was_up[ELECT__REDIS_USES];
};

/* Reads the URL and connects: for commands and to subscribe. */
int32_t elect__redis_link_open(struct elect__redis *redis, char *error, size_t size);
/* The connection for key; opened when it is needed first. NULL: out of memory. */
struct elect__redis_conn *elect__redis_link_conn(struct elect__redis *redis, enum elect__redis_use use,
                                                 const char *key);
void elect__redis_link_close(struct elect__redis *redis);
#endif
