/* The rules that the scripts of our own layout keep, each by a test that bears its name. test_redis_random.c holds them to
 * ledger.c besides. */
#include "redis_play.h"
#include <stdio.h>

Test(redis_script, a_free_lock_is_granted_once)
{
    struct pair s;
    pair_open(&s, "elect");
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
    pair_close(&s);
}

Test(redis_script, the_keys_and_what_they_hold_are_as_documented)
{
    struct pair s;
    char expected[64], server[ELECT__SERVER_SIZE];
    pair_open(&s, "elect");
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0,\"metadata\":\"\\\"epoch\\\":0\"}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_server_id(&s.play, server);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "a 00000000000000a1");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch);
    cr_assert_str_eq(pair_get(&s, TERM, "epoch"), expected);
    cr_assert_str_eq(pair_get(&s, TERM, "holder"), "a 00000000000000a1");
    cr_assert_str_eq(pair_get(&s, TERM, "released"), "0");
    cr_assert_str_eq(pair_get(&s, TERM, "reason"), "");
    cr_assert_str_eq(pair_get(&s, TERM, "server"), server);
    cr_assert_str_eq(pair_get(&s, TERM, "ttl"), "3600000");
    cr_assert_str_eq(pair_get(&s, TERM, "depose"), "0");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch + PLAY_TTL_NS / 1000);
    cr_assert_str_eq(pair_get(&s, TERM, "until"), expected);
    cr_assert_eq(pair_number(&s, "PTTL %s", TERM), -1, "the record outlives the lock");
    cr_assert_eq(pair_number(&s, "LLEN %s", HISTORY), 1);
    /* The writer can't know the epoch before: the script names it, and only there. */
    snprintf(expected, sizeof expected, "\"epoch\":%" PRIu64 ",\"metadata\":\"\\\"epoch\\\":0\"", epoch);
    cr_assert_not_null(strstr(pair_get(&s, TERM, "info"), expected), "%s", s.text);
    pair_close(&s);
}

Test(redis_script, renewal_extends_the_lock_and_the_record)
{
    struct pair s;
    char until[8192];
    pair_open(&s, "elect");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "PEXPIRE %s 60000", LOCK);
    play_do(&s.play, "HSET %s until 1", TERM);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":7}";
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(s.a.reply.epoch, epoch);
    cr_assert_eq(s.a.reply.attempt, 0xa1);
    cr_assert_eq(s.a.found.deposed, 0);
    cr_assert_gt(pair_number(&s, "PTTL %s", LOCK), 60000);
    snprintf(until, sizeof until, "%" PRId64, s.a.found.server_us + PLAY_TTL_NS / 1000);
    cr_assert_str_eq(pair_get(&s, TERM, "until"), until);
    cr_assert_str_eq(pair_get(&s, TERM, "info"), s.a.party.info);
    s.a.party.info = NULL;
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_str_eq(pair_get(&s, TERM, "info"), "{\"instance_id\":\"a\",\"epoch\":7}");
    pair_close(&s);
}

Test(redis_script, renew_and_release_compare_the_locks_whole_value)
{
    struct pair s;
    pair_open(&s, "elect");
    struct rival *again = &s.b; /* another start with the same instance id */
    again->settings.instance_id = "a";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_acquire(again, 0xa2), ELECT__HELD);
    cr_assert(again->reply.own_id);
    cr_assert_eq(rival_renew(again, 0xa2, epoch), ELECT__TAKEN);
    cr_assert_eq(rival_release(again, 0xa2, epoch), ELECT__RELEASED);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "a 00000000000000a1");
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    pair_close(&s);
}

Test(redis_script, a_lock_without_its_record_is_lost_never_repaired)
{
    struct pair s;
    pair_open(&s, "elect");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch + 1), ELECT__DELETED);
    play_do(&s.play, "HSET %s holder %s", TERM, "b 00000000000000b1");
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    play_do(&s.play, "DEL %s", TERM);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    cr_assert_eq(pair_number(&s, "EXISTS %s", TERM), 0);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    cr_assert_eq(pair_number(&s, "EXISTS %s", LOCK), 0);
    pair_close(&s);
}

Test(redis_script, a_vanished_lock_is_not_a_free_lock)
{
    struct pair s;
    pair_open(&s, "elect");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__WAIT);
    cr_assert_gt(s.b.reply.left_ns, 0);
    cr_assert_leq(s.b.reply.left_ns, PLAY_TTL_NS);
    cr_assert_not_null(strstr(s.b.text, "the lock vanished, and its lease may last for"), "%s", s.b.text);
    play_do(&s.play, "HSET %s until 1", TERM); /* it is over */
    cr_assert_gt(rival_win(&s.b, 0xb2), epoch);
    pair_close(&s);
}

Test(redis_script, a_released_lock_is_free_at_once_and_the_epoch_rises)
{
    struct pair s;
    pair_open(&s, "elect");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_str_eq(pair_get(&s, TERM, "released"), "1");
    cr_assert_str_eq(pair_get(&s, TERM, "reason"), "resigned");
    cr_assert_eq(DO(&s.b, .verb = ELECT__PROBE), ELECT__FREE);
    cr_assert_gt(rival_win(&s.b, 0xb1), epoch);
    pair_close(&s);
}

Test(redis_script, the_epoch_rises_above_the_stored_and_the_seen_one_where_the_clock_is_behind)
{
    struct pair s;
    pair_open(&s, "elect");
    play_do(&s.play, "HSET %s epoch 9007199254740000 released 1", TERM);
    cr_assert_eq(rival_win(&s.a, 0xa1), UINT64_C(9007199254740001));
    rival_release(&s.a, 0xa1, UINT64_C(9007199254740001));
    cr_assert_eq(DO(&s.b, .verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = UINT64_C(9007199254740100),
                    .loss_waited = true),
                 ELECT__WON);
    cr_assert_eq(s.b.reply.epoch, UINT64_C(9007199254740101));
    pair_close(&s);
}

Test(redis_script, a_record_older_than_the_epoch_seen_is_data_lost)
{
    struct pair s;
    pair_open(&s, "elect");
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = 5};
    cr_assert_eq(rival_do(&s.b, op), ELECT__LOST_DATA);
    cr_assert_not_null(strstr(s.b.text, "lost the record of epoch 5,"), "%s", s.b.text);
    play_do(&s.play, "HSET %s epoch 4 released 1", TERM);
    cr_assert_eq(rival_do(&s.b, op), ELECT__LOST_DATA);
    cr_assert_not_null(strstr(s.b.text, "(it has 4)"), "%s", s.b.text);
    cr_assert_eq(pair_number(&s, "EXISTS %s", LOCK), 0);
    play_do(&s.play, "HSET %s epoch 5", TERM);
    cr_assert_eq(rival_do(&s.b, op), ELECT__WON);
    rival_release(&s.b, 0xb1, s.b.reply.epoch);
    play_do(&s.play, "DEL %s", TERM);
    op.loss_waited = true;
    cr_assert_eq(rival_do(&s.b, op), ELECT__WON);
    pair_close(&s);
}

Test(redis_script, a_stored_epoch_that_is_no_number_below_2_53_is_refused_before_any_write)
{
    static const char *const bad[] = {
        "x", "", "-1", "1e9", " 1", "0x10", "9007199254740991", "99999999999999999999", "9007199254740992", "1\n"};
    struct pair s;
    pair_open(&s, "elect");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        play_do(&s.play, "HSET %s epoch %b released 1", TERM, bad[i], strlen(bad[i]));
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED, "%s", bad[i]);
        cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.a.text, "ELECTEPOCH"), "%s", s.a.text);
        cr_assert_eq(pair_number(&s, "EXISTS %s", LOCK), 0);
        cr_assert_str_eq(pair_get(&s, TERM, "epoch"), bad[i]);
    }
    play_do(&s.play, "HSET %s epoch 9007199254740990", TERM);
    cr_assert_eq(rival_win(&s.a, 0xa1), UINT64_C(9007199254740991));
    cr_assert_eq(DO(&s.b, .verb = ELECT__ACQUIRE, .attempt = 0xb1), ELECT__HELD);
    rival_release(&s.a, 0xa1, UINT64_C(9007199254740991));
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED);
    pair_close(&s);
}

Test(redis_script, the_held_answer_carries_an_epoch_only_if_the_record_names_the_locks_holder)
{
    struct pair s;
    pair_open(&s, "elect");
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
    pair_close(&s);
}

Test(redis_script, a_foreign_value_holds_and_is_of_no_attempt)
{
    static const char *const values[] = {"somebody",          "a 00000000000000A1",  "a 0a1", "a 0000000000000000", "",
                                         " 00000000000000a1", "a  00000000000000a1x"};
    struct pair s;
    pair_open(&s, "elect");
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
    pair_close(&s);
}

Test(redis_script, a_lock_of_another_type_is_refused_and_named)
{
    struct pair s;
    pair_open(&s, "elect");
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
    cr_assert_eq(pair_number(&s, "EXISTS %s", LOCK), 0, "refused before any write");
    /* What only tells people keeps nobody from being elected. */
    play_do(&s.play, "DEL %s", TERM);
    play_do(&s.play, "SET %s x", HISTORY);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_eq(pair_number(&s, "EXISTS %s", LOCK), 0);
    pair_close(&s);
}

/* ---- restart and promotion ---- */

Test(redis_script, a_server_that_is_younger_than_the_grace_grants_nothing_whatever_its_record)
{
    struct pair s;
    pair_open(&s, "elect");
    s.a.settings.restart_grace_ns = INT64_C(3600000000000);
    for (int record = 0; record < 2; record++) {
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__WAIT);
        cr_assert_gt(s.a.reply.left_ns, 0);
        cr_assert_not_null(strstr(s.a.text, "and may have forgotten a leader"), "%s", s.a.text);
        cr_assert_eq(pair_number(&s, "EXISTS %s", LOCK), 0);
        play_do(&s.play, "HSET %s epoch 5 released 1", TERM);
    }
    s.a.settings.restart_grace_ns = 0;
    rival_win(&s.a, 0xa2);
    s.b.settings.restart_grace_ns = INT64_C(3600000000000);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD, "who is led waits for no grace");
    pair_close(&s);
}

Test(redis_script, of_a_servers_uptime_a_second_may_not_have_passed)
{
    struct pair s;
    long long uptime_s = -1;
    pair_open(&s, "elect");
    s.a.settings.restart_grace_ns = INT64_C(3600000000000);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__WAIT);
    cr_assert_eq(sscanf(s.a.text, "redis started %llds ago", &uptime_s), 1, "%s", s.a.text);
    cr_assert_eq(s.a.reply.left_ns, s.a.settings.restart_grace_ns - (uptime_s - 1) * INT64_C(1000000000));
    pair_close(&s);
}

Test(redis_script, another_server_is_told_and_waited_for_released_record_or_not)
{
    struct pair s;
    char id[ELECT__SERVER_SIZE], stored[8192];
    pair_open(&s, "elect");
    play_age(&s.play);
    s.a.settings.restart_grace_ns = s.b.settings.restart_grace_ns = INT64_C(1000000);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    snprintf(stored, sizeof stored, "%s", pair_get(&s, TERM, "server"));
    rival_release(&s.a, 0xa1, epoch);
    play_promote(&s.play, id);
    cr_assert_str_neq(id, stored);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__CHANGED);
        cr_assert_str_eq(s.b.reply.server, id);
        cr_assert_str_eq(pair_get(&s, TERM, "server"), stored, "only a winner names the new one");
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
    cr_assert_str_eq(pair_get(&s, TERM, "server"), id);
    pair_close(&s);
}
