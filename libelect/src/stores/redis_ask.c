/* Questions outside of any election: a few rounds of commands each, one after the other. */
#include "redis_ask.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS (5 * ELECT__S) /* of one round: a server that hangs is noticed, whatever time somebody set */

/* ---- the life of a question ---- */

static void cancel(struct elect__redis_question *question, struct elect__redis_request *request)
{
    if (request->sent)
        elect__redis_conn_cancel(question->redis->link.conns[ELECT__REDIS_COMMANDS_OF_ALL], request);
}

static void free_question(struct elect__redis_question *question)
{
    cancel(question, &question->request);
    for (size_t i = 0; i < question->count; i++) {
        cancel(question, &question->items[i].request);
        free(question->items[i].keys);
        free(question->items[i].name);
        free(question->items[i].id);
    }
    free(question->items);
    free(question->keys);
    cJSON_Delete(question->leader.json);
    free(question);
}

static void drop(struct elect__redis_question *question)
{
    if (question->previous)
        question->previous->next = question->next;
    else
        question->redis->questions = question->next;
    if (question->next)
        question->next->previous = question->previous;
    free_question(question);
}

void elect__redis_question_end(struct elect__redis_question *question, int32_t code, char *json, const char *text)
{
    struct elect__query *query = question->query;
    drop(question);
    query->done(query, code, json, text);
}

void elect__redis_question_json(struct elect__redis_question *question, char *json)
{
    elect__redis_question_end(question, json ? ELECT_OK : ELECT_ENOMEM, json, NULL);
}

void elect__redis_question_failed(struct elect__redis_question *question, const struct elect__redis_answer *answer)
{
    const struct elect__query *query = question->query;
    bool writes = query->kind == ELECT__QUERY_DEPOSE || query->kind == ELECT__QUERY_FORGET;
    char text[ELECT__REDIS_TEXT_SIZE];
    snprintf(text, sizeof text, "%s", answer->text ? answer->text : elect_code_text(answer->code));
    if (answer->fate == ELECT__REDIS_LOST && writes)
        elect__redis_question_end(question, ELECT_EUNKNOWN, NULL, text);
    else if (elect__redis_now(question->redis) >= query->deadline_ns)
        elect__redis_question_end(question, ELECT_ETIMEOUT, NULL, text);
    else
        elect__redis_question_end(question, answer->code, NULL, text);
}

static void on_answer(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    struct elect__redis_question *question = (struct elect__redis_question *)(void *)request;
    if (answer->fate == ELECT__REDIS_ANSWERED)
        question->take(question, answer->replies);
    else
        elect__redis_question_failed(question, answer);
}

bool elect__redis_question_post(struct elect__redis_question *question, struct elect__redis_request *request,
                                const char *key, const struct elect__redis_command *commands, int count)
{
    struct elect__redis_conn *conn = elect__redis_link_conn(question->redis, ELECT__REDIS_COMMANDS_OF_ALL, key);
    int64_t until_ns = elect__redis_now(question->redis) + PATIENCE_NS;
    if (until_ns > question->query->deadline_ns)
        until_ns = question->query->deadline_ns;
    request->patience_ns = PATIENCE_NS;
    return conn && elect__redis_conn_send(conn, request, commands, count, until_ns);
}

void elect__redis_question_send(struct elect__redis_question *question, const struct elect__redis_command *commands,
                                int count, elect__redis_take *take)
{
    question->take = take;
    question->request.done = on_answer;
    if (!elect__redis_question_post(question, &question->request, question->keys ? question->keys->lock : NULL,
                                    commands, count))
        elect__redis_question_end(question, ELECT_ENOMEM, NULL, NULL);
}

void elect__redis_question_refused(struct elect__redis_question *question, const redisReply *reply)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    bool written;
    int32_t code = elect__redis_error(reply, &written, text, sizeof text);
    elect__redis_question_end(question, code, NULL, text);
}

/* ---- status ---- */

static void ask_history(struct elect__redis_question *question, elect__redis_take *take)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    struct elect__redis_scratch scratch;
    struct elect__query query = {.kind = ELECT__QUERY_HISTORY};
    int count = elect__redis_query_write(question->keys, &query, false, &scratch, commands);
    if (count > 0)
        elect__redis_question_send(question, commands, count, take);
    else
        take(question, NULL);
}

static void take_last(struct elect__redis_question *question, redisReply *const *replies)
{
    struct elect__term_view last;
    char tier[ELECT__REDIS_TIER_SIZE];
    cJSON *json = NULL;
    if (replies && replies[0]->type == REDIS_REPLY_ERROR) {
        elect__redis_question_refused(question, replies[0]);
        return;
    }
    bool led = question->status.state == ELECT__REPORT_LED;
    bool known = replies && elect__redis_history_last(replies[0], led, &last, &json);
    if (known && last.ended_at_ms == 0 && last.epoch == question->last_epoch)
        last.ended_at_ms = question->lease_until_ms; /* nobody has written when it ended: it did by then */
    question->status.last = known ? &last : NULL;
    question->status.tier = elect__redis_tier(question->redis, tier);
    char *report = elect__report_status(&question->status);
    if (known)
        cJSON_Delete(json);
    elect__redis_question_json(question, report);
}

void elect__redis_question_leader(const struct elect__redis_keys *keys, const struct elect__redis_holder *holder,
                                  struct elect__redis_leader *leader)
{
    elect__redis_leader(keys, &holder->found, holder->epoch, leader);
    if (holder->heartbeat_us != 0)
        leader->view.last_heartbeat_ms = holder->heartbeat_us / 1000;
}

static void take_status(struct elect__redis_question *question, redisReply *const *replies)
{
    struct elect__status_view *status = &question->status;
    struct elect__redis_holder holder;
    char text[ELECT__REDIS_TEXT_SIZE] = "";
    int32_t code;
    if (!elect__redis_holder_read(question->keys, replies, &holder, &code, text, sizeof text)) {
        elect__redis_question_end(question, code, NULL, text);
        return;
    }
    question->last_epoch = holder.last_epoch;
    int64_t lease_us = holder.found.server_us != 0 ? holder.lease_until_us - holder.found.server_us : 0;
    *status = (struct elect__status_view){.settings = question->query->settings, .state = ELECT__REPORT_NOBODY};
    if (holder.held) {
        elect__redis_question_leader(question->keys, &holder, &question->leader);
        status->state = ELECT__REPORT_LED;
        status->leader = &question->leader.view;
        status->lease_left_ms = holder.left_ms > 0 ? holder.left_ms : 0;
        if (holder.left_ms < 0)
            status->wait_why = "the lock has no TTL: it stands until somebody deletes it";
    } else if (holder.last_epoch != 0 && !holder.released && lease_us > 0) {
        status->wait_ms = lease_us / 1000 + 1;
        status->wait_why = "the lock has vanished before its lease was over, and its leader may not know";
    } else {
        question->lease_until_ms = holder.lease_until_us / 1000;
    }
    ask_history(question, take_last);
}

static void ask_status(struct elect__redis_question *question)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    int count = elect__redis_holder_write(question->keys, commands);
    elect__redis_question_send(question, commands, count, take_status);
}

static void take_history(struct elect__redis_question *question, redisReply *const *replies)
{
    if (replies && replies[0]->type == REDIS_REPLY_ERROR)
        elect__redis_question_refused(question, replies[0]);
    else
        elect__redis_question_json(question,
                                   replies ? elect__redis_history_read(replies[0]) : elect__report_history(NULL, 0));
}

/* ---- wishes ---- */

static void write_wish(struct elect__redis_question *question);

static void take_wish(struct elect__redis_question *question, redisReply *const *replies)
{
    char text[ELECT__REDIS_TEXT_SIZE] = "";
    int32_t code = ELECT_ESTORE;
    enum elect__redis_read read = elect__redis_query_read(question->query, replies[0], &code, text, sizeof text);
    if (read == ELECT__REDIS_READ_NO_SCRIPT && !question->by_text) {
        question->by_text = true;
        write_wish(question);
    } else {
        elect__redis_question_end(question, code, NULL, code != ELECT_OK && *text ? text : NULL);
    }
}

static void write_wish(struct elect__redis_question *question)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    struct elect__redis_scratch scratch;
    int count = elect__redis_query_write(question->keys, question->query, question->by_text, &scratch, commands);
    elect__redis_question_send(question, commands, count, take_wish);
}

/* So many clients listen on the channel of an election, this one not counted. */
static void take_listeners(struct elect__redis_question *question, redisReply *const *replies)
{
    const struct elect__redis_seat *seat = elect__redis_seat_next(question->redis, question->keys->lock, NULL);
    long long listeners = replies[0]->type == REDIS_REPLY_INTEGER ? replies[0]->integer : 0;
    int ours = seat && seat->channel->heard ? 1 : 0;
    if (listeners > ours)
        elect__redis_question_end(question, ELECT_ESTATE, NULL, "somebody stands in this election, or watches it");
    else
        write_wish(question);
}

static void forget(struct elect__redis_question *question)
{
    struct elect__redis_seat *seat = NULL;
    struct elect__redis_command command;
    while ((seat = elect__redis_seat_next(question->redis, question->keys->lock, seat))) {
        if (!seat->slot->settings->observer) {
            elect__redis_question_end(question, ELECT_ESTATE, NULL, NULL);
            return;
        }
    }
    elect__redis_command(&command, "PUBLISH", question->keys->channel, "is anybody there");
    elect__redis_question_send(question, &command, 1, take_listeners);
}

/* ---- the store ---- */

static void take_store(struct elect__redis_question *question, redisReply *const *replies)
{
    char texts[ELECT__REDIS_WARNINGS][ELECT__REDIS_WARNING_SIZE], tier[ELECT__REDIS_TIER_SIZE];
    const char *warnings[ELECT__REDIS_WARNINGS + 1], *forgetful = elect__redis_forgetful(question->redis);
    int count = elect__redis_warnings(question->redis, texts);
    (void)replies; /* that there is one is enough */
    for (int i = 0; i < count; i++)
        warnings[i] = texts[i];
    if (forgetful)
        warnings[count++] = forgetful;
    elect__redis_question_json(question,
                               elect__report_store(question->query->settings, elect__redis_tier(question->redis, tier),
                                                   warnings, (size_t)count));
}

static void ask_store(struct elect__redis_question *question)
{
    struct elect__redis_command command = {.argc = 1, .argv = {"PING"}, .length = {strlen("PING")}};
    elect__redis_question_send(question, &command, 1, take_store);
}

/* ---- the class ---- */

static void begin(struct elect__redis_question *question)
{
    switch (question->query->kind) {
    case ELECT__QUERY_STATUS:
        ask_status(question);
        break;
    case ELECT__QUERY_HISTORY:
        ask_history(question, take_history);
        break;
    case ELECT__QUERY_DEPOSE:
        write_wish(question);
        break;
    case ELECT__QUERY_FORGET:
        forget(question);
        break;
    case ELECT__QUERY_LIST:
        elect__redis_question_list(question);
        break;
    case ELECT__QUERY_STORE:
    case ELECT__QUERY_DOCTOR: /* has a file of its own */
        ask_store(question);
        break;
    }
}

static int32_t make_keys(struct elect__redis_question *question, char *error, size_t size)
{
    const struct elect__query *query = question->query;
    if (query->kind == ELECT__QUERY_LIST || query->kind == ELECT__QUERY_STORE)
        return ELECT_OK;
    return elect__redis_keys_new(query->settings, query->name, &question->keys, error, size);
}

void elect__redis_query(struct elect__store *store, struct elect__query *query)
{
    struct elect__redis *redis = (struct elect__redis *)store;
    char error[ELECT__REDIS_TEXT_SIZE] = "";
    if (query->kind == ELECT__QUERY_DOCTOR) {
        elect__redis_doctor(redis, query);
        return;
    }
    struct elect__redis_question *question = calloc(1, sizeof *question);
    if (!question) {
        query->done(query, ELECT_ENOMEM, NULL, NULL);
        return;
    }
    question->redis = redis;
    question->query = query;
    question->next = redis->questions;
    if (question->next)
        question->next->previous = question;
    redis->questions = question;
    int32_t code = make_keys(question, error, sizeof error);
    if (code == ELECT_OK)
        begin(question);
    else
        elect__redis_question_end(question, code, NULL, *error ? error : NULL);
}

void elect__redis_questions_end(struct elect__redis *redis)
{
    struct elect__redis_question *question = redis->questions;
    redis->questions = NULL;
    while (question) {
        struct elect__redis_question *next = question->next;
        free_question(question);
        question = next;
    }
}
