#include "cas_record.h"
#include "../codes.h"
#include "../env.h"
#include "../json_text.h"
#include "../time_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER_UPDATED "0001-01-01T00:00:00Z"
#define WHOLE_FIELDS "v|epoch|leaseMs|seq|depose|startedAt|endedAt"
enum { FORMAT = 1, ATTEMPT_DIGITS = 16, LEASE_MIN_MS = 100 };
#define LEASE_MAX_MS 3600000

/* ---- reading ---- */

static bool take_flag(struct elect__json_reader *reader, const char *key)
{
    const cJSON *item = elect__json_take(reader, key);
    reader->bad = reader->bad || (item && !cJSON_IsBool(item));
    return cJSON_IsTrue(item);
}

static const char *take_hex(struct elect__json_reader *reader, const char *key, size_t digits)
{
    const char *text = elect__json_string(reader, key);
    reader->bad = reader->bad || strlen(text) != digits || strspn(text, "0123456789abcdef") != digits;
    return text;
}

/* A lease that no option allows says nothing of how long to wait: it counts as missing. */
static int64_t take_lease(struct elect__json_reader *reader)
{
    const cJSON *item = elect__json_take(reader, "leaseMs");
    if (!item)
        return 0;
    reader->bad = reader->bad || !cJSON_IsNumber(item);
    bool said = elect__json_is_whole(item) && item->valuedouble >= LEASE_MIN_MS && item->valuedouble <= LEASE_MAX_MS;
    return said ? (int64_t)item->valuedouble * ELECT__MS : 0;
}

static void read_terms(struct elect__json_reader *reader, struct elect__cas_document *out)
{
    const cJSON *terms = elect__json_take(reader, "terms"), *item;
    reader->bad = reader->bad || (terms && !cJSON_IsArray(terms));
    cJSON_ArrayForEach(item, terms) {
        struct elect__json_reader term = {item, !cJSON_IsObject(item)};
        if (out->count == ELECT__CAS_TERMS || reader->bad)
            return;
        if (!term.bad)
            out->terms[out->count++] = (struct elect__term_view){
                .instance_id = elect__json_string(&term, "leaderID"),
                .hostname = elect__json_string(&term, "hostname"),
                .epoch = elect__json_whole(&term, "epoch", true),
                .started_at_ms = (int64_t)elect__json_whole(&term, "startedAt", false),
                .ended_at_ms = (int64_t)elect__json_whole(&term, "endedAt", false),
                .reason = elect__reason_find(elect__json_string(&term, "reason")),
            };
        reader->bad = term.bad;
    }
}

static void read_record(struct elect__json_reader *reader, struct elect__cas_record *record)
{
    reader->bad = reader->bad || elect__json_whole(reader, "v", true) != FORMAT;
    record->epoch = elect__json_whole(reader, "epoch", true);
    reader->bad = reader->bad || record->epoch == 0 || record->epoch >= ELECT__EPOCH_END - 1;
    record->lease_ns = take_lease(reader);
    snprintf(record->incarnation, sizeof record->incarnation, "%s",
             take_hex(reader, "incarnation", ELECT__INCARNATION_SIZE - 1));
    record->attempt = strtoull(take_hex(reader, "attempt", ATTEMPT_DIGITS), NULL, 16);
    record->seq = elect__json_whole(reader, "seq", true);
    record->depose = elect__json_whole(reader, "depose", false);
    record->released = take_flag(reader, "released");
}

bool elect__cas_record_read(const char *text, size_t length, struct elect__cas_document *out)
{
    memset(out, 0, sizeof *out);
    out->json = elect__json_parse(text, length, ELECT__CAS_TEXT_MAX, WHOLE_FIELDS);
    struct elect__json_reader reader = {out->json, !out->json};
    if (reader.bad)
        return false;
    read_record(&reader, &out->record);
    out->leader = (struct elect__leader_view){
        .instance_id = elect__json_string(&reader, "leaderID"),
        .hostname = elect__json_string(&reader, "hostname"),
        .address = elect__json_string(&reader, "leaderAddr"),
        .metadata = elect__json_string(&reader, "metadata"),
        .epoch = out->record.epoch,
        .started_at_ms = (int64_t)elect__json_whole(&reader, "startedAt", false),
        .last_heartbeat_ms = elect__time_read(elect__json_string(&reader, "lastUpdated")),
    };
    read_terms(&reader, out);
    if (reader.bad)
        elect__cas_record_free(out);
    return !reader.bad;
}

void elect__cas_record_free(struct elect__cas_document *document)
{
    cJSON_Delete(document->json);
    memset(document, 0, sizeof *document);
}

struct elect__term_view elect__cas_record_term(const struct elect__cas_document *document)
{
    return (struct elect__term_view){
        .instance_id = document->leader.instance_id,
        .hostname = document->leader.hostname,
        .epoch = document->record.epoch,
        .started_at_ms = document->leader.started_at_ms,
    };
}

/* ---- writing ---- */

static bool add_text(cJSON *object, const char *key, const char *text)
{
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

static bool add_unless_empty(cJSON *object, const char *key, const char *text)
{
    return !*text || add_text(object, key, text);
}

static bool add_time(cJSON *object, const char *key, int64_t ms)
{
    char text[ELECT__TIME_SIZE];
    return add_text(object, key, ms > 0 ? elect__time_write(ms, text) : NEVER_UPDATED);
}

static bool add_hex(cJSON *object, const char *key, uint64_t value)
{
    char digits[ATTEMPT_DIGITS + 1];
    snprintf(digits, sizeof digits, "%016" PRIx64, value);
    return add_text(object, key, digits);
}

static char *term_text(const struct elect__term_view *term)
{
    cJSON *object = cJSON_CreateObject();
    bool whole = add_text(object, "leaderID", term->instance_id) && add_text(object, "hostname", term->hostname) &&
                 elect__report_add_u64(object, "epoch", term->epoch) &&
                 elect__report_add_i64(object, "startedAt", term->started_at_ms) &&
                 (term->ended_at_ms == 0 || elect__report_add_i64(object, "endedAt", term->ended_at_ms)) &&
                 add_unless_empty(object, "reason", elect_reason_name(term->reason));
    return elect__report_end(object, whole);
}

char *elect__cas_terms_write(const struct elect__term_view *newest, const struct elect__cas_document *document)
{
    cJSON *array = cJSON_CreateArray();
    bool whole = array != NULL;
    size_t before = document ? document->count : 0, used = strlen("[]");
    size_t count = before + (newest ? 1 : 0), first = newest ? 1 : 0;
    for (size_t i = 0; whole && i < count && i < ELECT__CAS_TERMS; i++) {
        char *text = term_text(i < first ? newest : &document->terms[i - first]);
        used += text ? strlen(text) + 1 : 0;
        if (used > ELECT__CAS_TERMS_MAX)
            i = count;
        else
            whole = text && cJSON_AddItemToArray(array, cJSON_CreateRaw(text));
        free(text);
    }
    return elect__report_end(array, whole);
}

char *elect__cas_record_write(const struct elect__cas_record *record, const struct elect__leader_view *leader,
                              const char *terms)
{
    int64_t lease_ms = (record->lease_ns + ELECT__MS - 1) / ELECT__MS; /* never shorter than it is */
    cJSON *object = cJSON_CreateObject();
    bool whole = add_unless_empty(object, "leaderID", leader->instance_id) &&
                 add_unless_empty(object, "leaderAddr", leader->address) &&
                 add_time(object, "lastUpdated", record->released ? 0 : leader->last_heartbeat_ms) &&
                 elect__report_add_i64(object, "v", FORMAT) && elect__report_add_u64(object, "epoch", record->epoch) &&
                 (record->lease_ns == 0 || elect__report_add_i64(object, "leaseMs", lease_ms)) &&
                 add_text(object, "incarnation", record->incarnation) && add_hex(object, "attempt", record->attempt) &&
                 elect__report_add_u64(object, "seq", record->seq) &&
                 cJSON_AddBoolToObject(object, "released", record->released) &&
                 add_text(object, "hostname", leader->hostname) && add_text(object, "metadata", leader->metadata) &&
                 elect__report_add_i64(object, "startedAt", leader->started_at_ms) &&
                 (record->depose == 0 || elect__report_add_u64(object, "depose", record->depose)) &&
                 cJSON_AddRawToObject(object, "terms", terms);
    return elect__report_end(object, whole);
}
