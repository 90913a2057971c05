/* A register, asked from outside of elections: reports, and the wish that a leader steps down. */
#include "../doctor.h"
#include "cas_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNREADABLE "the register holds something under this key that is no record of this library"
#define NO_LIST "a register cannot be listed: ask for an election by its name"
#define NO_FORGET "a register keeps its records: delete the key yourself, when nobody stands"
enum { TRIES_MAX = 8, VERSIONS = ELECT__VERSION_SIZE };

/* A question under way: a read, and for a wish writes and reads in turn. */
struct elect__cas_question {
    struct elect__register_request request;
    struct elect__cas_store *store;
    struct elect__query *query;
    struct elect__cas_question *previous, *next;
    int tries;
    bool writing;  /* the request is the wish */
    bool doubtful; /* a write of it may have been applied */
    char version[VERSIONS];
    char key[ELECT__KEY_SIZE];
};

static void on_answer(struct elect__register_request *request, const struct elect__register_answer *answer);

static void drop(struct elect__cas_question *question)
{
    if (question->previous)
        question->previous->next = question->next;
    else
        question->store->questions = question->next;
    if (question->next)
        question->next->previous = question->previous;
    free(question);
}

static void finish(struct elect__cas_question *question, int32_t code, char *json, const char *text)
{
    struct elect__query *query = question->query;
    drop(question);
    query->done(query, code, json, text);
}

static void submit(struct elect__cas_question *question, const char *value)
{
    struct elect__cas_store *store = question->store;
    question->writing = value != NULL;
    question->request = (struct elect__register_request){
        .key = question->key,
        .value = value,
        .version = question->version,
        .deadline_ns = elect__cas_deadline(store, question->query->settings, question->query->deadline_ns),
        .done = on_answer,
    };
    int32_t code = store->register_->submit(store, &question->request);
    if (code != ELECT_OK)
        finish(question, code, NULL, NULL);
}

/* ---- status and history ---- */

static int64_t lease_ns(const struct elect__cas_question *question, const struct elect__cas_document *found)
{
    return found->record.lease_ns > 0 ? found->record.lease_ns : question->query->settings->lock_ttl_ns;
}

/* Whether it is led: as a candidate here has watched it, else as its writer's clock and ours say, for people only. */
static enum elect__report_state state_of(const struct elect__cas_question *question,
                                         const struct elect__cas_document *found, int64_t *left_ms)
{
    const struct elect__store_args *args = &question->store->args;
    int64_t left_ns;
    *left_ms = 0;
    if (found->record.released)
        return ELECT__REPORT_NOBODY;
    if (elect__cas_watched(question->store, question->key, question->version, &left_ns)) {
        *left_ms = left_ns > 0 ? left_ns / ELECT__MS : 0;
        return left_ns > 0 ? ELECT__REPORT_LED : ELECT__REPORT_NOBODY;
    }
    int64_t lease_ms = lease_ns(question, found) / ELECT__MS;
    int64_t age_ms = args->env->real_us(args->env->ctx) / 1000 - found->leader.last_heartbeat_ms;
    if (age_ms >= lease_ms)
        return ELECT__REPORT_UNKNOWN;
    *left_ms = age_ms > 0 ? lease_ms - age_ms : lease_ms;
    return ELECT__REPORT_LED;
}

static char *status(const struct elect__cas_question *question, const struct elect__cas_document *found)
{
    struct elect__status_view view = {
        .settings = question->query->settings,
        .state = ELECT__REPORT_NOBODY,
        .last = found->count > 0 ? &found->terms[0] : NULL,
        .tier = question->store->register_->tier,
    };
    struct elect__term_view last;
    if (found->json)
        view.state = state_of(question, found, &view.lease_left_ms);
    if (view.state != ELECT__REPORT_NOBODY) {
        view.leader = &found->leader;
    } else if (found->json && !found->record.released) { /* it has ended, and nobody has written so */
        last = elect__cas_record_term(found);
        view.last = &last;
    }
    return elect__report_status(&view);
}

static char *history(const struct elect__cas_document *found)
{
    struct elect__term_view views[ELECT__CAS_TERMS + 1];
    size_t count = 0;
    if (found->json && !found->record.released)
        views[count++] = elect__cas_record_term(found);
    memcpy(&views[count], found->terms, found->count * sizeof *views);
    return elect__report_history(views, count + found->count);
}

/* ---- step down ---- */

static bool is_led(const struct elect__cas_question *question, const struct elect__cas_document *found)
{
    int64_t left_ns;
    if (!found->json || found->record.released)
        return false;
    return !elect__cas_watched(question->store, question->key, question->version, &left_ns) || left_ns > 0;
}

/* Writes the record as it was, with the wish; the condition on the version sees to it that it was so until then. */
static void write_wish(struct elect__cas_question *question, struct elect__cas_document *found)
{
    char *terms = elect__cas_terms_write(NULL, found);
    found->record.depose = found->record.epoch;
    char *text = terms ? elect__cas_record_write(&found->record, &found->leader, terms) : NULL;
    free(terms);
    if (text)
        submit(question, text);
    else
        finish(question, ELECT_ENOMEM, NULL, NULL);
    free(text);
}

static void depose(struct elect__cas_question *question, struct elect__cas_document *found)
{
    uint64_t epoch = question->query->epoch;
    if (!is_led(question, found) || (epoch != 0 && epoch != found->record.epoch)) {
        finish(question, ELECT_ENOTLEADER, NULL, NULL);
    } else if (found->record.depose == found->record.epoch) {
        elect__cas_doubt(question->store, question->key);
        finish(question, ELECT_OK, NULL, NULL);
    } else if (++question->tries > TRIES_MAX) {
        finish(question, question->doubtful ? ELECT_EUNKNOWN : ELECT_ESTORE, NULL,
               "the register changes under each write");
    } else {
        write_wish(question, found);
    }
}

/* Conflict, or nobody knows: the next read tells. */
static void wish_answered(struct elect__cas_question *question, const struct elect__register_answer *answer)
{
    bool again = answer->code == ELECT_ESTATE || answer->code == ELECT_EUNKNOWN;
    question->doubtful = question->doubtful || answer->code == ELECT_EUNKNOWN;
    if (again) {
        submit(question, NULL);
        return;
    }
    if (answer->code == ELECT_OK)
        elect__cas_doubt(question->store, question->key);
    finish(question, answer->code, NULL, answer->text);
}

/* ---- questions ---- */

static void found_answered(struct elect__cas_question *question, struct elect__cas_document *found)
{
    enum elect__query_kind kind = question->query->kind;
    if (kind == ELECT__QUERY_DEPOSE) {
        depose(question, found);
        return;
    }
    char *json = kind == ELECT__QUERY_STATUS ? status(question, found) : history(found);
    finish(question, json ? ELECT_OK : ELECT_ENOMEM, json, NULL);
}

static void on_answer(struct elect__register_request *request, const struct elect__register_answer *answer)
{
    struct elect__cas_question *question = (struct elect__cas_question *)(void *)request;
    struct elect__cas_document found = {.json = NULL};
    if (question->writing) {
        wish_answered(question, answer);
    } else if (answer->code != ELECT_OK) {
        finish(question, answer->code == ELECT_EUNKNOWN ? ELECT_EUNREACHABLE : answer->code, NULL, answer->text);
    } else if (*answer->version && !elect__cas_record_read(answer->value, answer->length, &found)) {
        finish(question, ELECT_ESTORE, NULL, UNREADABLE);
    } else {
        snprintf(question->version, sizeof question->version, "%s", answer->version);
        found_answered(question, &found);
        elect__cas_record_free(&found);
    }
}

static void ask_register(struct elect__cas_store *store, struct elect__query *query)
{
    struct elect__cas_question *question = calloc(1, sizeof *question);
    if (!question) {
        query->done(query, ELECT_ENOMEM, NULL, NULL);
        return;
    }
    question->store = store;
    question->query = query;
    question->next = store->questions;
    if (question->next)
        question->next->previous = question;
    store->questions = question;
    if (elect__cas_key(query->settings, question->key))
        submit(question, NULL);
    else
        finish(question, ELECT_EINVAL, NULL, "the key of this election would be too long");
}

static void examine(struct elect__cas_store *store, struct elect__query *query)
{
    struct elect__doctor doctor = {0};
    elect__doctor_find(&doctor, "register", ELECT__FINDING_SKIP, "",
                       "it is the application's own: whether its compare-and-set holds, only its tests can show");
    char *json = elect__doctor_end(&doctor, query->settings, store->register_->tier);
    query->done(query, json ? ELECT_OK : ELECT_ENOMEM, json, NULL);
}

void elect__cas_query(struct elect__store *base, struct elect__query *query)
{
    struct elect__cas_store *store = (struct elect__cas_store *)base;
    char *json;
    switch (query->kind) {
    case ELECT__QUERY_STATUS:
    case ELECT__QUERY_HISTORY:
    case ELECT__QUERY_DEPOSE:
        ask_register(store, query);
        break;
    case ELECT__QUERY_LIST:
        query->done(query, ELECT_ESTORE, NULL, NO_LIST);
        break;
    case ELECT__QUERY_FORGET:
        query->done(query, ELECT_ESTORE, NULL, NO_FORGET);
        break;
    case ELECT__QUERY_STORE:
        json = elect__report_store(query->settings, store->register_->tier, NULL, 0);
        query->done(query, json ? ELECT_OK : ELECT_ENOMEM, json, NULL);
        break;
    case ELECT__QUERY_DOCTOR:
        examine(store, query);
        break;
    }
}

void elect__cas_store_end(struct elect__cas_store *store)
{
    struct elect__cas_question *question = store->questions;
    store->questions = NULL;
    while (question) {
        struct elect__cas_question *next = question->next;
        if (question->request.operation)
            store->register_->cancel(store, &question->request);
        free(question);
        question = next;
    }
    elect__table_free(&store->seats);
}
