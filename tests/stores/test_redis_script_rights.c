/* What the scripts of our own layout do where they may not do everything: rights, memory, a replica. */
#include "redis_play.h"
#include "stores/redis_rights.h"
#include <stdio.h>

static void limit(struct pair *pair, const char *but)
{
    char line[1024];
    play_do(&pair->play, "ACL SETUSER low on >pw resetkeys resetchannels -@all");
    snprintf(line, sizeof line, "%s", elect__redis_rights);
    for (char *rest = line, *right; (right = strsep(&rest, " "));)
        play_do(&pair->play, "ACL SETUSER low %s", right);
    play_do(&pair->play, "ACL SETUSER low ~elect:* &elect:*");
    if (but)
        play_do(&pair->play, "ACL SETUSER low %s", but);
    play_as(&pair->play, "low", "pw");
}

Test(redis_script_rights, the_least_rights_are_enough_for_all_that_is_asked)
{
    struct pair s;
    pair_open(&s, "elect");
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
    pair_close(&s);
}

Test(redis_script_rights, denied_info_is_told_before_any_write_where_a_grace_is_asked_for)
{
    struct pair s;
    pair_open(&s, "elect");
    limit(&s, "-info");
    s.a.settings.restart_grace_ns = INT64_C(1000000);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), 0);
    cr_assert_eq(s.a.read, ELECT__REDIS_READ_NO_INFO);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
    s.a.party.no_info = true; /* it was waited out */
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_str_eq(pair_get(&s, TERM, "server"), "");
    rival_release(&s.a, 0xa1, epoch);
    s.a.party.no_info = false;
    s.a.settings.restart_grace_ns = 0;
    rival_win(&s.a, 0xa2); /* nobody asked for a grace */
    pair_close(&s);
}

Test(redis_script_rights, a_record_of_no_server_is_of_another_one_to_who_can_see)
{
    struct pair s;
    char id[ELECT__SERVER_SIZE];
    pair_open(&s, "elect");
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
    pair_close(&s);
}

Test(redis_script_rights, without_time_nothing_is_written_and_without_publish_a_release_succeeds)
{
    struct pair s;
    pair_open(&s, "elect");
    limit(&s, "-time");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__UNKNOWN);
    cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(s.a.text, "+time"), "%s", s.a.text);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
    play_as(&s.play, "default", "");
    limit(&s, "+time");
    play_as(&s.play, "default", "");
    limit(&s, "-publish");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
    pair_close(&s);
}

Test(redis_script_rights, a_missing_right_is_named_with_what_grants_it)
{
    struct pair s;
    pair_open(&s, "elect");
    limit(&s, "-get");
    cr_assert_eq(DO(&s.a, .verb = ELECT__PROBE), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "ACL SETUSER <user> +get"), "%s", s.a.text);
    play_as(&s.play, "default", "");
    limit(&s, "+get");
    play_as(&s.play, "default", "");
    limit(&s, "resetkeys");
    cr_assert_eq(DO(&s.a, .verb = ELECT__PROBE), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "ACL SETUSER <user> ~<prefix>:*"), "%s", s.a.text);
    pair_close(&s);
}

Test(redis_script_rights, at_maxmemory_who_leads_renews_and_releases_and_nobody_is_elected)
{
    struct pair s;
    pair_open(&s, "elect");
    uint64_t epoch = rival_win(&s.a, 0xa1);
    play_do(&s.play, "CONFIG SET maxmemory 1");
    s.a.party.info = "{\"instance_id\":\"a\"}";
    cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED, "%s", s.a.text);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__HELD);
    cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED, "%s", s.a.text);
    cr_assert_str_eq(pair_get(&s, TERM, "released"), "1");
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED);
    cr_assert_eq(s.b.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(s.b.text, "maxmemory"), "%s", s.b.text);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
    pair_close(&s);
}

Test(redis_script_rights, a_replica_is_named_as_such)
{
    struct pair s;
    pair_open(&s, "elect");
    play_do(&s.play, "REPLICAOF 127.0.0.1 1");
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
    pair_close(&s);
}
