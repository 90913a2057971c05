/* Random inputs in random order, sensible and not: what must hold after every one of them. */
#include "../sim/random.h"
#include "unit/election_script.h"

enum { RUNS = 600, STEPS = 600 };

struct fuzz {
    struct script s;
    struct sim_random random;
    uint64_t attempts[4]; /* some of the last acquires */
    uint64_t epoch, announced;
    int64_t proven_ns; /* the latest send time of a write that was confirmed */
    bool led, working, stopped, closed;
};

static struct elect__fsm_config random_config(struct sim_random *r)
{
    struct elect__fsm_config c = usual();
    c.ttl_ns = sim_between(r, 100, 20000) * ELECT__MS;
    c.margin_ns = sim_between(r, 20, 20 + c.ttl_ns / ELECT__MS / 4) * ELECT__MS;
    c.heartbeat_ns = (c.ttl_ns - c.margin_ns) * 2 / 3;
    c.retry_ns = c.ttl_ns / sim_between(r, 1, 20);
    c.drain_ns = sim_between(r, 0, 3) * c.ttl_ns / 2;
    c.grace_ns = sim_chance(r, 500000) ? c.ttl_ns : 0;
    c.seed = sim_bits(r);
    c.observer = sim_chance(r, 100000);
    return c;
}

static uint64_t random_attempt(struct fuzz *z)
{
    uint64_t draw = sim_below(&z->random, 8);
    if (draw < 4)
        return z->s.op.attempt;
    return draw < 7 ? z->attempts[sim_below(&z->random, 4)] : sim_below(&z->random, 3);
}

static uint64_t random_epoch(struct fuzz *z)
{
    switch (sim_below(&z->random, 6)) {
    case 0:
        return sim_below(&z->random, 2) ? 0 : ELECT__EPOCH_END + sim_below(&z->random, 2);
    case 1:
        return z->epoch;
    case 2:
        return z->s.op.epoch;
    default:
        return ++z->epoch;
    }
}

static struct elect__reply random_reply(struct fuzz *z)
{
    static const enum elect__outcome likely[][4] = {
        [ELECT__NO_OP] = {ELECT__WON, ELECT__RENEWED, ELECT__RELEASED, ELECT__HELD},
        [ELECT__PROBE] = {ELECT__FREE, ELECT__HELD, ELECT__WAIT, ELECT__UNKNOWN},
        [ELECT__ACQUIRE] = {ELECT__WON, ELECT__WON, ELECT__LOST_DATA, ELECT__CHANGED},
        [ELECT__RENEW] = {ELECT__RENEWED, ELECT__RENEWED, ELECT__RENEWED, ELECT__TAKEN},
        [ELECT__RELEASE] = {ELECT__RELEASED, ELECT__RELEASED, ELECT__UNKNOWN, ELECT__REFUSED},
    };
    struct sim_random *r = &z->random;
    struct elect__reply reply = {.outcome = likely[z->s.fsm.op.verb][sim_below(r, 4)]};
    if (sim_chance(r, 300000))
        reply.outcome = (enum elect__outcome)sim_below(r, ELECT__REFUSED + 2);
    reply.seq = sim_chance(r, 850000) ? z->s.op.seq : sim_below(r, z->s.op.seq + 3);
    reply.code = -(int32_t)sim_below(r, 12);
    bool confirms = reply.outcome == ELECT__WON || reply.outcome == ELECT__RENEWED;
    reply.attempt = confirms && sim_chance(r, 800000) ? z->s.op.attempt : random_attempt(z);
    reply.epoch = reply.outcome == ELECT__RENEWED && sim_chance(r, 800000) ? z->s.op.epoch : random_epoch(z);
    reply.left_ns = sim_between(r, -2, 2 * z->s.fsm.config.ttl_ns);
    reply.own_id = sim_chance(r, 500000);
    if (sim_chance(r, 200000))
        snprintf(reply.server, sizeof reply.server, "%llu", (unsigned long long)sim_below(r, 3));
    return reply;
}

static void let_time_pass(struct fuzz *z)
{
    struct script *s = &z->s;
    int64_t ttl_ns = s->fsm.config.ttl_ns;
    switch (sim_below(&z->random, 8)) {
    case 0:
        break;
    case 1:
        s->now_ns += sim_between(&z->random, 0, 3 * ttl_ns);
        break;
    case 2:
    case 3:
        if (s->fsm.wake_at_ns != ELECT__NEVER && s->fsm.wake_at_ns > s->now_ns)
            s->now_ns = s->fsm.wake_at_ns + (sim_chance(&z->random, 300000) ? -1 : 0);
        break;
    default:
        s->now_ns += sim_between(&z->random, 0, ttl_ns / 20);
    }
}

static struct elect__input random_input(struct fuzz *z, struct elect__reply *reply)
{
    struct sim_random *r = &z->random;
    struct elect__input input = {.kind = ELECT__IN_TIMER};
    uint64_t draw = sim_below(r, 1000);
    if (draw < 500) {
        *reply = random_reply(z);
        input.kind = ELECT__IN_REPLY;
        input.reply = reply;
    } else if (draw < 600) {
        static const enum elect__input_kind kinds[] = {ELECT__IN_WAKE, ELECT__IN_DOUBT, ELECT__IN_LOOK,
                                                       ELECT__IN_WORK_DONE, ELECT__IN_START};
        input.kind = kinds[sim_below(r, 5)];
        input.free = sim_chance(r, 500000);
    } else if (draw < 640) {
        input.kind = ELECT__IN_RESIGN;
        input.epoch = sim_below(r, 2) * z->epoch;
        input.backoff_ns = sim_between(r, -1, z->s.fsm.config.ttl_ns);
    } else if (draw < 643) {
        input.kind = draw < 642 ? ELECT__IN_STOP : ELECT__IN_ABANDON;
    }
    return input;
}

static void check_notes(struct fuzz *z)
{
    for (int i = 0; i < z->s.out.count; i++) {
        const struct elect__note *n = &z->s.out.notes[i];
        cr_assert_not(z->closed, "a note after CLOSED");
        if (n->kind == ELECT__NOTE_ELECTED) {
            cr_assert(!z->led && !z->working && !z->stopped && !z->s.fsm.config.observer);
            cr_assert_gt(n->epoch, z->announced);
            cr_assert_lt(n->epoch, ELECT__EPOCH_END);
            z->announced = n->epoch;
            z->led = z->working = true;
        } else if (n->kind == ELECT__NOTE_LOST) {
            cr_assert(z->led && n->epoch == z->announced);
            cr_assert(n->reason >= ELECT_REASON_STOPPED && n->reason <= ELECT_REASON_DELETED);
            z->led = false;
        } else if (n->kind == ELECT__NOTE_CLOSED) {
            cr_assert_not(z->led);
            cr_assert_eq(i, z->s.out.count - 1);
            z->closed = true;
        } else {
            cr_assert_neq(n->code, 0);
        }
    }
}

static void check_op(struct fuzz *z, const struct elect__op *before)
{
    const struct elect__fsm *f = &z->s.fsm;
    const struct elect__op *op = &z->s.out.op;
    if (op->verb == ELECT__NO_OP)
        return;
    cr_assert_not(z->closed, "an operation after CLOSED");
    cr_assert_gt(op->seq, before->seq);
    cr_assert_gt(op->deadline_ns, z->s.now_ns);
    if (op->verb == ELECT__ACQUIRE) {
        cr_assert(!z->working && !z->stopped && !f->config.observer);
        cr_assert(z->s.now_ns >= f->not_before_ns && z->s.now_ns >= f->grace_until_ns);
        cr_assert(z->s.now_ns >= f->loss_until_ns);
        cr_assert_eq(op->loss_waited, f->loss_until_ns != 0);
        memmove(z->attempts + 1, z->attempts, sizeof z->attempts - sizeof z->attempts[0]);
        z->attempts[0] = op->attempt;
    } else if (op->verb == ELECT__RELEASE) {
        cr_assert(f->lease.lease_until_ns == 0 && f->lease.lead_until_ns == 0);
        cr_assert(!z->working || op->attempt != f->attempt);
    } else if (op->verb == ELECT__RENEW && f->state != ELECT__FOLLOWING) {
        cr_assert_eq(op->epoch, z->announced);
        cr_assert_not(f->lapsing);
    }
}

static void check_state(const struct fuzz *z)
{
    const struct elect__fsm *f = &z->s.fsm;
    const struct elect__lease *l = &f->lease;
    bool term = f->state == ELECT__LEADING || f->state == ELECT__DRAINING;
    cr_assert_eq(z->led, f->state == ELECT__LEADING);
    cr_assert_eq(f->working, z->working);
    cr_assert_eq(l->lead_until_ns, f->state == ELECT__LEADING ? l->lease_until_ns : 0);
    if (term) {
        cr_assert_eq(l->epoch, z->announced);
        cr_assert_gt(l->lease_until_ns, z->s.now_ns);
        cr_assert_leq(l->lease_until_ns, z->proven_ns + f->config.ttl_ns - f->config.margin_ns);
        cr_assert_leq(f->wake_at_ns, l->lease_until_ns);
    }
    if (f->op.verb != ELECT__NO_OP)
        cr_assert_leq(f->wake_at_ns, f->op.deadline_ns);
    if (f->state == ELECT__RELEASING)
        cr_assert_eq(f->op.verb, ELECT__RELEASE);
    if (f->state == ELECT__FOLLOWING && !z->stopped)
        cr_assert_neq(f->wake_at_ns, ELECT__NEVER);
}

static void step(struct fuzz *z)
{
    struct elect__reply reply;
    struct elect__op before = z->s.fsm.op;
    struct elect__input input = random_input(z, &reply);
    bool matched = before.verb != ELECT__NO_OP && input.kind == ELECT__IN_REPLY && reply.seq == before.seq;
    if (matched && (reply.outcome == ELECT__WON || reply.outcome == ELECT__RENEWED))
        z->proven_ns = before.sent_at_ns;
    if (input.kind == ELECT__IN_STOP || input.kind == ELECT__IN_ABANDON)
        z->stopped = true;
    if ((input.kind == ELECT__IN_WORK_DONE && !z->led) || (input.kind == ELECT__IN_ABANDON && !z->closed))
        z->working = false;
    put(&z->s, input);
    z->s.notes[0] = '\0';
    check_notes(z);
    check_op(z, &before);
    if (!z->closed)
        check_state(z);
    if (input.kind == ELECT__IN_TIMER)
        cr_assert_gt(z->s.fsm.wake_at_ns, z->s.now_ns, "a timer at once, for ever");
}

Test(election, random_inputs_break_no_rule)
{
    for (uint64_t run = 1; run <= RUNS; run++) {
        struct fuzz z = {.random = {run}};
        z.s = begin_with(random_config(&z.random));
        PUT(&z.s, .kind = ELECT__IN_START);
        for (int i = 0; i < STEPS; i++) {
            let_time_pass(&z);
            step(&z);
        }
    }
}
