/* Where a Redis or Valkey server is, as its URL says. */
#ifndef ELECT_SRC_STORES_REDIS_TARGET_H
#define ELECT_SRC_STORES_REDIS_TARGET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elect__redis_target {
    bool tls;
    const char *path;        /* redis+unix:; else "" */
    const char *host, *port; /* without brackets; "6379" where none is given */
    const char *user;        /* ""; "default" is never said for it: AUTH has a form without */
    const char *password;    /* of the URL; "" */
    int64_t database;        /* 0 unless given */
    char *memory;            /* all of the above lie here */
};

/* redis://[user:password@]host[:port][/db], rediss:// (TLS), redis+unix://[user:password@]/path[?db=N]; the same with
 * valkey. ELECT_OK, ELECT_EINVAL or ELECT_ENOMEM, with the rule in rule, in which nothing secret stands. */
int32_t elect__redis_target_parse(const char *url, struct elect__redis_target *out, char *rule, size_t rule_size);
void elect__redis_target_free(struct elect__redis_target *target);
#endif
