#include "cas_store.h"
#include "../file_name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MIN_NS (20 * ELECT__MS)

/* A candidate or observer, from attach to detach. */
struct seat {
    struct elect__entry entry;
    struct elect__cas_store *store;
    struct elect__slot *slot;
    struct elect__cas cas;
    struct elect__register_request request;
    uint64_t ticket; /* of the request */
    char *text;      /* what the register holds, as cas knows it; NULL: nothing, or not worth keeping */
    char *writing;   /* what the request makes of it */
    char *terms;     /* JSON: those before the term that is led by the attempt */
    uint64_t terms_of;
    int64_t started_at_ms; /* that term */
    char *fault;           /* why something failed in the operation under way */
    char key[];
};

static struct seat *seat_of(struct elect__register_request *request)
{
    return (struct seat *)(void *)((char *)request - offsetof(struct seat, request));
}

static int64_t now_ns(const struct elect__cas_store *store)
{
    return store->args.env->boot_ns(store->args.env->ctx);
}

static int64_t real_us(const struct elect__cas_store *store)
{
    return store->args.env->real_us(store->args.env->ctx);
}

bool elect__cas_key(const struct elect__settings *settings, char key[ELECT__KEY_SIZE])
{
    char name[ELECT__FILE_NAME_SIZE];
    elect__file_name(settings->name, name);
    return snprintf(key, ELECT__KEY_SIZE, "%s/%s", settings->prefix, name) < ELECT__KEY_SIZE;
}

int64_t elect__cas_deadline(const struct elect__cas_store *store, const struct elect__settings *settings,
                            int64_t deadline_ns)
{
    int64_t try_ns = settings->lock_ttl_ns / 4;
    int64_t until_ns = now_ns(store) + (try_ns > TRY_MIN_NS ? try_ns : TRY_MIN_NS);
    return until_ns < deadline_ns ? until_ns : deadline_ns;
}

/* The seats of one key, one after the other; seat NULL: the first. */
static struct seat *next_seat(const struct elect__cas_store *store, const char *key, struct seat *seat)
{
    struct elect__entry *entry = seat ? &seat->entry : NULL;
    while ((entry = elect__table_find(&store->seats, elect__hash(0, key), entry))) {
        seat = (struct seat *)(void *)entry;
        if (strcmp(seat->key, key) == 0)
            return seat;
    }
    return NULL;
}

/* ---- texts ---- */

static void replace(char **text, char *by)
{
    free(*text);
    *text = by;
}

/* What is longer than we write is kept by nobody: a history with a gap. */
static void keep_text(struct seat *seat, const char *text, size_t length)
{
    replace(&seat->text, text && length <= ELECT__CAS_WRITTEN_MAX ? strdup(text) : NULL);
}

/* What a write says of the terms before: the record that it replaces tells them. False: out of memory. */
static bool tell_terms(struct seat *seat, const struct elect__cas_record *next)
{
    struct elect__cas_document before;
    struct elect__term_view ended;
    const struct elect__op *op = &seat->cas.op;
    int64_t now_ms = real_us(seat->store) / 1000;
    if (op->verb == ELECT__RENEW && seat->terms_of == next->attempt)
        return true;
    bool known = seat->text && elect__cas_record_read(seat->text, strlen(seat->text), &before);
    bool ends = known && !before.record.released && op->verb != ELECT__RENEW;
    if (!known)
        memset(&before, 0, sizeof before);
    ended = elect__cas_record_term(&before);
    if (op->verb == ELECT__RELEASE) {
        ended.ended_at_ms = now_ms;
        ended.reason = op->reason;
    } else if (before.leader.last_heartbeat_ms) { /* unseen; its lease was over then, by its writer's clock */
        ended.ended_at_ms = before.leader.last_heartbeat_ms + before.record.lease_ns / ELECT__MS;
    }
    seat->started_at_ms = op->verb != ELECT__ACQUIRE && known ? before.leader.started_at_ms : now_ms;
    seat->terms_of = next->attempt;
    replace(&seat->terms, elect__cas_terms_write(ends ? &ended : NULL, &before));
    if (known)
        elect__cas_record_free(&before);
    return seat->terms != NULL;
}

static char *make_text(struct seat *seat, const struct elect__cas_record *next)
{
    const struct elect__settings *settings = seat->slot->settings;
    if (!tell_terms(seat, next))
        return NULL;
    struct elect__leader_view own = {
        .instance_id = settings->instance_id,
        .hostname = settings->hostname,
        .address = settings->address,
        .metadata = settings->metadata,
        .started_at_ms = seat->started_at_ms,
        .last_heartbeat_ms = real_us(seat->store) / 1000,
    };
    return elect__cas_record_write(next, &own, seat->terms);
}

/* ---- steps ---- */

static void on_answer(struct elect__register_request *request, const struct elect__register_answer *answer);

static int32_t submit_request(struct seat *seat, const struct elect__cas_step *step)
{
    struct elect__cas_store *store = seat->store;
    replace(&seat->writing, step->act == ELECT__CAS_WRITE ? make_text(seat, &step->record) : NULL);
    if (step->act == ELECT__CAS_WRITE && !seat->writing)
        return ELECT_ENOMEM;
    seat->request = (struct elect__register_request){
        .key = seat->key,
        .value = seat->writing,
        .version = seat->cas.version,
        .deadline_ns = elect__cas_deadline(store, seat->slot->settings, seat->cas.op.deadline_ns),
        .done = on_answer,
    };
    seat->ticket = step->ticket;
    return store->register_->submit(store, &seat->request);
}

static void tell_reply(struct seat *seat, struct elect__cas_step *step, const struct elect__cas_document *found,
                       const char *text)
{
    const struct elect__host *host = seat->store->args.host;
    const struct elect__leader_view *leader =
        step->reply.outcome == ELECT__HELD && found && found->json ? &found->leader : NULL;
    bool failed = step->reply.outcome == ELECT__UNKNOWN || step->reply.outcome == ELECT__REFUSED;
    if (leader)
        step->reply.own_id = strcmp(leader->instance_id, seat->slot->settings->instance_id) == 0;
    if (!text && failed)
        text = seat->fault;
    host->reply(seat->slot, &step->reply, leader, step->why ? step->why : text);
}

/* found: what the answer that led here has shown; NULL: nothing. */
static void take_step(struct seat *seat, struct elect__cas_step *step, const struct elect__cas_document *found,
                      const char *text)
{
    struct elect__cas_store *store = seat->store;
    if (step->depose != 0)
        store->args.host->depose(seat->slot, step->depose);
    if (step->act == ELECT__CAS_REPLY)
        tell_reply(seat, step, found, text);
    if (step->act != ELECT__CAS_READ && step->act != ELECT__CAS_WRITE)
        return;
    if (now_ns(store) >= seat->cas.op.deadline_ns) /* nobody waits for this operation any more */
        return;
    int32_t code = submit_request(seat, step);
    if (code == ELECT_OK)
        return;
    struct elect__cas_step next;
    struct elect__cas_answer refused = {.ticket = step->ticket, .outcome = ELECT__CAS_REFUSED, .code = code};
    elect__cas_answer(&seat->cas, &refused, now_ns(store), real_us(store), &next);
    if (next.act == ELECT__CAS_REPLY)
        tell_reply(seat, &next, NULL, NULL);
}

static enum elect__cas_outcome read_outcome(const struct elect__register_answer *answer,
                                            struct elect__cas_document *found)
{
    if (answer->code == ELECT_EUNKNOWN)
        return ELECT__CAS_UNKNOWN;
    if (answer->code != ELECT_OK)
        return ELECT__CAS_REFUSED;
    if (!*answer->version)
        return ELECT__CAS_ABSENT;
    return elect__cas_record_read(answer->value, answer->length, found) ? ELECT__CAS_FOUND : ELECT__CAS_UNREADABLE;
}

static enum elect__cas_outcome write_outcome(const struct elect__register_answer *answer)
{
    if (answer->code == ELECT_OK)
        return ELECT__CAS_WRITTEN;
    if (answer->code == ELECT_ESTATE)
        return ELECT__CAS_CONFLICT;
    return answer->code == ELECT_EUNKNOWN ? ELECT__CAS_UNKNOWN : ELECT__CAS_REFUSED;
}

static void on_answer(struct elect__register_request *request, const struct elect__register_answer *answer)
{
    struct seat *seat = seat_of(request);
    struct elect__cas_store *store = seat->store;
    struct elect__cas_document found = {.json = NULL};
    struct elect__cas_step step;
    bool wrote = seat->writing != NULL;
    struct elect__cas_answer said = {
        .ticket = seat->ticket,
        .outcome = wrote ? write_outcome(answer) : read_outcome(answer, &found),
        .code = answer->code == ELECT_EUNKNOWN && !wrote ? ELECT_EUNREACHABLE : answer->code,
        .version = answer->version,
        .record = &found.record,
    };
    bool failed = said.outcome == ELECT__CAS_UNKNOWN || said.outcome == ELECT__CAS_REFUSED;
    if (answer->broken && answer->text)
        store->args.host->log(store->args.ctx, ELECT_LOG_WARN, answer->text);
    if (failed)
        replace(&seat->fault, answer->text ? strdup(answer->text) : NULL);
    if (said.outcome == ELECT__CAS_WRITTEN) {
        replace(&seat->text, seat->writing);
        seat->writing = NULL;
    } else if (said.outcome == ELECT__CAS_FOUND) {
        keep_text(seat, answer->value, answer->length);
    } else if (said.outcome == ELECT__CAS_ABSENT || said.outcome == ELECT__CAS_UNREADABLE) {
        keep_text(seat, NULL, 0);
    }
    elect__cas_answer(&seat->cas, &said, now_ns(store), real_us(store), &step);
    take_step(seat, &step, &found, failed ? answer->text : NULL);
    elect__cas_record_free(&found);
}

/* ---- the class ---- */

int32_t elect__cas_attach(struct elect__store *base, struct elect__slot *slot, char *error, size_t error_size)
{
    struct elect__cas_store *store = (struct elect__cas_store *)base;
    const struct elect__settings *settings = slot->settings;
    char key[ELECT__KEY_SIZE];
    if (!elect__cas_key(settings, key)) {
        snprintf(error, error_size, "prefix=\"%s\": key %s... must be at most %d bytes", settings->prefix,
                 settings->name, ELECT__KEY_SIZE - 1);
        return ELECT_EINVAL;
    }
    size_t size = strlen(key) + 1;
    struct seat *seat = calloc(1, sizeof *seat + size);
    if (!seat || elect__table_add(&store->seats, &seat->entry, elect__hash(0, key)) != 0) {
        free(seat);
        snprintf(error, error_size, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    struct elect__cas_config config = {
        .ttl_ns = settings->lock_ttl_ns,
        .margin_ns = settings->clock_margin_ns,
        .poll_ns = settings->retry_interval_ns,
        .bootstrap = store->bootstrap,
    };
    memcpy(config.incarnation, slot->incarnation, sizeof config.incarnation);
    memcpy(seat->key, key, size);
    seat->store = store;
    seat->slot = slot;
    elect__cas_init(&seat->cas, &config);
    slot->data = seat;
    return ELECT_OK;
}

static void give_up(struct seat *seat)
{
    if (seat->request.operation)
        seat->store->register_->cancel(seat->store, &seat->request);
}

void elect__cas_store_submit(struct elect__store *base, struct elect__slot *slot, const struct elect__op *op)
{
    struct elect__cas_store *store = (struct elect__cas_store *)base;
    struct seat *seat = slot->data;
    struct elect__cas_step step;
    give_up(seat);
    replace(&seat->fault, NULL);
    elect__cas_submit(&seat->cas, op, now_ns(store), real_us(store), &step);
    take_step(seat, &step, NULL, NULL);
}

void elect__cas_detach(struct elect__store *base, struct elect__slot *slot)
{
    struct seat *seat = slot->data;
    (void)base;
    give_up(seat);
    elect__table_remove(&seat->store->seats, &seat->entry);
    slot->data = NULL;
    free(seat->text);
    free(seat->writing);
    free(seat->terms);
    free(seat->fault);
    free(seat);
}

/* ---- what others ask of seats ---- */

static bool leads(const struct seat *seat)
{
    const struct elect__cas *cas = &seat->cas;
    return cas->present && cas->readable && !cas->record.released && *cas->config.incarnation &&
           strcmp(cas->record.incarnation, cas->config.incarnation) == 0;
}

/* Not the leader, whose own renewals are changes as well, and nobody whose write is under way: its answer will tell. That
 * of a read may be older than the change. */
static void wake(struct seat *seat)
{
    bool writes = seat->request.operation && seat->request.value;
    if (!leads(seat) && !writes)
        seat->store->args.host->wake(seat->slot, false);
}

void elect__cas_changed(struct elect__cas_store *store, const char *key)
{
    struct seat *seat = NULL;
    struct elect__entry *entry = NULL;
    while (key && (seat = next_seat(store, key, seat)))
        wake(seat);
    while (!key && (entry = elect__table_next(&store->seats, entry)))
        wake((struct seat *)(void *)entry);
}

void elect__cas_doubt(struct elect__cas_store *store, const char *key)
{
    struct seat *seat = NULL;
    while ((seat = next_seat(store, key, seat))) {
        if (leads(seat))
            store->args.host->doubt(seat->slot);
    }
}

bool elect__cas_watched(const struct elect__cas_store *store, const char *key, const char *version, int64_t *left_ns)
{
    struct seat *seat = NULL;
    bool watched = false;
    while ((seat = next_seat(store, key, seat))) {
        const struct elect__cas *cas = &seat->cas;
        if (!cas->seen || strcmp(cas->version, version) != 0)
            continue;
        int64_t left = cas->seen_at_ns + elect__cas_patience_ns(cas) - now_ns(store);
        *left_ns = watched && *left_ns < left ? *left_ns : left;
        watched = true;
    }
    return watched;
}
