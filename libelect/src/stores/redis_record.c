#include "redis_record.h"
#include "../codes.h"
#include "../json_text.h"
#include "../time_text.h"
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum {
    INFO_READ_MAX = 64 * 1024, /* bytes that are read of what anybody may have written */
    TERMS = 32,                /* of a history */
    ENTRIES = 2 * TERMS
};

/* ---- what is told of a leader ---- */

static bool add_text(cJSON *object, const char *key, const char *text)
{
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

static bool add_time(cJSON *object, const char *key, int64_t ms)
{
    char text[ELECT__TIME_SIZE];
    return add_text(object, key, ms > 0 ? elect__time_write(ms, text) : "");
}

char *elect__redis_info_write(const struct elect__leader_view *leader, const char *incarnation)
{
    cJSON *object = cJSON_CreateObject();
    bool whole =
        add_text(object, "instance_id", leader->instance_id) && add_text(object, "hostname", leader->hostname) &&
        add_time(object, "started_at", leader->started_at_ms) &&
        add_time(object, "last_heartbeat", leader->last_heartbeat_ms) &&
        elect__report_add_u64(object, "epoch", leader->epoch) && add_text(object, "incarnation", incarnation) &&
        add_text(object, "address", leader->address) && add_text(object, "metadata", leader->metadata);
    return elect__report_end(object, whole);
}

bool elect__redis_info_read(const char *text, size_t length, struct elect__leader_view *out, cJSON **json)
{
    memset(out, 0, sizeof *out);
    *json = elect__json_parse(text, length, INFO_READ_MAX, "epoch");
    struct elect__json_reader reader = {*json, !*json};
    if (!reader.bad)
        *out = (struct elect__leader_view){
            .instance_id = elect__json_string(&reader, "instance_id"),
            .hostname = elect__json_string(&reader, "hostname"),
            .address = elect__json_string(&reader, "address"),
            .metadata = elect__json_string(&reader, "metadata"),
            .epoch = elect__json_whole(&reader, "epoch", false),
            .started_at_ms = elect__time_read(elect__json_string(&reader, "started_at")),
            .last_heartbeat_ms = elect__time_read(elect__json_string(&reader, "last_heartbeat")),
        };
    if (!reader.bad)
        return true;
    cJSON_Delete(*json);
    *json = NULL;
    return false;
}

/* ---- the history ---- */

/* An entry: its letter, two numbers and the rest; text and all it points to are lent by the reply. */
struct entry {
    uint64_t epoch;
    int64_t at_us;
    const char *rest;
    size_t length;
};

/* Digits below 2^53 and the space behind them; NULL: it is none. */
static const char *take_number(const char *text, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 16 || text[digits] != ' ')
        return NULL;
    *out = strtoull(text, NULL, 10);
    return *out < UINT64_C(1) << 53 ? text + digits + 1 : NULL;
}

static bool read_entry(const redisReply *reply, char letter, struct entry *out)
{
    uint64_t at_us = 0;
    if (!reply || reply->type != REDIS_REPLY_STRING || strlen(reply->str) != reply->len || reply->str[0] != letter ||
        reply->str[1] != ' ')
        return false;
    const char *rest = take_number(reply->str + 2, &out->epoch);
    rest = rest ? take_number(rest, &at_us) : NULL;
    if (!rest || out->epoch == 0)
        return false;
    out->at_us = (int64_t)at_us;
    out->rest = rest;
    out->length = reply->len - (size_t)(rest - reply->str);
    return true;
}

/* The terms of a history, newest first. */
struct terms {
    struct elect__term_view views[TERMS];
    cJSON *json[TERMS]; /* that lend them their strings; NULL: nothing is told of that leader */
    bool ended[TERMS];
    size_t count;
};

static void add_term(struct terms *terms, const struct entry *start, const struct entry *end)
{
    struct elect__leader_view leader;
    size_t at = terms->count++;
    bool told = elect__redis_info_read(start->rest, start->length, &leader, &terms->json[at]);
    bool ended = end->epoch == start->epoch;
    terms->ended[at] = ended || at > 0; /* who was followed has ended, even where nobody wrote when */
    terms->views[at] = (struct elect__term_view){
        .instance_id = told ? leader.instance_id : "",
        .hostname = told ? leader.hostname : "",
        .epoch = start->epoch,
        .started_at_ms = start->at_us / 1000,
        .ended_at_ms = ended ? end->at_us / 1000 : 0,
        .reason = ended ? elect__reason_find(end->rest) : 0,
    };
}

static void read_terms(const redisReply *list, struct terms *out)
{
    struct entry end = {0}, entry;
    out->count = 0;
    if (!list || list->type != REDIS_REPLY_ARRAY)
        return;
    for (size_t i = 0; i < list->elements && i < ENTRIES && out->count < TERMS; i++) {
        if (read_entry(list->element[i], 'S', &entry))
            add_term(out, &entry, &end);
        else if (read_entry(list->element[i], 'E', &entry))
            end = entry;
    }
}

static void free_terms(struct terms *terms, const cJSON *but)
{
    for (size_t i = 0; i < terms->count; i++) {
        if (terms->json[i] != but)
            cJSON_Delete(terms->json[i]);
    }
}

char *elect__redis_history_read(const redisReply *list)
{
    struct terms terms;
    read_terms(list, &terms);
    char *json = elect__report_history(terms.views, terms.count);
    free_terms(&terms, NULL);
    return json;
}

bool elect__redis_history_last(const redisReply *list, bool led, struct elect__term_view *out, cJSON **json)
{
    struct terms terms;
    size_t at = 0;
    *json = NULL;
    memset(out, 0, sizeof *out);
    read_terms(list, &terms);
    while (led && at < terms.count && !terms.ended[at])
        at++;
    bool found = at < terms.count;
    if (found) {
        *out = terms.views[at];
        *json = terms.json[at];
    }
    free_terms(&terms, *json);
    return found;
}
