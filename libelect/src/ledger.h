/* The rules that every store keeps, as a pure register: one lock with a TTL, one record of the last term without. The
 * memory: store and the simulator run on it; other stores do the same in their own means (Redis by scripts, a directory
 * by locks) and are held to it by the contract suite.
 *
 * Times are microseconds of the store's own clock, which is its wall clock: it may be stepped, and none of ours is
 * compared with it. */
#ifndef ELECT_SRC_LEDGER_H
#define ELECT_SRC_LEDGER_H
#include "election.h"

struct elect__ledger_lock {
    bool held;
    uint64_t id; /* as its request has it */
    uint64_t attempt;
    int64_t until_us; /* it expires by itself */
};

struct elect__ledger_record {
    uint64_t epoch; /* 0: no record */
    uint64_t attempt;
    int64_t lease_until_us; /* moved by each renewal */
    int64_t ttl_us;         /* of that lease */
    bool released;
    char server[ELECT__SERVER_SIZE]; /* that wrote it */
};

struct elect__ledger {
    struct elect__ledger_lock lock;
    struct elect__ledger_record record;
};

/* The server that keeps it: what a restart or a promotion changes. */
struct elect__ledger_server {
    char id[ELECT__SERVER_SIZE];
    int64_t now_us;
    int64_t started_at_us;
};

struct elect__ledger_request {
    const struct elect__op *op;
    uint64_t id; /* a hash of the candidate's instance id: for a warning only, nothing is decided by it */
    int64_t ttl_us;
    int64_t grace_us; /* restart_grace; 0: off */
};

/* Applies op at server->now_us and fills reply, but for what only a client knows. */
void elect__ledger_apply(struct elect__ledger *ledger, const struct elect__ledger_server *server,
                         const struct elect__ledger_request *request, struct elect__reply *reply);

/* A lock past its time is no lock. Every reader of a ledger calls this first. */
void elect__ledger_expire(struct elect__ledger *ledger, int64_t now_us);

/* max(stored + 1, seen + 1, now): it rises also where the record was lost, as long as the clock is not far behind. 0: the
 * stored epoch leaves no room. The one formula of epochs, for every store. */
uint64_t elect__next_epoch(uint64_t stored, uint64_t seen, int64_t now_us);
#endif
