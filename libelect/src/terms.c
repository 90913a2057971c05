/* A term begins, is lost, is drained. */
#include "election_parts.h"
#include <elect/elect.h>
#include <string.h>

void elect__fsm_tell_fault(struct elect__fsm *f, int32_t code, enum elect__cause cause, struct elect__output *out)
{
    if (f->fault == code)
        return;
    f->fault = code;
    struct elect__note *n = note(out, ELECT__NOTE_ERROR);
    n->code = code;
    n->cause = cause;
}

/* The promise hangs on this formula: the store may have started the lease the moment the request left us, so it counts
 * from there, never from the answer; and our clock may be slower than the store's by the margin. */
int64_t elect__fsm_deadline(const struct elect__fsm *f, int64_t sent_at_ns, int64_t now_ns)
{
    int64_t from_ns = ELECT__PLANTED(DEADLINE_FROM_ANSWER) ? now_ns : sent_at_ns;
    return from_ns + f->config.ttl_ns - (ELECT__PLANTED(MARGIN_ZERO) ? 0 : f->config.margin_ns);
}

void elect__fsm_end_graces(struct elect__fsm *f)
{
    f->loss_until_ns = 0;
    f->grace_until_ns = 0;
    f->server[0] = '\0';
}

/* An epoch is announced once: one that is not above the last announced comes of a store that went wrong. Who resigned
 * leads no earlier than it said, whatever is granted until then. */
bool elect__fsm_may_lead(const struct elect__fsm *f, const struct elect__op *op, uint64_t epoch, int64_t now_ns)
{
    if (f->stopping || now_ns < f->not_before_ns)
        return false;
    if (epoch <= f->announced_epoch && !ELECT__PLANTED(EPOCH_TWICE) && !ELECT__PLANTED(ADOPT_AFTER_LOST) &&
        !ELECT__PLANTED(ADOPT_AFTER_RELEASE))
        return false;
    return now_ns < op->deadline_ns || ELECT__PLANTED(LATE_ACQUIRE_ELECTS);
}

void elect__fsm_elected(struct elect__fsm *f, const struct elect__op *op, uint64_t epoch, int64_t now_ns,
                        struct elect__output *out)
{
    assert(f->state == ELECT__FOLLOWING);
    f->state = ELECT__LEADING;
    f->lease.epoch = epoch;
    f->lease.lease_until_ns = f->lease.lead_until_ns = elect__fsm_deadline(f, op->sent_at_ns, now_ns);
    f->renew_at_ns = op->sent_at_ns + f->config.heartbeat_ns;
    f->attempt = op->attempt;
    f->announced_epoch = epoch;
    f->working = true;
    f->lapsing = f->heard = f->look = f->woken = false;
    f->fault = f->failure = 0;
    f->widen = 0;
    elect__fsm_end_graces(f);
    elect__tries_set(&f->tries, op->attempt, ELECT__FATE_SPENT);
    note(out, ELECT__NOTE_ELECTED)->epoch = epoch;
}

static void tell_lost(struct elect__fsm *f, int32_t reason, int64_t now_ns, struct elect__output *out)
{
    struct elect__note *n = note(out, ELECT__NOTE_LOST);
    n->epoch = f->lease.epoch;
    n->reason = reason;
    f->reason = reason;
    f->drain_until_ns = now_ns + f->config.drain_ns;
}

void elect__fsm_lost(struct elect__fsm *f, int32_t reason, int64_t now_ns, struct elect__output *out)
{
    if (f->state == ELECT__LEADING) {
        tell_lost(f, reason, now_ns, out);
        if (reason == ELECT_REASON_UNREACHABLE || reason == ELECT_REASON_EXPIRED)
            elect__fsm_tell_fault(f, f->failure != 0 ? f->failure : ELECT_EUNREACHABLE, ELECT__CAUSE_STORE, out);
    }
    f->state = ELECT__FOLLOWING;
    memset(&f->lease, 0, sizeof f->lease);
    f->op.verb = ELECT__NO_OP; /* an answer to the last renewal finds no operation: it can't revive the term */
    f->stand_at_ns = now_ns;
    f->probe_first = true;
}

void elect__fsm_drain(struct elect__fsm *f, int32_t reason, int64_t now_ns, struct elect__output *out)
{
    tell_lost(f, reason, now_ns, out);
    f->state = ELECT__DRAINING;
    f->lease.lead_until_ns = 0;
}

/* PAUSED when our own timer was late, EXPIRED when answers came but none in time, else UNREACHABLE. */
int32_t elect__fsm_expiry(const struct elect__fsm *f, int64_t now_ns)
{
    if (now_ns - f->wake_at_ns > f->config.margin_ns)
        return ELECT_REASON_PAUSED;
    return f->heard ? ELECT_REASON_EXPIRED : ELECT_REASON_UNREACHABLE;
}
