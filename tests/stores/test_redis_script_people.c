/* What the scripts of our own layout tell people, and do for them: the history, the leader, depose, forget, the events. */
#include "redis_play.h"
#include "stores/redis_record.h"
#include <stdio.h>

Test(redis_script_people, the_history_tells_terms_with_their_ends_and_is_capped)
{
    struct pair s;
    pair_open(&s, "elect");
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
    cr_assert_eq(pair_number(&s, "LLEN %s", HISTORY), 64);
    pair_close(&s);
}

Test(redis_script_people, depose_asks_the_leader_of_that_epoch_or_any)
{
    struct pair s;
    pair_open(&s, "elect");
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
    pair_close(&s);
}

Test(redis_script_people, an_election_is_forgotten_only_when_nobody_can_lead)
{
    struct pair s;
    pair_open(&s, "elect");
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK);
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    play_do(&s.play, "DEL %s", LOCK);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE, "its lease may last");
    play_do(&s.play, "HSET %s until %lld", TERM, (long long)epoch + 7200000000LL);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "no lease lasts so long: the clock was ahead");
    cr_assert_eq(pair_number(&s, "EXISTS %s", TERM), 0);
    cr_assert_eq(pair_number(&s, "EXISTS %s", HISTORY), 0);
    pair_close(&s);
}

Test(redis_script_people, the_holder_is_told_with_what_the_record_says)
{
    struct pair s;
    char id[ELECT__SERVER_SIZE];
    pair_open(&s, "elect");
    play_server_id(&s.play, id);
    struct elect__redis_holder holder = rival_holder(&s.b);
    cr_assert(!holder.held && holder.last_epoch == 0 && holder.server == NULL && holder.found.server_us > 0);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    uint64_t epoch = rival_win(&s.a, 0xa1);
    holder = rival_holder(&s.b);
    cr_assert(holder.held && !holder.released);
    cr_assert_eq(holder.found.value_length, strlen("a 00000000000000a1"));
    cr_assert_eq(holder.epoch, epoch);
    cr_assert_eq(holder.heartbeat_us, (int64_t)epoch);
    cr_assert_eq(holder.lease_until_us, (int64_t)epoch + PLAY_TTL_NS / 1000);
    cr_assert_eq(holder.found.lock_ttl_ms, PLAY_TTL_NS / 1000000);
    cr_assert_eq(strncmp(holder.server, id, holder.server_length), 0);
    cr_assert_not_null(holder.found.info);
    rival_release(&s.a, 0xa1, epoch);
    holder = rival_holder(&s.b);
    cr_assert(!holder.held && holder.released && holder.epoch == 0 && holder.last_epoch == epoch && !holder.found.info);
    pair_close(&s);
}

/* What subscribers are told, in order. */
Test(redis_script_people, elections_releases_and_requests_to_step_down_are_published)
{
    struct pair s;
    char expected[4][64];
    pair_open(&s, "elect");
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
    pair_close(&s);
}
