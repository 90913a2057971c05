/* The rules of the layouts that fleets come from: a plain value, an epoch beside it, no record. The others of a mixed fleet
 * are played by the commands that they are known to send. */
#include "redis_play.h"
#include "stores/redis_record.h"
#include <stdio.h>

#define LOCK "app:lock"
#define EPOCH "{app:lock}:epoch"
#define INFO "{app:lock}:info"
#define HOUR_NS INT64_C(3600000000000)

struct scene {
    struct play play;
    struct rival a, b;
    char text[8192];
};

static void open_layout(struct scene *scene, const char *layout)
{
    play_open(&scene->play, NULL);
    scene->play.settings.layout = layout;
    scene->play.settings.lock_key = strcmp(layout, "plain") == 0 ? LOCK : "";
    rival_enter(&scene->a, &scene->play, "a");
    rival_enter(&scene->b, &scene->play, "b");
}

static void close_scene(struct scene *scene)
{
    rival_leave(&scene->a);
    rival_leave(&scene->b);
    play_close(&scene->play);
}

static const char *get(struct scene *scene, const char *key)
{
    return play_get(&scene->play, key, NULL, scene->text);
}

static long long ask_number(struct scene *scene, const char *format, const char *key)
{
    redisReply *reply = play_ask(&scene->play, format, key);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

Test(redis_plain, a_free_lock_is_granted_once_with_the_plain_id_and_an_epoch_beside)
{
    struct scene s;
    char expected[64];
    open_layout(&s, "plain");
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_str_eq(get(&s, LOCK), "a");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch);
    cr_assert_str_eq(get(&s, EPOCH), expected);
    cr_assert_eq(ask_number(&s, "PTTL %s", EPOCH), -1);
    snprintf(expected, sizeof expected, "{\"instance_id\":\"a\",\"epoch\":%" PRIu64 "}", epoch);
    cr_assert_str_eq(get(&s, INFO), expected);
    cr_assert_gt(ask_number(&s, "PTTL %s", LOCK), 0);
    cr_assert_gt(ask_number(&s, "PTTL %s", INFO), 0);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(s.b.reply.attempt, 0, "never adopted");
    cr_assert_eq(s.b.reply.epoch, 0, "nothing says whose it is");
    cr_assert_not(s.b.reply.own_id);
    cr_assert_eq(strncmp(s.b.found.info, expected, s.b.found.info_length), 0);
    cr_assert_eq(rival_acquire(&s.a, 0xa2), ELECT__HELD);
    cr_assert(s.a.reply.own_id);
    cr_assert_eq(s.a.reply.attempt, 0);
    close_scene(&s);
}

Test(redis_plain, a_vanished_lock_is_free_at_once_as_their_release_is_a_del)
{
    struct scene s;
    open_layout(&s, "plain");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(DO(&s.b, .verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = epoch + 7000000000), ELECT__WON);
    cr_assert_eq(s.b.reply.epoch, epoch + 7000000001);
    close_scene(&s);
}

Test(redis_plain, a_missing_or_other_epoch_answers_lost_never_a_repair)
{
    struct scene s;
    open_layout(&s, "plain");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch - 1), ELECT__DELETED);
    play_do(&s.play, "DEL %s", EPOCH);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    cr_assert_eq(ask_number(&s, "EXISTS %s", EPOCH), 0);
    play_do(&s.play, "SET %s b", LOCK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__TAKEN);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__DELETED);
    close_scene(&s);
}

Test(redis_plain, a_release_of_a_term_before_deletes_nothing)
{
    struct scene s;
    open_layout(&s, "plain");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "DEL %s", LOCK);
    uint64_t second = rival_win(&s.a, 0xa2); /* the same id */
    rival_release(&s.a, 0xa1, epoch);
    cr_assert_str_eq(get(&s, LOCK), "a");
    rival_release(&s.a, 0xa1, 0); /* of an acquire without an answer: any term's */
    cr_assert_str_eq(get(&s, LOCK), "a");
    play_do(&s.play, "DEL %s", EPOCH);
    rival_release(&s.a, 0xa2, second);
    cr_assert_str_eq(get(&s, LOCK), "a");
    close_scene(&s);
}

Test(redis_plain, release_deletes_the_lock_and_the_info_and_tells)
{
    struct scene s;
    char expected[64];
    open_layout(&s, "plain");
    redisContext *listener = redisConnectUnix(s.play.server->path);
    redisReply *reply = redisCommand(listener, "SUBSCRIBE {%s}:events", LOCK);
    freeReplyObject(reply);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_str_eq(get(&s, LOCK), "(none)");
    cr_assert_str_eq(get(&s, INFO), "(none)");
    const char *const words[] = {"elected", "released"};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(redisGetReply(listener, (void **)&reply), REDIS_OK);
        snprintf(expected, sizeof expected, "%s %" PRIu64, words[i], epoch);
        cr_assert_str_eq(reply->element[2]->str, expected);
        freeReplyObject(reply);
    }
    redisFree(listener);
    cr_assert_gt(rival_win(&s.b, 0xb1), epoch);
    close_scene(&s);
}

Test(redis_plain, a_winner_without_info_deletes_the_old_one)
{
    struct scene s;
    open_layout(&s, "plain");
    play_do(&s.play, "SET %s old", INFO);
    rival_win(&s.a, 0xa1);
    cr_assert_str_eq(get(&s, INFO), "(none)");
    close_scene(&s);
}

Test(redis_plain, a_young_server_grants_nothing_and_denied_info_is_told)
{
    struct scene s;
    open_layout(&s, "plain");
    s.a.settings.restart_grace_ns = HOUR_NS;
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__WAIT);
    cr_assert_gt(s.a.reply.left_ns, HOUR_NS / 2);
    cr_assert_str_eq(get(&s, LOCK), "(none)");
    play_do(&s.play, "ACL SETUSER low on >pw ~* &* +@all -info");
    play_as(&s.play, "low", "pw");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), 0);
    cr_assert_eq(s.a.read, ELECT__REDIS_READ_NO_INFO);
    cr_assert_str_eq(get(&s, LOCK), "(none)");
    s.a.party.no_info = true;
    rival_win(&s.a, 0xa1);
    close_scene(&s);
}

Test(redis_plain, an_epoch_that_is_no_number_is_refused_before_any_write)
{
    struct scene s;
    open_layout(&s, "plain");
    play_do(&s.play, "SET %s x", EPOCH);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_str_eq(get(&s, LOCK), "(none)");
    cr_assert_str_eq(get(&s, EPOCH), "x");
    play_do(&s.play, "DEL %s", EPOCH);
    play_do(&s.play, "LPUSH %s x", EPOCH);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_str_eq(get(&s, LOCK), "(none)");
    close_scene(&s);
}

Test(redis_plain, questions_are_answered_as_far_as_the_layout_knows)
{
    struct scene s;
    open_layout(&s, "plain");
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, 0), ELECT_ENOTLEADER);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    struct elect__redis_holder holder = rival_holder(&s.b);
    cr_assert(holder.held && holder.last_epoch == epoch && holder.info && holder.left_ms > 0);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch + 1), ELECT_ENOTLEADER);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_DEPOSE, epoch), ELECT_OK);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    rival_release(&s.a, 0xa1, epoch);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK);
    cr_assert_str_eq(get(&s, EPOCH), "(none)");
    close_scene(&s);
}

/* ---- the others ---- */

Test(redis_plain, maplefiles_keys_are_those_of_its_documents)
{
    struct scene s;
    open_layout(&s, "maplefile");
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    rival_win(&s.a, 0xa1);
    cr_assert_str_eq(get(&s, "maplefile:leader:lock"), "a");
    cr_assert_not_null(strstr(get(&s, "maplefile:leader:info"), "\"instance_id\":\"a\""));
    close_scene(&s);
}

Test(redis_plain, electors_epoch_is_counted_by_both)
{
    struct scene s;
    char expected[64];
    open_layout(&s, "elector");
    play_do(&s.play, "SET job:{election}:epoch 41");
    play_do(&s.play, "SET job:{election}:leader other PX 1000000");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__HELD);
    cr_assert_eq(s.a.reply.epoch, 41);
    play_do(&s.play, "DEL job:{election}:leader");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_str_eq(get(&s, "job:{election}:leader"), "a");
    /* One of them takes over by its own script: SET NX and INCR. */
    play_do(&s.play, "SET job:{election}:leader other PX 1000000");
    play_do(&s.play, "INCR job:{election}:epoch");
    snprintf(expected, sizeof expected, "%" PRIu64, epoch + 1);
    cr_assert_str_eq(get(&s, "job:{election}:epoch"), expected);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__TAKEN);
    play_do(&s.play, "DEL job:{election}:leader");
    cr_assert_gt(rival_win(&s.b, 0xb1), epoch + 1);
    rival_release(&s.b, 0xb1, s.b.reply.epoch);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK);
    cr_assert_str_neq(get(&s, "job:{election}:epoch"), "(none)", "it is the others' too");
    close_scene(&s);
}

Test(redis_plain, go_leaders_value_is_of_one_attempt_and_made_again_for_its_end)
{
    struct scene s;
    char value[8192];
    open_layout(&s, "go-leader");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    snprintf(value, sizeof value, "%s", get(&s, s.a.keys->lock));
    cr_assert_eq(strlen(value), 32);
    cr_assert_str_eq(value + 26, "======");
    cr_assert_eq(strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 26);
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
    cr_assert_eq(rival_renew(&s.a, 0xa2, epoch), ELECT__TAKEN);
    cr_assert_eq(rival_renew(&s.b, 0xa1, epoch), ELECT__TAKEN, "another start has other values");
    rival_release(&s.a, 0xa2, epoch);
    cr_assert_str_eq(get(&s, s.a.keys->lock), value);
    rival_release(&s.a, 0xa1, 0); /* of an acquire without an answer: the value alone is enough */
    cr_assert_str_eq(get(&s, s.a.keys->lock), "(none)");
    close_scene(&s);
}
