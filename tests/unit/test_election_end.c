/* How a term ends: drained, released, lapsed; and when a candidate stands again. */
#include "unit/election_script.h"

Test(election, a_resigning_leader_answers_false_at_once_and_renews_until_its_work_has_ended)
{
    struct script s = draining(7);
    heard_is(&s, "LOST 7 2");
    cr_assert_not(leads(&s));
    cr_assert_eq(lease_ms(&s), 3600);
    cr_assert_eq(s.fsm.lease.epoch, 7);
    timer(&s);
    sent_is(&s, "renew");
    pass_ms(&s, 100);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    cr_assert_eq(lease_ms(&s), 3500);
    cr_assert_not(leads(&s));
}

Test(election, the_release_is_sent_when_the_work_has_ended_and_after_stepping_down)
{
    struct script s = draining(7);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    sent_is(&s, "release");
    cr_assert_eq(s.op.epoch, 7);
    cr_assert_eq(s.op.attempt, s.fsm.attempt);
    cr_assert_eq(s.op.reason, ELECT_REASON_RESIGNED);
    cr_assert_eq(s.fsm.lease.lease_until_ns, 0);
    cr_assert_eq(s.fsm.lease.lead_until_ns, 0);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    sent_is(&s, "probe");
}

Test(election, a_renewal_in_flight_is_awaited_before_the_release)
{
    struct script s = led(7);
    timer(&s);
    PUT(&s, .kind = ELECT__IN_RESIGN);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    cr_assert_str_eq(flying(&s), "renew");
    ANSWER(&s, .outcome = ELECT__RENEWED);
    sent_is(&s, "release");
}

Test(election, only_the_term_that_was_meant_is_resigned)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = 6);
    cr_assert(leads(&s));
    PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = 7);
    heard_is(&s, "LOST 7 2");
    PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = 7);
    heard_is(&s, "");
}

/* Who steps back looks on, and stands when the back-off is over: at that very time. */
static void look_until(struct script *s, int64_t until_ns)
{
    int looks = 0;
    while (s->now_ns < until_ns && looks < 1000) {
        until_sent(s, ELECT__PROBE);
        ANSWER(s, .outcome = ELECT__FREE);
        looks++;
    }
    cr_assert_gt(looks, 2);
    cr_assert_eq(s->now_ns, until_ns);
    sent_is(s, "acquire");
}

Test(election, who_resigned_looks_on_and_stands_again_after_the_back_off)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_RESIGN, .backoff_ns = 10 * ELECT__S);
    int64_t until_ns = s.now_ns + 10 * ELECT__S;
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    look_until(&s, until_ns);
}

/* The lease ends at the moment of the resignation, or just before it. */
Test(election, the_back_off_counts_though_the_term_ended_by_itself)
{
    for (int before = 0; before < 2; before++) {
        for (uint64_t epoch = before ? 7 : 0; epoch <= 7; epoch += 7) {
            struct script s = led(7);
            timer(&s);
            pass_ms(&s, 2400);
            if (before)
                PUT(&s, .kind = ELECT__IN_TIMER);
            PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = epoch, .backoff_ns = 60 * ELECT__S);
            int64_t until_ns = s.now_ns + 60 * ELECT__S;
            heard_is(&s, "LOST 7 3, ERROR -7");
            PUT(&s, .kind = ELECT__IN_WORK_DONE);
            look_until(&s, until_ns);
        }
    }
}

Test(election, a_resignation_from_no_term_or_an_old_one_holds_nobody_back)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_RESIGN, .backoff_ns = 60 * ELECT__S);
    PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = 7, .backoff_ns = 60 * ELECT__S);
    PUT(&s, .kind = ELECT__IN_START);
    sent_is(&s, "acquire");
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__DELETED);
    PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = 6, .backoff_ns = 60 * ELECT__S);
    PUT(&s, .kind = ELECT__IN_RESIGN, .backoff_ns = 60 * ELECT__S);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
}

Test(election, a_grant_before_the_back_off_is_over_is_released)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__DELETED);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
    PUT(&s, .kind = ELECT__IN_RESIGN, .epoch = 7, .backoff_ns = 60 * ELECT__S);
    int64_t until_ns = s.now_ns + 60 * ELECT__S;
    heard_is(&s, "LOST 7 7");
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 8);
    heard_is(&s, "");
    sent_is(&s, "release");
    cr_assert_eq(s.op.epoch, 8);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    look_until(&s, until_ns);
}

/* An acquire without an answer is granted after all, when its candidate has led by a later one and resigned. */
Test(election, a_lock_found_before_the_back_off_is_over_is_not_adopted)
{
    struct script s = started();
    uint64_t attempt = s.op.attempt;
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__FREE);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    PUT(&s, .kind = ELECT__IN_RESIGN, .backoff_ns = 60 * ELECT__S);
    int64_t until_ns = s.now_ns + 60 * ELECT__S;
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 8, .left_ns = ELECT__S, .own_id = true);
    sent_is(&s, "nothing");
    look_until(&s, until_ns);
    heard_is(&s, "ERROR -7, ELECTED 7, LOST 7 2");
}

Test(election, a_back_off_is_neither_negative_nor_for_ever)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_RESIGN, .backoff_ns = -1);
    cr_assert_eq(s.fsm.not_before_ns, s.now_ns);
    s = led(7);
    PUT(&s, .kind = ELECT__IN_RESIGN, .backoff_ns = INT64_MAX);
    cr_assert_eq(s.fsm.not_before_ns, s.now_ns + 30 * 24 * 3600 * ELECT__S);
}

Test(election, work_that_outlives_the_drain_timeout_ends_renewing_and_nothing_is_released_early)
{
    struct script s = draining(7);
    heard(&s);
    while (s.fsm.drain_until_ns > s.now_ns) {
        timer(&s);
        if (s.out.op.verb != ELECT__NO_OP) {
            sent_is(&s, "renew");
            ANSWER(&s, .outcome = ELECT__RENEWED);
        }
    }
    heard_is(&s, "ERROR -3");
    int64_t left_ms = lease_ms(&s);
    cr_assert_gt(left_ms, 0);
    cr_assert_eq(wake_ms(&s), left_ms);
    timer(&s);
    heard_is(&s, "");
    cr_assert_eq(s.fsm.lease.lease_until_ns, 0);
    sent_is(&s, "probe");
    for (int i = 0; i < 5; i++) {
        ANSWER(&s, .outcome = ELECT__FREE);
        cr_assert_str_eq(flying(&s), "nothing");
        until_sent(&s, ELECT__PROBE);
    }
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
}

Test(election, a_renewal_in_flight_when_the_drain_timeout_ends_is_the_last)
{
    struct elect__fsm_config config = usual();
    config.drain_ns = 1300 * ELECT__MS;
    struct script s = led_with(config, 7);
    PUT(&s, .kind = ELECT__IN_RESIGN);
    timer(&s);
    sent_is(&s, "renew");
    timer(&s);
    heard_is(&s, "LOST 7 2, ERROR -3");
    ANSWER(&s, .outcome = ELECT__RENEWED);
    cr_assert_eq(s.fsm.wake_at_ns, s.fsm.lease.lease_until_ns);
}

Test(election, work_that_ends_after_the_drain_timeout_is_released_while_the_lease_lasts)
{
    struct elect__fsm_config config = usual();
    config.drain_ns = 0;
    struct script s = led_with(config, 7);
    PUT(&s, .kind = ELECT__IN_RESIGN);
    PUT(&s, .kind = ELECT__IN_TIMER);
    heard_is(&s, "LOST 7 2, ERROR -3");
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    sent_is(&s, "release");
}

Test(election, work_that_ends_after_the_drain_timeout_is_released_also_when_stopped_meanwhile)
{
    struct elect__fsm_config config = usual();
    config.drain_ns = 1300 * ELECT__MS;
    struct script s = led_with(config, 7);
    PUT(&s, .kind = ELECT__IN_RESIGN);
    timer(&s);
    timer(&s);
    heard_is(&s, "LOST 7 2, ERROR -3");
    cr_assert_str_eq(flying(&s), "renew");
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    PUT(&s, .kind = ELECT__IN_STOP);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    sent_is(&s, "release");
}

Test(election, a_term_lost_while_it_drains_is_told_once_and_held)
{
    struct script s = draining(7);
    heard(&s);
    pass_ms(&s, 5000);
    PUT(&s, .kind = ELECT__IN_TIMER);
    heard_is(&s, "");
    cr_assert_eq(s.fsm.lease.lease_until_ns, 0);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "nothing");
}

Test(election, a_candidate_never_stands_before_its_last_work_has_ended)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__TAKEN);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "nothing");
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__WAIT, .left_ns = ELECT__MS);
    sent_is(&s, "nothing");
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
}

Test(election, a_lost_that_is_not_given_back_in_time_is_told)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__TAKEN);
    heard_is(&s, "LOST 7 6");
    pass_ms(&s, 8000);
    PUT(&s, .kind = ELECT__IN_TIMER);
    cr_assert(strstr(heard(&s), "ERROR -3") != NULL);
    cr_assert(s.fsm.lapsing);
    cr_assert(s.fsm.working);
}

Test(election, work_done_in_mid_term_or_without_a_term_changes_nothing)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    cr_assert(leads(&s));
    cr_assert(s.fsm.working);
    s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    cr_assert_str_eq(flying(&s), "acquire");
}

Test(election, work_done_that_crosses_the_lost_does_not_give_it_back)
{
    struct script s = led(7);
    pass_ms(&s, 60000);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    heard_is(&s, "LOST 7 4");
    cr_assert(s.fsm.working);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "nothing");
}
