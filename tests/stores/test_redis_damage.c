/* What our own layout's scripts make of a record that somebody else has written, or that a clock or a promotion has made wrong.
 * Each rule by a test that bears its name. */
#include "redis_play.h"
#include <stdio.h>

#define LOCK "elect:{job}:leader"
#define TERM "elect:{job}:term"
#define HOUR_US INT64_C(3600000000)
#define GRACE_NS INT64_C(1000000)

struct scene {
    struct play play;
    struct rival a, b;
    char text[8192];
};

static void open_scene(struct scene *scene)
{
    static const char *const args[] = {"--enable-debug-command", "local", NULL};
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

/* a has led, its lock has vanished, and its record says this. */
static void damage(struct scene *scene, const char *field, const char *value)
{
    rival_win(&scene->a, 0xa1);
    play_do(&scene->play, "DEL %s", LOCK);
    play_do(&scene->play, "HSET %s %s %s", TERM, field, value);
}

static enum elect__outcome acquire_after_loss(struct rival *rival, uint64_t attempt)
{
    return DO(rival, .verb = ELECT__ACQUIRE, .attempt = attempt, .loss_waited = true);
}

/* ---- damage ---- */

Test(redis_damage, a_lease_whose_end_is_no_whole_number_is_refused_and_named_and_forgotten_on_demand)
{
    static const char *const ends[] = {"nan",  "inf", "-1", "0x7fffffffffffff", "1e300", "99999999999999999",
                                       "soon", "-inf"};
    struct scene s;
    open_scene(&s);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        damage(&s, "until", ends[i]);
        cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED, "%s", ends[i]);
        cr_assert_eq(s.b.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.b.text, TERM), "%s", s.b.text);
        cr_assert_not_null(strstr(s.b.text, "forget"), "%s", s.b.text);
        cr_assert_eq(acquire_after_loss(&s.b, 0xb1), ELECT__REFUSED, "%s", ends[i]);
        cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
        cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s: %s", ends[i], s.b.text);
        rival_release(&s.b, 0xb2, rival_win(&s.b, 0xb2));
    }
    play_do(&s.play, "HDEL %s until", TERM); /* whoever released has no lease */
    rival_win(&s.b, 0xb3);
    play_do(&s.play, "DEL %s", LOCK);
    play_do(&s.play, "HDEL %s until", TERM);
    cr_assert_eq(rival_acquire(&s.b, 0xb4), ELECT__REFUSED);
    close_scene(&s);
}

Test(redis_damage, an_epoch_of_no_term_is_refused_before_any_write)
{
    static const char *const epochs[] = {"0", "00", "0x5", "00000000000000005", "5.0", "nan", "-5"};
    struct scene s;
    open_scene(&s);
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        damage(&s, "epoch", epochs[i]);
        for (int released = 0; released < 2; released++) {
            play_do(&s.play, "HSET %s released %d until 1", TERM, released);
            cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED, "%s", epochs[i]);
            cr_assert_eq(s.b.reply.code, ELECT_ESTORE);
            cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
        }
        cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s", s.b.text);
    }
    close_scene(&s);
}

Test(redis_damage, a_winner_without_info_deletes_the_old_one)
{
    struct scene s;
    open_scene(&s);
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    rival_release(&s.a, 0xa1, rival_win(&s.a, 0xa1));
    rival_win(&s.b, 0xb1);
    cr_assert_str_eq(get(&s, TERM, "info"), "");
    cr_assert_null(rival_holder(&s.a).info);
    close_scene(&s);
}

/* ---- clocks ---- */

Test(redis_damage, a_lease_that_no_clock_of_today_grants_is_waited_for_once_as_lost_data_is)
{
    struct scene s;
    char ends[32];
    open_scene(&s);
    int64_t now_us = play_now_us(&s.play);
    snprintf(ends, sizeof ends, "%" PRId64, now_us + 24 * HOUR_US); /* and then the clock was stepped back */
    damage(&s, "until", ends);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__LOST_DATA);
    cr_assert_not_null(strstr(s.b.text, "stepped back"), "%s", s.b.text);
    cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
    cr_assert_eq(acquire_after_loss(&s.b, 0xb1), ELECT__WON);
    rival_release(&s.b, 0xb1, s.b.reply.epoch);
    snprintf(ends, sizeof ends, "%" PRId64, now_us + PLAY_TTL_NS / 1000);
    damage(&s, "until", ends);
    cr_assert_eq(acquire_after_loss(&s.b, 0xb2), ELECT__WAIT, "that may have been granted");
    play_do(&s.play, "HSET %s ttl nan", TERM); /* then it is the TTL of all */
    cr_assert_eq(acquire_after_loss(&s.b, 0xb2), ELECT__WAIT);
    close_scene(&s);
}

/* ---- promotions ---- */

static void deny_info(struct scene *scene)
{
    play_do(&scene->play, "ACL SETUSER low on >pw ~* &* +@all -info");
    play_as(&scene->play, "low", "pw");
}

static void end_lease(struct scene *scene, int64_t ttl_us)
{
    play_do(&scene->play, "HSET %s until %lld", TERM, (long long)(play_now_us(&scene->play) - ttl_us));
}

Test(redis_damage, forget_keeps_what_tells_of_a_promotion_until_a_ttl_after_the_lease)
{
    struct scene s;
    char id[ELECT__SERVER_SIZE];
    open_scene(&s);
    play_age(&s.play);
    s.a.settings.restart_grace_ns = s.b.settings.restart_grace_ns = GRACE_NS;
    rival_release(&s.a, 0xa1, rival_win(&s.a, 0xa1));
    play_promote(&s.play, id);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    cr_assert_not_null(strstr(s.b.text, "another server"), "%s", s.b.text);
    end_lease(&s, PLAY_TTL_NS / 1000 - 60000000);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__CHANGED);
    end_lease(&s, PLAY_TTL_NS / 1000 + 1);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s", s.b.text);
    cr_assert_str_eq(get(&s, TERM, "epoch"), "(none)");
    close_scene(&s);
}

Test(redis_damage, forget_that_can_not_see_the_server_waits_as_after_a_promotion)
{
    struct scene s;
    open_scene(&s);
    rival_release(&s.a, 0xa1, rival_win(&s.a, 0xa1));
    deny_info(&s);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    end_lease(&s, PLAY_TTL_NS / 1000 + 1);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s", s.b.text);
    close_scene(&s);
}

/* By its own id it is none, and its uptime is old: what it lacks is the lock of its master. */
Test(redis_damage, a_replica_that_takes_writes_elects_nobody)
{
    struct scene s;
    open_scene(&s);
    play_do(&s.play, "CONFIG SET replica-read-only no");
    play_do(&s.play, "REPLICAOF 127.0.0.1 1");
    for (int grace = 0; grace < 2; grace++) {
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
        cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
        cr_assert_str_eq(get(&s, LOCK, NULL), "(none)");
        s.a.settings.restart_grace_ns = GRACE_NS;
    }
    close_scene(&s);
}

Test(redis_damage, a_replica_that_denies_info_refuses_instead_of_beginning_a_grace)
{
    struct scene s;
    open_scene(&s);
    deny_info(&s);
    s.a.settings.restart_grace_ns = GRACE_NS;
    redisReply *reply = redis_server_ask(s.play.server, "REPLICAOF 127.0.0.1 1");
    freeReplyObject(reply);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
    close_scene(&s);
}
