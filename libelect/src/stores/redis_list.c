/* Which elections are there: the keys that bear their names, and then each of them. */
#include "../text.h"
#include "redis_ask.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 100000, UNDER_WAY_MAX = 100 };

/* What glob patterns know is meant as it stands. */
static size_t put_plain(char *out, size_t used, const char *text, size_t length)
{
    for (size_t i = 0; i < length && used + 2 < ELECT__REDIS_PATTERN_SIZE; i++) {
        if (strchr("*?[]\\", text[i]))
            out[used++] = '\\';
        out[used++] = text[i];
    }
    out[used] = '\0';
    return used;
}

/* Which keys bear the names of elections: that of the record, or of the lock. False: none does. */
static bool make_pattern(struct elect__redis_question *question, const struct elect__settings *settings)
{
    static const char sample[] = "\x01";
    struct elect__redis_keys *keys;
    char error[ELECT__REDIS_TEXT_SIZE];
    if (elect__redis_keys_new(settings, sample, &keys, error, sizeof error) != ELECT_OK)
        return false;
    const char *key = *keys->term ? keys->term : keys->lock, *name = strstr(key, sample);
    if (name) {
        question->before = (size_t)(name - key);
        question->behind = strlen(name) - 1;
        size_t used = put_plain(question->pattern, 0, key, question->before);
        question->pattern[used++] = '*';
        put_plain(question->pattern, used, name + 1, question->behind);
    }
    free(keys);
    return name != NULL;
}

/* Takes the name in a key. False: out of memory. */
static bool add_item(struct elect__redis_question *question, const redisReply *key)
{
    size_t edges = question->before + question->behind;
    if (key->type != REDIS_REPLY_STRING || key->len <= edges || key->len - edges > ELECT__NAME_MAX)
        return true;
    if (question->count == question->room) {
        size_t room = question->room ? 2 * question->room : 64;
        struct elect__redis_item *items = realloc(question->items, room * sizeof *items);
        if (!items)
            return false;
        question->items = items;
        question->room = room;
    }
    char *name = strndup(key->str + question->before, key->len - edges);
    if (!name)
        return false;
    if (elect__utf8_line(name))
        question->items[question->count++] = (struct elect__redis_item){.name = name};
    else /* no election of ours */
        free(name);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct elect__redis_item *)a)->name, ((const struct elect__redis_item *)b)->name);
}

/* A SCAN may tell a key twice. */
static void sort(struct elect__redis_question *question)
{
    size_t kept = 0;
    if (question->count == 0)
        return;
    qsort(question->items, question->count, sizeof *question->items, by_name);
    for (size_t i = 1; i < question->count; i++) {
        if (strcmp(question->items[kept].name, question->items[i].name) == 0)
            free(question->items[i].name);
        else
            question->items[++kept] = question->items[i];
    }
    question->count = kept + 1;
}

static void finish_list(struct elect__redis_question *question)
{
    struct elect__entry_view *views = calloc(question->count + 1, sizeof *views);
    for (size_t i = 0; views && i < question->count; i++) {
        const struct elect__redis_item *item = &question->items[i];
        views[i] = (struct elect__entry_view){item->name, item->state, item->id, item->epoch, item->left_ms};
    }
    char *json = views ? elect__report_list(views, question->count) : NULL;
    free(views);
    elect__redis_question_json(question, json);
}

static void take_item(struct elect__redis_item *item, redisReply *const *replies)
{
    struct elect__redis_holder holder;
    struct elect__redis_leader leader;
    char text[ELECT__REDIS_TEXT_SIZE] = "";
    int32_t code;
    item->state = ELECT__REPORT_UNKNOWN; /* this key is damaged, and the others are told all the same */
    if (elect__redis_holder_read(item->keys, replies, &holder, &code, text, sizeof text)) {
        item->state = holder.held ? ELECT__REPORT_LED : ELECT__REPORT_NOBODY;
        item->left_ms = holder.held && holder.left_ms > 0 ? holder.left_ms : 0;
        item->epoch = holder.epoch;
    }
    if (item->state == ELECT__REPORT_LED) {
        elect__redis_question_leader(item->keys, &holder, &leader);
        item->id = strdup(leader.view.instance_id);
        item->epoch = leader.view.epoch;
        cJSON_Delete(leader.json);
    }
    free(item->keys);
    item->keys = NULL;
}

static void ask_items(struct elect__redis_question *question);

static void item_answered(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    struct elect__redis_item *item = (struct elect__redis_item *)(void *)request;
    struct elect__redis_question *question = item->question;
    if (answer->fate != ELECT__REDIS_ANSWERED) {
        elect__redis_question_failed(question, answer);
        return;
    }
    question->under_way--;
    take_item(item, answer->replies);
    ask_items(question);
}

static int32_t ask_item(struct elect__redis_question *question, struct elect__redis_item *item, char *error,
                        size_t size)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    int32_t code = elect__redis_keys_new(question->query->settings, item->name, &item->keys, error, size);
    if (code != ELECT_OK)
        return code;
    item->question = question;
    item->request.done = item_answered;
    int count = elect__redis_holder_write(item->keys, commands);
    bool posted = elect__redis_question_post(question, &item->request, item->keys->lock, commands, count);
    return posted ? ELECT_OK : ELECT_ENOMEM;
}

/* Many at a time, so that a list takes few round trips. */
static void ask_items(struct elect__redis_question *question)
{
    char error[ELECT__REDIS_TEXT_SIZE] = "";
    while (question->asked < question->count && question->under_way < UNDER_WAY_MAX) {
        int32_t code = ask_item(question, &question->items[question->asked++], error, sizeof error);
        if (code != ELECT_OK) {
            elect__redis_question_end(question, code, NULL, *error ? error : NULL);
            return;
        }
        question->under_way++;
    }
    if (question->under_way == 0)
        finish_list(question);
}

static void scan(struct elect__redis_question *question);

static void take_scan(struct elect__redis_question *question, redisReply *const *replies)
{
    const redisReply *reply = replies[0];
    bool fits = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                reply->element[0]->type == REDIS_REPLY_STRING && reply->element[0]->len < sizeof question->cursor &&
                reply->element[1]->type == REDIS_REPLY_ARRAY;
    if (!fits) {
        elect__redis_question_refused(question, reply);
        return;
    }
    const redisReply *keys = reply->element[1];
    for (size_t i = 0; i < keys->elements; i++) {
        if (!add_item(question, keys->element[i])) {
            elect__redis_question_end(question, ELECT_ENOMEM, NULL, NULL);
            return;
        }
    }
    snprintf(question->cursor, sizeof question->cursor, "%s", reply->element[0]->str);
    bool ends = strcmp(question->cursor, "0") == 0;
    if (!ends && (question->count > LISTED_MAX || elect__redis_now(question->redis) >= question->query->deadline_ns)) {
        elect__redis_question_end(question, ELECT_ETIMEOUT, NULL,
                                  "the server has too many keys to look through in this time");
        return;
    }
    if (!ends) {
        scan(question);
        return;
    }
    sort(question);
    ask_items(question);
}

static void scan(struct elect__redis_question *question)
{
    const char *argv[] = {"SCAN", question->cursor, "MATCH", question->pattern, "COUNT", "1000"};
    struct elect__redis_command command;
    elect__redis_command_of(&command, sizeof argv / sizeof *argv, argv);
    elect__redis_question_send(question, &command, 1, take_scan);
}

void elect__redis_question_list(struct elect__redis_question *question)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    if (!make_pattern(question, question->query->settings)) {
        snprintf(text, sizeof text, "layout=%s: its keys do not tell the names of elections; ask for one by its name",
                 question->query->settings->layout);
        elect__redis_question_end(question, ELECT_ESTORE, NULL, text);
        return;
    }
    snprintf(question->cursor, sizeof question->cursor, "0");
    scan(question);
}
