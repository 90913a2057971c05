/* What our own layout's scripts make of a record that somebody else has written, or that a clock or a promotion has made wrong.
 * Each rule by a test that bears its name. */
#include "redis_play.h"
#include <stdio.h>
#include <unistd.h>

#define HOUR_US INT64_C(3600000000)
#define GRACE_NS INT64_C(1000000)

/* a has led, its lock has vanished, and its record says this. */
static void damage(struct pair *pair, const char *field, const char *value)
{
    rival_win(&pair->a, 0xa1);
    play_do(&pair->play, "DEL %s", LOCK);
    play_do(&pair->play, "HSET %s %s %s", TERM, field, value);
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
    struct pair s;
    pair_open(&s, "elect");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        damage(&s, "until", ends[i]);
        cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED, "%s", ends[i]);
        cr_assert_eq(s.b.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.b.text, TERM), "%s", s.b.text);
        cr_assert_not_null(strstr(s.b.text, "forget"), "%s", s.b.text);
        cr_assert_eq(acquire_after_loss(&s.b, 0xb1), ELECT__REFUSED, "%s", ends[i]);
        cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
        cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s: %s", ends[i], s.b.text);
        rival_release(&s.b, 0xb2, rival_win(&s.b, 0xb2));
    }
    play_do(&s.play, "HDEL %s until", TERM); /* whoever released has no lease */
    rival_win(&s.b, 0xb3);
    play_do(&s.play, "DEL %s", LOCK);
    play_do(&s.play, "HDEL %s until", TERM);
    cr_assert_eq(rival_acquire(&s.b, 0xb4), ELECT__REFUSED);
    pair_close(&s);
}

Test(redis_damage, an_epoch_of_no_term_is_refused_before_any_write)
{
    static const char *const epochs[] = {"0", "00", "0x5", "00000000000000005", "5.0", "nan", "-5"};
    struct pair s;
    pair_open(&s, "elect");
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        damage(&s, "epoch", epochs[i]);
        for (int released = 0; released < 2; released++) {
            play_do(&s.play, "HSET %s released %d until 1", TERM, released);
            cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__REFUSED, "%s", epochs[i]);
            cr_assert_eq(s.b.reply.code, ELECT_ESTORE);
            cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
        }
        cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s", s.b.text);
    }
    pair_close(&s);
}

Test(redis_damage, a_winner_without_info_deletes_the_old_one)
{
    struct pair s;
    pair_open(&s, "elect");
    s.a.party.info = "{\"instance_id\":\"a\",\"epoch\":0}";
    rival_release(&s.a, 0xa1, rival_win(&s.a, 0xa1));
    rival_win(&s.b, 0xb1);
    cr_assert_str_eq(pair_get(&s, TERM, "info"), "");
    cr_assert_null(rival_holder(&s.a).found.info);
    pair_close(&s);
}

/* ---- clocks ---- */

Test(redis_damage, a_lease_that_no_clock_of_today_grants_is_waited_for_once_as_lost_data_is)
{
    struct pair s;
    char ends[32];
    pair_open(&s, "elect");
    int64_t now_us = play_now_us(&s.play);
    snprintf(ends, sizeof ends, "%" PRId64, now_us + 24 * HOUR_US); /* and then the clock was stepped back */
    damage(&s, "until", ends);
    cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__LOST_DATA);
    cr_assert_not_null(strstr(s.b.text, "stepped back"), "%s", s.b.text);
    cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
    cr_assert_eq(acquire_after_loss(&s.b, 0xb1), ELECT__WON);
    rival_release(&s.b, 0xb1, s.b.reply.epoch);
    snprintf(ends, sizeof ends, "%" PRId64, now_us + PLAY_TTL_NS / 1000);
    damage(&s, "until", ends);
    cr_assert_eq(acquire_after_loss(&s.b, 0xb2), ELECT__WAIT, "that may have been granted");
    play_do(&s.play, "HSET %s ttl nan", TERM); /* then it is the TTL of all */
    cr_assert_eq(acquire_after_loss(&s.b, 0xb2), ELECT__WAIT);
    pair_close(&s);
}

/* A server on a clock of the test's own (faults/clock.c). */
static void open_on_clock(struct pair *pair, const char *layout, int *dial)
{
    static const struct {
        double rate;
        int64_t wall_ns, boot_ns;
    } true_time = {.rate = 1};
    char path[] = "/tmp/elect-clock-XXXXXX";
    *dial = mkstemp(path);
    cr_assert_eq(write(*dial, &true_time, sizeof true_time), sizeof true_time);
    setenv("ELECT_TEST_CLOCK", path, 1);
    setenv("LD_PRELOAD", CLOCK, 1);
    pair_open(pair, layout);
    unsetenv("LD_PRELOAD");
    unlink(path);
}

static void step_back(struct pair *pair, int dial)
{
    const int64_t wall_ns = -HOUR_US * 1000;
    cr_assert_eq(pwrite(dial, &wall_ns, sizeof wall_ns, sizeof(double)), sizeof wall_ns);
    close(dial);
    while (play_uptime_s(&pair->play) >= 0)
        usleep(20000);
}

Test(redis_damage, a_server_that_has_started_in_its_future_is_as_young_as_can_be)
{
    static const char *const layouts[] = {"elect", "plain"};
    for (int i = 0; i < 2; i++) {
        struct pair s;
        int dial;
        open_on_clock(&s, layouts[i], &dial);
        uint64_t epoch = rival_win(&s.a, 0xa1);
        step_back(&s, dial);
        cr_assert_eq(rival_renew(&s.a, 0xa1, epoch), ELECT__RENEWED);
        cr_assert_eq(rival_release(&s.a, 0xa1, epoch), ELECT__RELEASED);
        s.b.settings.restart_grace_ns = PLAY_TTL_NS;
        cr_assert_eq(rival_acquire(&s.b, 0xb1), ELECT__WAIT, "%s", s.b.text);
        cr_assert_eq(s.b.reply.left_ns, PLAY_TTL_NS + INT64_C(1000000000));
        cr_assert_not_null(strstr(s.b.text, "redis started 0s ago"), "%s", s.b.text);
        cr_assert_str_eq(pair_get(&s, s.b.keys->lock, NULL), "(none)");
        s.b.settings.restart_grace_ns = 0;
        cr_assert_gt(rival_win(&s.b, 0xb2), epoch, "though it is earlier");
        pair_close(&s);
    }
}

/* ---- promotions ---- */

static void end_lease(struct pair *pair, int64_t ttl_us)
{
    play_do(&pair->play, "HSET %s until %lld", TERM, (long long)(play_now_us(&pair->play) - ttl_us));
}

Test(redis_damage, forget_keeps_what_tells_of_a_promotion_until_a_ttl_after_the_lease)
{
    struct pair s;
    char id[ELECT__SERVER_SIZE];
    pair_open(&s, "elect");
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
    cr_assert_str_eq(pair_get(&s, TERM, "epoch"), "(none)");
    pair_close(&s);
}

Test(redis_damage, forget_that_can_not_see_the_server_waits_as_after_a_promotion)
{
    struct pair s;
    pair_open(&s, "elect");
    rival_release(&s.a, 0xa1, rival_win(&s.a, 0xa1));
    play_deny_info(&s.play);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_ESTATE);
    end_lease(&s, PLAY_TTL_NS / 1000 + 1);
    cr_assert_eq(rival_ask(&s.b, ELECT__QUERY_FORGET, 0), ELECT_OK, "%s", s.b.text);
    pair_close(&s);
}

/* By its own id it is none, and its uptime is old: what it lacks is the lock of its master. */
Test(redis_damage, a_replica_that_takes_writes_elects_nobody)
{
    struct pair s;
    pair_open(&s, "elect");
    play_do(&s.play, "CONFIG SET replica-read-only no");
    play_do(&s.play, "REPLICAOF 127.0.0.1 1");
    for (int grace = 0; grace < 2; grace++) {
        cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
        cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
        cr_assert_str_eq(pair_get(&s, LOCK, NULL), "(none)");
        s.a.settings.restart_grace_ns = GRACE_NS;
    }
    pair_close(&s);
}

Test(redis_damage, a_replica_that_denies_info_refuses_instead_of_beginning_a_grace)
{
    struct pair s;
    pair_open(&s, "elect");
    play_deny_info(&s.play);
    s.a.settings.restart_grace_ns = GRACE_NS;
    redisReply *reply = redis_server_ask(s.play.server, "REPLICAOF 127.0.0.1 1");
    freeReplyObject(reply);
    cr_assert_eq(rival_acquire(&s.a, 0xa1), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
    pair_close(&s);
}
