/* The store that knows compare-and-set and nothing else: one content, its version, and reads that see the last write. */
#include "sim.h"
#include <string.h>

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 29;
}

/* As an ETag is: equal bodies have equal versions. */
static uint64_t version_of_content(const struct elect__cas_record *r)
{
    uint64_t incarnation[sizeof r->incarnation / 8];
    uint64_t hash = mixed(r->epoch, (uint64_t)r->lease_ns);
    memcpy(incarnation, r->incarnation, sizeof incarnation);
    for (size_t i = 0; i < sizeof incarnation / 8; i++)
        hash = mixed(hash, incarnation[i]);
    hash = mixed(mixed(mixed(hash, r->attempt), r->seq), r->depose ^ (uint64_t)r->released << 63);
    return hash | 1;
}

static void put(struct sim_world *w, const struct elect__cas_record *record)
{
    struct sim_content *now = &w->reg.now;
    w->reg.versions++;
    now->present = now->readable = true;
    now->record = *record;
    now->version = w->plan.content_versions ? version_of_content(record) : w->reg.versions;
}

static void empty(struct sim_world *w)
{
    memset(&w->reg.now, 0, sizeof w->reg.now);
}

void sim_register_init(struct sim_world *w)
{
    memset(&w->reg, 0, sizeof w->reg);
}

uint32_t sim_grant_of_attempt(const struct sim_world *w, uint64_t attempt)
{
    uint32_t grant = w->grants;
    while (grant > 0 && w->grant_of[grant].attempt != attempt)
        grant--;
    return grant;
}

/* ---- writes ---- */

/* The grant that a write goes on with; 0: a term begins, or one that was lost or put back begins again for somebody who
 * does not lead by it. */
static uint32_t continued(const struct sim_world *w, const struct sim_message *m)
{
    const struct sim_content *now = &w->reg.now;
    const struct sim_node *n = &w->nodes[m->node];
    uint32_t last = sim_grant_of_attempt(w, m->ask.record.attempt);
    bool unbroken = now->present && now->record.attempt == m->ask.record.attempt && !now->put_back;
    bool works_by_it = n->life == m->life && n->working && n->grant == last;
    return unbroken || works_by_it ? last : 0;
}

static void note_grant(struct sim_world *w, const struct sim_message *m)
{
    struct sim_content *now = &w->reg.now;
    const struct sim_shown *shown = &m->ask.shown;
    uint32_t before = sim_grant_of_attempt(w, m->ask.record.attempt);
    struct sim_grant grant = {.at_ns = w->now_ns, .node = m->node, .attempt = m->ask.record.attempt};
    if (w->grants + 1 >= SIM_GRANTS)
        return;
    if (before != 0) /* what the register took, and lost since, was proof as well */
        grant.best_sent_ns = w->grant_of[before].best_sent_ns;
    grant.shown_ns = shown->version == now->version ? shown->from_ns : 0;
    if (!now->present) {
        grant.blind = w->plan.bootstrap && !shown->record;
    } else {
        bool its_own = now->record.attempt == grant.attempt;
        grant.follows = now->grant;
        grant.blind = (its_own || (now->record.released && !now->knowing)) && shown->epoch <= now->record.epoch;
    }
    w->stats->grants++;
    now->grant = ++w->grants;
    w->grant_of[w->grants] = grant;
}

static void keep_copy(struct sim_world *w)
{
    if (sim_chance(&w->random, 500000))
        w->reg.copies[sim_below(&w->random, SIM_COPIES)] = w->reg.now;
}

static void write(struct sim_world *w, const struct sim_message *m)
{
    struct sim_content *now = &w->reg.now;
    const struct elect__cas_record *next = &m->ask.record;
    if (now->present && !now->readable)
        sim_violated(w, SIM_OVERWRITTEN, "n%d wrote epoch %llu over what it can't read", m->node,
                     (unsigned long long)next->epoch);
    keep_copy(w);
    if (!next->released) {
        uint32_t same = continued(w, m);
        if (same == 0)
            note_grant(w, m);
        else
            now->grant = same;
        struct sim_grant *grant = &w->grant_of[now->grant];
        if (m->sent_local_ns > grant->best_sent_ns)
            grant->best_sent_ns = m->sent_local_ns;
    }
    now->knowing = next->released && m->ask.shown.epoch > next->epoch;
    now->put_back = false;
    put(w, next);
}

/* ---- requests ---- */

static void execute(struct sim_world *w, const struct sim_message *m, struct sim_ask *told)
{
    struct sim_content *now = &w->reg.now;
    if (m->ask.act == ELECT__CAS_READ) {
        told->outcome = !now->present ? ELECT__CAS_ABSENT : now->readable ? ELECT__CAS_FOUND : ELECT__CAS_UNREADABLE;
        told->record = now->record;
    } else if (m->ask.version != now->version) {
        told->outcome = ELECT__CAS_CONFLICT;
    } else {
        write(w, m);
        told->outcome = ELECT__CAS_WRITTEN;
    }
    told->version = now->version;
}

void sim_register_execute(struct sim_world *w, const struct sim_message *m)
{
    static const char *const names[] = {"?",       "found",    "absent",  "unreadable",
                                        "written", "conflict", "unknown", "refused"};
    struct sim_message told = *m;
    if (w->store.down_until_ns > w->now_ns)
        return;
    if (w->reg.now.present && !w->reg.now.readable && w->now_ns >= w->reg.removed_ns)
        empty(w);
    told.kind = SIM_TOLD;
    told.executed_ns = w->now_ns;
    execute(w, m, &told.ask);
    const struct sim_content *now = &w->reg.now;
    sim_mix(w, (uint64_t)told.ask.outcome << 32 ^ now->version);
    SIM_TRACE(w, "register: %s #%llu of n%d/%u if %llx -> %s, now %llx: epoch %llu seq %llu%s%s grant %u",
              m->ask.act == ELECT__CAS_READ ? "read" : "write", (unsigned long long)m->ask.ticket, m->node, m->life,
              (unsigned long long)m->ask.version, names[told.ask.outcome], (unsigned long long)now->version,
              (unsigned long long)now->record.epoch, (unsigned long long)now->record.seq,
              now->record.released ? " released" : "", now->record.depose != 0 ? " depose" : "", now->grant);
    if (m->life == w->nodes[m->node].life)
        sim_send_told(w, &told);
}

/* ---- faults ---- */

static void go_down(struct sim_world *w)
{
    w->store.down_until_ns = w->now_ns;
    if (sim_chance(&w->random, 500000))
        w->store.down_until_ns += (int64_t)sim_below(&w->random, (uint64_t)w->plan.config.ttl_ns / 2);
}

static void scribble(struct sim_world *w)
{
    struct elect__cas_record nonsense = {.seq = w->now_ns > 0 ? (uint64_t)w->now_ns : 1};
    empty(w);
    put(w, &nonsense);
    w->reg.now.readable = false;
    w->reg.removed_ns = w->now_ns + (int64_t)sim_below(&w->random, (uint64_t)(3 * w->plan.config.ttl_ns));
}

/* Somebody else asks the leader to step down: a write like any other, that keeps all the rest. */
void sim_register_depose(struct sim_world *w)
{
    struct elect__cas_record record = w->reg.now.record;
    if (!w->reg.now.present || !w->reg.now.readable || record.released)
        return;
    record.depose = record.epoch;
    put(w, &record);
    SIM_TRACE(w, "register: depose %llu, now %llx", (unsigned long long)record.epoch,
              (unsigned long long)w->reg.now.version);
}

/* Its versions go back with an older content, but those to come were never there: a count goes on. */
void sim_register_fault(struct sim_world *w, enum sim_fault fault)
{
    uint64_t version = w->reg.now.version;
    if (fault == SIM_RESTART || fault == SIM_RESTART_OLD)
        go_down(w);
    if (fault == SIM_RESTART_OLD || fault == SIM_PROMOTE) {
        w->reg.now = w->reg.copies[sim_below(&w->random, SIM_COPIES)];
        w->reg.now.put_back = true;
    } else if (fault == SIM_LOSE_LOCK) {
        scribble(w);
    } else if (fault != SIM_RESTART) {
        empty(w);
    }
    if (w->reg.now.version != version)
        w->loss_of[w->losses++] = (struct sim_loss){w->now_ns, fault, w->reg.now.present};
    SIM_TRACE(w, "register: %s, now %llx epoch %llu seq %llu%s grant %u", sim_fault_name(fault),
              (unsigned long long)w->reg.now.version, (unsigned long long)w->reg.now.record.epoch,
              (unsigned long long)w->reg.now.record.seq, w->reg.now.record.released ? " released" : "",
              w->reg.now.grant);
}

void sim_register_calm(struct sim_world *w)
{
    w->reg.removed_ns = w->now_ns;
}
