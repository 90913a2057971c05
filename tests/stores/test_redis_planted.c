/* The tests of the scripts would notice if one of their rules were not kept: each is broken here by its switch, as an edit of
 * the script's text, and must show. */
#include "planted.h"
#include "redis_play.h"
#include <stdio.h>

static void ask_for_grace(struct pair *pair, int64_t grace_ns)
{
    pair->a.settings.restart_grace_ns = pair->b.settings.restart_grace_ns = grace_ns;
}

/* A record that a has left, released, on a server that has changed since; and it is old enough. */
static void change_server(struct pair *pair)
{
    char id[ELECT__SERVER_SIZE];
    ask_for_grace(pair, INT64_C(1000000));
    play_age(&pair->play);
    rival_release(&pair->a, 0xa1, rival_win(&pair->a, 0xa1));
    play_promote(&pair->play, id);
}

/* ---- each: is the rule kept? ---- */

static bool a_holder_is_not_elected_again(struct pair *s)
{
    rival_win(&s->a, 0xa1);
    return rival_acquire(&s->a, 0xa2) == ELECT__HELD;
}

static bool a_young_server_waits(struct pair *s)
{
    ask_for_grace(s, PLAY_TTL_NS);
    return rival_acquire(&s->a, 0xa1) == ELECT__WAIT;
}

static bool a_young_server_waits_beside_a_released_record(struct pair *s)
{
    ask_for_grace(s, PLAY_TTL_NS);
    play_do(&s->play, "HSET %s epoch 5 released 1", TERM);
    return rival_acquire(&s->a, 0xa1) == ELECT__WAIT;
}

static bool a_changed_server_waits(struct pair *s)
{
    change_server(s);
    return rival_acquire(&s->b, 0xb1) == ELECT__CHANGED;
}

static bool only_a_winner_names_the_server(struct pair *s)
{
    change_server(s);
    rival_acquire(&s->b, 0xb1);
    return rival_acquire(&s->b, 0xb2) == ELECT__CHANGED;
}

static bool a_vanished_lock_is_waited_for(struct pair *s)
{
    rival_win(&s->a, 0xa1);
    play_do(&s->play, "DEL %s", LOCK);
    return rival_acquire(&s->b, 0xb1) == ELECT__WAIT;
}

static bool lost_data_is_noticed(struct pair *s)
{
    return DO(&s->b, .verb = ELECT__ACQUIRE, .attempt = 0xb1, .highest_epoch = 5) == ELECT__LOST_DATA;
}

static bool epochs_outlive_their_record(struct pair *s)
{
    uint64_t epoch = rival_win(&s->a, 0xa1);
    rival_release(&s->a, 0xa1, epoch);
    play_do(&s->play, "FLUSHALL");
    return rival_win(&s->b, 0xb1) > epoch;
}

static bool a_lock_without_its_record_is_lost(struct pair *s)
{
    uint64_t epoch = rival_win(&s->a, 0xa1);
    play_do(&s->play, s->a.keys->layout->native ? "DEL " TERM : "DEL {" PLAIN_LOCK "}:epoch");
    return rival_renew(&s->a, 0xa1, epoch) == ELECT__DELETED;
}

/* A release on its way for long deletes no later lock of the same id. */
static bool a_late_release_deletes_nothing(struct pair *s)
{
    uint64_t epoch = rival_win(&s->a, 0xa1);
    rival_release(&s->a, 0xa1, epoch);
    uint64_t second = rival_win(&s->a, 0xa2);
    rival_release(&s->a, 0xa1, epoch);
    return rival_renew(&s->a, 0xa2, second) == ELECT__RENEWED;
}

static bool denied_info_is_told(struct pair *s)
{
    ask_for_grace(s, PLAY_TTL_NS);
    play_deny_info(&s->play);
    return rival_acquire(&s->a, 0xa1) == 0 && s->a.read == ELECT__REDIS_READ_NO_INFO;
}

static bool an_uptime_is_rounded_down(struct pair *s)
{
    long long uptime_s = -1;
    ask_for_grace(s, PLAY_TTL_NS);
    rival_acquire(&s->a, 0xa1);
    cr_assert_eq(sscanf(s->a.text, "redis started %llds ago", &uptime_s), 1, "%s", s->a.text);
    return s->a.reply.left_ns == PLAY_TTL_NS - (uptime_s - 1) * INT64_C(1000000000);
}

static bool a_stored_epoch_is_a_number(struct pair *s)
{
    play_do(&s->play, "HSET %s epoch x released 1", TERM);
    return rival_acquire(&s->a, 0xa1) == ELECT__REFUSED;
}

static bool no_server_is_another_one(struct pair *s)
{
    ask_for_grace(s, INT64_C(1000000));
    play_age(&s->play);
    s->a.party.no_info = true;
    rival_release(&s->a, 0xa1, rival_win(&s->a, 0xa1));
    return rival_acquire(&s->b, 0xb1) == ELECT__CHANGED;
}

static bool kept(enum elect__planted planted, const char *layout, bool (*rule)(struct pair *pair))
{
    struct pair pair;
    elect__planted_now = planted;
    pair_open(&pair, layout);
    bool is_kept = rule(&pair);
    pair_close(&pair);
    return is_kept;
}

#define NOTICED(name, bug, layout, rule)                                                                               \
    Test(redis_planted, name)                                                                                          \
    {                                                                                                                  \
        cr_assert(kept(ELECT__PLANTED_NONE, (layout), (rule)));                                                        \
        cr_assert_not(kept(ELECT__PLANTED_##bug, (layout), (rule)), "the planted bug does not show");                  \
    }

NOTICED(same_epoch, SAME_EPOCH, "elect", a_holder_is_not_elected_again)
NOTICED(no_grace, NO_GRACE, "elect", a_young_server_waits)
NOTICED(no_grace_plain, NO_GRACE, "plain", a_young_server_waits)
NOTICED(no_grace_after_a_change, NO_GRACE, "elect", a_changed_server_waits)
NOTICED(released_skips_grace, RELEASED_SKIPS_GRACE, "elect", a_young_server_waits_beside_a_released_record)
NOTICED(released_skips_change, RELEASED_SKIPS_GRACE, "elect", a_changed_server_waits)
NOTICED(server_overwritten, SERVER_OVERWRITTEN, "elect", only_a_winner_names_the_server)
NOTICED(lost_lock_is_free, LOST_LOCK_IS_FREE, "elect", a_vanished_lock_is_waited_for)
NOTICED(last_lease_not_epoch, LAST_LEASE_NOT_EPOCH, "elect", lost_data_is_noticed)
NOTICED(counter_epochs, COUNTER_EPOCHS, "elect", epochs_outlive_their_record)
NOTICED(counter_epochs_plain, COUNTER_EPOCHS, "plain", epochs_outlive_their_record)
NOTICED(renew_repairs, RENEW_REPAIRS_EPOCH, "elect", a_lock_without_its_record_is_lost)
NOTICED(renew_repairs_plain, RENEW_REPAIRS_EPOCH, "plain", a_lock_without_its_record_is_lost)
NOTICED(release_by_id, RELEASE_BY_ID, "elect", a_late_release_deletes_nothing)
NOTICED(release_by_id_plain, RELEASE_BY_ID, "plain", a_late_release_deletes_nothing)
NOTICED(denied_info, REDIS_DENIED_INFO_IS_AGE, "elect", denied_info_is_told)
NOTICED(uptime, REDIS_UPTIME_IS_EXACT, "elect", an_uptime_is_rounded_down)
NOTICED(epoch_repaired, REDIS_EPOCH_REPAIRED, "elect", a_stored_epoch_is_a_number)
NOTICED(no_server, REDIS_NO_SERVER_IS_ANY, "elect", no_server_is_another_one)
