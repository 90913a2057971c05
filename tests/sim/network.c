#include "sim.h"
#include <elect/elect.h>
#include <string.h>

int64_t sim_latency(struct sim_world *w)
{
    const struct sim_plan *p = &w->plan;
    int64_t ns = 1 + (int64_t)sim_below(&w->random, (uint64_t)(2 * p->latency_ns));
    if (!w->calm && sim_chance(&w->random, p->slow_ppm))
        ns += (int64_t)sim_below(&w->random, (uint64_t)p->slow_ns);
    return ns;
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
    if (!w->calm && sim_chance(&w->random, p->refused_ppm)) {
        fail_here(w, n, op, ELECT__REFUSED);
        return;
    }
    struct sim_message m = {.kind = SIM_REQUEST,
                            .node = n->index,
                            .life = n->life,
                            .server = w->store.server,
                            .knew = n->knows,
                            .loss_wait_from_ns = n->loss_wait_from_ns};
    m.op = *op;
    bool lost = !w->calm && sim_chance(&w->random, p->lost_ppm);
    int64_t at_ns = held_back(w, n->no_requests_until_ns, w->now_ns + sim_latency(w), &lost);
    if (!lost) {
        sim_push(w, at_ns, &m);
        if (!w->calm && sim_chance(&w->random, p->doubled_ppm))
            sim_push(w, at_ns + sim_latency(w), &m);
    }
    if (!w->calm && (lost ? sim_chance(&w->random, 300000) : sim_chance(&w->random, p->unknown_ppm)))
        fail_here(w, n, op, ELECT__UNKNOWN);
}

void sim_send_reply(struct sim_world *w, const struct sim_message *reply)
{
    const struct sim_plan *p = &w->plan;
    const struct sim_node *n = &w->nodes[reply->node];
    bool lost = !w->calm && sim_chance(&w->random, p->lost_ppm);
    int64_t at_ns = held_back(w, n->no_replies_until_ns, w->now_ns + sim_latency(w), &lost);
    if (lost)
        return;
    sim_push(w, at_ns, reply);
    if (!w->calm && sim_chance(&w->random, p->doubled_ppm))
        sim_push(w, at_ns + sim_latency(w), reply);
}

void sim_send_wake(struct sim_world *w, int from, bool free)
{
    for (int i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *n = &w->nodes[i];
        if (i == from || !n->alive || n->no_replies_until_ns > w->now_ns)
            continue;
        if (!w->calm && sim_chance(&w->random, w->plan.lost_ppm))
            continue;
        struct sim_message m = {.kind = SIM_WAKING, .node = i, .life = n->life, .free = free};
        sim_push(w, w->now_ns + sim_latency(w), &m);
    }
}
