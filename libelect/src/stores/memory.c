#include "memory.h"
#include "../url.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIVAL "rival"
enum { TEXT_SIZE = 160 };

bool elect__memory_is_manual(const struct elect__url *url)
{
    const char *clock = elect__url_param(url, "clock");
    return clock && strcmp(clock, "manual") == 0;
}

int64_t elect__memory_now_us(const struct elect__memory *memory)
{
    const struct elect__env *env = memory->args.env;
    return memory->real_zero_us + (env->boot_ns(env->ctx) - memory->boot_zero_ns) / 1000;
}

/* ---- registers ---- */

struct elect__memory_register *elect__memory_find(struct elect__memory *memory, const char *prefix, const char *name,
                                                  bool make)
{
    uint64_t hash = elect__hash(elect__hash(0, prefix), name);
    struct elect__entry *entry = NULL;
    while ((entry = elect__table_find(&memory->registers, hash, entry))) {
        struct elect__memory_register *at = (struct elect__memory_register *)(void *)entry;
        if (strcmp(at->text, prefix) == 0 && strcmp(at->name, name) == 0)
            return at;
    }
    size_t prefix_size = strlen(prefix) + 1, name_size = strlen(name) + 1;
    struct elect__memory_register *at = make ? calloc(1, sizeof *at + prefix_size + name_size) : NULL;
    if (!at)
        return NULL;
    memcpy(at->text, prefix, prefix_size);
    at->name = memcpy(at->text + prefix_size, name, name_size);
    if (elect__table_add(&memory->registers, &at->entry, hash) == 0)
        return at;
    free(at);
    return NULL;
}

static void free_terms(struct elect__memory_register *at)
{
    struct elect__memory_term *term;
    while ((term = at->terms)) {
        at->terms = term->older;
        free(term);
    }
}

void elect__memory_drop(struct elect__memory *memory, struct elect__memory_register *at)
{
    elect_leader_free(at->info);
    at->info = NULL;
    at->rival = false;
    at->rival_attempt = 0;
    memset(&at->ledger, 0, sizeof at->ledger);
    free_terms(at);
    if (at->seats || at->cut)
        return;
    elect__table_remove(&memory->registers, &at->entry);
    free(at);
}

static void begin_term(struct elect__memory_register *at, const struct elect__leader_view *holder)
{
    size_t id_size = strlen(holder->instance_id) + 1, host_size = strlen(holder->hostname) + 1;
    struct elect__memory_term *term = calloc(1, sizeof *term + id_size + host_size), **last = &at->terms;
    if (!term)
        return; /* a history with a gap */
    memcpy(term->text, holder->instance_id, id_size);
    term->hostname = memcpy(term->text + id_size, holder->hostname, host_size);
    term->epoch = holder->epoch;
    term->started_at_ms = holder->started_at_ms;
    term->older = at->terms;
    at->terms = term;
    for (int i = 0; *last && i < ELECT__MEMORY_TERMS; i++)
        last = &(*last)->older;
    free(*last);
    *last = NULL;
}

void elect__memory_end_term(struct elect__memory_register *at, int64_t now_us, int32_t reason)
{
    struct elect__memory_term *term = at->terms;
    if (term && term->ended_at_ms == 0) {
        term->ended_at_ms = now_us / 1000;
        term->reason = reason;
    }
    elect_leader_free(at->info);
    at->info = NULL;
}

static void set_info(struct elect__memory_register *at, const struct elect__leader_view *holder)
{
    elect_leader_free(at->info);
    at->info = elect__leader_new(holder, 0);
}

/* ---- the server ---- */

static void apply(const struct elect__memory *memory, struct elect__memory_register *at,
                  const struct elect__ledger_request *request, struct elect__reply *reply)
{
    /* It never restarts: what it forgets, it forgets by command. */
    struct elect__ledger_server server = {.id = "memory", .now_us = elect__memory_now_us(memory)};
    elect__ledger_apply(&at->ledger, &server, request, reply);
}

static void rival_takes(struct elect__memory *memory, struct elect__memory_register *at)
{
    struct elect__reply reply;
    int64_t now_ms = elect__memory_now_us(memory) / 1000;
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = ++memory->rivals, .loss_waited = true};
    struct elect__ledger_request request = {.op = &op, .id = elect__hash(0, RIVAL), .ttl_us = at->rival_ttl_us};
    apply(memory, at, &request, &reply);
    if (reply.outcome != ELECT__WON)
        return;
    struct elect__leader_view holder = {
        .instance_id = RIVAL,
        .hostname = RIVAL,
        .address = "",
        .metadata = "",
        .epoch = reply.epoch,
        .started_at_ms = now_ms,
        .last_heartbeat_ms = now_ms,
    };
    at->rival_attempt = op.attempt;
    set_info(at, &holder);
    begin_term(at, &holder);
    elect__memory_wake(memory, at, false);
}

void elect__memory_refresh(struct elect__memory *memory, struct elect__memory_register *at)
{
    int64_t now_us = elect__memory_now_us(memory);
    struct elect__ledger_lock *lock = &at->ledger.lock;
    if (lock->held && at->rival && lock->attempt == at->rival_attempt) {
        lock->until_us = at->ledger.record.lease_until_us = now_us + at->rival_ttl_us;
        at->ledger.record.ttl_us = at->rival_ttl_us;
        if (at->info)
            at->info->view.last_heartbeat_ms = now_us / 1000;
    }
    if (lock->held && now_us >= lock->until_us) {
        int64_t until_us = lock->until_us;
        elect__ledger_expire(&at->ledger, now_us);
        elect__memory_end_term(at, until_us, 0);
    }
    if (at->rival && !lock->held)
        rival_takes(memory, at);
}

void elect__memory_retire(struct elect__memory *memory, struct elect__memory_register *at)
{
    struct elect__reply reply;
    struct elect__op op = {.verb = ELECT__RELEASE, .attempt = at->rival_attempt};
    struct elect__ledger_request request = {.op = &op, .id = elect__hash(0, RIVAL), .ttl_us = at->rival_ttl_us};
    bool led = at->ledger.lock.held && at->ledger.lock.attempt == at->rival_attempt;
    at->rival = false;
    if (!led)
        return;
    apply(memory, at, &request, &reply);
    elect__memory_end_term(at, elect__memory_now_us(memory), ELECT_REASON_RESIGNED);
    elect__memory_wake(memory, at, true);
}

void elect__memory_wake(struct elect__memory *memory, struct elect__memory_register *at, bool free)
{
    for (struct elect__memory_seat *seat = at->seats; seat; seat = seat->next)
        memory->args.host->wake(seat->slot, free);
}

struct elect__memory_seat *elect__memory_leader(const struct elect__memory_register *at)
{
    struct elect__memory_seat *seat = at->ledger.lock.held ? at->seats : NULL;
    while (seat && seat->attempt != at->ledger.lock.attempt)
        seat = seat->next;
    return seat;
}

/* ---- the class ---- */

static int32_t memory_open(const struct elect__store_args *args, struct elect__store **out, char *error,
                           size_t error_size)
{
    struct elect__url url;
    int32_t code = elect__url_parse(args->settings->store, &url, error, error_size);
    if (code != ELECT_OK)
        return code;
    const char *clock = elect__url_param(&url, "clock");
    bool fit = (!clock || strcmp(clock, "manual") == 0 || strcmp(clock, "real") == 0) && !*url.path && !*url.authority;
    elect__url_free(&url);
    if (!fit) {
        char *shown = elect__url_redact(args->settings->store);
        snprintf(error, error_size, "store=\"%s\": must be memory: or memory:?clock=manual", shown ? shown : "...");
        free(shown);
        return ELECT_EINVAL;
    }
    struct elect__memory *memory = calloc(1, sizeof *memory);
    if (!memory) {
        snprintf(error, error_size, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    memory->store.class_ = &elect__memory_store;
    memory->args = *args;
    memory->real_zero_us = args->env->real_us(args->env->ctx);
    memory->boot_zero_ns = args->env->boot_ns(args->env->ctx);
    *out = &memory->store;
    return ELECT_OK;
}

static int32_t memory_attach(struct elect__store *store, struct elect__slot *slot, char *error, size_t error_size)
{
    struct elect__memory *memory = (struct elect__memory *)store;
    const struct elect__settings *settings = slot->settings;
    struct elect__memory_register *at = elect__memory_find(memory, settings->prefix, settings->name, true);
    struct elect__memory_seat *seat = at ? calloc(1, sizeof *seat) : NULL;
    if (!seat) {
        snprintf(error, error_size, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    *seat = (struct elect__memory_seat){.slot = slot, .of = at, .next = at->seats};
    if (seat->next)
        seat->next->previous = seat;
    at->seats = seat;
    slot->data = seat;
    return ELECT_OK;
}

static void memory_detach(struct elect__store *store, struct elect__slot *slot)
{
    struct elect__memory_seat *seat = slot->data;
    (void)store;
    if (seat->previous)
        seat->previous->next = seat->next;
    else
        seat->of->seats = seat->next;
    if (seat->next)
        seat->next->previous = seat->previous;
    slot->data = NULL;
    free(seat);
}

static void settle_info(struct elect__memory *memory, struct elect__memory_seat *seat, const struct elect__reply *reply)
{
    const struct elect__settings *settings = seat->slot->settings;
    struct elect__memory_register *at = seat->of;
    int64_t now_ms = elect__memory_now_us(memory) / 1000;
    struct elect__leader_view holder = {
        .instance_id = settings->instance_id,
        .hostname = settings->hostname,
        .address = settings->address,
        .metadata = settings->metadata,
        .epoch = reply->epoch,
        .last_heartbeat_ms = now_ms,
        .started_at_ms = reply->outcome == ELECT__WON || !at->info ? now_ms : at->info->view.started_at_ms,
    };
    set_info(at, &holder);
    if (reply->outcome == ELECT__WON)
        begin_term(at, &holder);
}

/* What a person reads of an answer, or NULL. */
static const char *explain(const struct elect__reply *reply, char text[TEXT_SIZE])
{
    if (reply->outcome == ELECT__WAIT)
        snprintf(text, TEXT_SIZE, "the lock vanished, and its lease may last for %.1fs yet",
                 (double)reply->left_ns / ELECT__S);
    else if (reply->outcome == ELECT__LOST_DATA)
        snprintf(text, TEXT_SIZE, "the store has lost data, and may have forgotten a leader");
    else
        return NULL;
    return text;
}

static void memory_submit(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op)
{
    struct elect__memory *memory = (struct elect__memory *)store;
    struct elect__memory_seat *seat = slot->data;
    struct elect__memory_register *at = seat->of;
    struct elect__reply reply;
    char text[TEXT_SIZE];
    struct elect__ledger_request request = {
        .op = op,
        .id = elect__hash(0, slot->settings->instance_id),
        .ttl_us = slot->settings->lock_ttl_ns / 1000,
        .grace_us = slot->settings->restart_grace_ns / 1000,
    };
    if (at->cut)
        return;
    elect__memory_refresh(memory, at);
    bool was_held = at->ledger.lock.held;
    apply(memory, at, &request, &reply);
    if (op->verb == ELECT__ACQUIRE || op->verb == ELECT__RENEW)
        seat->attempt = op->attempt;
    if (reply.outcome == ELECT__WON || reply.outcome == ELECT__RENEWED)
        settle_info(memory, seat, &reply);
    memory->args.host->reply(slot, &reply, reply.outcome == ELECT__HELD && at->info ? &at->info->view : NULL,
                             explain(&reply, text));
    if (op->verb != ELECT__RELEASE || !was_held || at->ledger.lock.held)
        return;
    elect__memory_end_term(at, elect__memory_now_us(memory), op->reason);
    elect__memory_refresh(memory, at);
    if (!at->ledger.lock.held)
        elect__memory_wake(memory, at, true);
}

static void memory_close(struct elect__store *store)
{
    struct elect__memory *memory = (struct elect__memory *)store;
    struct elect__entry *entry;
    while ((entry = elect__table_next(&memory->registers, NULL))) {
        struct elect__memory_register *at = (struct elect__memory_register *)(void *)entry;
        at->cut = false;
        elect__memory_drop(memory, at);
    }
    elect__table_free(&memory->registers);
    free(memory);
}

/* A thread of the parent may have been changing it: it is left as it is. */
static void memory_forked(struct elect__store *store)
{
    (void)store;
}

const struct elect__store_class elect__memory_store = {
    .schemes = "memory",
    .params = "clock",
    .open = memory_open,
    .attach = memory_attach,
    .submit = memory_submit,
    .detach = memory_detach,
    .query = elect__memory_query,
    .command = elect__memory_command,
    .close = memory_close,
    .forked = memory_forked,
};
