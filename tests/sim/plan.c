/* What one run is made of. Every run draws which faults it has and how often ("swarm"): a mix of everything hides what
 * only shows when some fault is frequent and another absent. */
#include "sim.h"

static const char *const fault_names[SIM_FAULTS] = {
    [SIM_PAUSE] = "pause",
    [SIM_SUSPEND] = "suspend",
    [SIM_CRASH] = "crash",
    [SIM_PARTITION] = "partition",
    [SIM_RESIGN] = "resign",
    [SIM_DEPOSE] = "depose",
    [SIM_STOP] = "stop",
    [SIM_ABANDON] = "abandon",
    [SIM_LOOK] = "look",
    [SIM_WAKE] = "wake",
    [SIM_RATE] = "rate",
    [SIM_LOSE_LOCK] = "lose-lock",
    [SIM_LOSE_RECORD] = "lose-record",
    [SIM_FLUSH] = "flush",
    [SIM_RESTART] = "restart",
    [SIM_RESTART_OLD] = "restart-old",
    [SIM_PROMOTE] = "promote",
    [SIM_CLOCK_STEP] = "clock-step",
};

const char *sim_fault_name(enum sim_fault fault)
{
    return fault_names[fault];
}

static uint32_t often(struct sim_world *w, uint32_t highest_ppm)
{
    static const uint32_t part[] = {0, 0, 100, 10, 3, 1};
    uint32_t p = part[sim_below(&w->random, sizeof part / sizeof part[0])];
    return p == 0 ? 0 : highest_ppm / p;
}

static void draw_settings(struct sim_world *w)
{
    static const int64_t ttls_ms[] = {200, 1000, 1000, 3000, 10000};
    struct sim_random *r = &w->random;
    struct elect__fsm_config *c = &w->plan.config;
    c->ttl_ns = ttls_ms[sim_below(r, 5)] * ELECT__MS;
    c->margin_ns = c->ttl_ns / 10;
    if (sim_chance(r, 250000))
        c->margin_ns = sim_between(r, 20 * ELECT__MS, c->ttl_ns / 3);
    c->heartbeat_ns = c->ttl_ns * 3 / 10;
    c->retry_ns = c->ttl_ns / (sim_chance(r, 500000) ? 5 : 20);
    c->drain_ns = c->ttl_ns * sim_between(r, 0, 30) / 10;
    c->grace_ns = sim_chance(r, 50000) ? 0 : c->ttl_ns;
}

/* A client's clock against the store's: (TTL - margin) / client's rate <= TTL / store's rate, and the wait of
 * TTL + margin on a fast clock outlasts a lease on a slow one. What is left of the margin may be a promotion's step. */
static void draw_clocks(struct sim_world *w)
{
    struct sim_plan *p = &w->plan;
    int64_t margin_ppm = p->config.margin_ns * 1000000 / p->config.ttl_ns;
    int64_t used_ppm = 200;
    if (sim_chance(&w->random, 500000))
        used_ppm = margin_ppm * 97 / 100;
    else
        p->step_ns = (int64_t)sim_below(&w->random, (uint64_t)(p->config.margin_ns * 8 / 10));
    p->store_ppm = used_ppm == 200 ? sim_between(&w->random, -200, 200) : 0;
    p->slowest_ppm = -used_ppm;
    p->fastest_ppm = used_ppm;
    if (w->broken == SIM_BROKEN_RATES)
        p->slowest_ppm = -(margin_ppm + (1000000 - margin_ppm) / 2);
}

static void draw_network(struct sim_world *w)
{
    struct sim_random *r = &w->random;
    struct sim_plan *p = &w->plan;
    int64_t ttl_ns = p->config.ttl_ns;
    p->latency_ns = ttl_ns / (sim_chance(r, 500000) ? 1000 : 60);
    p->slow_ns = sim_chance(r, 700000) ? ttl_ns * 3 / 2 : sim_chance(r, 700000) ? 3 * ttl_ns : 30 * ELECT__S;
    p->lateness_ns = ttl_ns / 200;
    p->odds.slow_ppm = often(w, 300000);
    p->odds.lost_ppm = often(w, 300000);
    p->odds.doubled_ppm = often(w, 100000);
    p->odds.unknown_ppm = often(w, 100000);
    p->odds.refused_ppm = often(w, 100000);
    p->frozen_ppm = often(w, 20000);
    p->lazy_ppm = often(w, 1000000);
    p->requests_survive = sim_chance(r, 300000);
}

static void draw_faults(struct sim_world *w)
{
    static const uint32_t share[] = {0, 0, 1, 4, 16};
    struct sim_plan *p = &w->plan;
    p->fault_every_ns = p->config.ttl_ns * sim_between(&w->random, 1, 12) / 6;
    p->spaced_losses = sim_chance(&w->random, 800000);
    p->weight = 0;
    for (int i = 0; i < SIM_FAULTS; i++) {
        p->weights[i] = share[sim_below(&w->random, 5)];
        if (i == SIM_CLOCK_STEP)
            p->weights[i] = w->broken == SIM_BROKEN_STORE_CLOCK ? 8 : 0;
        p->weight += p->weights[i];
    }
    p->weights[SIM_RESIGN] += 2; /* elections are what a run is for */
    p->weight += 2;
}

static void never(struct sim_plan *p, enum sim_fault fault)
{
    p->weight -= p->weights[fault];
    p->weights[fault] = 0;
}

static void draw_register(struct sim_world *w)
{
    static const int64_t polls[] = {10, 30, 30, 100, 200};
    struct sim_random *r = &w->random;
    struct sim_plan *p = &w->plan;
    p->poll_ns = p->config.ttl_ns * polls[sim_below(r, 5)] / 100;
    p->bootstrap = sim_chance(r, 100000);
    p->content_versions = sim_chance(r, 500000);
    p->wrong_clocks = sim_chance(r, 300000);
    p->read_odds =
        (struct sim_odds){often(w, 300000), often(w, 300000), often(w, 100000), often(w, 100000), often(w, 100000)};
    for (int fault = SIM_LOSE_LOCK; p->wrong_clocks && fault < SIM_FAULTS; fault++)
        if (fault != SIM_RESTART)
            never(p, (enum sim_fault)fault);
}

int64_t sim_draw_rate_ppm(struct sim_world *w)
{
    const struct sim_plan *p = &w->plan;
    int64_t ppm = sim_between(&w->random, p->slowest_ppm, p->fastest_ppm);
    if (sim_chance(&w->random, 600000)) /* what the margin must bear shows at the ends */
        ppm = sim_chance(&w->random, 500000) ? p->slowest_ppm : p->fastest_ppm;
    return ppm;
}

void sim_draw_plan(struct sim_world *w)
{
    struct sim_plan *p = &w->plan;
    *p = (struct sim_plan){0};
    draw_settings(w);
    draw_clocks(w);
    draw_network(w);
    draw_faults(w);
    p->nodes = (int)sim_between(&w->random, 2, SIM_NODES);
    p->same_ids = sim_chance(&w->random, 100000);
    p->observers = p->nodes > 2 && sim_chance(&w->random, 100000) ? 1 : 0;
    p->length_ns = p->config.ttl_ns * sim_between(&w->random, 50, 300);
    if (w->kind == SIM_CAS)
        draw_register(w);
}
