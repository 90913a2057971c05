/* The rules of the layouts that fleets come from: a plain value, an epoch beside it, no record. The others of a mixed fleet
 * are played by the commands that they are known to send. */
#include "redis_play.h"
#include "stores/redis_record.h"
#include <stdio.h>

#define EPOCH "{app:lock}:epoch"
#define INFO "{app:lock}:info"
#define HOUR_NS INT64_C(3600000000000)

Test(redis_plain, a_free_lock_is_granted_once_with_the_plain_id_and_an_epoch_beside)
{
    struct pair s;
    char expected[64];
    pair_open(&s, "plain");
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "a");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch);
    cr_assert_str_eq(pair_get(&s, EPOCH, NULL), expected);
    cr_assert_eq(pair_number(&s, "PTTL %s", EPOCH), -1);
    snprintf(expected, sizeof expected, "{\"instance_id\":\"a\",\"epoch\":%" PRIu64 "}", epoch);
    cr_assert_str_eq(pair_get(&s, INFO, NULL), expected);
    cr_assert_gt(pair_number(&s, "PTTL %s", PLAIN_LOCK), 0);
    cr_assert_gt(pair_number(&s, "PTTL %s", INFO), 0);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(s.b.reply.attempt, 0, "never adopted");
    cr_assert_eq(s.b.reply.epoch, 0, "nothing says whose it is");
    cr_assert_not(s.b.reply.own_id);
    cr_assert_eq(strncmp(s.b.found.info, expected, s.b.found.info_length), 0);
    cr_assert_eq(rival_acquire(&s.a, 0xa2), ELECT__HELD);
    cr_assert(s.a.reply.own_id);
    cr_assert_eq(s.a.reply.attempt, 0);
    pair_close(&s);
}

Test(redis_plain, a_vanished_lock_is_free_at_once_as_their_release_is_a_del)
{
    struct pair s;
    pair_open(&s, "plain");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", PLAIN_LOCK);
    cr_assert_eq(DO(&s.b, .verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = epoch + 7000000000), ELECT__WON);
    cr_assert_eq(s.b.reply.epoch, epoch + 7000000001);
    pair_close(&s);
}

Test(redis_plain, a_missing_or_other_epoch_answers_lost_never_a_repair)
{
    struct pair s;
    pair_open(&s, "plain");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch - 1), ELECT__DELETED);
    play_do(&s.play, "DEL %s", EPOCH);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    cr_assert_eq(pair_number(&s, "EXISTS %s", EPOCH), 0);
    play_do(&s.play, "SET %s b", PLAIN_LOCK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__TAKEN);
    play_do(&s.play, "DEL %s", PLAIN_LOCK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    pair_close(&s);
}

Test(redis_plain, a_release_of_a_term_before_deletes_nothing)
{
    struct pair s;
    pair_open(&s, "plain");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", PLAIN_LOCK);
    uint64_t second = rival_win(&s.a, 0xa2); /* the same id */
    rival_release(&s.a, 0xa1, epoch);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "a");
    rival_release(&s.a, 0xa1, 0); /* of an acquire without an answer: any term's */
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "a");
    play_do(&s.play, "DEL %s", EPOCH);
    rival_release(&s.a, 0xa2, second);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "a");
    pair_close(&s);
}

Test(redis_plain, release_deletes_the_lock_and_the_info_and_tells)
{
    struct pair s;
    char expected[64];
    pair_open(&s, "plain");
    redisContext *listener = redisConnectUnix(s.play.server->path);
    redisReply *reply = redisCommand(listener, "SUBSCRIBE {%s}:events", PLAIN_LOCK);
    freeReplyObject(reply);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "(none)");
    cr_assert_str_eq(pair_get(&s, INFO, NULL), "(none)");
    const char *const words[] = {"elected", "released"};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(redisGetReply(listener, (void **)&reply), REDIS_OK);
        snprintf(expected, sizeof expected, "%s %" PRIu64, words[i], epoch);
        cr_assert_str_eq(reply->element[2]->str, expected);
        freeReplyObject(reply);
    }
    redisFree(listener);
    cr_assert_gt(rival_win(&s.b, 0xb1), epoch);
    pair_close(&s);
}

Test(redis_plain, a_winner_without_info_deletes_the_old_one)
{
    struct pair s;
    pair_open(&s, "plain");
    play_do(&s.play, "SET %s old", INFO);
    rival_win(&s.a, 0xa1);
    cr_assert_str_eq(pair_get(&s, INFO, NULL), "(none)");
    pair_close(&s);
}

Test(redis_plain, a_young_server_grants_nothing_and_denied_info_is_told)
{
    struct pair s;
    pair_open(&s, "plain");
    s.a.settings.restart_grace_ns = HOUR_NS;
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__WAIT);
    cr_assert_gt(s.a.reply.left_ns, HOUR_NS / 2);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "(none)");
    play_deny_info(&s.play);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), 0);
    cr_assert_eq(s.a.read, ELECT__REDIS_READ_NO_INFO);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "(none)");
    s.a.party.no_info = true;
    rival_win(&s.a, 0xa1);
    pair_close(&s);
}

Test(redis_plain, an_epoch_that_is_no_number_is_refused_before_any_write)
{
    struct pair s;
    pair_open(&s, "plain");
    play_do(&s.play, "SET %s x", EPOCH);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "(none)");
    cr_assert_str_eq(pair_get(&s, EPOCH, NULL), "x");
    play_do(&s.play, "DEL %s", EPOCH);
    play_do(&s.play, "LPUSH %s x", EPOCH);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_str_eq(pair_get(&s, PLAIN_LOCK, NULL), "(none)");
    pair_close(&s);
}

Test(redis_plain, questions_are_answered_as_far_as_the_layout_knows)
{
    struct pair s;
    pair_open(&s, "plain");
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, 0), ELECT_ENOTLEADER);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    struct elect__redis_holder holder = rival_holder(&s.b);
    cr_assert(holder.held && holder.last_epoch == epoch && holder.found.info && holder.left_ms > 0);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch + 1), ELECT_ENOTLEADER);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch), ELECT_OK);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    rival_release(&s.a, 0xa1, epoch);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK);
    cr_assert_str_eq(pair_get(&s, EPOCH, NULL), "(none)");
    pair_close(&s);
}

/* ---- the others ---- */

Test(redis_plain, maplefiles_keys_are_those_of_its_documents)
{
    struct pair s;
    pair_open(&s, "maplefile");
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    rival_win(&s.a, 0xa1);
    cr_assert_str_eq(pair_get(&s, "maplefile:leader:lock", NULL), "a");
    cr_assert_not_null(strstr(pair_get(&s, "maplefile:leader:info", NULL), "\"instance_id\":\"a\""));
    pair_close(&s);
}

Test(redis_plain, electors_epoch_is_counted_by_both)
{
    struct pair s;
    char expected[64];
    pair_open(&s, "elector");
    play_do(&s.play, "SET job:{election}:epoch 41");
    play_do(&s.play, "SET job:{election}:leader other PX 1000000");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__HELD);
    cr_assert_eq(s.a.reply.epoch, 41);
    play_do(&s.play, "DEL job:{election}:leader");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_str_eq(pair_get(&s, "job:{election}:leader", NULL), "a");
    /* One of them takes over by its own script: SET NX and INCR. */
    play_do(&s.play, "SET job:{election}:leader other PX 1000000");
    play_do(&s.play, "INCR job:{election}:epoch");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch + 1);
    cr_assert_str_eq(pair_get(&s, "job:{election}:epoch", NULL), expected);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__TAKEN);
    play_do(&s.play, "DEL job:{election}:leader");
    cr_assert_gt(rival_win(&s.b, 0xb1), epoch + 1);
    rival_release(&s.b, 0xb1, s.b.reply.epoch);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK);
    cr_assert_str_neq(pair_get(&s, "job:{election}:epoch", NULL), "(none)", "it is the others' too");
    pair_close(&s);
}

Test(redis_plain, go_leaders_value_is_of_one_attempt_and_made_again_for_its_end)
{
    struct pair s;
    char value[8192];
    pair_open(&s, "go-leader");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    snprintf(value, sizeof value, "%s", pair_get(&s, s.a.keys->lock, NULL));
    cr_assert_eq(strlen(value), 32);
    cr_assert_str_eq(value + 26, "======");
    cr_assert_eq(strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 26);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(rival_renew(&s.a, 0xa2, epoch), ELECT__TAKEN);
    cr_assert_eq(rival_renew(&s.b, 0xa1, epoch), ELECT__TAKEN, "another start has other values");
    rival_release(&s.a, 0xa2, epoch);
    cr_assert_str_eq(pair_get(&s, s.a.keys->lock, NULL), value);
    rival_release(&s.a, 0xa1, 0); /* of an acquire without an answer: the value alone is enough */
    cr_assert_str_eq(pair_get(&s, s.a.keys->lock, NULL), "(none)");
    pair_close(&s);
}
