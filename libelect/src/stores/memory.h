/* memory: a store that lives in one client, for tests. It keeps the rules of ledger.h by being one. */
#ifndef ELECT_SRC_STORES_MEMORY_H
#define ELECT_SRC_STORES_MEMORY_H
#include "../ledger.h"
#include "../report.h"
#include "../store.h"
#include "../table.h"

struct elect__url;

enum { ELECT__MEMORY_TERMS = 32 };

/* A term of the history, the newest first. */
struct elect__memory_term {
    struct elect__memory_term *older;
    uint64_t epoch;
    int64_t started_at_ms, ended_at_ms; /* 0: it has not ended */
    int32_t reason;
    char *hostname; /* in text, behind the id */
    char text[];
};

/* A candidate or observer, from attach to detach. */
struct elect__memory_seat {
    struct elect__slot *slot;
    struct elect__memory_register *of;
    struct elect__memory_seat *previous, *next;
    uint64_t attempt; /* of its last acquire or renewal: so the leader's seat is found */
};

struct elect__memory_register {
    struct elect__entry entry;
    struct elect__ledger ledger;
    struct elect__memory_seat *seats;
    struct elect__memory_term *terms;
    struct elect_leader *info; /* of the lock's holder; NULL: out of memory, or nobody */
    bool cut;
    bool rival;             /* somebody else holds it, or will as soon as it is free */
    uint64_t rival_attempt; /* that holds it; 0: not yet */
    int64_t rival_ttl_us;
    char *name; /* in text, behind the prefix */
    char text[];
};

struct elect__memory {
    struct elect__store store;
    struct elect__store_args args;
    int64_t real_zero_us, boot_zero_ns; /* its clock: the wall's at open, and never stepped since */
    uint64_t rivals;                    /* so many attempts of rivals were there */
    struct elect__table registers;
};

bool elect__memory_is_manual(const struct elect__url *url);
int64_t elect__memory_now_us(const struct elect__memory *memory);
/* NULL: there is none, or (make) out of memory. */
struct elect__memory_register *elect__memory_find(struct elect__memory *memory, const char *prefix, const char *name,
                                                  bool make);
void elect__memory_drop(struct elect__memory *memory, struct elect__memory_register *at);
/* Before anybody looks at it: leases that are over are gone, and a rival takes what is free. */
void elect__memory_refresh(struct elect__memory *memory, struct elect__memory_register *at);
void elect__memory_end_term(struct elect__memory_register *at, int64_t now_us, int32_t reason);
/* Somebody has released it, or (free false) something changed. */
void elect__memory_wake(struct elect__memory *memory, struct elect__memory_register *at, bool free);
/* The seat of the leader, or NULL. */
struct elect__memory_seat *elect__memory_leader(const struct elect__memory_register *at);
void elect__memory_retire(struct elect__memory *memory, struct elect__memory_register *at);

void elect__memory_query(struct elect__store *store, struct elect__query *query);
int32_t elect__memory_command(struct elect__store *store, const char *line);
#endif
