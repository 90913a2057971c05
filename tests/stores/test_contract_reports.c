/* The contract of stores: names, and what is told from outside of elections. */
#include "contract.h"
#include "url.h"

/* ---- elections beside each other ---- */

RULE(elections_know_nothing_of_each_other)
{
    struct actor a, b;
    actor_enter(&a, stage, at(stage, 0), "one", "a-1");
    actor_enter(&b, stage, at(stage, 1), "two", "b-2");
    uint64_t one = win(&a, 11), two = win(&b, 12);
    cr_assert_eq(release(&a, 11, one, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(renew(&b, 12, two), ELECT__RENEWED);
    cr_assert_eq(probe(&a), ELECT__FREE);
    actor_leave(&a);
    actor_leave(&b);
}

/* A register of the application's knows keys that it is asked for, and lists none. */
static bool expect_no_list(struct stage *stage)
{
    if (stage_is_register(stage))
        cr_assert_eq(ask(stage, 0, ELECT__QUERY_LIST, NULL, 0, NULL), ELECT_ESTORE);
    return stage_is_register(stage);
}

static void expect_listed(struct stage *stage, const char *const *names, int count)
{
    char *json;
    if (expect_no_list(stage))
        return;
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_LIST, NULL, 0, &json), ELECT_OK);
    cJSON *list = cJSON_Parse(json);
    cr_assert_eq(cJSON_GetArraySize(list), count, "%s", json);
    for (int i = 0; i < count; i++) {
        int found = 0;
        const cJSON *entry;
        cJSON_ArrayForEach(entry, list)
            found += strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "name")), names[i]) == 0;
        cr_assert_eq(found, 1, "%s", names[i]);
    }
    cJSON_Delete(list);
    free(json);
}

RULE(any_name_is_a_name)
{
    char longest[201];
    memset(longest, 'x', 200);
    longest[200] = '\0';
    char almost[201];
    memcpy(almost, longest, sizeof almost);
    almost[199] = 'y';
    const char *names[] = {"a/b",   "..",     ".",       "%2F",      "a b", "A",     "a",   "\xc3\xa4\xe2\x82\xac",
                           "a\"\\", "new%0A", ".new-01", "{x}:lead", "~a",  longest, almost};
    enum { COUNT = sizeof names / sizeof *names };
    struct actor actors[COUNT];
    for (uint64_t i = 0; i < COUNT; i++) {
        actor_enter(&actors[i], stage, 0, names[i], "a-1");
        win(&actors[i], i + 1);
    }
    expect_listed(stage, names, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        cr_assert_eq(renew(&actors[i], i + 1, actors[i].reply.epoch), ELECT__RENEWED, "%s: one of the others",
                     names[i]);
        actor_leave(&actors[i]);
    }
}

/* ---- questions ---- */

/* The text of a field of a JSON object, as it is printed; "" when there is none. */
static const char *field(const char *json, const char *key)
{
    static char text[STAGE_TEXT];
    cJSON *object = cJSON_Parse(json);
    const cJSON *item = cJSON_GetObjectItem(object, key);
    text[0] = '\0';
    if (cJSON_IsString(item))
        snprintf(text, sizeof text, "%s", cJSON_GetStringValue(item));
    else if (item != NULL)
        cJSON_PrintPreallocated((cJSON *)item, text, sizeof text, false);
    cJSON_Delete(object);
    return text;
}

RULE(status_says_who_leads_and_who_led)
{
    struct pair p;
    char *json, digits[32];
    enter_pair(&p, stage, "job");
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cr_assert_str_eq(field(json, "state"), "nobody");
    cr_assert_str_eq(field(json, "leader"), "null");
    cr_assert_str_eq(field(json, "last"), "null");
    free(json);
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cr_assert_str_eq(field(json, "name"), "job");
    cr_assert_str_eq(field(json, "state"), "led");
    cr_assert_not_null(strstr(json, "\"instance_id\":\"a-1\""));
    snprintf(digits, sizeof digits, "\"epoch\":%" PRIu64, epoch);
    cr_assert_not_null(strstr(json, digits), "%s", json);
    cr_assert(atoll(field(json, "lease_left_ms")) > 0);
    cr_assert_eq(atoll(field(json, "lock_ttl_ms")), stage->ttl_ns / ELECT__MS);
    free(json);
    release(&p.a, 11, epoch, ELECT_REASON_RESIGNED);
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cr_assert_str_eq(field(json, "state"), "nobody");
    cr_assert_not_null(strstr(json, "\"reason\":\"resigned\""), "%s", json);
    free(json);
    leave_pair(&p);
}

RULE(status_of_an_unknown_election_is_nobody)
{
    char *json;
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_STATUS, "never-heard", 0, &json), ELECT_OK);
    cr_assert_str_eq(field(json, "state"), "nobody");
    free(json);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_HISTORY, "never-heard", 0, &json), ELECT_OK);
    cr_assert_str_eq(json, "[]");
    free(json);
    expect_listed(stage, NULL, 0); /* asking makes nothing */
}

RULE(history_is_newest_first_and_at_most_32)
{
    struct pair p;
    char *json, digits[32];
    uint64_t epoch = 0;
    enter_pair(&p, stage, "job");
    for (uint64_t i = 1; i <= 40; i++) {
        struct actor *actor = i % 2 == 0 ? &p.a : &p.b;
        epoch = win(actor, i);
        if (i < 40)
            release(actor, i, epoch, ELECT_REASON_STOPPED);
    }
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_HISTORY, "job", 0, &json), ELECT_OK);
    cJSON *terms = cJSON_Parse(json);
    cr_assert_eq(cJSON_GetArraySize(terms), 32);
    snprintf(digits, sizeof digits, "\"epoch\":%" PRIu64 ",", epoch);
    cr_assert_not_null(strstr(json, digits));
    double above = 1e300;
    const cJSON *term;
    int i = 0;
    cJSON_ArrayForEach(term, terms) {
        double at_epoch = cJSON_GetNumberValue(cJSON_GetObjectItem(term, "epoch"));
        cr_assert(at_epoch < above);
        above = at_epoch;
        const char *id = i % 2 == 0 ? "a-1" : "b-2";
        cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(term, "instance_id")), id);
        cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(term, "hostname")), "host-1");
        cr_assert_eq(cJSON_IsNull(cJSON_GetObjectItem(term, "ended_at_ms")), i == 0);
        if (i > 0)
            cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(term, "reason")), "stopped");
        i++;
    }
    cJSON_Delete(terms);
    free(json);
    leave_pair(&p);
}

RULE(a_list_says_which_are_led)
{
    struct actor a, b;
    char *json;
    if (expect_no_list(stage))
        return;
    actor_enter(&a, stage, at(stage, 0), "led", "a-1");
    actor_enter(&b, stage, at(stage, 1), "was", "b-2");
    win(&a, 11);
    uint64_t epoch = win(&b, 12);
    release(&b, 12, epoch, ELECT_REASON_STOPPED);
    cr_assert_eq(ask(stage, at(stage, 0), ELECT__QUERY_LIST, NULL, 0, &json), ELECT_OK);
    cJSON *list = cJSON_Parse(json);
    cr_assert_eq(cJSON_GetArraySize(list), 2, "%s", json);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list) {
        bool led = strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "name")), "led") == 0;
        cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "state")), led ? "led" : "nobody");
        cr_assert_eq(cJSON_IsNull(cJSON_GetObjectItem(entry, "instance_id")), !led);
    }
    cJSON_Delete(list);
    free(json);
    actor_leave(&a);
    actor_leave(&b);
}

RULE(the_store_says_what_it_is)
{
    char *json;
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_STORE, NULL, 0, &json), ELECT_OK);
    char *shown = elect__url_redact(stage->url);
    cr_assert_str_eq(field(json, "store"), shown);
    free(shown);
    const char *tier = stage_is_register(stage)                ? "compare-and-set register of the application"
                       : stage->class_ == &elect__local_store  ? "single host"
                       : stage->class_ == &elect__memory_store ? "in memory"
                                                               : ", single node, no append-only file";
    cr_assert_not_null(strstr(field(json, "tier"), tier), "%s", field(json, "tier"));
    cr_assert_str_eq(field(json, "fit"), "true");
    free(json);
}

RULE(who_leads_or_stands_is_not_forgotten)
{
    struct pair p;
    char *json;
    if (stage_is_register(stage)) { /* it never forgets */
        cr_assert_eq(ask(stage, 0, ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTORE);
        return;
    }
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTATE, "candidates stand");
    uint64_t epoch = win(&p.a, 11);
    actor_leave(&p.b);
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTATE, "somebody leads");
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED);
    actor_leave(&p.a);
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTATE, "its lease still lasts");
    stage_pass(stage, stage->ttl_ns + 1);
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_OK);
    cr_assert_eq(ask(stage, at(stage, 0), ELECT__QUERY_HISTORY, "job", 0, &json), ELECT_OK);
    cr_assert_str_eq(json, "[]");
    free(json);
    cr_assert_eq(ask(stage, at(stage, 0), ELECT__QUERY_FORGET, "never-heard", 0, NULL), ELECT_OK);
    actor_enter(&p.a, stage, at(stage, 0), "job", "a-1");
    win(&p.a, 12);
    actor_leave(&p.a);
}
