#include "cas_record.h"
#include "../env.h"
#include "../text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NEVER_UPDATED "0001-01-01T00:00:00Z"
enum { FORMAT = 1, DEPTH_MAX = 32, TIME_SIZE = 48, ATTEMPT_DIGITS = 16, REASONS = 16, LEASE_MIN_MS = 100 };
#define LEASE_MAX_MS 3600000

/* ---- reading ---- */

/* What a later format puts into fields of its own is not judged here. */
static bool is_whole_field(const char *name)
{
    size_t length = strcspn(name, "\"");
    return elect__word_in("v|epoch|leaseMs|seq|depose|startedAt|endedAt", name, length) || memchr(name, '\\', length);
}

/* cJSON recurses, and would do so a thousand times; and it takes 1.79e15 for an epoch. */
static bool is_plain(const char *text)
{
    int depth = 0;
    bool quoted = false;
    const char *name = ""; /* the last string */
    char before = '\0';
    for (const char *c = text; *c; before = *c++) {
        bool digit = before >= '0' && before <= '9';
        if (quoted && *c == '\\' && c[1])
            c++;
        else if (*c == '"') {
            quoted = !quoted;
            name = quoted ? c + 1 : name;
        } else if (!quoted && (*c == '{' || *c == '['))
            depth++;
        else if (!quoted && (*c == '}' || *c == ']'))
            depth--;
        else if (!quoted && digit && strchr(".eE", *c) && is_whole_field(name))
            return false;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

static cJSON *parse(const char *text, size_t length)
{
    const char *end = NULL;
    if (length > ELECT__CAS_TEXT_MAX || strlen(text) != length || !elect__utf8_valid(text) || !is_plain(text))
        return NULL;
    cJSON *json = cJSON_ParseWithOpts(text, &end, false);
    if (json && cJSON_IsObject(json) && end[strspn(end, " \t\r\n")] == '\0')
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* One object; bad once something in it is not as it must be. */
struct reader {
    const cJSON *object;
    bool bad;
};

/* NULL: it is not there. What is there twice, one reader would read so and another one otherwise. */
static const cJSON *take(struct reader *reader, const char *key)
{
    const cJSON *found = NULL, *item;
    cJSON_ArrayForEach(item, reader->object) {
        if (strcmp(item->string, key) != 0)
            continue;
        reader->bad = reader->bad || found;
        found = item;
    }
    return found;
}

static const char *take_text(struct reader *reader, const char *key)
{
    const cJSON *item = take(reader, key);
    bool is_text = item && cJSON_IsString(item);
    reader->bad = reader->bad || (item && !is_text);
    return is_text ? item->valuestring : "";
}

/* A double is exact for whole numbers below 2^53, and there are no others in a record. */
static bool is_whole(const cJSON *item)
{
    double value = item->valuedouble;
    return value >= 0 && value < (double)ELECT__EPOCH_END && (double)(int64_t)value == value;
}

static uint64_t take_whole(struct reader *reader, const char *key, bool needed)
{
    const cJSON *item = take(reader, key);
    bool whole = item && cJSON_IsNumber(item) && is_whole(item);
    reader->bad = reader->bad || (item ? !whole : needed);
    return whole ? (uint64_t)item->valuedouble : 0;
}

static bool take_flag(struct reader *reader, const char *key)
{
    const cJSON *item = take(reader, key);
    reader->bad = reader->bad || (item && !cJSON_IsBool(item));
    return cJSON_IsTrue(item);
}

static const char *take_hex(struct reader *reader, const char *key, size_t digits)
{
    const char *text = take_text(reader, key);
    reader->bad = reader->bad || strlen(text) != digits || strspn(text, "0123456789abcdef") != digits;
    return text;
}

/* A lease that no option allows says nothing of how long to wait: it counts as missing. */
static int64_t take_lease(struct reader *reader)
{
    const cJSON *item = take(reader, "leaseMs");
    if (!item)
        return 0;
    reader->bad = reader->bad || !cJSON_IsNumber(item);
    bool said = is_whole(item) && item->valuedouble >= LEASE_MIN_MS && item->valuedouble <= LEASE_MAX_MS;
    return said ? (int64_t)item->valuedouble * ELECT__MS : 0;
}

/* RFC 3339 to Unix milliseconds, for people only; 0: it is something else, or before all of this. */
static int64_t read_time(const char *text)
{
    struct tm tm = {0};
    int milliseconds = 0, hours = 0, minutes = 0;
    char sign;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return 0;
    if (*rest == '.') {
        int unit = 100;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            milliseconds += (*rest - '0') * unit;
    }
    bool local = sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-');
    if (!local && strcmp(rest, "Z") != 0)
        return 0;
    int64_t ahead_s = local ? (sign == '-' ? -1 : 1) * (hours * INT64_C(3600) + minutes * INT64_C(60)) : 0;
    int64_t ms = ((int64_t)timegm(&tm) - ahead_s) * 1000 + milliseconds;
    return ms > 0 ? ms : 0;
}

static int32_t read_reason(const char *name)
{
    int32_t reason = REASONS;
    while (reason > 0 && (!*name || strcmp(elect_reason_name(reason), name) != 0))
        reason--;
    return reason;
}

static void read_terms(struct reader *reader, struct elect__cas_document *out)
{
    const cJSON *terms = take(reader, "terms"), *item;
    reader->bad = reader->bad || (terms && !cJSON_IsArray(terms));
    cJSON_ArrayForEach(item, terms) {
        struct reader term = {item, !cJSON_IsObject(item)};
        if (out->count == ELECT__CAS_TERMS || reader->bad)
            return;
        if (!term.bad)
            out->terms[out->count++] = (struct elect__term_view){
                .instance_id = take_text(&term, "leaderID"),
                .hostname = take_text(&term, "hostname"),
                .epoch = take_whole(&term, "epoch", true),
                .started_at_ms = (int64_t)take_whole(&term, "startedAt", false),
                .ended_at_ms = (int64_t)take_whole(&term, "endedAt", false),
                .reason = read_reason(take_text(&term, "reason")),
            };
        reader->bad = term.bad;
    }
}

static void read_record(struct reader *reader, struct elect__cas_record *record)
{
    reader->bad = reader->bad || take_whole(reader, "v", true) != FORMAT;
    record->epoch = take_whole(reader, "epoch", true);
    reader->bad = reader->bad || record->epoch == 0 || record->epoch >= ELECT__EPOCH_END - 1;
    record->lease_ns = take_lease(reader);
    snprintf(record->incarnation, sizeof record->incarnation, "%s",
             take_hex(reader, "incarnation", ELECT__INCARNATION_SIZE - 1));
    record->attempt = strtoull(take_hex(reader, "attempt", ATTEMPT_DIGITS), NULL, 16);
    record->seq = take_whole(reader, "seq", true);
    record->depose = take_whole(reader, "depose", false);
    record->released = take_flag(reader, "released");
}

bool elect__cas_record_read(const char *text, size_t length, struct elect__cas_document *out)
{
    memset(out, 0, sizeof *out);
    out->json = parse(text, length);
    struct reader reader = {out->json, !out->json};
    if (reader.bad)
        return false;
    read_record(&reader, &out->record);
    out->leader = (struct elect__leader_view){
        .instance_id = take_text(&reader, "leaderID"),
        .hostname = take_text(&reader, "hostname"),
        .address = take_text(&reader, "leaderAddr"),
        .metadata = take_text(&reader, "metadata"),
        .epoch = out->record.epoch,
        .started_at_ms = (int64_t)take_whole(&reader, "startedAt", false),
        .last_heartbeat_ms = read_time(take_text(&reader, "lastUpdated")),
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
    char text[TIME_SIZE];
    time_t seconds = ms / 1000;
    struct tm tm;
    if (ms <= 0 || !gmtime_r(&seconds, &tm))
        return add_text(object, key, NEVER_UPDATED);
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + used, sizeof text - used, ".%03dZ", (int)(ms % 1000));
    return add_text(object, key, text);
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
