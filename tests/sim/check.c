/* The promises, checked at every instant at which they can begin to be broken. */
#include "sim.h"
#include <stdarg.h>

static const char *const violation_names[SIM_VIOLATIONS] = {
    [SIM_NONE] = "none",
    [SIM_TWO_LEADERS] = "two-leaders",
    [SIM_TWO_WORKERS] = "two-workers",
    [SIM_FENCE_BACK] = "fence-back",
    [SIM_EPOCH_TWICE] = "epoch-twice",
    [SIM_SECOND_TERM] = "second-term",
    [SIM_NOT_ALTERNATING] = "not-alternating",
    [SIM_REVIVED] = "revived",
    [SIM_DEADLINE] = "deadline",
    [SIM_OUTLIVES_LOSS] = "outlives-loss",
    [SIM_MACHINE] = "machine",
    [SIM_NO_LEADER] = "no-leader",
    [SIM_UNSTEADY] = "unsteady",
    [SIM_DEPOSED] = "deposed",
    [SIM_OVERWRITTEN] = "overwritten",
};

const char *sim_violation_name(enum sim_violation kind)
{
    return violation_names[kind];
}

void sim_trace(struct sim_world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(w->trace, "%14.6f ", (double)w->now_ns / 1e9);
    vfprintf(w->trace, format, args);
    fputc('\n', w->trace);
    va_end(args);
}

void sim_violated(struct sim_world *w, enum sim_violation kind, const char *format, ...)
{
    va_list args;
    if (w->violation != SIM_NONE)
        return;
    w->violation = kind;
    va_start(args, format);
    vsnprintf(w->text, sizeof w->text, format, args);
    va_end(args);
    SIM_TRACE(w, "VIOLATION %s: %s", sim_violation_name(kind), w->text);
}

/* ---- the machine's own rules ---- */

void sim_check_machine(struct sim_world *w, const struct sim_node *n)
{
    const struct elect__fsm *f = &n->fsm;
    const struct elect__fsm_config *c = &w->plan.config;
    const struct elect__lease *l = &f->lease;
    if (n->steps_here > 1000)
        sim_violated(w, SIM_MACHINE, "n%d steps without end at one instant", n->index);
    if (w->outcomes_only)
        return;
    bool term = f->state == ELECT__LEADING || f->state == ELECT__DRAINING || f->state == ELECT__CLOSED;
    if (!term && (l->lease_until_ns != 0 || l->epoch != 0))
        sim_violated(w, SIM_MACHINE, "n%d has a lease in state %d", n->index, (int)f->state);
    if (f->state != ELECT__LEADING && l->lead_until_ns != 0)
        sim_violated(w, SIM_MACHINE, "n%d may lead in state %d", n->index, (int)f->state);
    if (l->lead_until_ns > l->lease_until_ns)
        sim_violated(w, SIM_MACHINE, "n%d leads longer than its lease", n->index);
    if (f->state != ELECT__CLOSED && f->wake_at_ns == ELECT__NEVER && !(f->stopping && n->working))
        sim_violated(w, SIM_MACHINE, "n%d waits for nothing in state %d", n->index, (int)f->state);
    if (n->observer && n->led)
        sim_violated(w, SIM_MACHINE, "n%d observes and leads", n->index);
    int64_t best_sent_ns = w->kind == SIM_CAS ? w->grant_of[n->grant].best_sent_ns : n->best_sent_ns;
    if (l->lease_until_ns != 0 && l->lease_until_ns > best_sent_ns + c->ttl_ns - c->margin_ns)
        sim_violated(w, SIM_DEADLINE, "n%d epoch %llu is sure for %lld ns longer than its last confirmed write proves",
                     n->index, (unsigned long long)l->epoch,
                     (long long)(l->lease_until_ns - best_sent_ns - c->ttl_ns + c->margin_ns));
}

/* ---- overlaps ---- */

/* One loss between two grants: do the rules promise that the old lease is waited out? Not to a candidate that knows of
 * no epoch, where no record survived either; nor with the grace switched off. */
static bool waited_out(const struct sim_world *w, const struct sim_loss *loss, const struct sim_grant *grant)
{
    bool grace = w->plan.config.grace_ns != 0;
    int64_t since_ns = loss->at_ns - grant->loss_wait_from_ns;
    if (grant->loss_wait_from_ns != 0 && since_ns > 0 && since_ns < 5 * w->plan.config.ttl_ns)
        return false; /* it waits, or has just waited, for an earlier loss: this is a second one */
    switch (loss->kind) {
    case SIM_FLUSH:
        return grant->knew;
    case SIM_RESTART_OLD:
        return grace;
    case SIM_PROMOTE:
        return grace && (loss->record_survived || grant->knew);
    default:
        return true;
    }
}

/* The loss that let the store grant new while old's lease was in force, or NULL. Two losses at a time excuse all. */
static const struct sim_loss *forgotten(const struct sim_world *w, const struct sim_grant *old,
                                        const struct sim_grant *new)
{
    const struct sim_loss *last = NULL;
    int64_t from_ns = new->at_ns - 2 * w->plan.config.ttl_ns;
    bool excused = false;
    for (int i = w->losses - 1; i >= 0; i--) {
        const struct sim_loss *loss = &w->loss_of[i];
        if (loss->at_ns < from_ns || loss->at_ns < old->at_ns)
            break;
        if (loss->at_ns > new->at_ns)
            continue;
        excused = excused || last != NULL || !waited_out(w, loss, new);
        last = last != NULL ? last : loss;
    }
    return excused ? last : NULL;
}

/* The same for a register: sim.h says what excuses. */
static const struct sim_loss *forgotten_by_register(const struct sim_world *w, uint32_t old, uint32_t new)
{
    const struct sim_grant *old_grant = &w->grant_of[old], *new_grant = &w->grant_of[new];
    for (int i = w->losses - 1; i >= 0 && w->loss_of[i].at_ns >= old_grant->at_ns; i--) {
        const struct sim_loss *loss = &w->loss_of[i];
        if (loss->at_ns > new_grant->at_ns)
            continue;
        if (new_grant->shown_ns <= loss->at_ns || (new_grant->blind && new_grant->follows < old))
            return loss;
    }
    return NULL;
}

/* Once the store has granted what it should not have, old's lease is unknown to it, so that later grants excuse too. */
static const struct sim_loss *excuse(const struct sim_world *w, uint32_t old, uint32_t new)
{
    const struct sim_loss *loss = NULL;
    for (uint32_t i = old + 1; i <= new && loss == NULL; i++)
        loss = w->kind == SIM_CAS ? forgotten_by_register(w, old, i) : forgotten(w, &w->grant_of[old], &w->grant_of[i]);
    return loss;
}

static void judge(struct sim_world *w, const struct sim_node *a, const struct sim_node *b, enum sim_violation kind)
{
    const struct sim_node *old = a->grant < b->grant ? a : b;
    const struct sim_node *new = old == a ? b : a;
    struct sim_grant *old_grant = &w->grant_of[old->grant];
    const struct elect__fsm_config *c = &w->plan.config;
    const struct sim_loss *loss = excuse(w, old->grant, new->grant);
    if (loss == NULL) {
        sim_violated(w, kind, "n%d epoch %llu (grant %u) and n%d epoch %llu (grant %u)", old->index,
                     (unsigned long long)old->epoch, old->grant, new->index, (unsigned long long)new->epoch,
                     new->grant);
        return;
    }
    uint64_t pair = (uint64_t)old->grant << 32 | new->grant;
    if (pair != w->last_pair) {
        w->last_pair = pair;
        w->stats->overlaps_outside++;
    }
    int64_t longest_ns = (c->ttl_ns - c->margin_ns) * 1000000 / (1000000 + w->plan.slowest_ppm);
    bool last = loss == &w->loss_of[w->losses - 1];
    old_grant->must_end_ns = last ? loss->at_ns + longest_ns + ELECT__MS : 0;
    old_grant->losses = w->losses;
}

static bool leads(const struct sim_world *w, const struct sim_node *n)
{
    return n->alive && elect__lasts(n->fsm.lease.lead_until_ns, sim_local(w, n));
}

/* Its work was told that the lease lasts: that word stands until the work ends, whatever became of the lease. */
static bool works(const struct sim_world *w, const struct sim_node *n)
{
    return n->alive && n->working && sim_local(w, n) < n->proof_until_ns;
}

/* An overlap can only begin when n's lease is set or extended: then n is compared with all. A process that is stopped
 * counts, as it could go on at this very instant. */
void sim_check_leases(struct sim_world *w, struct sim_node *n)
{
    bool n_leads = leads(w, n), n_works = works(w, n);
    if (!n_leads && !n_works)
        return;
    const struct sim_grant *g = &w->grant_of[n->grant];
    if (g->must_end_ns != 0 && g->losses == w->losses && n_leads &&
        sim_clock_when(&n->clock, n->fsm.lease.lead_until_ns) > g->must_end_ns)
        sim_violated(w, SIM_OUTLIVES_LOSS, "n%d epoch %llu", n->index, (unsigned long long)n->epoch);
    for (int i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *m = &w->nodes[i];
        if (m == n)
            continue;
        if (n_leads && leads(w, m))
            judge(w, n, m, SIM_TWO_LEADERS);
        if (n_works && works(w, m))
            judge(w, n, m, SIM_TWO_WORKERS);
    }
}

/* Who was told that the lease is over may have let go of everything: it must not begin to last again. */
void sim_check_revival(struct sim_world *w, const struct sim_node *n, const struct elect__lease *before,
                       int64_t local_ns)
{
    const struct elect__lease *after = &n->fsm.lease;
    if (before->epoch != 0 && before->epoch == after->epoch && local_ns >= before->lease_until_ns &&
        after->lease_until_ns > local_ns)
        sim_violated(w, SIM_REVIVED, "n%d epoch %llu", n->index, (unsigned long long)after->epoch);
}

/* ---- epochs ---- */

void sim_check_elected(struct sim_world *w, struct sim_node *n, uint64_t epoch)
{
    if (n->led)
        sim_violated(w, SIM_NOT_ALTERNATING, "n%d ELECTED %llu before LOST", n->index, (unsigned long long)epoch);
    if (n->working)
        sim_violated(w, SIM_SECOND_TERM, "n%d ELECTED %llu while its last work goes on", n->index,
                     (unsigned long long)epoch);
    for (int i = w->announced - 1; i >= 0; i--)
        if (w->announced_epochs[i] == epoch)
            sim_violated(w, SIM_EPOCH_TWICE, "n%d ELECTED %llu again", n->index, (unsigned long long)epoch);
    if (w->announced < SIM_GRANTS)
        w->announced_epochs[w->announced++] = epoch;
}

void sim_check_write(struct sim_world *w, const struct sim_message *write)
{
    if (!ELECT__PLANTED(NO_FENCING) && write->epoch < w->fenced.epoch)
        return;
    if (write->grant < w->fenced.grant && !(w->kind == SIM_CAS && excuse(w, write->grant, w->fenced.grant)))
        sim_violated(w, SIM_FENCE_BACK, "n%d wrote with epoch %llu (grant %u) after %llu (grant %u)", write->node,
                     (unsigned long long)write->epoch, write->grant, (unsigned long long)w->fenced.epoch,
                     w->fenced.grant);
    w->fenced.epoch = write->epoch;
    w->fenced.grant = write->grant;
}

/* ---- liveness ---- */

void sim_check_end(struct sim_world *w)
{
    for (int i = 0; i < w->plan.nodes; i++)
        if (leads(w, &w->nodes[i]))
            return;
    sim_violated(w, SIM_NO_LEADER, "%.3f s after the faults ended", (double)(w->now_ns - w->calm_at_ns) / 1e9);
}
