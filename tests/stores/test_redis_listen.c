/* redis: connections that end and come back, and what is heard on them. */
#include "redis_stage.h"

/* ---- the connection ---- */

Test(redis_connection, an_unreachable_server_is_no_failure_and_is_found_later)
{
    struct scene s;
    scene_open_as(&s, "", "", LONG_NS);
    redis_server_kill(s.server);
    scene_enter(&s);
    cr_assert_eq(probe(&s.a), ELECT__REFUSED);
    cr_assert_eq(s.a.reply.code, ELECT_EUNREACHABLE);
    cr_assert_not_null(strstr(s.a.text, "127.0.0.1:"), "%s", s.a.text);
    redis_server_restart(s.server);
    while (probe(&s.a) != ELECT__FREE)
        stage_pass(&s.stage, 10 * ELECT__MS);
    win(&s.a, 11);
    scene_end(&s);
}

Test(redis_connection, after_it_came_back_leaders_doubt_and_the_others_look)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    until_told(&s.b);
    int wakes = s.b.wakes;
    redis_server_do(s.server, "CLIENT KILL TYPE normal SKIPME yes");
    stage_until(&s.stage, &s.a.doubts, 1);
    stage_until(&s.stage, &s.b.wakes, wakes + 1);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    cr_assert_eq(logged(&s, "no connection to the store"), 2, "once each client: %s", s.stage.log);
    while (logged(&s, "again") < 2)
        stage_pass(&s.stage, ELECT__MS);
    scene_end(&s);
}

Test(redis_connection, data_lost_by_a_restart_ends_the_term_and_is_waited_out)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    redis_server_restart(s.server);
    stage_until(&s.stage, &s.a.doubts, 1);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__DELETED);
    cr_assert_eq(acquire_after(&s.b, 13, epoch, false), ELECT__LOST_DATA);
    cr_assert_eq(acquire_after(&s.b, 14, epoch, true), ELECT__WON);
    cr_assert(s.b.reply.epoch > epoch);
    scene_end(&s);
}

Test(redis_connection, a_server_that_hangs_is_left_and_its_answer_is_not_known)
{
    struct scene s;
    scene_open(&s);
    probe(&s.a);
    redis_server_freeze(s.server);
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 11, .seq = 1000};
    op.sent_at_ns = stage_now(&s.stage);
    op.deadline_ns = op.sent_at_ns + 100 * ELECT__MS;
    int answers = s.a.answers + 1;
    s.a.answered = false;
    s.stage.class_->submit(s.a.store, &s.a.slot, &op);
    stage_until(&s.stage, &s.a.answers, answers);
    cr_assert_eq(s.a.reply.outcome, ELECT__UNKNOWN);
    cr_assert_eq(s.a.reply.code, ELECT_EUNREACHABLE);
    redis_server_thaw(s.server);
    while (redis_server_ask_number(s.server, "EXISTS elect:{job}:leader") == 0) /* it had arrived all the same */
        stage_pass(&s.stage, 10 * ELECT__MS);
    while (acquire(&s.b, 12) == ELECT__REFUSED)
        stage_pass(&s.stage, 10 * ELECT__MS);
    cr_assert_eq(s.b.reply.outcome, ELECT__HELD, "outcome %d", (int)s.b.reply.outcome);
    scene_end(&s);
}

/* ---- the subscriber ---- */

Test(redis_listen, a_candidate_that_nobody_tells_looks_by_itself)
{
    struct scene s;
    scene_open(&s);
    win(&s.a, 11);
    cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    until_told(&s.b);
    cr_assert_eq(s.b.reply.poll_ns, 0);
    int wakes = s.b.wakes;
    redis_server_do(s.server, "CLIENT KILL TYPE pubsub");
    stage_until(&s.stage, &s.b.wakes, wakes + 1);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    until_told(&s.b);
    cr_assert_eq(s.b.reply.poll_ns, 0);
    scene_end(&s);
}

Test(redis_listen, who_may_not_subscribe_polls_and_it_is_said_once)
{
    struct scene s;
    scene_open_as(&s, "~* &* +@all -subscribe", "", LONG_NS);
    scene_enter(&s);
    win(&s.a, 11);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    cr_assert_eq(s.b.reply.poll_ns, s.b.settings.retry_interval_ns);
    while (logged(&s, "refuses to tell") < 2)
        stage_pass(&s.stage, ELECT__MS);
    struct actor c;
    actor_enter(&c, &s.stage, 0, "other", "c-3");
    probe(&c);
    stage_pass(&s.stage, 20 * ELECT__MS);
    cr_assert_eq(logged(&s, "refuses to tell"), 2, "once each client: %s", s.stage.log);
    actor_leave(&c);
    scene_end(&s);
}

Test(redis_listen, a_release_of_its_own_wakes_nobody)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(probe(&s.a), ELECT__HELD);
    until_told(&s.a);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    until_told(&s.b);
    int own = s.a.free_wakes, others = s.b.free_wakes;
    cr_assert_eq(release(&s.a, 11, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED);
    stage_until(&s.stage, &s.b.free_wakes, others + 1);
    win(&s.b, 13); /* what a hears of this comes behind what it would hear of its own */
    int wakes = s.a.wakes;
    stage_until(&s.stage, &s.a.wakes, wakes);
    cr_assert_eq(s.a.free_wakes, own);
    scene_end(&s);
}

/* A wish that is heard at once, and one that nobody may publish: the next renewal finds it. */
Test(redis_listen, without_messages_a_wish_is_found_by_the_renewal)
{
    struct scene s;
    scene_open_as(&s, "~* &* +@all -publish", "", LONG_NS);
    scene_enter(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(ask(&s.stage, 1, ELECT__QUERY_DEPOSE, "job", 0, NULL), ELECT_OK);
    cr_assert_eq(s.a.deposed, 0);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    cr_assert_eq(s.a.deposed, epoch);
    cr_assert_eq(release(&s.a, 11, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED, "without the right to tell of it");
    win(&s.b, 12);
    scene_end(&s);
}

Test(redis_listen, what_is_no_message_of_ours_is_passed_over)
{
    struct scene s;
    static const char *const texts[] = {"",
                                        "elected",
                                        "elected ",
                                        "elected x",
                                        "elected 1x",
                                        "elected -1",
                                        "elected 99999999999999999999999999",
                                        "released 9007199254740993",
                                        "depose 1",
                                        "Elected 5",
                                        "electedd 5"};
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    until_told(&s.b);
    int wakes = s.b.wakes;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        redisReply *reply = redis_server_ask(s.server, "PUBLISH elect:{job}:events %s", texts[i]);
        cr_assert_eq(reply->integer, 2, "both listen");
        freeReplyObject(reply);
    }
    redis_server_do(s.server, "PUBLISH elect:{job}:events %s", "elected 9007199254740991");
    stage_until(&s.stage, &s.b.wakes, wakes + 1);
    cr_assert_eq(s.b.wakes, wakes + 1);
    cr_assert_eq(s.a.deposed, 0);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    scene_end(&s);
}

Test(redis_listen, a_channel_is_left_with_its_last_candidate)
{
    struct scene s;
    scene_open(&s);
    win(&s.a, 11);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    until_told(&s.b);
    cr_assert_eq(probe(&s.a), ELECT__HELD);
    until_told(&s.a);
    scene_leave(&s);
    for (int i = 0; i < 3000; i++) {
        redisReply *reply = redis_server_ask(s.server, "PUBSUB CHANNELS *");
        size_t channels = reply->elements;
        freeReplyObject(reply);
        if (channels == 0)
            break;
        cr_assert_lt(i, 2999);
        stage_pass(&s.stage, ELECT__MS);
    }
    scene_close(&s);
}

/* ---- questions ---- */

Test(redis_ask, nobody_to_ask_is_unreachable)
{
    struct scene s;
    scene_open_as(&s, "", "", LONG_NS);
    redis_server_kill(s.server);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_STATUS, "job", 0, NULL), ELECT_EUNREACHABLE);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_STORE, NULL, 0, NULL), ELECT_EUNREACHABLE);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_LIST, NULL, 0, NULL), ELECT_EUNREACHABLE);
    scene_close(&s);
}

Test(redis_ask, a_list_needs_a_right_of_its_own)
{
    struct scene s;
    scene_open_as(&s, "~* &* +@all -scan", "", LONG_NS);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_LIST, NULL, 0, NULL), ELECT_ESTORE);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_STATUS, "job", 0, NULL), ELECT_OK);
    scene_close(&s);
}

Test(redis_ask, a_list_takes_a_prefix_as_it_stands)
{
    struct scene s;
    char *json;
    scene_open_as(&s, "", "", LONG_NS);
    for (int i = 0; i < 2; i++) {
        struct actor *actor = i == 0 ? &s.a : &s.b;
        actor_enter(actor, &s.stage, 0, "throw-away", "a-1");
        actor_leave(actor);
        actor->settings.prefix = i == 0 ? "a*[b]" : "axx[b]";
        actor->settings.name = i == 0 ? "mine" : "theirs";
        cr_assert_eq(actor_attach(actor), ELECT_OK);
        win(actor, 11);
    }
    s.stage.settings.prefix = "a*[b]";
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_LIST, NULL, 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "\"mine\""), "%s", json);
    cr_assert_null(strstr(json, "\"theirs\""), "%s", json);
    free(json);
    scene_end(&s);
}

Test(redis_ask, a_term_that_ran_out_is_the_last)
{
    struct scene s;
    char *json;
    scene_open_as(&s, "", "", 200 * ELECT__MS);
    scene_enter(&s);
    win(&s.a, 11);
    stage_pass(&s.stage, s.stage.ttl_ns + 2 * ELECT__MS);
    cr_assert_eq(ask(&s.stage, 1, ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "\"state\":\"nobody\""), "%s", json);
    cr_assert_not_null(strstr(json, "\"last\":{\"instance_id\":\"a-1\""), "%s", json);
    cr_assert_null(strstr(json, "\"ended_at_ms\":null"), "%s", json);
    free(json);
    scene_end(&s);
}

Test(redis_ask, who_stands_elsewhere_is_not_forgotten)
{
    struct scene s;
    scene_open(&s);
    actor_leave(&s.a);
    win(&s.b, 11);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    until_told(&s.b);
    cr_assert_eq(release(&s.b, 11, 0, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTATE);
    actor_leave(&s.b);
    while (redis_server_ask_number(s.server, "PUBLISH elect:{job}:events x") > 0)
        stage_pass(&s.stage, ELECT__MS);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_OK);
    scene_close(&s);
}

/* ---- options ---- */

struct wrong {
    const char *url;
    const char *says;
    size_t field; /* of the settings, that is set to value */
    const char *value;
};
#define FIELD(name) offsetof(struct elect__settings, name)

Test(redis_open, what_cannot_be_meant_is_refused)
{
    static const struct wrong wrongs[] = {
        {"redis://:secret@h", "password", FIELD(password), "other"},
        {"redis://u:secret@h", "password_file", FIELD(password_file), "/etc/secret"},
        {"redis://h", "tls_ca_file", FIELD(tls_ca_file), "ca.pem"},
        {"redis+unix:///s", "tls_server_name", FIELD(tls_server_name), "h"},
        {"valkey://h", "tls_min_version", FIELD(tls_min_version), "1.3"},
        {"redis://h/x", "redis://", 0, NULL},
        {"redis://", "redis://", 0, NULL},
    };
    struct stage stage;
    stage_open(&stage, &elect__memory_store, 1, false);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct elect__settings settings = stage.settings;
        struct elect__store_args args = {
            .settings = &settings, .env = &stage.env, .host = &stage_host, .ctx = &stage, .base = stage.base};
        struct elect__store *store;
        char error[STAGE_TEXT] = "";
        settings.store = wrongs[i].url;
        if (wrongs[i].value)
            *(const char **)((char *)&settings + wrongs[i].field) = wrongs[i].value;
        cr_assert_eq(elect__redis_store.open(&args, &store, error, sizeof error), ELECT_EINVAL, "%s", wrongs[i].url);
        cr_assert_null(store);
        cr_assert_not_null(strstr(error, "store="), "%s", error);
        cr_assert_not_null(strstr(error, wrongs[i].says), "%s", error);
        cr_assert_null(strstr(error, "secret@"), "%s", error);
    }
    stage_close(&stage);
}
