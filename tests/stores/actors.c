#include "stage.h"
#include <stdio.h>

/* ---- the host ---- */

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static void on_reply(struct elect__slot *slot, const struct elect__reply *reply,
                     const struct elect__leader_view *leader, const char *text)
{
    struct actor *actor = (struct actor *)slot;
    cr_assert(!actor->answered, "an operation was answered twice");
    actor->answered = true;
    actor->answers++;
    actor->reply = *reply;
    copy(actor->text, sizeof actor->text, text);
    actor->has_leader = leader != NULL;
    if (leader == NULL)
        return;
    copy(actor->id, sizeof actor->id, leader->instance_id);
    copy(actor->hostname, sizeof actor->hostname, leader->hostname);
    copy(actor->address, sizeof actor->address, leader->address);
    copy(actor->metadata, sizeof actor->metadata, leader->metadata);
    actor->leader_epoch = leader->epoch;
    actor->started_at_ms = leader->started_at_ms;
}

static void on_wake(struct elect__slot *slot, bool free)
{
    struct actor *actor = (struct actor *)slot;
    actor->wakes++;
    actor->free_wakes += free;
}

static void on_doubt(struct elect__slot *slot)
{
    struct actor *actor = (struct actor *)slot;
    actor->doubts++;
}

static void on_depose(struct elect__slot *slot, uint64_t epoch)
{
    struct actor *actor = (struct actor *)slot;
    actor->deposed = epoch;
    actor->wakes++;
}

static void on_error(struct elect__slot *slot, int32_t code, const char *text)
{
    struct actor *actor = (struct actor *)slot;
    actor->errors++;
    snprintf(actor->error, sizeof actor->error, "%d %s", (int)code, text);
}

static void on_current(void *ctx, void (*read)(const struct elect__settings *settings, void *user), void *user)
{
    const struct stage *stage = ctx;
    read(&stage->settings, user);
}

static void on_log(void *ctx, int32_t level, const char *text)
{
    struct stage *stage = ctx;
    size_t used = strlen(stage->log);
    snprintf(stage->log + used, sizeof stage->log - used, "%d %s\n", (int)level, text);
}

const struct elect__host stage_host = {.reply = on_reply,
                                       .wake = on_wake,
                                       .doubt = on_doubt,
                                       .depose = on_depose,
                                       .error = on_error,
                                       .log = on_log,
                                       .current = on_current};

/* ---- actors ---- */

static void enter(struct actor *actor, struct stage *stage, int store, const char *name, const char *id)
{
    memset(actor, 0, sizeof *actor);
    actor->stage = stage;
    actor->store = stage->stores[store];
    stage_settings(&actor->settings, stage);
    actor->settings.name = name;
    actor->settings.instance_id = id;
    actor->settings.hostname = "host-1";
    actor->settings.address = "10.0.0.1:80";
    actor->settings.metadata = "{\"zone\":\"a\"}";
    actor->slot.settings = &actor->settings;
    actor->slot.host = &stage_host;
}

int32_t actor_attach(struct actor *actor)
{
    return actor->stage->class_->attach(actor->store, &actor->slot, actor->text, sizeof actor->text);
}

void actor_enter(struct actor *actor, struct stage *stage, int store, const char *name, const char *id)
{
    uint64_t random[2];
    enter(actor, stage, store, name, id);
    elect__system_env.random(NULL, random, sizeof random);
    snprintf(actor->slot.incarnation, sizeof actor->slot.incarnation, "%016" PRIx64 "%016" PRIx64, random[0],
             random[1]);
    cr_assert_eq(actor_attach(actor), ELECT_OK, "%s", actor->text);
}

void actor_observe(struct actor *actor, struct stage *stage, int store, const char *name, const char *id)
{
    enter(actor, stage, store, name, id);
    actor->settings.observer = true;
    cr_assert_eq(actor_attach(actor), ELECT_OK, "%s", actor->text);
}

void actor_leave(struct actor *actor)
{
    actor->stage->class_->detach(actor->store, &actor->slot);
}

static bool is_fault(const struct stage *stage, int32_t code)
{
    return stage->faulty && (code == ELECT_EUNKNOWN || code == ELECT_EUNREACHABLE);
}

/* Tries again where a candidate does: after a fault, and when a register had changed since it was looked at. */
static enum elect__outcome submit(struct actor *actor, struct elect__op *op)
{
    op->seq = ++actor->seq;
    op->sent_at_ns = stage_now(actor->stage);
    op->deadline_ns = op->sent_at_ns + actor->stage->ttl_ns * 9 / 10;
    actor->op = *op;
    actor->answered = false;
    int answers = actor->answers + 1;
    actor->stage->class_->submit(actor->store, &actor->slot, op);
    stage_until(actor->stage, &actor->answers, answers);
    cr_assert_eq(actor->reply.seq, op->seq);
    bool failed = actor->reply.outcome == ELECT__UNKNOWN || actor->reply.outcome == ELECT__REFUSED;
    bool outdated = actor->stage->table != NULL && actor->reply.outcome == ELECT__WAIT && actor->reply.left_ns == 0;
    bool again = outdated || (failed && is_fault(actor->stage, actor->reply.code));
    return again ? submit(actor, op) : actor->reply.outcome;
}

enum elect__outcome probe(struct actor *actor)
{
    struct elect__op op = {.verb = ELECT__PROBE};
    return submit(actor, &op);
}

enum elect__outcome acquire_after(struct actor *actor, uint64_t attempt, uint64_t highest_epoch, bool waited)
{
    struct elect__op op = {
        .verb = ELECT__ACQUIRE, .attempt = attempt, .highest_epoch = highest_epoch, .loss_waited = waited};
    return submit(actor, &op);
}

enum elect__outcome acquire(struct actor *actor, uint64_t attempt)
{
    return acquire_after(actor, attempt, 0, false);
}

enum elect__outcome renew(struct actor *actor, uint64_t attempt, uint64_t epoch)
{
    struct elect__op op = {.verb = ELECT__RENEW, .attempt = attempt, .epoch = epoch};
    return submit(actor, &op);
}

enum elect__outcome release(struct actor *actor, uint64_t attempt, uint64_t epoch, int32_t reason)
{
    struct elect__op op = {.verb = ELECT__RELEASE, .attempt = attempt, .epoch = epoch, .reason = reason};
    return submit(actor, &op);
}

void until_told(struct actor *actor)
{
    while (!stage_is_register(actor->stage) && probe(actor) == ELECT__HELD && actor->reply.poll_ns != 0)
        stage_until(actor->stage, &actor->wakes, 1);
}

void outwait(struct actor *watcher)
{
    struct stage *stage = watcher->stage;
    probe(watcher);
    stage_pass(stage, stage->ttl_ns + (stage->table != NULL ? watcher->settings.clock_margin_ns : 0) + 1);
}

uint64_t win(struct actor *actor, uint64_t attempt)
{
    cr_assert_eq(acquire(actor, attempt), ELECT__WON, "outcome %d: %s", (int)actor->reply.outcome, actor->text);
    cr_assert_eq(actor->reply.attempt, attempt);
    cr_assert(actor->reply.epoch > 0 && actor->reply.epoch < ELECT__EPOCH_END);
    return actor->reply.epoch;
}

/* ---- questions ---- */

struct answer {
    int answers;
    int32_t code;
    char *json;
};

static void on_done(struct elect__query *query, int32_t code, char *json, const char *text)
{
    struct answer *answer = query->user;
    (void)text;
    answer->answers++;
    answer->code = code;
    answer->json = json;
}

int32_t ask(struct stage *stage, int store, enum elect__query_kind kind, const char *name, uint64_t epoch, char **json)
{
    struct answer answer = {0};
    struct elect__settings settings = stage->settings;
    struct elect__query query = {.kind = kind,
                                 .name = name != NULL ? name : "",
                                 .settings = &settings,
                                 .epoch = epoch,
                                 .deadline_ns = stage_now(stage) + STAGE_HANG_S * ELECT__S,
                                 .done = on_done,
                                 .user = &answer};
    settings.name = name != NULL ? name : "";
    stage->class_->query(stage->stores[store], &query);
    stage_until(stage, &answer.answers, 1);
    cr_assert_eq(answer.answers, 1);
    if (is_fault(stage, answer.code))
        return ask(stage, store, kind, name, epoch, json);
    if (json != NULL)
        *json = answer.json;
    else
        free(answer.json);
    return answer.code;
}
