/* memory:, asked from outside of elections: reports, and the commands of elect_memory_command. */
#include "../doctor.h"
#include "../text.h"
#include "memory.h"
#include <stdlib.h>
#include <string.h>

#define RIVAL_TTL_US INT64_C(10000000)
#define TIER "in memory"

/* ---- reports ---- */

static struct elect__term_view term_view(const struct elect__memory_term *term)
{
    return (struct elect__term_view){term->text,          term->hostname,    term->epoch,
                                     term->started_at_ms, term->ended_at_ms, term->reason};
}

static int64_t left_ms(const struct elect__memory *memory, const struct elect__memory_register *at)
{
    return (at->ledger.lock.until_us - elect__memory_now_us(memory)) / 1000;
}

static char *status(const struct elect__memory *memory, const struct elect__memory_register *at,
                    const struct elect__settings *settings)
{
    struct elect__status_view view = {.settings = settings, .state = ELECT__REPORT_NOBODY, .tier = TIER};
    struct elect__term_view last;
    const struct elect__memory_term *ended = at ? at->terms : NULL;
    if (ended && ended->ended_at_ms == 0)
        ended = ended->older;
    if (ended) {
        last = term_view(ended);
        view.last = &last;
    }
    if (at && at->ledger.lock.held) {
        view.state = ELECT__REPORT_LED;
        view.leader = at->info ? &at->info->view : NULL;
        view.lease_left_ms = left_ms(memory, at);
    } else if (at && at->ledger.record.epoch != 0 && !at->ledger.record.released) {
        int64_t wait_us = at->ledger.record.lease_until_us - elect__memory_now_us(memory);
        view.wait_ms = wait_us > 0 ? wait_us / 1000 : 0;
        view.wait_why = wait_us > 0 ? "the lock vanished, and its lease may last yet" : NULL;
    }
    return elect__report_status(&view);
}

static char *history(const struct elect__memory_register *at)
{
    struct elect__term_view views[ELECT__MEMORY_TERMS];
    size_t count = 0;
    for (const struct elect__memory_term *term = at ? at->terms : NULL; term && count < ELECT__MEMORY_TERMS;
         term = term->older)
        views[count++] = term_view(term);
    return elect__report_history(views, count);
}

static char *list(struct elect__memory *memory)
{
    struct elect__entry_view *views = calloc(memory->registers.count + 1, sizeof *views);
    struct elect__entry *entry = NULL;
    size_t count = 0;
    while (views && (entry = elect__table_next(&memory->registers, entry))) {
        struct elect__memory_register *at = (struct elect__memory_register *)(void *)entry;
        elect__memory_refresh(memory, at);
        bool led = at->ledger.lock.held;
        if (!led && at->ledger.record.epoch == 0 && !at->terms)
            continue; /* there is but a seat, or a cut */
        struct elect__entry_view *view = &views[count++];
        *view = (struct elect__entry_view){.name = at->name, .state = led ? ELECT__REPORT_LED : ELECT__REPORT_NOBODY};
        if (led && at->info) {
            view->instance_id = at->info->view.instance_id;
            view->epoch = at->info->view.epoch;
        }
        view->lease_left_ms = led ? left_ms(memory, at) : 0;
    }
    char *json = views ? elect__report_list(views, count) : NULL;
    free(views);
    return json;
}

static char *examine(const struct elect__settings *settings)
{
    struct elect__doctor doctor = {0};
    elect__doctor_find(&doctor, "memory", ELECT__FINDING_WARN, "give a store that others share: redis:// or local:",
                       "elections in the memory of one client, for tests: nobody else sees them");
    return elect__doctor_end(&doctor, settings, TIER);
}

/* ---- questions that change something ---- */

static int32_t depose(struct elect__memory *memory, struct elect__memory_register *at, uint64_t epoch)
{
    if (!at || !at->ledger.lock.held || (epoch != 0 && epoch != at->ledger.record.epoch))
        return ELECT_ENOTLEADER;
    struct elect__memory_seat *leader = elect__memory_leader(at);
    if (leader)
        memory->args.host->depose(leader->slot, at->ledger.record.epoch);
    else if (at->rival)
        elect__memory_retire(memory, at);
    return ELECT_OK;
}

static int32_t forget(struct elect__memory *memory, struct elect__memory_register *at)
{
    if (!at)
        return ELECT_OK;
    if (at->ledger.lock.held || at->rival)
        return ELECT_ESTATE;
    for (const struct elect__memory_seat *seat = at->seats; seat; seat = seat->next) {
        if (!seat->slot->settings->observer)
            return ELECT_ESTATE;
    }
    elect__memory_drop(memory, at);
    return ELECT_OK;
}

void elect__memory_query(struct elect__store *store, struct elect__query *query)
{
    struct elect__memory *memory = (struct elect__memory *)store;
    const struct elect__settings *settings = query->settings;
    struct elect__memory_register *at =
        query->name ? elect__memory_find(memory, settings->prefix, query->name, false) : NULL;
    int32_t code = ELECT_OK;
    char *json = NULL;
    if (at)
        elect__memory_refresh(memory, at);
    if (at && at->cut) {
        query->done(query, ELECT_EUNREACHABLE, NULL, "cut off by command");
        return;
    }
    if (query->kind == ELECT__QUERY_DEPOSE)
        code = depose(memory, at, query->epoch);
    else if (query->kind == ELECT__QUERY_FORGET)
        code = forget(memory, at);
    else if (query->kind == ELECT__QUERY_STATUS)
        json = status(memory, at, settings);
    else if (query->kind == ELECT__QUERY_HISTORY)
        json = history(at);
    else if (query->kind == ELECT__QUERY_LIST)
        json = list(memory);
    else if (query->kind == ELECT__QUERY_DOCTOR)
        json = examine(settings);
    else
        json = elect__report_store(settings, TIER, NULL, 0);
    bool answers = query->kind != ELECT__QUERY_DEPOSE && query->kind != ELECT__QUERY_FORGET;
    query->done(query, answers && !json ? ELECT_ENOMEM : code, json, NULL);
}

/* ---- commands ---- */

static void lose(struct elect__memory *memory, struct elect__memory_register *at)
{
    struct elect__memory_seat *leader = elect__memory_leader(at);
    if (!leader)
        return;
    memset(&at->ledger.lock, 0, sizeof at->ledger.lock);
    elect__memory_end_term(at, elect__memory_now_us(memory), ELECT_REASON_DELETED);
    memory->args.host->doubt(leader->slot);
}

static void rival(struct elect__memory *memory, struct elect__memory_register *at)
{
    at->rival = true;
    at->rival_ttl_us = at->seats ? at->seats->slot->settings->lock_ttl_ns / 1000 : RIVAL_TTL_US;
    elect__memory_refresh(memory, at);
}

static void wipe(struct elect__memory *memory)
{
    struct elect__entry *entry = elect__table_next(&memory->registers, NULL);
    while (entry) {
        struct elect__entry *next = elect__table_next(&memory->registers, entry);
        elect__memory_drop(memory, (struct elect__memory_register *)(void *)entry);
        entry = next;
    }
}

int32_t elect__memory_command(struct elect__store *store, const char *line)
{
    struct elect__memory *memory = (struct elect__memory *)store;
    static const char *const verbs[] = {"lose ", "rival ", "retire ", "cut ", "heal "};
    enum { LOSE, RIVAL, RETIRE, CUT, HEAL, VERBS };
    int verb = 0;
    if (strcmp(line, "wipe") == 0) {
        wipe(memory);
        return ELECT_OK;
    }
    while (verb < VERBS && strncmp(line, verbs[verb], strlen(verbs[verb])) != 0)
        verb++;
    const char *name = verb < VERBS ? line + strlen(verbs[verb]) : "";
    if (!*name || strlen(name) > ELECT__NAME_MAX || !elect__utf8_line(name))
        return ELECT_EINVAL;
    struct elect__memory_register *at = elect__memory_find(memory, memory->args.settings->prefix, name, true);
    if (!at)
        return ELECT_ENOMEM;
    elect__memory_refresh(memory, at);
    if (verb == LOSE)
        lose(memory, at);
    else if (verb == RIVAL)
        rival(memory, at);
    else if (verb == RETIRE)
        elect__memory_retire(memory, at);
    else
        at->cut = verb == CUT;
    return ELECT_OK;
}
