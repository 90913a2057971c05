#include "election_parts.h"
#include <elect/elect.h>
#include <string.h>

/* An operation is given up after this long at the latest: by then another connection may do better. */
#define PATIENCE_NS (5 * ELECT__S)

/* ---- operations ---- */

static struct elect__op *send_op(struct elect__fsm *f, enum elect__verb verb, int64_t now_ns, int64_t deadline_ns)
{
    assert(f->op.verb == ELECT__NO_OP);
    memset(&f->op, 0, sizeof f->op);
    f->op.verb = verb;
    f->op.seq = ++f->last_seq;
    f->op.sent_at_ns = now_ns;
    f->op.deadline_ns = min_ns(deadline_ns, now_ns + PATIENCE_NS);
    return &f->op;
}

static int64_t fresh_deadline(const struct elect__fsm *f, int64_t now_ns)
{
    return now_ns + f->config.ttl_ns - f->config.margin_ns;
}

static void send_probe(struct elect__fsm *f, int64_t now_ns)
{
    send_op(f, ELECT__PROBE, now_ns, fresh_deadline(f, now_ns));
    f->look = false;
}

static void send_acquire(struct elect__fsm *f, int64_t now_ns)
{
    struct elect__op *op = send_op(f, ELECT__ACQUIRE, now_ns, fresh_deadline(f, now_ns));
    if (f->loss_until_ns != 0 && now_ns - f->loss_until_ns > f->config.ttl_ns && !ELECT__PLANTED(LOSS_WAITED_FOR_EVER))
        f->loss_until_ns = 0; /* data that is missing now may be another loss: this one was waited for long ago */
    op->attempt = elect__tries_new(&f->tries, now_ns);
    op->highest_epoch = ELECT__PLANTED(FORGET_HIGHEST_EPOCH) ? 0 : f->highest_epoch;
    op->loss_waited = f->loss_until_ns != 0; /* plan_standing waits it out before it comes here */
    memcpy(op->server_waited, f->server, sizeof op->server_waited);
}

static void send_renew(struct elect__fsm *f, uint64_t attempt, uint64_t epoch, int64_t now_ns, int64_t deadline_ns)
{
    struct elect__op *op = send_op(f, ELECT__RENEW, now_ns, deadline_ns);
    op->attempt = attempt;
    op->epoch = epoch;
}

/* From here on this attempt is never adopted: the release may arrive at any time. */
static void send_release(struct elect__fsm *f, uint64_t attempt, uint64_t epoch, int32_t reason, int64_t now_ns)
{
    struct elect__op *op = send_op(f, ELECT__RELEASE, now_ns, fresh_deadline(f, now_ns));
    op->attempt = attempt;
    op->epoch = epoch;
    op->reason = reason;
    elect__tries_set(&f->tries, attempt, ELECT__FATE_RELEASED);
}

/* Step down here first, then tell the store: the other order has two leaders while the answer travels. */
static void release_term(struct elect__fsm *f, int64_t now_ns)
{
    send_release(f, f->attempt, f->lease.epoch, f->reason, now_ns);
    f->state = ELECT__RELEASING;
    if (ELECT__PLANTED(RELEASE_BEFORE_STEPPING_DOWN))
        f->lease.lead_until_ns = f->lease.lease_until_ns;
    else
        memset(&f->lease, 0, sizeof f->lease);
}

static void closed(struct elect__fsm *f, struct elect__output *out)
{
    f->state = ELECT__CLOSED; /* a lease that still runs out while the user works stays readable until then */
    f->op.verb = ELECT__NO_OP;
    note(out, ELECT__NOTE_CLOSED);
}

/* ---- what to do next: at most one operation, and when to look again ---- */

static void wake_by(struct elect__fsm *f, int64_t at_ns)
{
    f->wake_at_ns = min_ns(f->wake_at_ns, at_ns);
}

static void plan_term(struct elect__fsm *f, int64_t now_ns, struct elect__output *out)
{
    bool draining = f->state == ELECT__DRAINING;
    if (draining && f->lapsing && f->stopping) {
        closed(f, out); /* unreleased: the work goes on, so the lease runs out by itself */
        return;
    }
    if (f->op.verb == ELECT__NO_OP && draining && (!f->working || ELECT__PLANTED(EARLY_RELEASE))) {
        release_term(f, now_ns);
        wake_by(f, f->op.deadline_ns);
        return;
    }
    if (f->op.verb == ELECT__NO_OP && !f->lapsing && now_ns >= f->renew_at_ns)
        send_renew(f, f->attempt, f->lease.epoch, now_ns, f->lease.lease_until_ns);
    wake_by(f, f->lease.lease_until_ns);
    if (draining && f->working && !f->lapsing)
        wake_by(f, f->drain_until_ns);
    if (f->op.verb != ELECT__NO_OP) {
        wake_by(f, f->op.deadline_ns);
    } else if (!f->lapsing) {
        f->wake_exact = f->wake_at_ns < f->renew_at_ns;
        wake_by(f, f->renew_at_ns);
    }
}

/* Not before the last term's work has ended, a resignation's back-off and the graces are over. */
static int64_t may_stand_at(const struct elect__fsm *f)
{
    int64_t at_ns = max_ns(f->stand_at_ns, f->not_before_ns);
    return max_ns(at_ns, max_ns(f->loss_until_ns, f->grace_until_ns));
}

static void plan_standing(struct elect__fsm *f, int64_t now_ns)
{
    /* Who must not stand yet looks: not every store tells of another leader. */
    bool waits = now_ns < f->not_before_ns || (f->working && !ELECT__PLANTED(SECOND_STANDING));
    bool probe = f->config.observer || f->probe_first || waits;
    int64_t at_ns = probe ? f->stand_at_ns : may_stand_at(f);
    if (f->look || (probe && now_ns >= at_ns))
        send_probe(f, now_ns);
    else if (now_ns >= at_ns)
        send_acquire(f, now_ns);
    else
        wake_by(f, at_ns);
}

static void plan_following(struct elect__fsm *f, int64_t now_ns, struct elect__output *out)
{
    if (f->stopping && f->stray == 0 && f->op.verb == ELECT__NO_OP)
        f->stray = elect__tries_open(&f->tries); /* an acquire without an answer may yet be granted */
    if (f->working && !f->lapsing)
        wake_by(f, f->drain_until_ns);
    if (f->op.verb != ELECT__NO_OP) {
        wake_by(f, f->op.deadline_ns);
        return;
    }
    if (f->stray != 0) {
        send_release(f, f->stray, f->stray_epoch, ELECT_REASON_EXPIRED, now_ns);
        f->stray = f->stray_epoch = 0;
    } else if (f->stopping) {
        if (!f->working || f->lapsing)
            closed(f, out);
        return;
    } else if (f->adopt != 0) {
        send_renew(f, f->adopt, f->adopt_epoch, now_ns, fresh_deadline(f, now_ns));
    } else {
        plan_standing(f, now_ns);
    }
    f->adopt = f->adopt_epoch = 0;
    if (f->op.verb != ELECT__NO_OP)
        wake_by(f, f->op.deadline_ns);
}

void elect__fsm_plan(struct elect__fsm *f, int64_t now_ns, struct elect__output *out)
{
    uint64_t seq = f->last_seq;
    f->wake_at_ns = ELECT__NEVER;
    f->wake_exact = true;
    if (f->state == ELECT__LEADING || f->state == ELECT__DRAINING)
        plan_term(f, now_ns, out);
    else if (f->state == ELECT__FOLLOWING)
        plan_following(f, now_ns, out);
    else if (f->state == ELECT__RELEASING)
        wake_by(f, f->op.deadline_ns);
    if (f->last_seq != seq)
        out->op = f->op;
}
