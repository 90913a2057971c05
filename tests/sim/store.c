/* The store: the library's ledger on a server that dies, comes back with less, or is replaced by a replica. */
#include "sim.h"
#include <string.h>

/* Microseconds of a wall clock: some day, so that epochs are as large as in life. */
#define EPOCH_US 1790000000000000LL

static int64_t server_us(const struct sim_world *w)
{
    return EPOCH_US + sim_clock_read(&w->store.clock, w->now_ns) / 1000;
}

static void new_identity(struct sim_world *w)
{
    snprintf(w->store.id, sizeof w->store.id, "server-%u", ++w->store.server);
}

void sim_store_init(struct sim_world *w)
{
    memset(&w->store, 0, sizeof w->store);
    sim_register_init(w);
    sim_clock_set(&w->store.clock, 0, 0, w->plan.store_ppm);
    new_identity(w);
    w->store.started_at_us = server_us(w) - 3600 * 1000000LL;
}

static void keep_copy(struct sim_world *w)
{
    if (sim_chance(&w->random, 500000))
        w->store.copies[sim_below(&w->random, SIM_COPIES)] = w->store.now;
}

static void note_grant(struct sim_world *w, const struct sim_message *request)
{
    if (w->grants + 1 >= SIM_GRANTS)
        return;
    w->stats->grants++;
    w->store.now.grant = ++w->grants;
    w->grant_of[w->grants] = (struct sim_grant){.at_ns = w->now_ns,
                                                .node = request->node,
                                                .knew = request->knew,
                                                .loss_wait_from_ns = request->loss_wait_from_ns};
}

static const char *verb_name(enum elect__verb verb)
{
    static const char *const names[] = {"none", "probe", "acquire", "renew", "release"};
    return names[verb];
}

static const char *outcome_name(enum elect__outcome outcome)
{
    static const char *const names[] = {"none",    "won",       "renewed", "released", "held",    "free",   "wait",
                                        "changed", "lost-data", "taken",   "deleted",  "unknown", "refused"};
    return names[outcome];
}

void sim_store_execute(struct sim_world *w, const struct sim_message *request)
{
    struct sim_store *s = &w->store;
    const struct sim_node *n = &w->nodes[request->node];
    if (s->down_until_ns > w->now_ns || (request->server != s->server && !w->plan.requests_survive))
        return;
    if (request->op.verb != ELECT__PROBE)
        keep_copy(w);
    struct elect__ledger_server server = {.now_us = server_us(w), .started_at_us = s->started_at_us};
    memcpy(server.id, s->id, sizeof server.id);
    struct elect__ledger_request ask = {&request->op, n->id, w->plan.config.ttl_ns / 1000,
                                        w->plan.config.grace_ns / 1000};
    struct sim_message answer = {.kind = SIM_REPLY,
                                 .node = request->node,
                                 .life = request->life,
                                 .sent_local_ns = request->op.sent_at_ns,
                                 .executed_ns = w->now_ns};
    bool was_held = s->now.ledger.lock.held;
    elect__ledger_apply(&s->now.ledger, &server, &ask, &answer.reply);
    bool is_held = s->now.ledger.lock.held;
    if (answer.reply.outcome == ELECT__WON)
        note_grant(w, request);
    answer.grant = s->now.grant;
    sim_mix(w, (uint64_t)answer.reply.outcome << 32 ^ answer.reply.epoch);
    SIM_TRACE(w, "store: %s of n%d/%u #%llu attempt %llx -> %s epoch %llu grant %u", verb_name(request->op.verb),
              request->node, request->life, (unsigned long long)request->op.seq,
              (unsigned long long)request->op.attempt, outcome_name(answer.reply.outcome),
              (unsigned long long)answer.reply.epoch, s->now.grant);
    if (request->life == n->life)
        sim_send_reply(w, &answer);
    if (was_held != is_held && request->op.verb == ELECT__RELEASE)
        sim_send_wake(w, request->node, true);
    else if (was_held != is_held && sim_chance(&w->random, 100000))
        sim_send_wake(w, request->node, false);
}

static void go_down(struct sim_world *w)
{
    struct sim_store *s = &w->store;
    s->down_until_ns = w->now_ns;
    if (sim_chance(&w->random, 500000))
        s->down_until_ns += (int64_t)sim_below(&w->random, (uint64_t)w->plan.config.ttl_ns / 2);
    else
        sim_send_wake(w, SIM_NOBODY, false); /* candidates look again when they have reconnected */
}

static void restart(struct sim_world *w, bool old)
{
    struct sim_store *s = &w->store;
    go_down(w);
    if (old)
        s->now = s->copies[sim_below(&w->random, SIM_COPIES)];
    if (sim_chance(&w->random, 500000))
        new_identity(w);
    s->started_at_us = server_us(w) + (s->down_until_ns - w->now_ns) / 1000;
}

/* The old master is dead. The replica's wall clock is its own: ahead by less than the margin allows, or back again; but
 * where no record survives, epochs rise only as long as the clock isn't behind. */
static void promote(struct sim_world *w)
{
    struct sim_store *s = &w->store;
    go_down(w);
    s->now = s->copies[sim_below(&w->random, SIM_COPIES)];
    new_identity(w);
    if (w->plan.step_ns > 0 || s->now.ledger.record.epoch != 0) {
        int64_t then_ns = sim_clock_read(&s->clock, w->now_ns) + w->plan.step_ns;
        sim_clock_set(&s->clock, w->now_ns, then_ns, w->plan.store_ppm);
        w->plan.step_ns = -w->plan.step_ns;
    }
    s->started_at_us = server_us(w) - 3600 * 1000000LL;
}

static void lose(struct sim_world *w, bool lock, bool record)
{
    struct sim_copy *now = &w->store.now;
    if (lock)
        memset(&now->ledger.lock, 0, sizeof now->ledger.lock);
    if (record)
        memset(&now->ledger.record, 0, sizeof now->ledger.record);
}

void sim_store_fault(struct sim_world *w, enum sim_fault fault)
{
    const struct elect__fsm_config *c = &w->plan.config;
    int64_t spacing_ns = 4 * (c->ttl_ns + c->margin_ns);
    if (w->losses == SIM_LOSSES)
        return;
    if (w->plan.spaced_losses && w->losses > 0 && w->now_ns - w->loss_of[w->losses - 1].at_ns < spacing_ns)
        return;
    if (w->kind == SIM_CAS) {
        if (fault != SIM_CLOCK_STEP)
            sim_register_fault(w, fault);
        return;
    }
    if (fault == SIM_RESTART || fault == SIM_RESTART_OLD)
        restart(w, fault == SIM_RESTART_OLD);
    else if (fault == SIM_PROMOTE)
        promote(w);
    else if (fault == SIM_CLOCK_STEP)
        w->store.clock.local_ns += (int64_t)sim_below(&w->random, (uint64_t)(3 * c->ttl_ns));
    else
        lose(w, fault != SIM_LOSE_RECORD, fault != SIM_LOSE_LOCK);
    if (fault != SIM_CLOCK_STEP)
        w->loss_of[w->losses++] = (struct sim_loss){w->now_ns, fault, w->store.now.ledger.record.epoch != 0};
    SIM_TRACE(w, "store: %s, now %s, record epoch %llu", sim_fault_name(fault), w->store.id,
              (unsigned long long)w->store.now.ledger.record.epoch);
}
