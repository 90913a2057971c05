/* libFuzzer: strings and numbers as what a store tells of a leader, of terms and of elections. The JSON is UTF-8, is
 * parsed again, and says what it was given, whole numbers to the digit. The input: a line for each string, and the last
 * line's bytes as numbers. */
#include "election.h"
#include "fuzz.h"
#include "report.h"
#include "settings.h"
#include "text.h"
#include <inttypes.h>
#include <stdbool.h>

struct world {
    struct elect__settings settings;
    struct elect__leader_view leader;
    struct elect__term_view terms[2];
    struct elect__status_view status;
    bool has_leader, has_last;
};

static const char *word(char **rest)
{
    char *line = fuzz_line(rest);
    return line && elect__utf8_valid(line) ? line : "";
}

static cJSON *parse(char *json)
{
    require(json != NULL && elect__utf8_valid(json));
    cJSON *parsed = cJSON_Parse(json);
    require(parsed != NULL);
    free(json);
    return parsed;
}

static void expect_text(const cJSON *object, const char *key, const char *text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    require(item != NULL);
    require(text ? cJSON_IsString(item) && strcmp(item->valuestring, text) == 0 : cJSON_IsNull(item));
}

static void expect_number(const cJSON *object, const char *key, int64_t value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    require(cJSON_IsNumber(item) && (int64_t)item->valuedouble == value);
}

static void expect_digits(const char *json, uint64_t epoch)
{
    char digits[40];
    snprintf(digits, sizeof digits, "\"epoch\":%" PRIu64 ",", epoch);
    require(strstr(json, digits) != NULL);
}

static const char *reason_of(const struct elect__term_view *term)
{
    const char *name = elect_reason_name(term->reason);
    return *name ? name : NULL;
}

static void check_status(const struct world *w)
{
    char *json = elect__report_status(&w->status);
    require(json != NULL);
    if (w->has_leader)
        expect_digits(json, w->leader.epoch);
    cJSON *status = parse(json);
    const cJSON *leader = cJSON_GetObjectItem(status, "leader"), *last = cJSON_GetObjectItem(status, "last");
    expect_text(status, "name", w->settings.name);
    expect_text(status, "wait_why", w->status.wait_why);
    expect_number(status, "wait_ms", w->status.wait_ms);
    expect_number(status, "lease_left_ms", w->status.lease_left_ms);
    require(cJSON_IsObject(leader) == w->has_leader && cJSON_IsObject(last) == w->has_last);
    if (w->has_leader) {
        expect_text(leader, "instance_id", w->leader.instance_id);
        expect_text(leader, "hostname", w->leader.hostname);
        expect_text(leader, "address", w->leader.address);
        expect_text(leader, "metadata", w->leader.metadata);
        expect_number(leader, "epoch", (int64_t)w->leader.epoch);
        expect_number(leader, "started_at_ms", w->leader.started_at_ms);
    }
    if (w->has_last) {
        expect_text(last, "instance_id", w->terms[0].instance_id);
        expect_text(last, "reason", reason_of(&w->terms[0]));
    }
    cJSON_Delete(status);
}

static void check_history(const struct world *w)
{
    cJSON *history = parse(elect__report_history(w->terms, 2));
    require(cJSON_GetArraySize(history) == 2);
    for (int i = 0; i < 2; i++) {
        const cJSON *term = cJSON_GetArrayItem(history, i);
        expect_text(term, "instance_id", w->terms[i].instance_id);
        expect_text(term, "hostname", w->terms[i].hostname);
        expect_number(term, "epoch", (int64_t)w->terms[i].epoch);
        expect_text(term, "reason", reason_of(&w->terms[i]));
        if (w->terms[i].ended_at_ms)
            expect_number(term, "ended_at_ms", w->terms[i].ended_at_ms);
        else
            expect_text(term, "ended_at_ms", NULL);
    }
    cJSON_Delete(history);
}

static void check_list(const struct world *w)
{
    struct elect__entry_view entries[2] = {
        {.name = w->settings.name, .state = ELECT__REPORT_LED, .epoch = w->leader.epoch},
        {.name = w->leader.hostname, .instance_id = w->leader.instance_id}};
    cJSON *list = parse(elect__report_list(entries, 2));
    expect_text(cJSON_GetArrayItem(list, 0), "name", w->settings.name);
    expect_text(cJSON_GetArrayItem(list, 0), "instance_id", NULL);
    expect_text(cJSON_GetArrayItem(list, 1), "name", w->leader.hostname);
    expect_text(cJSON_GetArrayItem(list, 1), "instance_id", w->leader.instance_id);
    cJSON_Delete(list);
    cJSON *store = parse(elect__report_store(&w->settings, "tier", (const char *const[]){w->leader.metadata}, 1));
    const cJSON *warning = cJSON_GetArrayItem(cJSON_GetObjectItem(store, "warnings"), 0);
    require(strcmp(cJSON_GetStringValue(warning), w->leader.metadata) == 0);
    cJSON_Delete(store);
}

/* A copy says what the view says, and the bound that options are held to is the one that JSON takes. */
static void check_copy(const struct world *w)
{
    elect_leader_t *leader = elect__leader_new(&w->leader, 0), *copy = elect__leader_copy(leader, &elect__system_env);
    require(leader && copy && leader->view.epoch == copy->view.epoch);
    require(strcmp(elect_leader_metadata(copy), w->leader.metadata) == 0);
    require(strcmp(elect_leader_address(copy), w->leader.address) == 0);
    require(strcmp(elect_leader_hostname(copy), w->leader.hostname) == 0);
    require(strcmp(elect_leader_instance_id(copy), w->leader.instance_id) == 0);
    require(elect_leader_epoch(copy) == w->leader.epoch && elect_leader_age_ms(copy) >= 0);
    elect_leader_free(leader);
    elect_leader_free(copy);
    cJSON *string = cJSON_CreateString(w->leader.metadata);
    char *json = cJSON_PrintUnformatted(string);
    require(json && strlen(json) == elect__json_length(w->leader.metadata) + 2);
    cJSON_free(json);
    cJSON_Delete(string);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    struct world w;
    memset(&w, 0, sizeof w);
    w.settings = (struct elect__settings){.store = "memory:", .name = word(&rest), .lock_ttl_ns = 10 * ELECT__S};
    w.leader.instance_id = word(&rest);
    w.leader.hostname = word(&rest);
    w.leader.address = word(&rest);
    w.leader.metadata = word(&rest);
    w.status.wait_why = word(&rest);
    w.terms[0].hostname = word(&rest);
    w.terms[1].hostname = w.terms[0].instance_id = w.terms[1].instance_id = word(&rest);
    const uint8_t *numbers = rest ? data + (rest - text) : data + size;
    struct fuzz_bytes bytes = {numbers, (size_t)(data + size - numbers)};
    w.leader.epoch = fuzz_draw(&bytes, ELECT__EPOCH_END);
    w.leader.started_at_ms = (int64_t)fuzz_draw(&bytes, ELECT__EPOCH_END);
    w.status.wait_ms = (int64_t)fuzz_draw(&bytes, 1 << 20) - 9;
    w.status.lease_left_ms = (int64_t)fuzz_draw(&bytes, 1 << 20) - 9;
    w.terms[0].epoch = fuzz_draw(&bytes, ELECT__EPOCH_END);
    w.terms[1].ended_at_ms = (int64_t)fuzz_draw(&bytes, ELECT__EPOCH_END);
    w.terms[0].reason = (int32_t)fuzz_draw(&bytes, 12);
    w.has_leader = fuzz_draw(&bytes, 4) != 1;
    w.has_last = fuzz_draw(&bytes, 4) != 1;
    w.status.settings = &w.settings;
    w.status.tier = "";
    w.status.state = (enum elect__report_state)fuzz_draw(&bytes, 3);
    w.status.leader = w.has_leader ? &w.leader : NULL;
    w.status.last = w.has_last ? &w.terms[0] : NULL;
    check_status(&w);
    check_history(&w);
    check_list(&w);
    check_copy(&w);
    free(text);
    return 0;
}
