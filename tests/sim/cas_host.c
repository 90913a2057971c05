/* A candidate's store around stores/cas.c: it carries reads and writes to the register, and replies to the machine. */
#include "sim.h"
#include <elect/elect.h>
#include <string.h>

/* Microseconds of a wall clock: some day, so that epochs are as large as in life. */
#define EPOCH_US 1790000000000000LL
#define HOUR_US 3600000000LL

int64_t sim_real_us(const struct sim_world *w, const struct sim_node *n)
{
    return EPOCH_US + w->now_ns / 1000 + n->real_off_us;
}

void sim_cas_start(struct sim_world *w, struct sim_node *n)
{
    const struct elect__fsm_config *c = &w->plan.config;
    struct elect__cas_config config = {
        .ttl_ns = c->ttl_ns, .margin_ns = c->margin_ns, .poll_ns = w->plan.poll_ns, .bootstrap = w->plan.bootstrap};
    snprintf(config.incarnation, sizeof config.incarnation, "%016llx%08x%08x", (unsigned long long)sim_bits(&w->random),
             (unsigned)n->index, n->life);
    elect__cas_init(&n->cas, &config);
    memset(&n->shown, 0, sizeof n->shown);
    n->asked_down = 0;
    n->real_off_us = w->plan.wrong_clocks ? sim_between(&w->random, -HOUR_US, HOUR_US) : 0;
}

static void version_text(char out[ELECT__VERSION_SIZE], uint64_t version)
{
    char digits[17];
    int n = 0;
    for (; version != 0; version >>= 4)
        digits[n++] = "0123456789abcdef"[version & 15];
    while (n > 0)
        *out++ = digits[--n];
    *out = '\0';
}

static uint64_t version_number(const char *text)
{
    uint64_t version = 0;
    for (; *text != '\0'; text++)
        version = version << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    return version;
}

/* True: a reply. */
static bool carry_out(struct sim_world *w, struct sim_node *n, const struct elect__cas_step *step, int64_t local_ns,
                      struct sim_message *out)
{
    if (step->depose != 0)
        n->asked_down = step->depose;
    if (step->act == ELECT__CAS_NOTHING)
        return false;
    memset(out, 0, sizeof *out);
    out->node = n->index;
    out->life = n->life;
    if (step->act == ELECT__CAS_REPLY) {
        out->kind = SIM_REPLY;
        out->reply = step->reply;
        out->grant = sim_grant_of_attempt(w, step->reply.attempt);
        return true;
    }
    out->kind = SIM_ASK;
    out->sent_local_ns = local_ns;
    out->ask = (struct sim_ask){.act = step->act, .ticket = step->ticket, .shown = n->shown};
    if (step->act == ELECT__CAS_WRITE) {
        out->ask.version = version_number(n->cas.version);
        out->ask.record = step->record;
    }
    sim_send_ask(w, n, out);
    return false;
}

/* The machine is in its step: what is answered at once, it hears at once after that. */
void sim_cas_submit(struct sim_world *w, struct sim_node *n, const struct elect__op *op, int64_t local_ns)
{
    struct elect__cas_step step;
    struct sim_message m;
    elect__cas_submit(&n->cas, op, local_ns, n->real_us, &step);
    if (carry_out(w, n, &step, local_ns, &m))
        sim_push(w, w->now_ns, &m);
}

static void note_shown(struct sim_node *n, const struct sim_message *told)
{
    const struct sim_ask *a = &told->ask;
    struct sim_shown *shown = &n->shown;
    if (a->ticket != n->cas.ticket || a->outcome > ELECT__CAS_WRITTEN)
        return;
    if (shown->version != a->version || (a->version == 0 && shown->from_ns == 0))
        shown->from_ns = told->executed_ns;
    shown->version = a->version;
    shown->record = shown->record || a->version != 0;
    if (a->outcome != ELECT__CAS_ABSENT && a->outcome != ELECT__CAS_UNREADABLE && a->record.epoch > shown->epoch)
        shown->epoch = a->record.epoch;
}

bool sim_cas_told(struct sim_world *w, struct sim_node *n, const struct sim_message *told, int64_t local_ns,
                  struct sim_message *reply)
{
    char version[ELECT__VERSION_SIZE];
    struct elect__cas_step step;
    struct elect__cas_answer answer = {.ticket = told->ask.ticket,
                                       .outcome = told->ask.outcome,
                                       .code = told->ask.code,
                                       .version = version,
                                       .record = &told->ask.record};
    version_text(version, told->ask.version);
    note_shown(n, told);
    elect__cas_answer(&n->cas, &answer, local_ns, n->real_us, &step);
    return carry_out(w, n, &step, local_ns, reply);
}
