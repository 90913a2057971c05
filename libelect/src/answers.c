/* What an answer of the store changes. */
#include "election_parts.h"
#include <elect/elect.h>
#include <string.h>

/* A follower tries this long after the lease's end, plus up to as much again twice: so that a thousand don't at once. */
#define AFTER_LEASE_NS (2 * ELECT__MS)
#define SPREAD_NS (4 * ELECT__MS)
#define WIDEN_MAX 6
#define RENEW_PAUSE_MIN_NS (10 * ELECT__MS)

static int64_t jitter(struct elect__fsm *f, int64_t bound_ns)
{
    return (int64_t)(elect__tries_random(&f->tries) % (uint64_t)bound_ns);
}

/* May this answer follow that operation at all? A pipeline that slipped by one must not make leaders. */
static bool fits(const struct elect__op *op, const struct elect__reply *r)
{
    static const unsigned outcomes[] = {
        [ELECT__PROBE] = 1u << ELECT__HELD | 1u << ELECT__FREE | 1u << ELECT__WAIT,
        [ELECT__ACQUIRE] =
            1u << ELECT__WON | 1u << ELECT__HELD | 1u << ELECT__WAIT | 1u << ELECT__CHANGED | 1u << ELECT__LOST_DATA,
        [ELECT__RENEW] = 1u << ELECT__RENEWED | 1u << ELECT__TAKEN | 1u << ELECT__DELETED,
        [ELECT__RELEASE] = 1u << ELECT__RELEASED,
    };
    unsigned failures = 1u << ELECT__UNKNOWN | 1u << ELECT__REFUSED;
    if (((outcomes[op->verb] | failures) >> r->outcome & 1u) == 0 || r->epoch >= ELECT__EPOCH_END)
        return false;
    if (r->outcome == ELECT__WON)
        return r->attempt == op->attempt && r->epoch != 0;
    if (r->outcome == ELECT__RENEWED)
        return r->attempt == op->attempt && r->epoch == op->epoch;
    return true;
}

static void retry_later(struct elect__fsm *f, int64_t now_ns)
{
    f->stand_at_ns = now_ns + f->config.retry_ns + jitter(f, f->config.retry_ns / 4 + 1);
    f->probe_first = true;
}

/* UNKNOWN and REFUSED while following. */
static void failed(struct elect__fsm *f, const struct elect__reply *r, int64_t now_ns, struct elect__output *out)
{
    retry_later(f, now_ns);
    elect__fsm_tell_fault(f, r->code != 0 ? r->code : ELECT_ESTORE, ELECT__CAUSE_STORE, out);
}

/* The store's number is another machine's word: a wait is never longer than the lease could be here. */
static void wait_for_lease(struct elect__fsm *f, int64_t left_ns, int64_t poll_ns, int64_t now_ns)
{
    int64_t longest_ns = f->config.ttl_ns + f->config.margin_ns;
    if (left_ns < 0 || left_ns > longest_ns)
        left_ns = longest_ns;
    if (poll_ns > 0)
        left_ns = min_ns(left_ns, poll_ns);
    f->stand_at_ns = now_ns + left_ns + (AFTER_LEASE_NS + jitter(f, SPREAD_NS)) * (1 << f->widen);
    f->probe_first = true;
    if (f->woken) /* this answer may be older than the change */
        f->stand_at_ns = now_ns;
    f->woken = false;
}

/* What an acquire says of the past (highest_epoch, loss_waited) is old once a later term was seen, or two TTL have passed, by
 * which a lock that was granted in time is over: one that is granted then may hide another leader's lease. So it counts as
 * somebody else's, and is left to its TTL, which outlasts that lease. */
static void age_tries(struct elect__fsm *f, const struct elect__reply *r, int64_t now_ns)
{
    if (r->epoch > f->highest_epoch && !ELECT__PLANTED(ADOPT_SUPERSEDED))
        elect__tries_supersede(&f->tries, r->attempt);
    if (!ELECT__PLANTED(ADOPT_FOR_EVER))
        elect__tries_expire(&f->tries, now_ns - 2 * f->config.ttl_ns);
}

/* A lock of ours is adopted only if this start sent that very attempt, no release was sent for it, its epoch was not
 * announced, and none above was seen. One that we have lost, or that comes while we step back, is released before we stand
 * again. Anything else is somebody else's. */
static void held(struct elect__fsm *f, const struct elect__op *op, const struct elect__reply *r, int64_t now_ns)
{
    enum elect__fate fate = elect__tries_fate(&f->tries, r->attempt);
    bool newest = r->epoch == f->highest_epoch || ELECT__PLANTED(ADOPT_SUPERSEDED);
    bool adoptable = fate == ELECT__FATE_OPEN && r->epoch > f->announced_epoch && newest;
    if (ELECT__PLANTED(ADOPT_FOREIGN) && r->own_id)
        adoptable = true;
    if (ELECT__PLANTED(ADOPT_AFTER_LOST) && fate == ELECT__FATE_SPENT)
        adoptable = true;
    if (ELECT__PLANTED(ADOPT_AFTER_RELEASE) && fate == ELECT__FATE_RELEASED)
        adoptable = true;
    elect__fsm_end_graces(f);
    if (op->verb == ELECT__ACQUIRE || r->left_ns == 0)
        f->widen = f->widen < WIDEN_MAX ? f->widen + 1 : WIDEN_MAX;
    else
        f->widen = 0;
    wait_for_lease(f, r->left_ns, r->poll_ns, now_ns);
    if (f->working) /* released early, its successor would lead while our work goes on */
        return;
    if (adoptable && !f->stopping) {
        f->adopt = r->attempt;
        f->adopt_epoch = r->epoch;
    } else if (fate == ELECT__FATE_OPEN || fate == ELECT__FATE_SPENT) {
        f->stray = r->attempt;
        f->stray_epoch = r->epoch;
    }
}

/* A wait on our own clock: it and the old leader's may be off in opposite directions, hence the margin. */
static int64_t wait_out(const struct elect__fsm *f, int64_t longest_ns, int64_t now_ns)
{
    return now_ns + longest_ns + (ELECT__PLANTED(GRACE_WITHOUT_MARGIN) ? 0 : f->config.margin_ns);
}

/* Another server than the record's: it may be a replica that never saw the lease in force. */
static void start_grace(struct elect__fsm *f, const char *server, int64_t now_ns)
{
    if (strncmp(server, f->server, sizeof f->server) == 0)
        return;
    memcpy(f->server, server, sizeof f->server);
    f->server[sizeof f->server - 1] = '\0';
    f->grace_until_ns = wait_out(f, f->config.grace_ns, now_ns);
    if (ELECT__PLANTED(SERVER_GRACE_SKIPPED))
        f->grace_until_ns = now_ns;
}

static void acquire_answered(struct elect__fsm *f, const struct elect__op *op, const struct elect__reply *r,
                             int64_t now_ns, struct elect__output *out)
{
    if (r->outcome == ELECT__WON && elect__fsm_may_lead(f, op, r->epoch, now_ns)) {
        elect__fsm_elected(f, op, r->epoch, now_ns, out);
        return;
    }
    if (r->outcome == ELECT__WON) { /* too late, or no longer wanted: the lock must not stand until it expires */
        f->stray = op->attempt;
        f->stray_epoch = r->epoch;
        f->stand_at_ns = now_ns;
        f->probe_first = false;
        elect__fsm_end_graces(f); /* this grant used them up: what is lost from here on is another loss */
        return;
    }
    if (r->outcome != ELECT__UNKNOWN && r->attempt != op->attempt)
        elect__tries_set(&f->tries, op->attempt, ELECT__FATE_FOREIGN);
    if (r->outcome == ELECT__UNKNOWN || r->outcome == ELECT__REFUSED) {
        failed(f, r, now_ns, out);
    } else if (r->outcome == ELECT__HELD) {
        held(f, op, r, now_ns);
    } else {
        wait_for_lease(f, r->outcome == ELECT__WAIT ? r->left_ns : 0, r->poll_ns, now_ns);
        if (r->outcome == ELECT__LOST_DATA && f->loss_until_ns == 0)
            f->loss_until_ns = wait_out(f, f->config.ttl_ns, now_ns);
        else if (r->outcome == ELECT__LOST_DATA) /* it was waited, and said so: this store does not listen */
            retry_later(f, now_ns);
        if (r->server[0] != '\0')
            start_grace(f, r->server, now_ns);
        if (r->outcome == ELECT__CHANGED && now_ns >= f->grace_until_ns)
            retry_later(f, now_ns);
        f->probe_first = false;
    }
}

static void probe_answered(struct elect__fsm *f, const struct elect__op *op, const struct elect__reply *r,
                           int64_t now_ns, struct elect__output *out)
{
    if (r->outcome == ELECT__UNKNOWN || r->outcome == ELECT__REFUSED) {
        failed(f, r, now_ns, out);
    } else if (r->outcome == ELECT__HELD) {
        held(f, op, r, now_ns);
    } else if (f->config.observer || f->working || now_ns < f->not_before_ns) {
        retry_later(f, now_ns);
        if (now_ns < f->not_before_ns)
            f->stand_at_ns = min_ns(f->stand_at_ns, f->not_before_ns);
        if (f->woken)
            f->stand_at_ns = now_ns;
        f->woken = false;
    } else if (r->outcome == ELECT__WAIT) {
        wait_for_lease(f, r->left_ns, r->poll_ns, now_ns);
        f->probe_first = false;
    } else {
        f->stand_at_ns = now_ns;
        f->probe_first = false;
    }
}

/* An answer of the lock that was found: is it really the term that this start asked for? */
static void adoption_answered(struct elect__fsm *f, const struct elect__op *op, const struct elect__reply *r,
                              int64_t now_ns, struct elect__output *out)
{
    if (r->outcome == ELECT__RENEWED && elect__fsm_may_lead(f, op, r->epoch, now_ns)) {
        elect__fsm_elected(f, op, r->epoch, now_ns, out);
    } else if (r->outcome == ELECT__RENEWED) {
        f->stray = op->attempt;
        f->stray_epoch = op->epoch;
    } else if (r->outcome == ELECT__UNKNOWN || r->outcome == ELECT__REFUSED) {
        failed(f, r, now_ns, out);
    } else {
        elect__tries_set(&f->tries, op->attempt, ELECT__FATE_FOREIGN);
        f->stand_at_ns = now_ns;
    }
}

static void renew_answered(struct elect__fsm *f, const struct elect__op *op, const struct elect__reply *r,
                           int64_t now_ns, struct elect__output *out)
{
    int64_t left_ns = f->lease.lease_until_ns - now_ns;
    if (r->outcome != ELECT__UNKNOWN && r->code != ELECT_EUNREACHABLE)
        f->heard = true;
    if (r->outcome == ELECT__TAKEN) {
        elect__fsm_lost(f, ELECT_REASON_TAKEN, now_ns, out);
    } else if (r->outcome == ELECT__DELETED) {
        elect__fsm_lost(f, ELECT_REASON_DELETED, now_ns, out);
    } else if (left_ns <= 0 && !ELECT__PLANTED(LATE_ANSWER_EXTENDS)) { /* it extends nothing any more */
        elect__fsm_lost(f, elect__fsm_expiry(f, now_ns), now_ns, out);
    } else if (r->outcome == ELECT__RENEWED) {
        f->lease.lease_until_ns = max_ns(f->lease.lease_until_ns, elect__fsm_deadline(f, op->sent_at_ns, now_ns));
        if (f->state == ELECT__LEADING)
            f->lease.lead_until_ns = f->lease.lease_until_ns;
        f->renew_at_ns = f->woken ? now_ns : op->sent_at_ns + f->config.heartbeat_ns;
        f->heard = f->woken = false;
        f->failure = f->fault = 0;
    } else { /* the lease that we can prove is the old one: keep it, and ask again while it lasts */
        f->failure = r->code;
        f->renew_at_ns = now_ns + min_ns(f->config.retry_ns, max_ns(left_ns / 4, RENEW_PAUSE_MIN_NS));
    }
}

static void release_answered(struct elect__fsm *f, const struct elect__reply *r, int64_t now_ns)
{
    bool done = r->outcome == ELECT__RELEASED;
    if (f->state == ELECT__RELEASING) {
        f->state = ELECT__FOLLOWING;
        memset(&f->lease, 0, sizeof f->lease);
        f->probe_first = true;
    }
    f->stand_at_ns = now_ns;
    if (!done)
        retry_later(f, now_ns);
    if (!done && f->stopping) /* what else may be ours there ends by its TTL; nobody should wait for it here */
        elect__tries_clear(&f->tries);
}

void elect__fsm_take_reply(struct elect__fsm *f, const struct elect__reply *r, int64_t now_ns,
                           struct elect__output *out)
{
    struct elect__op op = f->op;
    struct elect__reply unfit;
    if (op.verb == ELECT__NO_OP || (r->seq != op.seq && !ELECT__PLANTED(WRONG_REQUEST)))
        return;
    f->op.verb = ELECT__NO_OP;
    if (!fits(&op, r)) {
        unfit = (struct elect__reply){.outcome = ELECT__UNKNOWN, .code = ELECT_ESTORE, .seq = op.seq};
        elect__fsm_tell_fault(f, ELECT_ESTORE, ELECT__CAUSE_ANSWER, out);
        r = &unfit;
    } else if (r->outcome != ELECT__UNKNOWN && r->outcome != ELECT__REFUSED) {
        bool looked = r->outcome == ELECT__FREE && !f->config.observer; /* which tells nothing of the next try */
        if (f->state != ELECT__LEADING && !looked)
            f->fault = 0;
        age_tries(f, r, now_ns);
        if (r->epoch > f->highest_epoch)
            f->highest_epoch = r->epoch;
    }
    if (op.verb == ELECT__PROBE)
        probe_answered(f, &op, r, now_ns, out);
    else if (op.verb == ELECT__ACQUIRE)
        acquire_answered(f, &op, r, now_ns, out);
    else if (op.verb == ELECT__RELEASE)
        release_answered(f, r, now_ns);
    else if (f->state == ELECT__FOLLOWING)
        adoption_answered(f, &op, r, now_ns, out);
    else
        renew_answered(f, &op, r, now_ns, out);
}
