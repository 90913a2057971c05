/* A play of the state machine: inputs in any order, sensible and not, and what must hold after every one of them. Where
 * the choices come from is the caller's: a seed (test_election_fuzz.c) or a file of bytes (fuzz/fuzz_election.c). */
#ifndef ELECT_TESTS_ELECTION_PLAY_H
#define ELECT_TESTS_ELECTION_PLAY_H
#include "election.h"
#include <elect/elect.h>
#include <stdio.h>
#include <string.h>

/* One of 0 ... end - 1; few bytes of a file for a small end. */
typedef uint64_t (*play_draw)(void *source, uint64_t end);

struct play {
    play_draw draw;
    void *source;
    struct elect__fsm fsm;
    struct elect__output out;
    struct elect__op op; /* the last one sent */
    int64_t now_ns;
    uint64_t attempts[4]; /* some of the last acquires */
    uint64_t epoch, announced;
    int64_t proven_ns; /* the latest send time of a write that was confirmed */
    bool led, working, stopped, closed;
    const char *broken; /* the first rule that did not hold */
};

#define PLAY_RULE(play, rule)                                                                                          \
    do {                                                                                                               \
        if (!(rule) && (play)->broken == NULL)                                                                         \
            (play)->broken = #rule;                                                                                    \
    } while (0)

static inline int64_t play_between(struct play *z, int64_t first, int64_t last)
{
    return first + (int64_t)z->draw(z->source, (uint64_t)(last - first) + 1);
}

static inline bool play_percent(struct play *z, uint64_t percent)
{
    return z->draw(z->source, 100) < percent;
}

/* ---- inputs ---- */

static inline void play_begin(struct play *z, play_draw draw, void *source)
{
    memset(z, 0, sizeof *z);
    z->draw = draw;
    z->source = source;
    z->now_ns = 1000 * ELECT__S;
    struct elect__fsm_config c = {.ttl_ns = play_between(z, 100, 20000) * ELECT__MS};
    c.margin_ns = play_between(z, 20, 20 + c.ttl_ns / ELECT__MS / 4) * ELECT__MS;
    c.heartbeat_ns = (c.ttl_ns - c.margin_ns) * 2 / 3;
    c.retry_ns = c.ttl_ns / play_between(z, 1, 20);
    c.drain_ns = play_between(z, 0, 3) * c.ttl_ns / 2;
    c.grace_ns = play_percent(z, 50) ? c.ttl_ns : 0;
    c.seed = z->draw(z->source, UINT64_MAX);
    c.observer = play_percent(z, 10);
    elect__fsm_init(&z->fsm, &c);
}

static inline uint64_t play_attempt(struct play *z)
{
    uint64_t draw = z->draw(z->source, 8);
    if (draw < 4)
        return z->op.attempt;
    return draw < 7 ? z->attempts[z->draw(z->source, 4)] : z->draw(z->source, 3);
}

static inline uint64_t play_epoch(struct play *z)
{
    switch (z->draw(z->source, 6)) {
    case 0:
        return z->draw(z->source, 2) ? 0 : ELECT__EPOCH_END + z->draw(z->source, 2);
    case 1:
        return z->epoch;
    case 2:
        return z->op.epoch;
    default:
        return ++z->epoch;
    }
}

/* Mostly what such an operation is answered; but also what no store in its right mind would say. */
static inline struct elect__reply play_reply(struct play *z)
{
    static const enum elect__outcome likely[][4] = {
        [ELECT__NO_OP] = {ELECT__WON, ELECT__RENEWED, ELECT__RELEASED, ELECT__HELD},
        [ELECT__PROBE] = {ELECT__FREE, ELECT__HELD, ELECT__WAIT, ELECT__UNKNOWN},
        [ELECT__ACQUIRE] = {ELECT__WON, ELECT__WON, ELECT__LOST_DATA, ELECT__CHANGED},
        [ELECT__RENEW] = {ELECT__RENEWED, ELECT__RENEWED, ELECT__RENEWED, ELECT__TAKEN},
        [ELECT__RELEASE] = {ELECT__RELEASED, ELECT__RELEASED, ELECT__UNKNOWN, ELECT__REFUSED},
    };
    struct elect__reply reply = {.outcome = likely[z->fsm.op.verb][z->draw(z->source, 4)]};
    if (play_percent(z, 30))
        reply.outcome = (enum elect__outcome)z->draw(z->source, ELECT__REFUSED + 2);
    reply.seq = play_percent(z, 85) ? z->op.seq : z->draw(z->source, z->op.seq + 3);
    reply.code = -(int32_t)z->draw(z->source, 12);
    bool confirms = reply.outcome == ELECT__WON || reply.outcome == ELECT__RENEWED;
    reply.attempt = confirms && play_percent(z, 80) ? z->op.attempt : play_attempt(z);
    reply.epoch = reply.outcome == ELECT__RENEWED && play_percent(z, 80) ? z->op.epoch : play_epoch(z);
    if (play_percent(z, 10))
        reply.left_ns = play_between(z, -2, INT64_MAX - 2);
    else
        reply.left_ns = play_between(z, -2, 200) * z->fsm.config.ttl_ns / 100;
    reply.own_id = play_percent(z, 50);
    if (play_percent(z, 20))
        snprintf(reply.server, sizeof reply.server, "%d", (int)z->draw(z->source, 3));
    return reply;
}

static inline void play_time(struct play *z)
{
    const struct elect__fsm *f = &z->fsm;
    int64_t ends_ns[] = {f->wake_at_ns, f->wake_at_ns, f->wake_at_ns, f->op.deadline_ns, f->lease.lease_until_ns};
    switch (z->draw(z->source, 8)) {
    case 0:
        break;
    case 1:
        z->now_ns += play_between(z, 0, 300) * f->config.ttl_ns / 100;
        break;
    case 2:
    case 3: {
        int64_t end_ns = ends_ns[z->draw(z->source, sizeof ends_ns / sizeof ends_ns[0])];
        if (end_ns != ELECT__NEVER && end_ns > z->now_ns)
            z->now_ns = end_ns - (play_percent(z, 30) ? 1 : 0);
        break;
    }
    default:
        z->now_ns += play_between(z, 0, 250) * f->config.ttl_ns / 5000;
    }
}

static inline struct elect__input play_input(struct play *z, struct elect__reply *reply)
{
    struct elect__input input = {.kind = ELECT__IN_TIMER};
    uint64_t draw = z->draw(z->source, 200);
    if (draw < 100) {
        *reply = play_reply(z);
        input.kind = ELECT__IN_REPLY;
        input.reply = reply;
    } else if (draw < 120) {
        static const enum elect__input_kind kinds[] = {ELECT__IN_WAKE, ELECT__IN_DOUBT, ELECT__IN_LOOK,
                                                       ELECT__IN_WORK_DONE, ELECT__IN_START};
        input.kind = kinds[z->draw(z->source, 5)];
        input.free = play_percent(z, 50);
    } else if (draw < 128) {
        input.kind = ELECT__IN_RESIGN;
        input.epoch = z->draw(z->source, 2) * z->epoch;
        input.backoff_ns = play_between(z, -1, 100) * z->fsm.config.ttl_ns / 100;
    } else if (draw == 128 && play_percent(z, 60)) {
        input.kind = z->draw(z->source, 3) < 2 ? ELECT__IN_STOP : ELECT__IN_ABANDON;
    }
    return input;
}

/* ---- rules ---- */

static inline void play_check_notes(struct play *z)
{
    PLAY_RULE(z, z->out.count >= 0 && z->out.count <= ELECT__NOTES);
    for (int i = 0; i < z->out.count; i++) {
        const struct elect__note *n = &z->out.notes[i];
        PLAY_RULE(z, !z->closed || !"a note after CLOSED");
        if (n->kind == ELECT__NOTE_ELECTED) {
            PLAY_RULE(z, !z->led && !z->working && !z->stopped && !z->fsm.config.observer);
            PLAY_RULE(z, n->epoch > z->announced);
            PLAY_RULE(z, n->epoch < ELECT__EPOCH_END);
            z->announced = n->epoch;
            z->led = z->working = true;
        } else if (n->kind == ELECT__NOTE_LOST) {
            PLAY_RULE(z, z->led && n->epoch == z->announced);
            PLAY_RULE(z, n->reason >= ELECT_REASON_STOPPED && n->reason <= ELECT_REASON_DELETED);
            z->led = false;
        } else if (n->kind == ELECT__NOTE_CLOSED) {
            PLAY_RULE(z, !z->led);
            PLAY_RULE(z, i == z->out.count - 1);
            z->closed = true;
        } else {
            PLAY_RULE(z, n->kind == ELECT__NOTE_ERROR && n->code != 0);
        }
    }
}

static inline void play_check_op(struct play *z, const struct elect__fsm *before)
{
    const struct elect__fsm *f = &z->fsm;
    const struct elect__op *op = &z->out.op;
    int64_t longest_ns = f->config.ttl_ns - f->config.margin_ns;
    if (op->verb == ELECT__NO_OP)
        return;
    PLAY_RULE(z, !z->closed || !"an operation after CLOSED");
    PLAY_RULE(z, op->seq > before->op.seq && op->seq == f->op.seq && op->verb == f->op.verb);
    PLAY_RULE(z, op->sent_at_ns == z->now_ns);
    PLAY_RULE(z, op->deadline_ns > z->now_ns && op->deadline_ns - z->now_ns <= longest_ns);
    if (op->verb == ELECT__ACQUIRE) {
        PLAY_RULE(z, !z->working && !z->stopped && !f->config.observer);
        PLAY_RULE(z, z->now_ns >= f->not_before_ns && z->now_ns >= f->grace_until_ns);
        PLAY_RULE(z, z->now_ns >= f->loss_until_ns);
        PLAY_RULE(z, op->loss_waited == (f->loss_until_ns != 0));
        for (int i = 0; i < 4; i++)
            PLAY_RULE(z, op->attempt != 0 && op->attempt != z->attempts[i]);
        memmove(z->attempts + 1, z->attempts, sizeof z->attempts - sizeof z->attempts[0]);
        z->attempts[0] = op->attempt;
    } else if (op->verb == ELECT__RELEASE) {
        PLAY_RULE(z, f->lease.lease_until_ns == 0 && f->lease.lead_until_ns == 0);
        PLAY_RULE(z, !z->working || op->attempt != f->attempt);
    } else if (op->verb == ELECT__RENEW && f->state != ELECT__FOLLOWING) {
        PLAY_RULE(z, op->epoch == z->announced && op->attempt == f->attempt);
        PLAY_RULE(z, op->deadline_ns <= f->lease.lease_until_ns);
        PLAY_RULE(z, !f->lapsing);
    }
}

/* Only a confirmed write moves the end of a lease, only forward, only while it lasts, and never past what it proves. */
static inline void play_check_lease(struct play *z, const struct elect__fsm *before, bool confirmed)
{
    const struct elect__lease *l = &z->fsm.lease, *was = &before->lease;
    int64_t proven_ns = z->proven_ns + z->fsm.config.ttl_ns - z->fsm.config.margin_ns;
    PLAY_RULE(z, l->lead_until_ns <= l->lease_until_ns);
    if (l->lease_until_ns == 0 || (l->epoch == was->epoch && l->lease_until_ns == was->lease_until_ns))
        return;
    PLAY_RULE(z, confirmed && before->state != ELECT__CLOSED);
    PLAY_RULE(z, l->lease_until_ns <= proven_ns && l->lease_until_ns > z->now_ns);
    if (l->epoch == was->epoch)
        PLAY_RULE(z, l->lease_until_ns > was->lease_until_ns && z->now_ns < was->lease_until_ns);
    else
        PLAY_RULE(z, was->lease_until_ns == 0 && l->epoch == z->announced);
}

static inline void play_check_state(struct play *z)
{
    const struct elect__fsm *f = &z->fsm;
    const struct elect__lease *l = &f->lease;
    bool term = f->state == ELECT__LEADING || f->state == ELECT__DRAINING;
    PLAY_RULE(z, z->led == (f->state == ELECT__LEADING));
    PLAY_RULE(z, z->closed == (f->state == ELECT__CLOSED));
    PLAY_RULE(z, l->lead_until_ns == (f->state == ELECT__LEADING ? l->lease_until_ns : 0));
    if (z->closed)
        return;
    PLAY_RULE(z, f->working == z->working);
    if (term) {
        PLAY_RULE(z, l->epoch == z->announced);
        PLAY_RULE(z, l->lease_until_ns > z->now_ns);
        PLAY_RULE(z, f->wake_at_ns <= l->lease_until_ns);
    } else {
        PLAY_RULE(z, l->lease_until_ns == 0);
    }
    if (f->op.verb != ELECT__NO_OP)
        PLAY_RULE(z, f->wake_at_ns <= f->op.deadline_ns && f->op.deadline_ns > z->now_ns);
    if (f->state == ELECT__RELEASING)
        PLAY_RULE(z, f->op.verb == ELECT__RELEASE);
    if (f->state == ELECT__FOLLOWING && !z->stopped)
        PLAY_RULE(z, f->wake_at_ns != ELECT__NEVER);
}

/* Does this input confirm the write in flight? */
static inline bool play_confirms(const struct elect__op *op, const struct elect__input *input)
{
    const struct elect__reply *r = input->reply;
    if (input->kind != ELECT__IN_REPLY || op->verb == ELECT__NO_OP || r->seq != op->seq || r->attempt != op->attempt)
        return false;
    return op->verb == ELECT__ACQUIRE
               ? r->outcome == ELECT__WON
               : op->verb == ELECT__RENEW && r->outcome == ELECT__RENEWED && r->epoch == op->epoch;
}

static inline void play_put(struct play *z, const struct elect__input *input)
{
    const struct elect__fsm before = z->fsm;
    bool confirmed = play_confirms(&before.op, input);
    if (confirmed)
        z->proven_ns = before.op.sent_at_ns;
    if (input->kind == ELECT__IN_STOP || input->kind == ELECT__IN_ABANDON)
        z->stopped = true;
    if ((input->kind == ELECT__IN_WORK_DONE && !z->led) || (input->kind == ELECT__IN_ABANDON && !z->closed))
        z->working = false;
    bool was_closed = z->closed;
    elect__fsm_step(&z->fsm, input, z->now_ns, &z->out);
    if (z->out.op.verb != ELECT__NO_OP)
        z->op = z->out.op;
    play_check_notes(z);
    play_check_op(z, &before);
    play_check_lease(z, &before, confirmed);
    play_check_state(z);
    PLAY_RULE(z, !was_closed || z->out.count == 0);
    if (input->kind == ELECT__IN_TIMER)
        PLAY_RULE(z, z->fsm.wake_at_ns > z->now_ns || !"a timer at once, for ever");
}

/* Time passes, and something happens. */
static inline void play_step(struct play *z)
{
    struct elect__reply reply;
    play_time(z);
    struct elect__input input = play_input(z, &reply);
    play_put(z, &input);
}
#endif
