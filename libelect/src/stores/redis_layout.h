/* Which keys an election has, and what the lock's value is: our own layout, and those of locks that fleets come from.
 * The table of layouts is in redis_layout.c; no other file knows a key. */
#ifndef ELECT_SRC_STORES_REDIS_LAYOUT_H
#define ELECT_SRC_STORES_REDIS_LAYOUT_H
#include "../settings.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    ELECT__REDIS_KEY_MAX = 512,
    ELECT__REDIS_VALUE_SIZE = ELECT__INSTANCE_ID_MAX + 32 /* a lock's value as we write it, its end included */
};

struct elect__redis_layout {
    const char *name;
    /* Our own: the lock's value bears the attempt, and a term record without TTL outlives the lock. All others hold a
     * plain value, know no record, and are released by a DEL that tells nobody. */
    bool native;
    bool value_is_random; /* go-leader: 16 random bytes in base32 for each acquire, instead of the instance id */
    bool epoch_counts;    /* elector: the others raise epoch by INCR at each win */
    bool keeps_info;      /* plain, maplefile: a key of its own tells of the leader */
};

/* C strings; "" where a layout has none. One block of memory. */
struct elect__redis_keys {
    const struct elect__redis_layout *layout;
    const char *lock;
    const char *term, *history; /* native */
    const char *epoch, *info;   /* the others; info "": this layout keeps none */
    const char *channel;        /* where our candidates tell each other */
};

/* NULL: there is none of this name. */
const struct elect__redis_layout *elect__redis_layout_find(const char *name);
/* *out: malloc'd, to be freed by free. ELECT_OK, ELECT_EINVAL (error names the option) or ELECT_ENOMEM. */
int32_t elect__redis_keys_new(const struct elect__settings *settings, const char *name, struct elect__redis_keys **out,
                              char *error, size_t size);

/* The value with which an attempt locks. False: out of memory. */
bool elect__redis_value_write(const struct elect__redis_layout *layout, const struct elect__settings *settings,
                              const char *incarnation, uint64_t attempt, char out[ELECT__REDIS_VALUE_SIZE]);
/* The instance id in value (its length; all of it where it has no attempt) and the attempt, or 0: not ours to know. */
size_t elect__redis_value_read(const struct elect__redis_layout *layout, const char *value, uint64_t *attempt);
#endif
