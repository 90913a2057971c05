/* The acquires that a candidate sent, as far as their outcome matters: which locks are ours, and what may be done with
 * them. An attempt is 64 random bits, so a lock's value says which acquire of which start made it. */
#ifndef ELECT_SRC_TRIES_H
#define ELECT_SRC_TRIES_H
#include <stdint.h>

enum { ELECT__TRIES = 4 }; /* older ones count as somebody else's: safe, and a TTL slower */

enum elect__fate {
    ELECT__FATE_FOREIGN, /* not an acquire of this start, as far as is remembered */
    ELECT__FATE_OPEN,    /* sent, answer not known: its lock may be adopted */
    ELECT__FATE_SPENT,   /* announced, or answered too late: its lock is released when it is found */
    ELECT__FATE_RELEASED /* a release was sent: its lock is treated as somebody else's */
};

struct elect__tries {
    uint64_t random;
    uint64_t attempts[ELECT__TRIES];
    int64_t sent_ns[ELECT__TRIES];
    uint8_t fates[ELECT__TRIES]; /* enum elect__fate: bytes, for a process may hold ten thousand of these */
    uint8_t next;
};

/* The next 64 bits of the sequence that the seed began. */
uint64_t elect__tries_random(struct elect__tries *tries);
/* A new attempt, OPEN, never 0. */
uint64_t elect__tries_new(struct elect__tries *tries, int64_t now_ns);
enum elect__fate elect__tries_fate(const struct elect__tries *tries, uint64_t attempt);
void elect__tries_set(struct elect__tries *tries, uint64_t attempt, enum elect__fate fate);
/* Those that are OPEN and were sent before a time, or are not this attempt, are somebody else's from here on. */
void elect__tries_expire(struct elect__tries *tries, int64_t before_ns);
void elect__tries_supersede(struct elect__tries *tries, uint64_t attempt);
/* An OPEN attempt, or 0. */
uint64_t elect__tries_open(const struct elect__tries *tries);
void elect__tries_clear(struct elect__tries *tries);
#endif
