#include "sim.h"
#include <string.h>

enum sim_event { SIM_EV_MESSAGE, SIM_EV_FAULT, SIM_EV_BORN, SIM_EV_WAKES, SIM_EV_ASKS, SIM_EV_DONE };

struct sim_next {
    int64_t at_ns;
    enum sim_event event;
    struct sim_node *node;
};

static void first(struct sim_next *next, int64_t at_ns, enum sim_event event, struct sim_node *node)
{
    if (at_ns < next->at_ns)
        *next = (struct sim_next){at_ns, event, node};
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct sim_next choose(struct sim_world *w)
{
    struct sim_next next = {ELECT__NEVER, SIM_EV_MESSAGE, NULL};
    first(&next, w->fault_ns, SIM_EV_FAULT, NULL);
    for (int i = 0; i < w->plan.nodes; i++) {
        struct sim_node *n = &w->nodes[i];
        if (!n->alive) {
            first(&next, n->born_ns, SIM_EV_BORN, n);
            continue;
        }
        /* A worker may be another thread: it can ask before the library has noticed anything. */
        first(&next, later(n->ask_ns, n->stopped_until_ns), SIM_EV_ASKS, n);
        first(&next, later(n->has_pending ? w->now_ns : n->timer_ns, n->stopped_until_ns), SIM_EV_WAKES, n);
        if (!n->has_pending)
            first(&next, later(n->done_ns, n->stopped_until_ns), SIM_EV_DONE, n);
    }
    int64_t message_ns = sim_next_message_ns(w);
    if (message_ns < next.at_ns ||
        (message_ns == next.at_ns && message_ns != ELECT__NEVER && next.event != SIM_EV_ASKS &&
         !(next.node != NULL && next.node->has_pending) && sim_chance(&w->random, 500000)))
        next = (struct sim_next){message_ns, SIM_EV_MESSAGE, NULL};
    return next;
}

static void take_message(struct sim_world *w)
{
    struct sim_message m;
    sim_pop(w, &m);
    if (m.kind == SIM_REQUEST)
        sim_store_execute(w, &m);
    else if (m.kind == SIM_ASK)
        sim_register_execute(w, &m);
    else if (m.kind == SIM_WRITE)
        sim_check_write(w, &m);
    else
        sim_node_message(w, &w->nodes[m.node], &m);
}

static void happen(struct sim_world *w, const struct sim_next *next)
{
    switch (next->event) {
    case SIM_EV_MESSAGE:
        take_message(w);
        break;
    case SIM_EV_FAULT:
        sim_fault(w);
        break;
    case SIM_EV_BORN:
        sim_node_start(w, next->node);
        break;
    case SIM_EV_WAKES:
        sim_node_wakes(w, next->node);
        break;
    case SIM_EV_ASKS:
        sim_node_asks(w, next->node);
        break;
    case SIM_EV_DONE:
        sim_node_done(w, next->node);
        break;
    }
}

static void run_until(struct sim_world *w, int64_t end_ns)
{
    while (w->violation == SIM_NONE) {
        struct sim_next next = choose(w);
        if (next.at_ns > end_ns)
            break;
        w->now_ns = later(w->now_ns, next.at_ns);
        happen(w, &next);
    }
    w->now_ns = later(w->now_ns, end_ns);
}

/* The longest that anything of the faults can last: messages under way, work not done, leases, graces, waits. */
static int64_t settling_ns(const struct sim_world *w)
{
    const struct sim_plan *p = &w->plan;
    const struct elect__fsm_config *c = &p->config;
    return 2 * p->slow_ns + 12 * c->ttl_ns + 4 * c->ttl_ns + c->drain_ns + 6 * (c->ttl_ns + c->margin_ns) +
           2 * c->grace_ns + 10 * c->retry_ns + 11 * ELECT__S;
}

/* A stream of its own: a run with a kind that is asked for is the same as one that drew it. */
static enum sim_kind kind_of(uint64_t seed)
{
    struct sim_random random = {~seed};
    return sim_chance(&random, 500000) ? SIM_CAS : SIM_LEDGER;
}

static void init(struct sim_world *w, uint64_t seed, struct sim_stats *stats)
{
    w->seed = seed;
    w->hash = seed;
    w->random.state = seed;
    w->kind = w->wanted != SIM_BOTH ? w->wanted : kind_of(seed);
    w->now_ns = 0;
    w->calm = false;
    w->stats = stats;
    w->grants = 0;
    w->losses = w->announced = 0;
    w->last_pair = 0;
    w->fenced.epoch = 0;
    w->fenced.grant = 0;
    w->violation = SIM_NONE;
    w->queue.count = w->queue.unused = 0;
    w->queue.order = 0;
    memset(w->grant_of, 0, sizeof w->grant_of[0]);
    sim_bits(&w->random);
    sim_draw_plan(w);
    sim_store_init(w);
    w->fault_ns = (int64_t)sim_below(&w->random, (uint64_t)w->plan.config.ttl_ns);
}

static void init_nodes(struct sim_world *w)
{
    const struct sim_plan *p = &w->plan;
    memset(w->nodes, 0, sizeof w->nodes);
    for (int i = 0; i < p->nodes; i++) {
        struct sim_node *n = &w->nodes[i];
        n->index = i;
        n->observer = i >= p->nodes - p->observers;
        n->id = p->same_ids ? 1 : (uint64_t)i + 1;
        n->born_ns = (int64_t)sim_below(&w->random, (uint64_t)p->config.ttl_ns);
        n->timer_ns = n->ask_ns = n->done_ns = ELECT__NEVER;
        int64_t local_ns = (int64_t)sim_below(&w->random, (uint64_t)(1000 * ELECT__S));
        sim_clock_set(&n->clock, 0, local_ns, sim_draw_rate_ppm(w));
    }
}

bool sim_run(struct sim_world *w, uint64_t seed, struct sim_stats *stats)
{
    init(w, seed, stats);
    init_nodes(w);
    SIM_TRACE(w, "seed %llu: %s, %d candidates, TTL %.3f s, margin %.3f s, rates %lld..%lld ppm",
              (unsigned long long)seed, w->kind == SIM_CAS ? "register" : "ledger", w->plan.nodes,
              (double)w->plan.config.ttl_ns / 1e9, (double)w->plan.config.margin_ns / 1e9,
              (long long)w->plan.slowest_ppm, (long long)w->plan.fastest_ppm);
    w->steady_from_ns = w->plan.length_ns + settling_ns(w);
    run_until(w, w->plan.length_ns);
    if (w->violation == SIM_NONE)
        sim_calm(w);
    run_until(w, w->steady_from_ns);
    if (w->violation == SIM_NONE)
        sim_check_end(w);
    run_until(w, w->steady_from_ns + 4 * w->plan.config.ttl_ns);
    stats->runs++;
    stats->virtual_ns += w->now_ns;
    return w->violation == SIM_NONE;
}
