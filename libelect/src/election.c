#include "election_parts.h"
#include <elect/elect.h>
#include <string.h>

#define BACKOFF_MAX_NS (30 * 24 * 3600 * ELECT__S)

/* ---- time ---- */

/* Whatever the input, time is noticed first: a paused process may see anything before its timer. */
static void notice_time(struct elect__fsm *f, int64_t now_ns, struct elect__output *out)
{
    bool in_term = f->state == ELECT__LEADING || f->state == ELECT__DRAINING;
    if (in_term && !ELECT__PLANTED(LATE_ANSWER_EXTENDS) && now_ns >= f->lease.lease_until_ns)
        elect__fsm_lost(f, elect__fsm_expiry(f, now_ns), now_ns, out);
    if (f->op.verb != ELECT__NO_OP && now_ns >= f->op.deadline_ns) {
        struct elect__reply none = {.outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE, .seq = f->op.seq};
        elect__fsm_take_reply(f, &none, now_ns, out);
    }
    if (f->working && f->state != ELECT__LEADING && !f->lapsing && now_ns >= f->drain_until_ns) {
        f->lapsing = true;
        elect__fsm_tell_fault(f, ELECT_ETIMEOUT, ELECT__CAUSE_DRAIN, out);
    }
}

/* ---- inputs ---- */

static void take_wake(struct elect__fsm *f, bool free, int64_t now_ns)
{
    if (f->op.verb != ELECT__NO_OP) {
        f->woken = true;
        return;
    }
    f->stand_at_ns = now_ns;
    f->probe_first = !free;
}

static void take_work_done(struct elect__fsm *f, int64_t now_ns)
{
    if (!f->working)
        return;
    f->working = f->lapsing = false;
    f->stand_at_ns = now_ns;
    f->probe_first = true;
}

/* A term that ended by itself meanwhile has its back-off all the same. */
static void take_resign(struct elect__fsm *f, const struct elect__input *input, bool was_leading, int64_t now_ns,
                        struct elect__output *out)
{
    bool meant = input->epoch == 0 ? was_leading : input->epoch == f->announced_epoch;
    if (!meant)
        return;
    int64_t backoff_ns = max_ns(0, min_ns(input->backoff_ns, BACKOFF_MAX_NS));
    f->not_before_ns = max_ns(f->not_before_ns, now_ns + backoff_ns);
    if (f->state == ELECT__LEADING)
        elect__fsm_drain(f, ELECT_REASON_RESIGNED, now_ns, out);
}

static void take_stop(struct elect__fsm *f, bool abandon, int64_t now_ns, struct elect__output *out)
{
    f->stopping = true;
    if (f->state == ELECT__IDLE)
        f->state = ELECT__FOLLOWING;
    if (f->state == ELECT__LEADING)
        elect__fsm_drain(f, ELECT_REASON_STOPPED, now_ns, out);
    if (abandon)
        f->working = f->lapsing = false;
}

void elect__fsm_init(struct elect__fsm *fsm, const struct elect__fsm_config *config)
{
    memset(fsm, 0, sizeof *fsm);
    fsm->config = *config;
    fsm->state = ELECT__IDLE;
    fsm->tries.random = config->seed;
    fsm->wake_at_ns = ELECT__NEVER;
}

void elect__fsm_step(struct elect__fsm *f, const struct elect__input *input, int64_t now_ns, struct elect__output *out)
{
    bool was_leading = f->state == ELECT__LEADING;
    memset(out, 0, sizeof *out);
    if (input->kind == ELECT__IN_REPLY)
        elect__fsm_take_reply(f, input->reply, now_ns, out);
    notice_time(f, now_ns, out);
    switch (input->kind) {
    case ELECT__IN_START:
        if (f->state == ELECT__IDLE) {
            f->state = ELECT__FOLLOWING;
            f->stand_at_ns = now_ns;
        }
        break;
    case ELECT__IN_WAKE:
        take_wake(f, input->free, now_ns);
        break;
    case ELECT__IN_DOUBT:
        f->renew_at_ns = now_ns; /* of no meaning outside of a term */
        f->woken = f->op.verb != ELECT__NO_OP;
        break;
    case ELECT__IN_LOOK:
        f->look = true;
        break;
    case ELECT__IN_RESIGN:
        take_resign(f, input, was_leading, now_ns, out);
        break;
    case ELECT__IN_STOP:
    case ELECT__IN_ABANDON:
        if (f->state != ELECT__CLOSED)
            take_stop(f, input->kind == ELECT__IN_ABANDON, now_ns, out);
        break;
    case ELECT__IN_WORK_DONE:
        if (!was_leading) /* a LOST of this very step is not back yet */
            take_work_done(f, now_ns);
        break;
    case ELECT__IN_TIMER:
    case ELECT__IN_REPLY:
        break;
    }
    elect__fsm_plan(f, now_ns, out);
}
