/* What every store must do, whatever it is made of. Each rule runs on each store, with real time and with a scripted
 * clock, by candidates of one client and, where the store reaches further than one client, of two. */
#include "stage.h"
#include <cjson/cJSON.h>
#include <stdio.h>

struct place {
    const struct elect__store_class *class_;
    int clients;
    bool scripted;
};

/* Candidate i stands at this store. */
static int at(const struct stage *stage, int i)
{
    return stage->stores[1] != NULL ? i % 2 : 0;
}

static void play(struct place place, void (*rule)(struct stage *stage))
{
    struct stage stage;
    stage_open(&stage, place.class_, place.clients, place.scripted);
    rule(&stage);
    stage_close(&stage);
}

#define RULE(name)                                                                                                     \
    static void name(struct stage *stage);                                                                             \
    Test(memory_real, name)                                                                                            \
    {                                                                                                                  \
        play((struct place){&elect__memory_store, 1, false}, name);                                                    \
    }                                                                                                                  \
    Test(memory_scripted, name)                                                                                        \
    {                                                                                                                  \
        play((struct place){&elect__memory_store, 1, true}, name);                                                     \
    }                                                                                                                  \
    Test(local_real, name)                                                                                             \
    {                                                                                                                  \
        play((struct place){&elect__local_store, 1, false}, name);                                                     \
    }                                                                                                                  \
    Test(local_scripted, name)                                                                                         \
    {                                                                                                                  \
        play((struct place){&elect__local_store, 1, true}, name);                                                      \
    }                                                                                                                  \
    Test(local_clients_real, name)                                                                                     \
    {                                                                                                                  \
        play((struct place){&elect__local_store, 2, false}, name);                                                     \
    }                                                                                                                  \
    Test(local_clients_scripted, name)                                                                                 \
    {                                                                                                                  \
        play((struct place){&elect__local_store, 2, true}, name);                                                      \
    }                                                                                                                  \
    static void name(struct stage *stage)

struct pair {
    struct actor a, b;
};

static void enter_pair(struct pair *pair, struct stage *stage, const char *name)
{
    actor_enter(&pair->a, stage, at(stage, 0), name, "a-1");
    actor_enter(&pair->b, stage, at(stage, 1), name, "b-2");
}

static void leave_pair(struct pair *pair)
{
    actor_leave(&pair->a);
    actor_leave(&pair->b);
}

/* ---- one leader ---- */

RULE(nobody_leads_at_first)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(probe(&p.a), ELECT__FREE);
    cr_assert_not(p.a.has_leader);
    leave_pair(&p);
}

RULE(one_wins_and_the_other_finds_it_held)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    cr_assert_eq(p.b.reply.attempt, 11);
    cr_assert_eq(p.b.reply.epoch, epoch);
    cr_assert(p.b.reply.left_ns > 0 && p.b.reply.left_ns <= stage->ttl_ns, "%" PRId64, p.b.reply.left_ns);
    cr_assert_not(p.b.reply.own_id);
    cr_assert_eq(probe(&p.b), ELECT__HELD);
    cr_assert_eq(p.b.reply.epoch, epoch);
    leave_pair(&p);
}

RULE(what_the_leader_tells_of_itself_is_found)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    int64_t now_ms = stage->env.real_us(stage->env.ctx) / 1000;
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(probe(&p.b), ELECT__HELD);
    cr_assert(p.b.has_leader);
    cr_assert_str_eq(p.b.id, "a-1");
    cr_assert_str_eq(p.b.hostname, "host-1");
    cr_assert_str_eq(p.b.address, "10.0.0.1:80");
    cr_assert_str_eq(p.b.metadata, "{\"zone\":\"a\"}");
    cr_assert_eq(p.b.leader_epoch, epoch);
    cr_assert(p.b.started_at_ms > now_ms - 60000 && p.b.started_at_ms < now_ms + 60000);
    leave_pair(&p);
}

RULE(the_holder_finds_its_own_lock_by_its_attempt)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.a, 12), ELECT__HELD, "no second term and no second grant of the first");
    cr_assert_eq(p.a.reply.attempt, 11);
    cr_assert_eq(p.a.reply.epoch, epoch);
    cr_assert(p.a.reply.own_id);
    leave_pair(&p);
}

RULE(the_same_id_elsewhere_is_somebody_else)
{
    struct actor a, twin;
    actor_enter(&a, stage, at(stage, 0), "job", "a-1");
    actor_enter(&twin, stage, at(stage, 1), "job", "a-1");
    uint64_t epoch = win(&a, 11);
    cr_assert_eq(acquire(&twin, 12), ELECT__HELD);
    cr_assert(twin.reply.own_id);
    cr_assert_eq(twin.reply.attempt, 11);
    cr_assert_eq(renew(&twin, 12, epoch), ELECT__TAKEN, "an id is no proof");
    cr_assert_eq(release(&twin, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(renew(&a, 11, epoch), ELECT__RENEWED, "a release by id took the lock of its namesake");
    actor_leave(&a);
    actor_leave(&twin);
}

/* ---- renew ---- */

RULE(a_renewal_answers_the_epoch_and_extends)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    for (int i = 0; i < 3; i++) {
        stage_pass(stage, stage->ttl_ns / 2);
        cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED, "renewal %d", i);
        cr_assert_eq(p.a.reply.attempt, 11);
        cr_assert_eq(p.a.reply.epoch, epoch);
        cr_assert_eq(acquire(&p.b, 20 + (uint64_t)i), ELECT__HELD);
        cr_assert(p.b.reply.left_ns > stage->ttl_ns / 4, "%" PRId64, p.b.reply.left_ns);
    }
    leave_pair(&p);
}

RULE(renewing_needs_the_whole_value)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(renew(&p.b, 12, epoch), ELECT__TAKEN);
    cr_assert_eq(renew(&p.a, 12, epoch), ELECT__TAKEN);
    cr_assert_eq(renew(&p.a, 11, epoch + 1), ELECT__DELETED);
    cr_assert_eq(probe(&p.b), ELECT__HELD);
    cr_assert_eq(p.b.reply.epoch, epoch, "a renewal repaired the epoch");
    leave_pair(&p);
}

RULE(nothing_to_renew_is_deleted)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(renew(&p.a, 11, 1), ELECT__DELETED);
    cr_assert_eq(probe(&p.b), ELECT__FREE, "and nothing was written");
    leave_pair(&p);
}

RULE(after_the_end_nothing_is_renewed)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    stage_pass(stage, stage->ttl_ns + 1);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__DELETED);
    uint64_t next = win(&p.b, 12);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__TAKEN);
    cr_assert_eq(renew(&p.b, 12, next), ELECT__RENEWED);
    leave_pair(&p);
}

/* ---- release ---- */

RULE(a_release_frees_at_once)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(probe(&p.b), ELECT__FREE);
    cr_assert(win(&p.b, 12) > epoch);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__TAKEN);
    leave_pair(&p);
}

RULE(a_release_that_is_not_ours_changes_nothing)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(release(&p.b, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(release(&p.a, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(acquire(&p.b, 13), ELECT__HELD);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED);
    leave_pair(&p);
}

RULE(a_release_of_an_unanswered_acquire_needs_no_epoch)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    win(&p.a, 11);
    cr_assert_eq(release(&p.a, 11, 0, ELECT_REASON_EXPIRED), ELECT__RELEASED);
    cr_assert_eq(probe(&p.b), ELECT__FREE);
    leave_pair(&p);
}

RULE(a_late_release_finds_the_successor_untouched)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    stage_pass(stage, stage->ttl_ns + 1);
    uint64_t next = win(&p.b, 12);
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_EXPIRED), ELECT__RELEASED);
    cr_assert_eq(renew(&p.b, 12, next), ELECT__RENEWED);
    leave_pair(&p);
}

/* ---- expiry ---- */

RULE(a_lease_that_ran_out_is_free_and_not_before)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    stage_pass(stage, stage->ttl_ns / 2);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    stage_pass(stage, p.b.reply.left_ns + 1);
    cr_assert_eq(probe(&p.b), ELECT__FREE);
    cr_assert(win(&p.b, 13) > epoch);
    leave_pair(&p);
}

/* ---- epochs ---- */

RULE(epochs_rise_with_each_election)
{
    struct pair p;
    uint64_t last = 0;
    enter_pair(&p, stage, "job");
    for (uint64_t i = 1; i <= 20; i++) {
        struct actor *actor = i % 3 == 0 ? &p.a : &p.b;
        uint64_t epoch = win(actor, i);
        cr_assert(epoch > last, "%" PRIu64 " after %" PRIu64, epoch, last);
        cr_assert_eq(release(actor, i, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED);
        last = epoch;
    }
    leave_pair(&p);
}

RULE(epochs_are_microseconds_of_the_clock)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    int64_t epoch = (int64_t)win(&p.a, 11), now_us = stage->env.real_us(stage->env.ctx);
    cr_assert(epoch > now_us - 60000000 && epoch < now_us + 60000000, "%" PRId64 " at %" PRId64, epoch, now_us);
    leave_pair(&p);
}

RULE(a_record_older_than_what_was_seen_is_lost_data)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    uint64_t seen = epoch + 5000000;
    cr_assert_eq(acquire_after(&p.b, 12, seen, false), ELECT__LOST_DATA);
    cr_assert_eq(probe(&p.b), ELECT__FREE, "and nothing was written");
    cr_assert_eq(acquire_after(&p.b, 13, seen, true), ELECT__WON, "after the wait it is granted");
    cr_assert(p.b.reply.epoch > seen, "and above all that was ever seen");
    leave_pair(&p);
}

RULE(a_store_that_knows_nothing_is_lost_data_to_who_has_seen_more)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(acquire_after(&p.a, 11, 77, false), ELECT__LOST_DATA);
    cr_assert_eq(acquire_after(&p.a, 12, 77, true), ELECT__WON);
    leave_pair(&p);
}

RULE(an_epoch_that_leaves_no_room_is_refused)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(acquire_after(&p.a, 11, ELECT__EPOCH_END - 1, true), ELECT__REFUSED);
    cr_assert_eq(p.a.reply.code, ELECT_ESTORE);
    cr_assert_eq(probe(&p.b), ELECT__FREE, "and nothing was written");
    leave_pair(&p);
}

/* ---- wakes ---- */

RULE(a_release_wakes_who_waits)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    stage_serve(stage);
    int before = p.b.free_wakes;
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    stage_until(stage, &p.b.free_wakes, before + 1);
    win(&p.b, 13);
    leave_pair(&p);
}

RULE(an_observer_sees_and_is_woken)
{
    struct actor a, observer;
    actor_observe(&observer, stage, at(stage, 1), "job", "o-9");
    cr_assert_eq(probe(&observer), ELECT__FREE);
    actor_enter(&a, stage, at(stage, 0), "job", "a-1");
    uint64_t epoch = win(&a, 11);
    cr_assert_eq(probe(&observer), ELECT__HELD);
    cr_assert_str_eq(observer.id, "a-1");
    int before = observer.wakes;
    release(&a, 11, epoch, ELECT_REASON_STOPPED);
    stage_until(stage, &observer.wakes, before + 1);
    cr_assert_eq(probe(&observer), ELECT__FREE);
    actor_leave(&a);
    actor_leave(&observer);
}

/* ---- step down ---- */

RULE(who_leads_is_asked_to_step_down)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    int before = p.a.wakes;
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_DEPOSE, "job", 0, NULL), ELECT_OK);
    stage_until(stage, &p.a.wakes, before + 1);
    cr_assert_eq(p.a.deposed, epoch);
    cr_assert_eq(p.b.deposed, 0);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED, "it is a wish: the leader ends its term itself");
    leave_pair(&p);
}

RULE(only_the_epoch_that_leads_can_be_asked_to_step_down)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", 0, NULL), ELECT_ENOTLEADER);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "nobody-knows", 0, NULL), ELECT_ENOTLEADER);
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch - 1, NULL), ELECT_ENOTLEADER);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_OK);
    stage_until(stage, &p.a.wakes, 1);
    cr_assert_eq(p.a.deposed, epoch);
    release(&p.a, 11, epoch, ELECT_REASON_RESIGNED);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_ENOTLEADER);
    leave_pair(&p);
}

RULE(a_wish_is_for_one_term_only)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_OK);
    stage_until(stage, &p.a.wakes, 1);
    release(&p.a, 11, epoch, ELECT_REASON_RESIGNED);
    uint64_t next = win(&p.b, 12);
    cr_assert_eq(renew(&p.b, 12, next), ELECT__RENEWED);
    stage_serve(stage);
    cr_assert_eq(p.b.deposed, 0);
    leave_pair(&p);
}

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

RULE(any_name_is_a_name)
{
    char longest[201];
    memset(longest, 'x', 200);
    longest[200] = '\0';
    char almost[201];
    memcpy(almost, longest, sizeof almost);
    almost[199] = 'y';
    const char *names[] = {"a/b",   "..",    ".",       "%2F",      "a b", "A",     "a",   "\xc3\xa4\xe2\x82\xac",
                           "a\"\\", "new\n", ".new-01", "{x}:lead", "~a",  longest, almost};
    enum { COUNT = sizeof names / sizeof *names };
    struct actor actors[COUNT];
    for (uint64_t i = 0; i < COUNT; i++) {
        actor_enter(&actors[i], stage, 0, names[i], "a-1");
        win(&actors[i], i + 1);
    }
    char *json;
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_LIST, NULL, 0, &json), ELECT_OK);
    cJSON *list = cJSON_Parse(json);
    cr_assert_eq(cJSON_GetArraySize(list), COUNT, "%s", json);
    for (int i = 0; i < COUNT; i++) {
        int found = 0;
        const cJSON *entry;
        cJSON_ArrayForEach(entry, list)
            found += strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "name")), names[i]) == 0;
        cr_assert_eq(found, 1, "%s", names[i]);
        actor_leave(&actors[i]);
    }
    cJSON_Delete(list);
    free(json);
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
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_LIST, NULL, 0, &json), ELECT_OK);
    cr_assert_str_eq(json, "[]", "asking makes nothing");
    free(json);
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
    cr_assert_str_eq(field(json, "store"), stage->url);
    cr_assert_str_eq(field(json, "tier"), stage->class_ == &elect__local_store ? "single host" : "in memory");
    cr_assert_str_eq(field(json, "fit"), "true");
    free(json);
}

RULE(who_leads_or_stands_is_not_forgotten)
{
    struct pair p;
    char *json;
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

/* ---- many ---- */

RULE(a_thousand_alternations)
{
    struct pair p;
    uint64_t last = 0;
    enter_pair(&p, stage, "job");
    for (uint64_t i = 1; i <= 1000; i++) {
        struct actor *actor = i % 2 == 0 ? &p.a : &p.b, *other = i % 2 == 0 ? &p.b : &p.a;
        uint64_t epoch = win(actor, i);
        cr_assert(epoch > last);
        cr_assert_eq(acquire(other, 5000 + i), ELECT__HELD);
        cr_assert_eq(other->reply.attempt, i);
        cr_assert_eq(renew(actor, i, epoch), ELECT__RENEWED);
        cr_assert_eq(release(actor, i, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED);
        last = epoch;
    }
    leave_pair(&p);
}
