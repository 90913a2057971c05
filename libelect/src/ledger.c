#include "ledger.h"
#include <elect/elect.h>
#include <string.h>

enum { TOLERATED_US = 1000000 }; /* of a step back: so much longer a lease is waited for */

uint64_t elect__next_epoch(uint64_t stored, uint64_t seen, int64_t now_us)
{
    uint64_t epoch = stored > seen ? stored + 1 : seen + 1;
    if (stored >= ELECT__EPOCH_END || seen >= ELECT__EPOCH_END)
        return 0;
    if (ELECT__PLANTED(COUNTER_EPOCHS))
        epoch = stored + 1;
    else if (now_us > 0 && (uint64_t)now_us > epoch)
        epoch = (uint64_t)now_us;
    return epoch < ELECT__EPOCH_END ? epoch : 0;
}

void elect__ledger_expire(struct elect__ledger *ledger, int64_t now_us)
{
    if (ledger->lock.held && now_us >= ledger->lock.until_us)
        memset(&ledger->lock, 0, sizeof ledger->lock);
}

static bool names_lock(const struct elect__ledger *ledger)
{
    return ledger->record.epoch != 0 && ledger->record.attempt == ledger->lock.attempt;
}

static void answer_held(const struct elect__ledger *ledger, const struct elect__ledger_server *server,
                        const struct elect__ledger_request *request, struct elect__reply *reply)
{
    reply->outcome = ELECT__HELD;
    reply->attempt = ledger->lock.attempt;
    reply->epoch = names_lock(ledger) ? ledger->record.epoch : 0;
    reply->left_ns = (ledger->lock.until_us - server->now_us) * 1000;
    reply->own_id = ledger->lock.id == request->id;
}

/* A server that has just started may have forgotten a leader, whatever record it has: a snapshot may be older than the
 * lease. Uptime is what it knows of itself. */
static int64_t uptime_wait_us(const struct elect__ledger *ledger, const struct elect__ledger_server *server,
                              int64_t grace_us)
{
    if (ELECT__PLANTED(NO_GRACE) || (ELECT__PLANTED(RELEASED_SKIPS_GRACE) && ledger->record.released))
        return 0;
    return grace_us == 0 ? 0 : grace_us - (server->now_us - server->started_at_us);
}

/* A vanished lock is not a free lock: an operator's DEL or an eviction took it, and the leader does not know. */
static int64_t lease_wait_us(const struct elect__ledger *ledger, const struct elect__ledger_server *server)
{
    const struct elect__ledger_record *record = &ledger->record;
    if (record->epoch == 0 || record->released || ELECT__PLANTED(LOST_LOCK_IS_FREE))
        return 0;
    return record->lease_until_us - server->now_us;
}

/* No lease lasts longer than its TTL: the clock was stepped back. What may have been lost then is waited for once, as a lost
 * record is. */
static bool is_impossible(const struct elect__ledger *ledger, int64_t lease_us)
{
    return lease_us > ledger->record.ttl_us + TOLERATED_US;
}

/* A promoted replica may lack the lease in force, and its record may be of the term before, released or not. */
static bool server_changed(const struct elect__ledger *ledger, const struct elect__ledger_server *server,
                           const struct elect__ledger_request *request)
{
    const struct elect__ledger_record *record = &ledger->record;
    if (request->grace_us == 0 || record->epoch == 0 || ELECT__PLANTED(NO_GRACE))
        return false;
    if (ELECT__PLANTED(RELEASED_SKIPS_GRACE) && record->released)
        return false;
    return strcmp(record->server, server->id) != 0 && strcmp(request->op->server_waited, server->id) != 0;
}

static void grant(struct elect__ledger *ledger, const struct elect__ledger_server *server,
                  const struct elect__ledger_request *request, uint64_t epoch, struct elect__reply *reply)
{
    struct elect__ledger_lock *lock = &ledger->lock;
    struct elect__ledger_record *record = &ledger->record;
    lock->held = true;
    lock->attempt = record->attempt = request->op->attempt;
    lock->until_us = record->lease_until_us = server->now_us + request->ttl_us;
    lock->id = request->id;
    record->ttl_us = request->ttl_us;
    record->epoch = epoch;
    record->released = false;
    memcpy(record->server, server->id, sizeof record->server);
    reply->outcome = ELECT__WON;
    reply->attempt = request->op->attempt;
    reply->epoch = epoch;
}

/* Each refusal comes before any write. */
static void acquire(struct elect__ledger *ledger, const struct elect__ledger_server *server,
                    const struct elect__ledger_request *request, struct elect__reply *reply)
{
    const struct elect__op *op = request->op;
    int64_t uptime_us = uptime_wait_us(ledger, server, request->grace_us);
    int64_t lease_us = lease_wait_us(ledger, server);
    bool changed = server_changed(ledger, server, request);
    bool older = ledger->record.epoch < op->highest_epoch && !op->loss_waited;
    bool impossible = is_impossible(ledger, lease_us);
    uint64_t epoch;
    if (changed) /* told in every refusal, so that this grace runs beside the others */
        memcpy(reply->server, server->id, sizeof reply->server);
    if (changed && ELECT__PLANTED(SERVER_OVERWRITTEN))
        memcpy(ledger->record.server, server->id, sizeof ledger->record.server);
    if (impossible)
        lease_us = 0;
    if (uptime_us > 0 || lease_us > 0) {
        reply->outcome = ELECT__WAIT;
        reply->left_ns = (uptime_us > lease_us ? uptime_us : lease_us) * 1000;
    } else if ((older && !ELECT__PLANTED(LAST_LEASE_NOT_EPOCH)) || (impossible && !op->loss_waited)) {
        reply->outcome = ELECT__LOST_DATA;
    } else if (changed) {
        reply->outcome = ELECT__CHANGED;
    } else if ((epoch = elect__next_epoch(ledger->record.epoch, op->highest_epoch, server->now_us)) == 0) {
        reply->outcome = ELECT__REFUSED;
        reply->code = ELECT_ESTORE;
    } else {
        grant(ledger, server, request, epoch, reply);
    }
}

/* The whole value is compared, never only an id; and without its record a lock is lost, never repaired. */
static void renew(struct elect__ledger *ledger, const struct elect__ledger_server *server,
                  const struct elect__ledger_request *request, struct elect__reply *reply)
{
    const struct elect__op *op = request->op;
    if (!ledger->lock.held) {
        reply->outcome = ELECT__DELETED;
        return;
    }
    if (ledger->lock.attempt != op->attempt) {
        reply->outcome = ELECT__TAKEN;
        return;
    }
    if (ELECT__PLANTED(RENEW_REPAIRS_EPOCH) && !names_lock(ledger)) {
        ledger->record.epoch = op->epoch;
        ledger->record.attempt = op->attempt;
    }
    if (!names_lock(ledger) || ledger->record.epoch != op->epoch) {
        reply->outcome = ELECT__DELETED;
        return;
    }
    ledger->lock.until_us = ledger->record.lease_until_us = server->now_us + request->ttl_us;
    ledger->record.ttl_us = request->ttl_us;
    reply->outcome = ELECT__RENEWED;
    reply->attempt = op->attempt;
    reply->epoch = ledger->record.epoch;
}

static void release(struct elect__ledger *ledger, const struct elect__ledger_request *request,
                    struct elect__reply *reply)
{
    bool ours = ledger->lock.held && ledger->lock.attempt == request->op->attempt;
    if (ELECT__PLANTED(RELEASE_BY_ID))
        ours = ledger->lock.held && ledger->lock.id == request->id;
    reply->outcome = ELECT__RELEASED;
    if (!ours)
        return;
    if (names_lock(ledger))
        ledger->record.released = true;
    memset(&ledger->lock, 0, sizeof ledger->lock);
}

static void probe(struct elect__ledger *ledger, const struct elect__ledger_server *server, struct elect__reply *reply)
{
    int64_t lease_us = lease_wait_us(ledger, server);
    if (is_impossible(ledger, lease_us))
        lease_us = 0;
    reply->outcome = lease_us > 0 ? ELECT__WAIT : ELECT__FREE;
    reply->left_ns = lease_us > 0 ? lease_us * 1000 : 0;
}

void elect__ledger_apply(struct elect__ledger *ledger, const struct elect__ledger_server *server,
                         const struct elect__ledger_request *request, struct elect__reply *reply)
{
    const struct elect__op *op = request->op;
    memset(reply, 0, sizeof *reply);
    reply->seq = op->seq;
    elect__ledger_expire(ledger, server->now_us);
    bool own = ledger->lock.held && ledger->lock.id == request->id;
    if (op->verb == ELECT__RENEW) {
        renew(ledger, server, request, reply);
    } else if (op->verb == ELECT__RELEASE) {
        release(ledger, request, reply);
    } else if (ELECT__PLANTED(SAME_EPOCH) && op->verb == ELECT__ACQUIRE && own) {
        grant(ledger, server, request, ledger->record.epoch, reply);
    } else if (ledger->lock.held) {
        answer_held(ledger, server, request, reply);
    } else if (op->verb == ELECT__ACQUIRE) {
        acquire(ledger, server, request, reply);
    } else {
        probe(ledger, server, reply);
    }
}
