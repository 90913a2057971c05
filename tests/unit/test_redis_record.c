/* What Redis keeps for people: written to the letter, read from bytes that anybody may have written. */
#include "stores/redis_record.h"
#include "time_text.h"
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static const struct elect__leader_view leader = {
    .instance_id = "n\"1",
    .hostname = "host",
    .address = "10.0.0.1:80",
    .metadata = "m\xc3\xa4",
    .epoch = UINT64_C(9007199254740991),
    .started_at_ms = INT64_C(1795233392001),
    .last_heartbeat_ms = INT64_C(1795233393123),
};

static bool reads(const char *text)
{
    struct elect__leader_view view;
    cJSON *json;
    bool read = elect__redis_info_read(text, strlen(text), &view, &json);
    cr_assert_eq(read, json != NULL);
    cJSON_Delete(json);
    return read;
}

Test(redis_record, the_first_four_fields_are_the_first_seeds_and_epochs_are_digits)
{
    char *text = elect__redis_info_write(&leader, "00ff");
    cr_assert_str_eq(text,
                     "{\"instance_id\":\"n\\\"1\",\"hostname\":\"host\",\"started_at\":\"2026-11-21T03:56:32.001Z\","
                     "\"last_heartbeat\":\"2026-11-21T03:56:33.123Z\",\"epoch\":9007199254740991,"
                     "\"incarnation\":\"00ff\",\"address\":\"10.0.0.1:80\",\"metadata\":\"m\xc3\xa4\"}");
    free(text);
}

Test(redis_record, what_is_written_is_read_again)
{
    struct elect__leader_view view;
    cJSON *json;
    char *text = elect__redis_info_write(&leader, "");
    cr_assert(elect__redis_info_read(text, strlen(text), &view, &json));
    cr_assert_str_eq(view.instance_id, leader.instance_id);
    cr_assert_str_eq(view.hostname, leader.hostname);
    cr_assert_str_eq(view.address, leader.address);
    cr_assert_str_eq(view.metadata, leader.metadata);
    cr_assert_eq(view.epoch, leader.epoch);
    cr_assert_eq(view.started_at_ms, leader.started_at_ms);
    cr_assert_eq(view.last_heartbeat_ms, leader.last_heartbeat_ms);
    cJSON_Delete(json);
    free(text);
}

Test(redis_record, the_others_may_say_less_and_more)
{
    struct elect__leader_view view;
    cJSON *json;
    const char *text =
        "{\"instance_id\":\"x\",\"started_at\":\"2026-11-21T04:56:32.5+01:00\",\"load\":1.5e3,\"tags\":[1]}";
    cr_assert(elect__redis_info_read(text, strlen(text), &view, &json));
    cr_assert_str_eq(view.instance_id, "x");
    cr_assert_str_eq(view.address, "");
    cr_assert_eq(view.epoch, 0);
    cr_assert_eq(view.started_at_ms, INT64_C(1795233392500));
    cr_assert_eq(view.last_heartbeat_ms, 0);
    cJSON_Delete(json);
    cr_assert(reads("{}"));
}

Test(redis_record, what_is_no_such_thing_is_not_read)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "[]",
                                      "null",
                                      "\"a\"",
                                      "{",
                                      "{}x",
                                      "{\"instance_id\":1}",
                                      "{\"instance_id\":\"a\",\"instance_id\":\"b\"}",
                                      "{\"epoch\":1.79e15}",
                                      "{\"epoch\":-1}",
                                      "{\"epoch\":9007199254740992}",
                                      "{\"epoch\":\"1\"}",
                                      "{\"hostname\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(reads(bad[i]), "%s", bad[i]);
    struct elect__leader_view view;
    cJSON *json;
    cr_assert_not(elect__redis_info_read("{}\0x", 4, &view, &json));
    char deep[128] = "{\"a\":";
    memset(deep + 5, '[', 100);
    cr_assert_not(reads(deep));
    size_t size = 1 << 17;
    char *long_text = malloc(size);
    memset(long_text, ' ', size);
    memcpy(long_text, "{}", 2);
    long_text[size - 1] = '\0';
    cr_assert_not(reads(long_text));
    free(long_text);
}

/* ---- the history ---- */

enum { ENTRIES_MAX = 128 };
struct list {
    redisReply reply, items[ENTRIES_MAX], *elements[ENTRIES_MAX];
};

static const redisReply *list_of(struct list *list, const char *const *texts, size_t count)
{
    memset(list, 0, sizeof *list);
    list->reply.type = REDIS_REPLY_ARRAY;
    list->reply.elements = count;
    list->reply.element = list->elements;
    for (size_t i = 0; i < count; i++) {
        list->items[i].type = REDIS_REPLY_STRING;
        list->items[i].str = (char *)texts[i];
        list->items[i].len = strlen(texts[i]);
        list->elements[i] = &list->items[i];
    }
    return &list->reply;
}

static void assert_history(const char *const *texts, size_t count, const char *wanted)
{
    struct list list;
    char *json = elect__redis_history_read(list_of(&list, texts, count));
    cr_assert_str_eq(json, wanted);
    free(json);
}
#define HISTORY(wanted, ...)                                                                                           \
    assert_history((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),    \
                   wanted)

Test(redis_record, terms_have_the_ends_of_their_epochs)
{
    HISTORY("[{\"instance_id\":\"b\",\"hostname\":\"\",\"epoch\":9,\"started_at_ms\":9,\"ended_at_ms\":null,\"reason\":"
            "null},"
            "{\"instance_id\":\"a\",\"hostname\":\"h\",\"epoch\":5,\"started_at_ms\":1,\"ended_at_ms\":3,\"reason\":"
            "\"stopped\"},"
            "{\"instance_id\":\"\",\"hostname\":\"\",\"epoch\":4,\"started_at_ms\":0,\"ended_at_ms\":null,\"reason\":"
            "null}]",
            "S 9 9000 {\"instance_id\":\"b\"}", "E 5 3999 stopped",
            "S 5 1000 {\"instance_id\":\"a\",\"hostname\":\"h\"}", "S 4 5 x");
}

Test(redis_record, entries_that_are_none_are_passed_over)
{
    HISTORY("[]", "", "S", "S ", "S x 1 {}", "S 1 x {}", "S 1", "S 1 2", "E 1 2 stopped", "X 1 2 {}",
            "S 99999999999999999999 1 {}", "S 9007199254740992 1 {}", "S -1 1 {}", "S  1 1 {}", "S 0 9000 {}");
    struct list list;
    list_of(&list, (const char *const[]){"S 1 1000 {}"}, 1);
    list.items[0].type = REDIS_REPLY_INTEGER;
    char *json = elect__redis_history_read(&list.reply);
    cr_assert_str_eq(json, "[]");
    free(json);
    list.reply.type = REDIS_REPLY_ERROR;
    json = elect__redis_history_read(&list.reply);
    cr_assert_str_eq(json, "[]");
    free(json);
    json = elect__redis_history_read(NULL);
    cr_assert_str_eq(json, "[]");
    free(json);
}

Test(redis_record, no_more_than_32_terms_are_told)
{
    const char *texts[ENTRIES_MAX];
    struct list list;
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        texts[i] = "S 1 1000 {\"instance_id\":\"a\"}";
    char *json = elect__redis_history_read(list_of(&list, texts, ENTRIES_MAX));
    cJSON *array = cJSON_Parse(json);
    cr_assert_eq(cJSON_GetArraySize(array), 32);
    cJSON_Delete(array);
    free(json);
}

static uint64_t last_epoch(bool led, const char *const *texts, size_t count)
{
    struct list list;
    struct elect__term_view term;
    cJSON *json;
    bool found = elect__redis_history_last(list_of(&list, texts, count), led, &term, &json);
    cr_assert(found || (json == NULL && term.epoch == 0));
    cJSON_Delete(json);
    return term.epoch;
}
#define LAST(...)                                                                                                      \
    last_epoch(true, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(redis_record, the_last_term_is_the_newest_that_has_ended)
{
    cr_assert_eq(LAST("S 9 9000 {}"), 0, "it may last");
    cr_assert_eq(LAST("E 9 9500 stopped", "S 9 9000 {}", "S 5 1 {}"), 9);
    cr_assert_eq(LAST("S 9 9000 {}", "E 5 3 stopped", "S 5 1 {\"instance_id\":\"a\"}"), 5);
    cr_assert_eq(LAST("S 9 9000 {}", "S 5 1 {}"), 5, "who was followed has ended");
    cr_assert_eq(last_epoch(false, (const char *const[]){"S 9 9000 {}", "S 5 1 {}"}, 2), 9, "nobody leads any more");
}

/* ---- times ---- */

Test(redis_record, times_are_rfc_3339)
{
    char text[ELECT__TIME_SIZE];
    cr_assert_str_eq(elect__time_write(1, text), "1970-01-01T00:00:00.001Z");
    cr_assert_eq(elect__time_read("1970-01-01T00:00:00.001Z"), 1);
    cr_assert_eq(elect__time_read("1970-01-01T00:00:01.25-00:30"), 1801250);
    cr_assert_eq(elect__time_read("0001-01-01T00:00:00Z"), 0);
    cr_assert_eq(elect__time_read("1970-01-01T00:00:01"), 0);
    cr_assert_eq(elect__time_read("yesterday"), 0);
    cr_assert_neq(elect__time_write(INT64_MAX, text)[0], '\0');
}
