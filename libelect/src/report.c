#include "report.h"
#include "settings.h"
#include "url.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool elect__report_add_u64(cJSON *object, const char *key, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    return cJSON_AddRawToObject(object, key, digits) != NULL;
}

bool elect__report_add_i64(cJSON *object, const char *key, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    return cJSON_AddRawToObject(object, key, digits) != NULL;
}

char *elect__report_end(cJSON *object, bool whole)
{
    char *json = whole ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    return json;
}

static bool add_text(cJSON *object, const char *key, const char *text)
{
    return (text ? cJSON_AddStringToObject(object, key, text) : cJSON_AddNullToObject(object, key)) != NULL;
}

static bool add_store(cJSON *object, const struct elect__settings *settings)
{
    char *url = elect__url_redact(settings->store);
    bool whole = url && add_text(object, "store", url);
    free(url);
    return whole;
}

static const char *state_name(enum elect__report_state state)
{
    static const char *const names[] = {"unknown", "nobody", "led"};
    return names[state];
}

static bool add_end(cJSON *term, int64_t ended_at_ms, int32_t reason)
{
    const char *name = elect_reason_name(reason);
    bool whole = ended_at_ms != 0 ? elect__report_add_i64(term, "ended_at_ms", ended_at_ms)
                                  : add_text(term, "ended_at_ms", NULL);
    return whole && add_text(term, "reason", *name ? name : NULL);
}

static bool add_leader(cJSON *object, const struct elect__leader_view *leader)
{
    if (!leader)
        return add_text(object, "leader", NULL);
    cJSON *entry = cJSON_AddObjectToObject(object, "leader");
    return entry && add_text(entry, "instance_id", leader->instance_id) &&
           add_text(entry, "hostname", leader->hostname) && add_text(entry, "address", leader->address) &&
           add_text(entry, "metadata", leader->metadata) && elect__report_add_u64(entry, "epoch", leader->epoch) &&
           elect__report_add_i64(entry, "started_at_ms", leader->started_at_ms) &&
           elect__report_add_i64(entry, "last_heartbeat_ms", leader->last_heartbeat_ms);
}

static bool add_last(cJSON *object, const struct elect__term_view *last)
{
    if (!last)
        return add_text(object, "last", NULL);
    cJSON *entry = cJSON_AddObjectToObject(object, "last");
    return entry && add_text(entry, "instance_id", last->instance_id) &&
           elect__report_add_u64(entry, "epoch", last->epoch) &&
           elect__report_add_i64(entry, "started_at_ms", last->started_at_ms) &&
           add_end(entry, last->ended_at_ms, last->reason);
}

char *elect__report_status(const struct elect__status_view *status)
{
    const struct elect__settings *settings = status->settings;
    cJSON *object = cJSON_CreateObject();
    bool whole = add_text(object, "name", settings->name) && add_text(object, "state", state_name(status->state)) &&
                 add_leader(object, status->leader) &&
                 elect__report_add_i64(object, "lease_left_ms", status->lease_left_ms) &&
                 elect__report_add_i64(object, "lock_ttl_ms", settings->lock_ttl_ns / 1000000) &&
                 add_last(object, status->last) && elect__report_add_i64(object, "wait_ms", status->wait_ms) &&
                 add_text(object, "wait_why", status->wait_why) && add_store(object, settings) &&
                 add_text(object, "tier", status->tier);
    if (whole && status->file)
        whole = add_text(object, "file", status->file) && elect__report_add_u64(object, "term", status->term);
    return elect__report_end(object, whole);
}

char *elect__report_history(const struct elect__term_view *terms, size_t count)
{
    cJSON *array = cJSON_CreateArray();
    bool whole = array != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        const struct elect__term_view *term = &terms[i];
        cJSON *entry = cJSON_CreateObject();
        whole = cJSON_AddItemToArray(array, entry) && add_text(entry, "instance_id", term->instance_id) &&
                add_text(entry, "hostname", term->hostname) && elect__report_add_u64(entry, "epoch", term->epoch) &&
                elect__report_add_i64(entry, "started_at_ms", term->started_at_ms) &&
                add_end(entry, term->ended_at_ms, term->reason);
    }
    return elect__report_end(array, whole);
}

char *elect__report_list(const struct elect__entry_view *entries, size_t count)
{
    cJSON *array = cJSON_CreateArray();
    bool whole = array != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        const struct elect__entry_view *view = &entries[i];
        cJSON *entry = cJSON_CreateObject();
        whole =
            cJSON_AddItemToArray(array, entry) && add_text(entry, "name", view->name) &&
            add_text(entry, "state", state_name(view->state)) && add_text(entry, "instance_id", view->instance_id) &&
            (view->epoch != 0 ? elect__report_add_u64(entry, "epoch", view->epoch) : add_text(entry, "epoch", NULL)) &&
            elect__report_add_i64(entry, "lease_left_ms", view->lease_left_ms);
    }
    return elect__report_end(array, whole);
}

char *elect__report_store(const struct elect__settings *settings, const char *tier, const char *const *warnings,
                          size_t count)
{
    cJSON *object = cJSON_CreateObject();
    bool whole =
        add_store(object, settings) && add_text(object, "tier", tier) && cJSON_AddTrueToObject(object, "fit") != NULL;
    cJSON *array = whole ? cJSON_AddArrayToObject(object, "warnings") : NULL;
    whole = array != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        cJSON *text = cJSON_CreateString(warnings[i]);
        whole = cJSON_AddItemToArray(array, text);
    }
    return elect__report_end(object, whole);
}
