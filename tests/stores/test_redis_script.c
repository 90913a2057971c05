/* The rules that the scripts of our own layout keep, each by a test that bears its name. test_redis_random.c holds them to
 * ledger.c besides. */
#include "redis_play.h"
#include "stores/redis_record.h"
#include "stores/redis_rights.h"
#include <stdio.h>

#define LOCK "elect:{job}:leader"
#define TERM "elect:{job}:term"
#define HISTORY "elect:{job}:history"

struct scene {
    struct play play;
    struct rival a, b;
    char text[8192];
};

static void open_scene(struct scene *scene, const char *const *args)
{
    play_open(&scene->play, args);
    rival_enter(&scene->a, &scene->play, "a");
    rival_enter(&scene->b, &scene->play, "b");
}

static void close_scene(struct scene *scene)
{
    rival_leave(&scene->a);
    rival_leave(&scene->b);
    play_close(&scene->play);
}

static const char *get(struct scene *scene, const char *key, const char *field)
{
    return play_get(&scene->play, key, field, scene->text);
}

static long long ask_number(struct scene *scene, const char *format, const char *key)
{
    redisReply *reply = play_ask(&scene->play, format, key);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

Test(redis_script, a_free_lock_is_granted_once)
{
    struct scene s;
    open_scene(&s, NULL);
    int64_t before_us = play_now_us(&s.play);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    int64_t after_us = play_now_us(&s.play);
    cr_assert_geq((int64_t)epoch, before_us);
    cr_assert_leq((int64_t)epoch, after_us);
    cr_assert_eq(s.a.reply.attempt, 0xa1);
    cr_assert_eq(s.a.found.server_us, (int64_t)epoch);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(s.b.reply.attempt, 0xa1);
    cr_assert_eq(s.b.reply.epoch, epoch);
    cr_assert_not(s.b.reply.own_id);
    cr_assert_gt(s.b.reply.left_ns, 0);
    cr_assert_leq(s.b.reply.left_ns, PLAY_TTL_NS);
    cr_assert_eq(s.b.found.lock_ttl_ms, PLAY_TTL_NS / 1000000);
    cr_assert_str_eq(s.b.text, "");
    close_scene(&s);
}

Test(redis_script, the_keys_and_what_they_hold_are_as_documented)
{
    struct scene s;
    char expected[64], server[ELECT__SERVER_SIZE];
    open_scene(&s, NULL);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0,\"metadata\":\"\\\"epoch\\\":0\"}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_server_id(&s.play, server);
    cr_assert_str_eq(get(&s, LOCK, NULL), "a 00000000000000a1");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch);
    cr_assert_str_eq(get(&s, TERM, "epoch"), expected);
    cr_assert_str_eq(get(&s, TERM, "holder"), "a 00000000000000a1");
    cr_assert_str_eq(get(&s, TERM, "released"), "0");
    cr_assert_str_eq(get(&s, TERM, "reason"), "");
    cr_assert_str_eq(get(&s, TERM, "server"), server);
    cr_assert_str_eq(get(&s, TERM, "ttl"), "3600000");
    cr_assert_str_eq(get(&s, TERM, "depose"), "0");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch + PLAY_TTL_NS / 1000);
    cr_assert_str_eq(get(&s, TERM, "until"), expected);
    cr_assert_eq(ask_number(&s, "PTTL %s", TERM), -1, "the record outlives the lock");
    cr_assert_eq(ask_number(&s, "LLEN %s", HISTORY), 1);
    /* The writer can't know the epoch before: the script names it, and only there. */
    snprintf(expected, sizeof expected, "\"epoch\":%" PRIu64 ",\"metadata\":\"\\\"epoch\\\":0\"", epoch);
    cr_assert_not_null(strstr(get(&s, TERM, "info"), expected), "%s", s.text);
    close_scene(&s);
}

Test(redis_script, renewal_extends_the_lock_and_the_record)
{
    struct scene s;
    char until[8192];
    open_scene(&s, NULL);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "PEXPIRE %s 60000", LOCK);
    play_do(&s.play, "HSET %s until 1", TERM);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":7}";
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(s.a.reply.epoch, epoch);
    cr_assert_eq(s.a.reply.attempt, 0xa1);
    cr_assert_eq(s.a.found.deposed, 0);
    cr_assert_gt(ask_number(&s, "PTTL %s", LOCK), 60000);
    snprintf(until, sizeof until, "%" PRId64, s.a.found.server_us + PLAY_TTL_NS / 1000);
    cr_assert_str_eq(get(&s, TERM, "until"), until);
    cr_assert_str_eq(get(&s, TERM, "info"), s.a.party.info);
    s.a.party.info = NULL;
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_str_eq(get(&s, TERM, "info"), "{\"instance_id\":\"a\",\"epoch\":7}");
    close_scene(&s);
}

Test(redis_script, renew_and_release_compare_the_locks_whole_value)
{
    struct scene s;
    open_scene(&s, NULL);
    struct rival *again = &s.b; /* another start with the same instance id */
    again->settings.instance_id = "a";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_acquire(again, 0xa2), ELECT__HELD);
    cr_assert(again->reply.own_id);
    cr_assert_eq(rival_renew(again, 0xa2, epoch), ELECT__TAKEN);
    cr_assert_eq(rival_release(again, 0xa2, epoch), ELECT__RELEASED);
    cr_assert_str_eq(get(&s, LOCK, NULL), "a 00000000000000a1");
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    close_scene(&s);
}

Test(redis_script, a_lock_without_its_record_is_lost_never_repaired)
{
    struct scene s;
    open_scene(&s, NULL);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch + 1), ELECT__DELETED);
    play_do(&s.play, "HSET %s holder %s", TERM, "b 00000000000000b1");
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    play_do(&s.play, "DEL %s", TERM);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    cr_assert_eq(ask_number(&s, "EXISTS %s", TERM), 0);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    cr_assert_eq(ask_number(&s, "EXISTS %s", LOCK), 0);
    close_scene(&s);
}

Test(redis_script, a_vanished_lock_is_not_a_free_lock)
{
    struct scene s;
    open_scene(&s, NULL);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__WAIT);
    cr_assert_gt(s.b.reply.left_ns, 0);
    cr_assert_leq(s.b.reply.left_ns, PLAY_TTL_NS);
    cr_assert_not_null(strstr(s.b.text, "the lock vanished, and its lease may last for"), "%s", s.b.text);
    play_do(&s.play, "HSET %s until 1", TERM); /* it is over */
    cr_assert_gt(rival_win(&s.b, 0xb2), epoch);
    close_scene(&s);
}

Test(redis_script, a_released_lock_is_free_at_once_and_the_epoch_rises)
{
    struct scene s;
    open_scene(&s, NULL);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_str_eq(get(&s, TERM, "released"), "1");
    cr_assert_str_eq(get(&s, TERM, "reason"), "resigned");
    cr_assert_eq(DO(&s.b, .verb = ELECT__PROBE), ELECT__FREE);
    cr_assert_gt(rival_win(&s.b, 0xb1), epoch);
    close_scene(&s);
}

Test(redis_script, the_epoch_rises_above_the_stored_and_the_seen_one_where_the_clock_is_behind)
{
    struct scene s;
    open_scene(&s, NULL);
    play_do(&s.play, "HSET %s epoch 9007199254740000 released 1", TERM);
    cr_assert_eq(rival_win(&s.a, 0xa1), UINT64_C(9007199254740001));
    rival_release(&s.a, 0xa1, UINT64_C(9007199254740001));
    cr_assert_eq(DO(&s.b, .verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = UINT64_C(9007199254740100),
                    .loss_waited = true),
                 ELECT__WON);
    cr_assert_eq(s.b.reply.epoch, UINT64_C(9007199254740101));
    close_scene(&s);
}

Test(redis_script, a_record_older_than_the_epoch_seen_is_data_lost)
{
    struct scene s;
    open_scene(&s, NULL);
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = 5};
    cr_assert_eq(rival_do(&s.b, op), ELECT__LOST_DATA);
    cr_assert_not_null(strstr(s.b.text, "lost the record of epoch 5,"), "%s", s.b.text);
    play_do(&s.play, "HSET %s epoch 4 released 1", TERM);
    cr_assert_eq(rival_do(&s.b, op), ELECT__LOST_DATA);
    cr_assert_not_null(strstr(s.b.text, "(it has 4)"), "%s", s.b.text);
    cr_assert_eq(ask_number(&s, "EXISTS %s", LOCK), 0);
    play_do(&s.play, "HSET %s epoch 5", TERM);
    cr_assert_eq(rival_do(&s.b, op), ELECT__WON);
    rival_release(&s.b, 0xb1, s.b.reply.epoch);
    play_do(&s.play, "DEL %s", TERM);
    op.loss_waited = true;
    cr_assert_eq(rival_do(&s.b, op), ELECT__WON);
    close_scene(&s);
}

Test(redis_script, a_stored_epoch_that_is_no_number_below_2_53_is_refused_before_any_write)
{
    static const char *const bad[] = {
        "x", "", "-1", "1e9", " 1", "0x10", "9007199254740991", "99999999999999999999", "9007199254740992", "1\n"};
    struct scene s;
    open_scene(&s, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        play_do(&s.play, "HSET %s epoch %b released 1", TERM, bad[i], strlen(bad[i]));
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED, "%s", bad[i]);
        cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.a.text, "ELECTEPOCH"), "%s", s.a.text);
        cr_assert_eq(ask_number(&s, "EXISTS %s", LOCK), 0);
        cr_assert_str_eq(get(&s, TERM, "epoch"), bad[i]);
    }
    play_do(&s.play, "HSET %s epoch 9007199254740990", TERM);
    cr_assert_eq(rival_win(&s.a, 0xa1), UINT64_C(9007199254740991));
    cr_assert_eq(DO(&s.b, .verb = ELECT__ACQUIRE, .attempt = 0xb1), ELECT__HELD);
    rival_release(&s.a, 0xa1, UINT64_C(9007199254740991));
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED);
    close_scene(&s);
}

Test(redis_script, the_held_answer_carries_an_epoch_only_if_the_record_names_the_locks_holder)
{
    struct scene s;
    open_scene(&s, NULL);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(s.b.reply.epoch, epoch);
    cr_assert_not_null(s.b.found.info);
    play_do(&s.play, "SET %s %s", LOCK, "c 00000000000000c1");
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(s.b.reply.epoch, 0);
    cr_assert_eq(s.b.reply.attempt, 0xc1);
    cr_assert_null(s.b.found.info);
    cr_assert_eq(s.b.reply.left_ns, -1, "a lock without TTL stands for ever");
    close_scene(&s);
}

Test(redis_script, a_foreign_value_holds_and_is_of_no_attempt)
{
    static const char *const values[] = {"somebody",          "a 00000000000000A1",  "a 0a1", "a 0000000000000000", "",
                                         " 00000000000000a1", "a  00000000000000a1x"};
    struct scene s;
    open_scene(&s, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        play_do(&s.play, "SET %s %b PX 1000000", LOCK, values[i], strlen(values[i]));
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__HELD, "%s", values[i]);
        cr_assert_eq(s.a.reply.attempt, 0, "%s", values[i]);
        cr_assert_not(s.a.reply.own_id);
        cr_assert_eq(DO(&s.a, .verb = ELECT__PROBE), ELECT__HELD);
        cr_assert_eq(s.a.read, ELECT__REDIS_READ_HOLDER);
        cr_assert_eq(s.a.reply.attempt, 0);
    }
    play_do(&s.play, "SET %s %b PX 1000000", LOCK, "a 00000000000000a1\0x", (size_t)20);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__HELD);
    cr_assert_eq(s.a.reply.attempt, 0);
    cr_assert_eq(rival_renew(&s.a, 0xa1, 1), ELECT__TAKEN);
    close_scene(&s);
}

Test(redis_script, a_lock_of_another_type_is_refused_and_named)
{
    struct scene s;
    open_scene(&s, NULL);
    play_do(&s.play, "LPUSH %s x", LOCK);
    cr_assert_eq(DO(&s.a, .verb = ELECT__PROBE), ELECT__REFUSED);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(s.a.text, "another kind of value"), "%s", s.a.text);
    cr_assert_eq(rival_renew(&s.a, 0xa1, 1), ELECT__REFUSED);
    cr_assert_eq(rival_release(&s.a, 0xa1, 1), ELECT__REFUSED);
    cr_assert_eq(rival_ask(&s.a, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    cr_assert_eq(rival_ask(&s.a, ELECT__QUERY_DEPOSE, 0), ELECT_ESTORE);
    play_do(&s.play, "DEL %s", LOCK);
    play_do(&s.play, "SET %s x", TERM);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_eq(ask_number(&s, "EXISTS %s", LOCK), 0, "refused before any write");
    /* What only tells people keeps nobody from being elected. */
    play_do(&s.play, "DEL %s", TERM);
    play_do(&s.play, "SET %s x", HISTORY);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_eq(ask_number(&s, "EXISTS %s", LOCK), 0);
    close_scene(&s);
}

/* ---- restart and promotion ---- */

Test(redis_script, a_server_that_is_younger_than_the_grace_grants_nothing_whatever_its_record)
{
    struct scene s;
    open_scene(&s, NULL);
    s.a.settings.restart_grace_ns = INT64_C(3600000000000);
    for (int record = 0; record < 2; record++) {
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__WAIT);
        cr_assert_gt(s.a.reply.left_ns, 0);
        cr_assert_not_null(strstr(s.a.text, "and may have forgotten a leader"), "%s", s.a.text);
        cr_assert_eq(ask_number(&s, "EXISTS %s", LOCK), 0);
        play_do(&s.play, "HSET %s epoch 5 released 1", TERM);
    }
    s.a.settings.restart_grace_ns = 0;
    rival_win(&s.a, 0xa2);
    s.b.settings.restart_grace_ns = INT64_C(3600000000000);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD, "who is led waits for no grace");
    close_scene(&s);
}

Test(redis_script, of_a_servers_uptime_a_second_may_not_have_passed)
{
    struct scene s;
    long long uptime_s = -1;
    open_scene(&s, NULL);
    s.a.settings.restart_grace_ns = INT64_C(3600000000000);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__WAIT);
    cr_assert_eq(sscanf(s.a.text, "redis started %llds ago", &uptime_s), 1, "%s", s.a.text);
    cr_assert_eq(s.a.reply.left_ns, s.a.settings.restart_grace_ns - (uptime_s - 1) * INT64_C(1000000000));
    close_scene(&s);
}

Test(redis_script, another_server_is_told_and_waited_for_released_record_or_not)
{
    static const char *const args[] = {"--enable-debug-command", "local", NULL};
    struct scene s;
    char id[ELECT__SERVER_SIZE], stored[8192];
    open_scene(&s, args);
    play_age(&s.play);
    s.a.settings.restart_grace_ns = s.b.settings.restart_grace_ns = INT64_C(1000000);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    snprintf(stored, sizeof stored, "%s", get(&s, TERM, "server"));
    rival_release(&s.a, 0xa1, epoch);
    play_promote(&s.play, id);
    cr_assert_str_neq(id, stored);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__CHANGED);
        cr_assert_str_eq(s.b.reply.server, id);
        cr_assert_str_eq(get(&s, TERM, "server"), stored, "only a winner names the new one");
    }
    play_do(&s.play, "HSET %s released 0", TERM);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__WAIT);
    cr_assert_str_eq(s.b.reply.server, id, "so that the graces run side by side");
    play_do(&s.play, "HSET %s until 1", TERM);
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = epoch + 1};
    strcpy(op.server_waited, stored);
    cr_assert_eq(rival_do(&s.b, op), ELECT__LOST_DATA);
    cr_assert_str_eq(s.b.reply.server, id);
    op.highest_epoch = epoch;
    cr_assert_eq(rival_do(&s.b, op), ELECT__CHANGED, "the grace of another server was waited out");
    strcpy(op.server_waited, id);
    cr_assert_eq(rival_do(&s.b, op), ELECT__WON);
    cr_assert_str_eq(get(&s, TERM, "server"), id);
    close_scene(&s);
}

/* ---- rights ---- */

static void limit(struct scene *scene, const char *but)
{
    char line[1024];
    play_do(&scene->play, "ACL SETUSER low on >pw resetkeys resetchannels -@all");
    snprintf(line, sizeof line, "%s", elect__redis_rights);
    for (char *rest = line, *right; (right = strsep(&rest, " "));)
        play_do(&scene->play, "ACL SETUSER low %s", right);
    play_do(&scene->play, "ACL SETUSER low ~elect:* &elect:*");
    if (but)
        play_do(&scene->play, "ACL SETUSER low %s", but);
    play_as(&scene->play, "low", "pw");
}

Test(redis_script, the_least_rights_are_enough_for_all_that_is_asked)
{
    struct scene s;
    open_scene(&s, NULL);
    limit(&s, NULL);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(DO(&s.b, .verb = ELECT__PROBE), ELECT__HELD);
    cr_assert_eq(rival_holder(&s.b).epoch, epoch);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, 0), ELECT_OK, "%s", s.b.text);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE, "%s", s.b.text);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s", s.b.text);
    close_scene(&s);
}

Test(redis_script, denied_info_is_told_before_any_write_where_a_grace_is_asked_for)
{
    struct scene s;
    open_scene(&s, NULL);
    limit(&s, "-info");
    s.a.settings.restart_grace_ns = INT64_C(1000000);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), 0);
    cr_assert_eq(s.a.read, ELECT__REDIS_READ_NO_INFO);
    cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
    s.a.party.no_info = true; /* it was waited out */
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_str_eq(get(&s, TERM, "server"), "");
    rival_release(&s.a, 0xa1, epoch);
    s.a.party.no_info = false;
    s.a.settings.restart_grace_ns = 0;
    rival_win(&s.a, 0xa2); /* nobody asked for a grace */
    close_scene(&s);
}

Test(redis_script, a_record_of_no_server_is_of_another_one_to_who_can_see)
{
    struct scene s;
    char id[ELECT__SERVER_SIZE];
    open_scene(&s, NULL);
    play_age(&s.play);
    play_server_id(&s.play, id);
    s.a.settings.restart_grace_ns = s.b.settings.restart_grace_ns = INT64_C(1000000);
    s.a.party.no_info = true;
    rival_release(&s.a, 0xa1, rival_win(&s.a, 0xa1));
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__CHANGED);
    cr_assert_str_eq(s.b.reply.server, id);
    rival_release(&s.a, 0xa2, rival_win(&s.a, 0xa2)); /* who can't see has waited once, and does not again */
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 0xb1};
    strcpy(op.server_waited, id);
    cr_assert_eq(rival_do(&s.b, op), ELECT__WON);
    close_scene(&s);
}

Test(redis_script, without_time_nothing_is_written_and_without_publish_a_release_succeeds)
{
    struct scene s;
    open_scene(&s, NULL);
    limit(&s, "-time");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__UNKNOWN);
    cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(s.a.text, "+time"), "%s", s.a.text);
    cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
    play_as(&s.play, "default", "");
    limit(&s, "+time");
    play_as(&s.play, "default", "");
    limit(&s, "-publish");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
    close_scene(&s);
}

Test(redis_script, a_missing_right_is_named_with_what_grants_it)
{
    struct scene s;
    open_scene(&s, NULL);
    limit(&s, "-get");
    cr_assert_eq(DO(&s.a, .verb = ELECT__PROBE), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "ACL SETUSER <user> +get"), "%s", s.a.text);
    play_as(&s.play, "default", "");
    limit(&s, "+get");
    play_as(&s.play, "default", "");
    limit(&s, "resetkeys");
    cr_assert_eq(DO(&s.a, .verb = ELECT__PROBE), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "ACL SETUSER <user> ~<prefix>:*"), "%s", s.a.text);
    close_scene(&s);
}

Test(redis_script, at_maxmemory_who_leads_renews_and_releases_and_nobody_is_elected)
{
    struct scene s;
    open_scene(&s, NULL);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "CONFIG SET maxmemory 1");
    s.a.party.info = "{\"instance_id\":\"a\"}";
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED, "%s", s.a.text);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED, "%s", s.a.text);
    cr_assert_str_eq(get(&s, TERM, "released"), "1");
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED);
    cr_assert_eq(s.b.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(s.b.text, "maxmemory"), "%s", s.b.text);
    cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
    close_scene(&s);
}

Test(redis_script, a_replica_is_named_as_such)
{
    struct scene s;
    open_scene(&s, NULL);
    play_do(&s.play, "REPLICAOF 127.0.0.1 1");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
    close_scene(&s);
}

/* ---- people ---- */

Test(redis_script, the_history_tells_terms_with_their_ends_and_is_capped)
{
    struct scene s;
    open_scene(&s, NULL);
    s.a.party.info = "{\"instance_id\":\"a\",\"hostname\":\"h\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", LOCK); /* and it never came back */
    play_do(&s.play, "HSET %s until 2000000", TERM);
    uint64_t second = rival_win(&s.a, 0xa2);
    rival_release(&s.a, 0xa2, second);
    redisReply *list = play_ask(&s.play, "LRANGE %s 0 -1", HISTORY);
    char *json = elect__redis_history_read(list), expected[512];
    snprintf(expected, sizeof expected,
             "[{\"instance_id\":\"a\",\"hostname\":\"h\",\"epoch\":%" PRIu64 ",\"started_at_ms\":%" PRIu64
             ",\"ended_at_ms\":",
             second, second / 1000);
    cr_assert_eq(strncmp(json, expected, strlen(expected)), 0, "%s", json);
    cr_assert_not_null(strstr(json, "\"reason\":\"resigned\"},{"), "%s", json);
    snprintf(expected, sizeof expected,
             "{\"instance_id\":\"a\",\"hostname\":\"h\",\"epoch\":%" PRIu64 ",\"started_at_ms\":%" PRIu64
             ",\"ended_at_ms\":2000,\"reason\":null}]",
             epoch, epoch / 1000);
    cr_assert_not_null(strstr(json, expected), "%s", json);
    free(json);
    freeReplyObject(list);
    for (uint64_t attempt = 1; attempt <= 40; attempt++)
        rival_release(&s.a, attempt, rival_win(&s.a, attempt));
    cr_assert_eq(ask_number(&s, "LLEN %s", HISTORY), 64);
    close_scene(&s);
}

Test(redis_script, depose_asks_the_leader_of_that_epoch_or_any)
{
    struct scene s;
    open_scene(&s, NULL);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, 0), ELECT_ENOTLEADER);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch + 1), ELECT_ENOTLEADER);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(s.a.found.deposed, 0);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch), ELECT_OK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(s.a.found.deposed, epoch);
    rival_release(&s.a, 0xa1, epoch);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch), ELECT_ENOTLEADER);
    uint64_t second = rival_win(&s.b, 0xb1);
    cr_assert_eq(rival_renew(&s.b, 0xb1, second), ELECT__RENEWED);
    cr_assert_eq(s.b.found.deposed, 0, "a new term is nobody's to be asked of yet");
    play_do(&s.play, "SET %s foreign", LOCK);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, 0), ELECT_ENOTLEADER);
    close_scene(&s);
}

Test(redis_script, an_election_is_forgotten_only_when_nobody_can_lead)
{
    struct scene s;
    open_scene(&s, NULL);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE, "its lease may last");
    play_do(&s.play, "HSET %s until %lld", TERM, (long long)epoch + 7200000000LL);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "no lease lasts so long: the clock was ahead");
    cr_assert_eq(ask_number(&s, "EXISTS %s", TERM), 0);
    cr_assert_eq(ask_number(&s, "EXISTS %s", HISTORY), 0);
    close_scene(&s);
}

Test(redis_script, the_holder_is_told_with_what_the_record_says)
{
    struct scene s;
    char id[ELECT__SERVER_SIZE];
    open_scene(&s, NULL);
    play_server_id(&s.play, id);
    struct elect__redis_holder holder = rival_holder(&s.b);
    cr_assert(!holder.held && holder.last_epoch == 0 && holder.server == NULL && holder.server_us > 0);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    holder = rival_holder(&s.b);
    cr_assert(holder.held && !holder.released);
    cr_assert_eq(holder.value_length, strlen("a 00000000000000a1"));
    cr_assert_eq(holder.epoch, epoch);
    cr_assert_eq(holder.heartbeat_us, (int64_t)epoch);
    cr_assert_eq(holder.lease_until_us, (int64_t)epoch + PLAY_TTL_NS / 1000);
    cr_assert_eq(holder.lock_ttl_ms, PLAY_TTL_NS / 1000000);
    cr_assert_eq(strncmp(holder.server, id, holder.server_length), 0);
    cr_assert_not_null(holder.info);
    rival_release(&s.a, 0xa1, epoch);
    holder = rival_holder(&s.b);
    cr_assert(!holder.held && holder.released && holder.epoch == 0 && holder.last_epoch == epoch && !holder.info);
    close_scene(&s);
}

/* What subscribers are told, in order. */
Test(redis_script, elections_releases_and_requests_to_step_down_are_published)
{
    struct scene s;
    char expected[4][64];
    open_scene(&s, NULL);
    redisContext *listener = redisConnectUnix(s.play.server->path);
    redisReply *reply = redisCommand(listener, "SUBSCRIBE %s", s.a.keys->channel);
    freeReplyObject(reply);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    rival_ask(&s.b, ELECT__QUERY_DEPOSE, 0);
    rival_release(&s.a, 0xa1, epoch);
    snprintf(expected[0], sizeof expected[0], "elected %" PRIu64, epoch);
    snprintf(expected[1], sizeof expected[1], "depose %" PRIu64, epoch);
    snprintf(expected[2], sizeof expected[2], "released %" PRIu64, epoch);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(redisGetReply(listener, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->elements, 3);
        cr_assert_str_eq(reply->element[1]->str, "elect:{job}:events");
        cr_assert_str_eq(reply->element[2]->str, expected[i]);
        freeReplyObject(reply);
    }
    redisFree(listener);
    close_scene(&s);
}
