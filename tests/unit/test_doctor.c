#include "doctor.h"
#include "settings.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdlib.h>
#include <string.h>

static const struct elect__settings settings = {.store = "redis://u:hunter2@h/0"};

static cJSON *end(struct elect__doctor *doctor)
{
    char *text = elect__doctor_end(doctor, &settings, "tests");
    cJSON *json = cJSON_Parse(text);
    cr_assert_not_null(json, "%s", text);
    cr_assert_null(strstr(text, "hunter2"));
    free(text);
    return json;
}

static double number(const cJSON *json, const char *object, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(json, object), key));
}

Test(doctor, what_was_not_measured_is_null)
{
    struct elect__doctor doctor = {0};
    cJSON *json = end(&doctor);
    cr_assert_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "checks")), 0);
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "round_trip_us")));
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "clock")));
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "suggested_lock_ttl")));
    cJSON_Delete(json);
}

Test(doctor, findings_come_in_their_order_with_what_to_do)
{
    struct elect__doctor doctor = {0};
    elect__doctor_find(&doctor, "a", ELECT__FINDING_FAIL, "do \"this\"", "%d of %d", 1, 2);
    elect__doctor_find(&doctor, "b", ELECT__FINDING_SKIP, "", "x");
    cJSON *json = end(&doctor), *first = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "checks"), 0);
    cr_assert_str_eq(cJSON_GetObjectItem(first, "result")->valuestring, "fail");
    cr_assert_str_eq(cJSON_GetObjectItem(first, "text")->valuestring, "1 of 2");
    cr_assert_str_eq(cJSON_GetObjectItem(first, "fix")->valuestring, "do \"this\"");
    cr_assert_str_eq(cJSON_GetObjectItem(first->next, "result")->valuestring, "skip");
    cJSON_Delete(json);
}

Test(doctor, percentiles_are_of_samples_that_were_there)
{
    struct elect__doctor doctor = {.clock_known = true, .clock_low_us = -5, .clock_high_us = 7};
    for (int us = 100; us > 0; us--)
        elect__doctor_sample(&doctor, us);
    cJSON *json = end(&doctor);
    cr_assert_eq(number(json, "round_trip_us", "p50"), 50);
    cr_assert_eq(number(json, "round_trip_us", "p90"), 90);
    cr_assert_eq(number(json, "round_trip_us", "p99"), 99);
    cr_assert_eq(number(json, "round_trip_us", "max"), 100);
    cr_assert_eq(number(json, "clock", "offset_low_us"), -5);
    cr_assert_eq(number(json, "clock", "offset_high_us"), 7);
    cJSON_Delete(json);
}

Test(doctor, a_lease_bears_fifty_slow_round_trips_and_is_no_shorter_than_a_second)
{
    static const struct {
        int64_t us;
        const char *ttl;
    } table[] = {{0, "1s"}, {20000, "1s"}, {20001, "1.1s"}, {22000, "1.1s"}, {200000, "10s"}, {1500000, "1m15s"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct elect__doctor doctor = {0};
        elect__doctor_sample(&doctor, table[i].us);
        cJSON *json = end(&doctor);
        cr_assert_str_eq(cJSON_GetObjectItem(json, "suggested_lock_ttl")->valuestring, table[i].ttl);
        cJSON_Delete(json);
    }
}

Test(doctor, more_samples_than_there_is_room_for_are_not_counted)
{
    struct elect__doctor doctor = {0};
    for (int i = 0; i < 2 * ELECT__DOCTOR_SAMPLES; i++)
        elect__doctor_sample(&doctor, i);
    cr_assert_eq(doctor.samples, ELECT__DOCTOR_SAMPLES);
    cJSON_Delete(end(&doctor));
}

static void ask_client(const char *store, const char *what)
{
    elect_options_t *options = elect_options_new();
    elect_client_t *client;
    char *json;
    elect_options_set(options, "store", store);
    cr_assert_eq(elect_client_open(options, &client), ELECT_OK);
    cr_assert_eq(elect_client_report(client, "doctor", -1, &json), ELECT_OK);
    cr_assert(strstr(json, what), "%s", json);
    elect_string_free(json);
    elect_client_close(client, -1);
    elect_client_free(client);
    elect_options_free(options);
}

Test(doctor, a_client_reports_it)
{
    ask_client("memory:", "\"result\":\"warn\"");
    ask_client("custom:", "\"result\":\"skip\"");
}
