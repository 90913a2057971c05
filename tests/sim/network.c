#include "sim.h"
#include <elect/elect.h>
#include <string.h>

static int64_t latency(struct sim_world *w, uint32_t slow_ppm)
{
    const struct sim_plan *p = &w->plan;
    int64_t ns = 1 + (int64_t)sim_below(&w->random, (uint64_t)(2 * p->latency_ns));
    if (!w->calm && sim_chance(&w->random, slow_ppm))
        ns += (int64_t)sim_below(&w->random, (uint64_t)p->slow_ns);
    return ns;
}

int64_t sim_latency(struct sim_world *w)
{
    return latency(w, w->plan.odds.slow_ppm);
}

/* What the transport itself tells the candidate: a broken connection, a command that could not be written. */
static void fail_here(struct sim_world *w, struct sim_node *n, const struct elect__op *op, enum elect__outcome outcome)
{
    struct sim_message m = {.kind = SIM_REPLY, .node = n->index, .life = n->life};
    m.reply = (struct elect__reply){.outcome = outcome, .code = ELECT_EUNREACHABLE, .seq = op->seq};
    sim_push(w, w->now_ns + sim_latency(w), &m);
}

/* TCP holds what a partition stops, and sends it when that ends; or the connection breaks and it is lost. */
static int64_t held_back(struct sim_world *w, int64_t until_ns, int64_t at_ns, bool *lost)
{
    if (until_ns <= w->now_ns)
        return at_ns;
    *lost = *lost || sim_chance(&w->random, 500000);
    return until_ns + at_ns - w->now_ns;
}

void sim_send_request(struct sim_world *w, struct sim_node *n, const struct elect__op *op)
{
    const struct sim_plan *p = &w->plan;
    w->stats->requests++;
    if (!w->calm && sim_chance(&w->random, p->odds.refused_ppm)) {
        fail_here(w, n, op, ELECT__REFUSED);
        return;
    }
    struct sim_message m = {.kind = SIM_REQUEST,
                            .node = n->index,
                            .life = n->life,
                            .server = w->store.server,
                            .knew = n->highest != 0,
                            .loss_wait_from_ns = n->loss_wait_from_ns};
    m.op = *op;
    bool lost = !w->calm && sim_chance(&w->random, p->odds.lost_ppm);
    int64_t at_ns = held_back(w, n->no_requests_until_ns, w->now_ns + sim_latency(w), &lost);
    if (!lost) {
        sim_push(w, at_ns, &m);
        if (!w->calm && sim_chance(&w->random, p->odds.doubled_ppm))
            sim_push(w, at_ns + sim_latency(w), &m);
    }
    if (!w->calm && (lost ? sim_chance(&w->random, 300000) : sim_chance(&w->random, p->odds.unknown_ppm)))
        fail_here(w, n, op, ELECT__UNKNOWN);
}

void sim_send_reply(struct sim_world *w, const struct sim_message *reply)
{
    const struct sim_plan *p = &w->plan;
    const struct sim_node *n = &w->nodes[reply->node];
    bool lost = !w->calm && sim_chance(&w->random, p->odds.lost_ppm);
    int64_t at_ns = held_back(w, n->no_replies_until_ns, w->now_ns + sim_latency(w), &lost);
    if (lost)
        return;
    sim_push(w, at_ns, reply);
    if (!w->calm && sim_chance(&w->random, p->odds.doubled_ppm))
        sim_push(w, at_ns + sim_latency(w), reply);
}

/* ---- to and from a register ---- */

static const struct sim_odds *odds_of(const struct sim_world *w, const struct sim_message *m)
{
    return m->ask.act == ELECT__CAS_READ ? &w->plan.read_odds : &w->plan.odds;
}

static void told_here(struct sim_world *w, const struct sim_message *ask, enum elect__cas_outcome outcome)
{
    struct sim_message m = *ask;
    m.kind = SIM_TOLD;
    m.ask.outcome = outcome;
    m.ask.code = ELECT_EUNREACHABLE;
    sim_push(w, w->now_ns + latency(w, odds_of(w, ask)->slow_ppm), &m);
}

/* A transport that sends again when a connection broke tells what the second was answered, though the first was done. */
static void ask_again(struct sim_world *w, const struct sim_message *ask, int64_t at_ns)
{
    struct sim_message first = *ask;
    first.ask.mute = sim_chance(&w->random, 500000);
    sim_push(w, at_ns, &first);
    sim_push(w, at_ns + latency(w, odds_of(w, ask)->slow_ppm), ask);
}

void sim_send_ask(struct sim_world *w, struct sim_node *n, const struct sim_message *ask)
{
    const struct sim_odds *odds = odds_of(w, ask);
    w->stats->requests++;
    if (!w->calm && sim_chance(&w->random, odds->refused_ppm)) {
        told_here(w, ask, ELECT__CAS_REFUSED);
        return;
    }
    bool lost = !w->calm && sim_chance(&w->random, odds->lost_ppm);
    int64_t at_ns = held_back(w, n->no_requests_until_ns, w->now_ns + latency(w, odds->slow_ppm), &lost);
    if (!lost && !w->calm && sim_chance(&w->random, odds->doubled_ppm))
        ask_again(w, ask, at_ns);
    else if (!lost)
        sim_push(w, at_ns, ask);
    if (!w->calm && (lost ? sim_chance(&w->random, 300000) : sim_chance(&w->random, odds->unknown_ppm)))
        told_here(w, ask, ELECT__CAS_UNKNOWN);
}

void sim_send_told(struct sim_world *w, const struct sim_message *told)
{
    const struct sim_odds *odds = odds_of(w, told);
    const struct sim_node *n = &w->nodes[told->node];
    bool lost = told->ask.mute || (!w->calm && sim_chance(&w->random, odds->lost_ppm));
    int64_t at_ns = held_back(w, n->no_replies_until_ns, w->now_ns + latency(w, odds->slow_ppm), &lost);
    if (lost)
        return;
    sim_push(w, at_ns, told);
    if (!w->calm && sim_chance(&w->random, odds->doubled_ppm))
        sim_push(w, at_ns + latency(w, odds->slow_ppm), told);
}

void sim_send_wake(struct sim_world *w, int from, bool free)
{
    for (int i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *n = &w->nodes[i];
        if (i == from || !n->alive || n->no_replies_until_ns > w->now_ns)
            continue;
        if (!w->calm && sim_chance(&w->random, w->plan.odds.lost_ppm))
            continue;
        struct sim_message m = {.kind = SIM_WAKING, .node = i, .life = n->life, .free = free};
        sim_push(w, w->now_ns + sim_latency(w), &m);
    }
}
