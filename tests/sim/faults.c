#include "sim.h"

static struct sim_node *leader_of(struct sim_world *w)
{
    for (int i = 0; i < w->plan.nodes; i++)
        if (w->nodes[i].alive && w->nodes[i].led)
            return &w->nodes[i];
    return NULL;
}

/* Faults hurt most where they hit the leader. */
static struct sim_node *victim(struct sim_world *w)
{
    struct sim_node *leader = leader_of(w);
    if (leader != NULL && sim_chance(&w->random, 600000))
        return leader;
    return &w->nodes[sim_below(&w->random, (uint64_t)w->plan.nodes)];
}

static int64_t draw_duration_ns(struct sim_world *w)
{
    const struct elect__fsm_config *c = &w->plan.config;
    static const int64_t tenths[] = {1, 3, 11, 20, 40};
    int64_t longest_ns = c->ttl_ns * tenths[sim_below(&w->random, 5)] / 10;
    if (sim_chance(&w->random, 20000))
        longest_ns = 12 * c->ttl_ns;
    return 1 + (int64_t)sim_below(&w->random, (uint64_t)longest_ns);
}

static void partition(struct sim_world *w, struct sim_node *n, int64_t for_ns)
{
    uint64_t ways = 1 + sim_below(&w->random, 3);
    if (ways & 1)
        n->no_requests_until_ns = w->now_ns + for_ns;
    if (ways & 2)
        n->no_replies_until_ns = w->now_ns + for_ns;
}

static void change_rate(struct sim_world *w, struct sim_node *n)
{
    int64_t local_ns = sim_local(w, n);
    if (n->stopped_until_ns > w->now_ns)
        return;
    sim_clock_set(&n->clock, w->now_ns, local_ns, sim_draw_rate_ppm(w));
}

/* What a user or the store tells a candidate; a process that is stopped hears nothing. */
static void tell(struct sim_world *w, struct sim_node *n, enum sim_fault fault)
{
    struct elect__input input = {.kind = ELECT__IN_LOOK};
    if (!n->alive || n->stopped_until_ns > w->now_ns || n->has_pending || n->fsm.state == ELECT__CLOSED)
        return;
    if (fault == SIM_RESIGN || fault == SIM_DEPOSE) {
        input.kind = ELECT__IN_RESIGN;
        input.epoch = fault == SIM_RESIGN ? 0 : n->epoch;
        if (fault == SIM_RESIGN && sim_chance(&w->random, 300000))
            input.backoff_ns = draw_duration_ns(w);
    } else if (fault == SIM_STOP) {
        input.kind = ELECT__IN_STOP;
    } else if (fault == SIM_ABANDON) {
        input.kind = ELECT__IN_ABANDON;
        n->working = false; /* the program has let go of it */
        n->done_ns = ELECT__NEVER;
    } else if (fault == SIM_WAKE) {
        input.kind = sim_chance(&w->random, 300000) ? ELECT__IN_DOUBT : ELECT__IN_WAKE;
        input.free = sim_chance(&w->random, 500000);
    }
    sim_node_input(w, n, &input);
}

static void happen(struct sim_world *w, enum sim_fault fault)
{
    struct sim_node *n = victim(w);
    int64_t for_ns = draw_duration_ns(w);
    w->stats->faults[fault]++;
    if (fault == SIM_PAUSE || fault == SIM_SUSPEND)
        sim_node_stop(w, n, for_ns, fault == SIM_SUSPEND);
    else if (fault == SIM_CRASH && n->alive)
        sim_node_end(w, n, for_ns);
    else if (fault == SIM_PARTITION)
        partition(w, n, for_ns);
    else if (fault == SIM_RATE)
        change_rate(w, n);
    else if (fault == SIM_DEPOSE && w->kind == SIM_CAS && sim_chance(&w->random, 700000))
        sim_register_depose(w);
    else if (fault >= SIM_LOSE_LOCK)
        sim_store_fault(w, fault);
    else if (fault != SIM_CRASH)
        tell(w, n, fault);
}

void sim_fault(struct sim_world *w)
{
    uint64_t draw = sim_below(&w->random, w->plan.weight);
    int fault = 0;
    while (draw >= w->plan.weights[fault])
        draw -= w->plan.weights[fault++];
    sim_mix(w, (uint64_t)fault);
    w->fault_ns = w->now_ns + 1 + (int64_t)sim_below(&w->random, (uint64_t)(2 * w->plan.fault_every_ns));
    happen(w, (enum sim_fault)fault);
}

/* Faults end here: everybody runs, hears and is heard. What is still under way arrives. */
void sim_calm(struct sim_world *w)
{
    w->calm = true;
    w->fault_ns = ELECT__NEVER;
    w->calm_at_ns = w->now_ns;
    SIM_TRACE(w, "calm");
    sim_register_calm(w);
    for (int i = 0; i < w->plan.nodes; i++) {
        struct sim_node *n = &w->nodes[i];
        n->no_requests_until_ns = n->no_replies_until_ns = 0;
        if (!n->alive)
            n->born_ns = w->now_ns;
        if (n->stopped_until_ns > w->now_ns && n->clock.true_ns <= w->now_ns)
            n->stopped_until_ns = w->now_ns;
        if (n->alive && n->working && !n->led)
            n->done_ns = w->now_ns;
    }
}
