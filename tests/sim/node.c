/* A candidate: a process around the state machine, its machine's clock, and the user whose work it permits. */
#include "sim.h"
#include <elect/elect.h>
#include <string.h>

int64_t sim_local(const struct sim_world *w, const struct sim_node *n)
{
    return sim_clock_read(&n->clock, w->now_ns);
}

static int64_t up_to(struct sim_world *w, int64_t ns)
{
    return (int64_t)sim_below(&w->random, (uint64_t)ns + 1);
}

/* Timers come late; those that elections share come later. */
static void set_timer(struct sim_world *w, struct sim_node *n)
{
    if (n->fsm.wake_at_ns == ELECT__NEVER) {
        n->timer_ns = ELECT__NEVER;
        return;
    }
    int64_t late_ns = n->fsm.wake_exact ? w->plan.lateness_ns / 8 : w->plan.lateness_ns;
    int64_t at_ns = sim_clock_when(&n->clock, n->fsm.wake_at_ns);
    n->timer_ns = (at_ns > w->now_ns ? at_ns : w->now_ns) + up_to(w, late_ns);
}

/* How long the leader's work goes on after it heard of the LOST. */
static int64_t draw_hold_ns(struct sim_world *w)
{
    int64_t ttl_ns = w->plan.config.ttl_ns;
    if (w->calm || !sim_chance(&w->random, w->plan.lazy_ppm))
        return up_to(w, ttl_ns / 100);
    return up_to(w, sim_chance(&w->random, 900000) ? w->plan.config.drain_ns + ttl_ns / 2 : 8 * ttl_ns);
}

static void told_elected(struct sim_world *w, struct sim_node *n, const struct elect__note *note,
                         const struct sim_message *cause)
{
    bool adopted = cause != NULL && cause->reply.outcome == ELECT__RENEWED;
    w->stats->elections++;
    w->stats->adoptions += adopted;
    w->stats->cas_elections += w->kind == SIM_CAS;
    sim_check_elected(w, n, note->epoch);
    n->led = n->working = true;
    n->epoch = note->epoch;
    n->grant = cause != NULL ? cause->grant : 0;
    /* What it had seen when it adopted counts, not what it knew when it asked. */
    if (adopted && w->kind != SIM_CAS && (n->highest != note->epoch || n->below != 0))
        w->grant_of[n->grant].knew = true;
    n->best_sent_ns = cause != NULL ? cause->sent_local_ns : 0;
    n->proof_until_ns = n->fsm.lease.lease_until_ns;
    n->done_ns = ELECT__NEVER;
    if (w->calm && w->now_ns >= w->steady_from_ns)
        sim_violated(w, SIM_UNSTEADY, "n%d elected in the calm", n->index);
}

static void told_lost(struct sim_world *w, struct sim_node *n, const struct elect__note *note)
{
    if (!n->led || note->epoch != n->epoch)
        sim_violated(w, SIM_NOT_ALTERNATING, "n%d LOST %llu", n->index, (unsigned long long)note->epoch);
    bool by_store = note->reason == ELECT_REASON_TAKEN || note->reason == ELECT_REASON_DELETED;
    if (by_store && w->losses == 0 && sim_local(w, n) < n->proof_until_ns)
        sim_violated(w, SIM_DEPOSED, "n%d epoch %llu, reason %d", n->index, (unsigned long long)n->epoch,
                     (int)note->reason);
    n->led = false;
    n->done_ns = w->now_ns + draw_hold_ns(w);
    if (w->calm && w->now_ns >= w->steady_from_ns)
        sim_violated(w, SIM_UNSTEADY, "n%d lost in the calm, reason %d", n->index, (int)note->reason);
}

static void told_closed(struct sim_world *w, struct sim_node *n)
{
    if (n->led)
        sim_violated(w, SIM_NOT_ALTERNATING, "n%d CLOSED before LOST", n->index);
    n->timer_ns = ELECT__NEVER;
    if (!n->working) /* else the process waits for its worker before it stands again */
        sim_node_end(w, n, up_to(w, w->calm ? w->plan.config.retry_ns : 2 * w->plan.config.ttl_ns));
}

static void take_notes(struct sim_world *w, struct sim_node *n, const struct elect__output *out,
                       const struct sim_message *cause)
{
    static const char *const names[] = {"?", "ELECTED", "LOST", "ERROR", "CLOSED"};
    for (int i = 0; i < out->count; i++) {
        const struct elect__note *note = &out->notes[i];
        sim_mix(w, (uint64_t)note->kind << 40 ^ note->epoch ^ (uint64_t)(uint32_t)note->reason << 56);
        SIM_TRACE(w, "n%d/%u: %s epoch %llu reason %d code %d", n->index, n->life, names[note->kind],
                  (unsigned long long)note->epoch, (int)note->reason, (int)note->code);
        if (note->kind == ELECT__NOTE_ELECTED)
            told_elected(w, n, note, cause);
        else if (note->kind == ELECT__NOTE_LOST)
            told_lost(w, n, note);
        else if (note->kind == ELECT__NOTE_CLOSED)
            told_closed(w, n);
    }
}

/* What the answers teach, seen from outside: the checks must not lean on the machine's own memory. */
static void learn(struct sim_node *n, const struct sim_message *m)
{
    const struct elect__reply *r = &m->reply;
    bool fits = n->fsm.op.verb != ELECT__NO_OP && r->seq == n->fsm.op.seq;
    if ((r->outcome == ELECT__WON || r->outcome == ELECT__RENEWED) && r->epoch == n->epoch &&
        m->sent_local_ns > n->best_sent_ns)
        n->best_sent_ns = m->sent_local_ns;
    if (!fits)
        return;
    if (r->epoch > n->highest) {
        n->below = n->highest;
        n->highest = r->epoch;
    }
    if (r->outcome == ELECT__HELD || r->outcome == ELECT__WON)
        n->loss_wait_from_ns = 0;
    else if (r->outcome == ELECT__LOST_DATA && !n->fsm.op.loss_waited)
        n->loss_wait_from_ns = m->executed_ns;
}

static void step(struct sim_world *w, struct sim_node *n, const struct elect__input *input, int64_t local_ns,
                 const struct sim_message *cause)
{
    struct elect__output out;
    if (cause != NULL)
        learn(n, cause);
    w->stats->steps++;
    n->steps_here = n->last_step_ns == w->now_ns ? n->steps_here + 1 : 0;
    n->last_step_ns = w->now_ns;
    struct elect__lease before = n->fsm.lease;
    elect__fsm_step(&n->fsm, input, local_ns, &out);
    sim_check_revival(w, n, &before, local_ns);
    sim_mix(w, (uint64_t)w->now_ns ^ (uint64_t)n->index << 60 ^ (uint64_t)input->kind << 56);
    sim_mix(w, (uint64_t)n->fsm.lease.lead_until_ns ^ out.op.seq << 48);
    if (n->fsm.lease.lease_until_ns > n->proof_until_ns)
        n->proof_until_ns = n->fsm.lease.lease_until_ns;
    uint32_t life = n->life;
    if (out.op.verb != ELECT__NO_OP && w->kind == SIM_CAS)
        sim_cas_submit(w, n, &out.op, local_ns);
    else if (out.op.verb != ELECT__NO_OP)
        sim_send_request(w, n, &out.op);
    take_notes(w, n, &out, cause);
    if (n->life != life)
        return;
    set_timer(w, n);
    sim_check_machine(w, n);
    sim_check_leases(w, n);
}

/* The record asks the leader to step down: the store tells the machine so. */
static void resign_if_asked(struct sim_world *w, struct sim_node *n, int64_t local_ns)
{
    struct elect__input input = {.kind = ELECT__IN_RESIGN, .epoch = n->asked_down};
    if (n->asked_down == 0 || !n->alive)
        return;
    n->asked_down = 0;
    step(w, n, &input, local_ns, NULL);
}

void sim_node_input(struct sim_world *w, struct sim_node *n, const struct elect__input *input)
{
    int64_t local_ns = sim_local(w, n);
    n->real_us = sim_real_us(w, n);
    step(w, n, input, local_ns, NULL);
    resign_if_asked(w, n, local_ns);
}

/* Now and then the process is stopped between its clock reading and its step. */
static bool freeze(struct sim_world *w, struct sim_node *n, const struct sim_message *message)
{
    if (w->calm || !sim_chance(&w->random, w->plan.frozen_ppm))
        return false;
    n->has_pending = true;
    n->pending = *message;
    n->pending_local_ns = sim_local(w, n);
    sim_node_stop(w, n, up_to(w, 2 * w->plan.config.ttl_ns), false);
    return true;
}

static void act_on(struct sim_world *w, struct sim_node *n, const struct sim_message *m, int64_t local_ns)
{
    struct elect__input input = {.kind = ELECT__IN_TIMER};
    struct sim_message reply;
    if (m->kind == SIM_TOLD) {
        if (!sim_cas_told(w, n, m, local_ns, &reply)) {
            resign_if_asked(w, n, local_ns);
            return;
        }
        m = &reply;
    }
    if (m->kind == SIM_REPLY) {
        input.kind = ELECT__IN_REPLY;
        input.reply = &m->reply;
    } else if (m->kind == SIM_WAKING) {
        input.kind = ELECT__IN_WAKE;
        input.free = m->free;
    }
    step(w, n, &input, local_ns, m->kind == SIM_REPLY ? m : NULL);
    resign_if_asked(w, n, local_ns);
}

void sim_node_message(struct sim_world *w, struct sim_node *n, const struct sim_message *message)
{
    if (!n->alive || n->life != message->life)
        return;
    if (n->stopped_until_ns > w->now_ns || n->has_pending) {
        int64_t at_ns = n->stopped_until_ns > w->now_ns ? n->stopped_until_ns : w->now_ns;
        sim_push(w, at_ns, message);
    } else {
        n->real_us = sim_real_us(w, n);
        if (!freeze(w, n, message))
            act_on(w, n, message, sim_local(w, n));
    }
}

void sim_node_wakes(struct sim_world *w, struct sim_node *n)
{
    static const struct sim_message timer = {.kind = SIM_REQUEST};
    if (n->has_pending) {
        struct sim_message m = n->pending;
        n->has_pending = false;
        act_on(w, n, &m, n->pending_local_ns);
    } else {
        n->real_us = sim_real_us(w, n);
        if (!freeze(w, n, &timer))
            act_on(w, n, &timer, sim_local(w, n));
    }
}

/* A worker asks, and writes if it may; what it has sent may travel for ever. */
void sim_node_asks(struct sim_world *w, struct sim_node *n)
{
    const struct elect__lease *lease = &n->fsm.lease;
    w->stats->answers++;
    n->ask_ns = w->now_ns + up_to(w, w->plan.config.ttl_ns);
    if (!elect__lasts(lease->lead_until_ns, sim_local(w, n)))
        return;
    struct sim_message m = {
        .kind = SIM_WRITE, .node = n->index, .life = n->life, .epoch = lease->epoch, .grant = n->grant};
    int64_t travel_ns = w->plan.latency_ns * (w->calm || sim_chance(&w->random, 500000) ? 1 : 50);
    if (!w->calm && sim_chance(&w->random, 100000))
        travel_ns = 30 * w->plan.config.ttl_ns;
    w->stats->writes++;
    sim_push(w, w->now_ns + 1 + up_to(w, travel_ns), &m);
}

void sim_node_done(struct sim_world *w, struct sim_node *n)
{
    n->working = false;
    n->done_ns = ELECT__NEVER;
    SIM_TRACE(w, "n%d/%u: its work has ended", n->index, n->life);
    if (n->fsm.state == ELECT__CLOSED)
        sim_node_end(w, n, up_to(w, w->plan.config.ttl_ns));
    else
        sim_node_input(w, n, &(struct elect__input){.kind = ELECT__IN_WORK_DONE});
}

void sim_node_stop(struct sim_world *w, struct sim_node *n, int64_t for_ns, bool suspend)
{
    int64_t local_ns = sim_local(w, n);
    bool blind = suspend ? ELECT__PLANTED(SUSPEND_BLIND) : w->broken == SIM_BROKEN_FREEZE;
    if (n->stopped_until_ns > w->now_ns)
        return;
    SIM_TRACE(w, "n%d/%u: %s for %.3f s", n->index, n->life, suspend ? "suspended" : "stopped", (double)for_ns / 1e9);
    n->stopped_until_ns = w->now_ns + for_ns;
    n->ask_ns = n->stopped_until_ns; /* the first instant after */
    if (blind) {
        sim_clock_set(&n->clock, n->stopped_until_ns, local_ns, n->clock.ppm);
        if (n->alive)
            set_timer(w, n);
    }
}

void sim_node_end(struct sim_world *w, struct sim_node *n, int64_t down_ns)
{
    n->alive = n->led = n->working = n->has_pending = false;
    n->life++;
    n->born_ns = w->now_ns + down_ns;
    n->stopped_until_ns = 0;
    n->done_ns = n->timer_ns = n->ask_ns = ELECT__NEVER;
    SIM_TRACE(w, "n%d: ends", n->index);
}

void sim_node_start(struct sim_world *w, struct sim_node *n)
{
    struct elect__fsm_config config = w->plan.config;
    config.seed = sim_bits(&w->random);
    config.observer = n->observer;
    elect__fsm_init(&n->fsm, &config);
    n->alive = true;
    n->highest = n->below = 0;
    n->epoch = 0;
    n->grant = 0;
    n->loss_wait_from_ns = n->best_sent_ns = n->proof_until_ns = 0;
    n->born_ns = ELECT__NEVER;
    if (w->kind == SIM_CAS)
        sim_cas_start(w, n);
    n->ask_ns = w->now_ns + up_to(w, w->plan.config.ttl_ns);
    SIM_TRACE(w, "n%d/%u: starts", n->index, n->life);
    sim_node_input(w, n, &(struct elect__input){.kind = ELECT__IN_START});
}
