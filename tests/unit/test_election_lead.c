/* What a leader may say, and until when. */
#include "unit/election_script.h"

Test(election, a_new_term_counts_from_the_request_not_the_answer)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    sent_is(&s, "acquire");
    pass_ms(&s, 300);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    heard_is(&s, "ELECTED 7");
    cr_assert_eq(s.fsm.lease.epoch, 7);
    cr_assert_eq(lease_ms(&s), 4000 - 400 - 300);
    cr_assert(leads(&s));
}

Test(election, renewal_counts_from_the_request_not_the_answer)
{
    struct script s = led(7);
    timer(&s);
    sent_is(&s, "renew");
    cr_assert_eq(s.op.epoch, 7);
    cr_assert_eq(s.op.attempt, s.fsm.attempt);
    pass_ms(&s, 500);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    cr_assert_eq(lease_ms(&s), 4000 - 400 - 500);
    heard_is(&s, "");
}

Test(election, a_renewal_is_sent_a_heartbeat_after_the_last_one_was_sent)
{
    struct script s = led(7);
    cr_assert_eq(wake_ms(&s), 1200);
    cr_assert_not(s.fsm.wake_exact);
    timer(&s);
    pass_ms(&s, 500);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    cr_assert_eq(wake_ms(&s), 1200 - 500);
}

Test(election, the_answer_is_false_from_the_deadline_on_before_any_timer)
{
    struct script s = led(7);
    pass_ms(&s, 3599);
    cr_assert(leads(&s));
    pass_ms(&s, 1);
    cr_assert_not(leads(&s));
}

Test(election, an_acquire_answered_at_its_deadline_is_released_never_elected)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    uint64_t attempt = s.op.attempt;
    pass_ms(&s, 3600);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    heard_is(&s, "");
    sent_is(&s, "release");
    cr_assert_eq(s.op.attempt, attempt);
    cr_assert_eq(s.op.epoch, 7);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    sent_is(&s, "acquire");
}

Test(election, an_acquire_answered_just_before_its_deadline_elects)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    pass_ms(&s, 3599);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    heard_is(&s, "ELECTED 7");
    cr_assert_eq(lease_ms(&s), 1);
}

Test(election, an_operation_is_given_up_after_five_seconds_though_the_lease_lasts)
{
    struct elect__fsm_config config = usual();
    config.ttl_ns = 60 * ELECT__S;
    config.heartbeat_ns = 18 * ELECT__S;
    struct script s = led_with(config, 7);
    timer(&s);
    cr_assert_eq(s.op.deadline_ns, s.now_ns + 5 * ELECT__S);
    uint64_t seq = s.op.seq;
    pass_ms(&s, 5000);
    PUT(&s, .kind = ELECT__IN_TIMER);
    cr_assert(leads(&s));
    cr_assert_str_eq(flying(&s), "nothing");
    until_sent(&s, ELECT__RENEW);
    cr_assert_neq(s.op.seq, seq);
}

Test(election, an_answer_after_the_deadline_extends_nothing)
{
    struct script s = led(7);
    timer(&s);
    pass_ms(&s, 2400);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    heard_is(&s, "LOST 7 5, ERROR -7");
    cr_assert_eq(s.fsm.lease.lease_until_ns, 0);
    cr_assert_eq(s.fsm.lease.epoch, 0);
}

Test(election, an_answer_to_a_lost_term_revives_nothing)
{
    struct script s = led(7);
    timer(&s);
    struct elect__op renew = s.op;
    pass_ms(&s, 2400);
    PUT(&s, .kind = ELECT__IN_TIMER);
    heard_is(&s, "LOST 7 3, ERROR -7");
    ANSWER(&s, .outcome = ELECT__RENEWED, .seq = renew.seq, .attempt = renew.attempt, .epoch = 7);
    heard_is(&s, "");
    cr_assert_not(leads(&s));
}

Test(election, a_renewal_in_flight_when_the_lease_ends_is_forgotten_and_the_store_asked_at_once)
{
    struct script s = led(7);
    timer(&s);
    pass_ms(&s, 2400);
    PUT(&s, .kind = ELECT__IN_TIMER);
    heard_is(&s, "LOST 7 3, ERROR -7");
    sent_is(&s, "probe");
}

Test(election, an_unknown_outcome_keeps_the_proven_lease_and_asks_again)
{
    struct script s = led(7);
    timer(&s);
    pass_ms(&s, 100);
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    heard_is(&s, "");
    cr_assert_eq(lease_ms(&s), 3600 - 1300);
    cr_assert_eq(wake_ms(&s), (3600 - 1300) / 4);
    timer(&s);
    sent_is(&s, "renew");
}

/* The reason of the loss when each renewal is refused so until the lease ends. */
static void refuse_until_lost(struct script *s, int32_t code)
{
    for (int i = 0; i < 1000 && s->fsm.state == ELECT__LEADING; i++) {
        timer(s);
        if (s->fsm.op.verb == ELECT__RENEW)
            ANSWER(s, .outcome = ELECT__REFUSED, .code = code);
    }
}

Test(election, no_connection_is_no_answer)
{
    struct script s = led(7);
    refuse_until_lost(&s, ELECT_EUNREACHABLE);
    heard_is(&s, "LOST 7 3, ERROR -7");
    s = led(7);
    refuse_until_lost(&s, ELECT_ESTORE);
    heard_is(&s, "LOST 7 5, ERROR -6");
}

Test(election, a_failing_renewal_is_not_repeated_more_often_than_its_pause)
{
    struct script s = led(7);
    timer(&s);
    pass_ms(&s, 2380);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    cr_assert_eq(lease_ms(&s), 20);
    cr_assert_eq(wake_ms(&s), 10);
    struct elect__fsm_config config = usual();
    config.retry_ns = 50 * ELECT__MS;
    s = led_with(config, 7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__UNKNOWN);
    cr_assert_eq(wake_ms(&s), 50);
}

Test(election, without_an_answer_the_lease_ends_as_unreachable)
{
    struct script s = led(7);
    for (int i = 0; i < 50 && s.fsm.state == ELECT__LEADING; i++) {
        timer(&s);
        if (s.out.op.verb == ELECT__RENEW)
            ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EAUTH);
    }
    heard_is(&s, "LOST 7 3, ERROR -11");
}

Test(election, answers_that_come_but_prove_nothing_end_the_lease_as_expired)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    pass_ms(&s, 2400 + 400);
    s.fsm.wake_at_ns = s.now_ns;
    PUT(&s, .kind = ELECT__IN_TIMER);
    heard_is(&s, "LOST 7 5, ERROR -6");
}

Test(election, a_late_timer_ends_the_lease_as_paused)
{
    struct script s = led(7);
    pass_ms(&s, 60000);
    PUT(&s, .kind = ELECT__IN_TIMER);
    heard_is(&s, "LOST 7 4");
    sent_is(&s, "probe");
}

Test(election, whatever_comes_after_a_pause_time_is_noticed_first)
{
    static const enum elect__input_kind kinds[] = {ELECT__IN_TIMER, ELECT__IN_WAKE,   ELECT__IN_LOOK,
                                                   ELECT__IN_DOUBT, ELECT__IN_RESIGN, ELECT__IN_STOP};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct script s = led(7);
        pass_ms(&s, 60000);
        PUT(&s, .kind = kinds[i]);
        heard_is(&s, "LOST 7 4");
    }
}

Test(election, a_lease_taken_or_deleted_is_lost_at_once)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__TAKEN);
    heard_is(&s, "LOST 7 6");
    cr_assert_not(leads(&s));
    s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__DELETED);
    heard_is(&s, "LOST 7 7");
    cr_assert_not(leads(&s));
}

Test(election, an_epoch_is_announced_once)
{
    struct script s = led(7);
    pass_ms(&s, 60000);
    PUT(&s, .kind = ELECT__IN_TIMER);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
    heard(&s);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    heard_is(&s, "");
    sent_is(&s, "release");
}

Test(election, losing_is_not_the_end)
{
    struct script s = led(7);
    pass_ms(&s, 60000);
    PUT(&s, .kind = ELECT__IN_TIMER);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__FREE);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 8);
    heard_is(&s, "LOST 7 4, ELECTED 8");
}

Test(election, a_leader_in_doubt_renews_at_once)
{
    struct script s = led(7);
    pass_ms(&s, 10);
    PUT(&s, .kind = ELECT__IN_DOUBT);
    sent_is(&s, "renew");
    ANSWER(&s, .outcome = ELECT__DELETED);
    heard_is(&s, "LOST 7 7");
    s = following(1000);
    PUT(&s, .kind = ELECT__IN_DOUBT);
    sent_is(&s, "nothing");
}

Test(election, a_doubt_during_a_renewal_is_renewed_again)
{
    struct script s = led(7);
    pass_ms(&s, 1200);
    PUT(&s, .kind = ELECT__IN_TIMER);
    sent_is(&s, "renew");
    PUT(&s, .kind = ELECT__IN_DOUBT); /* the answer under way may be older than the doubt */
    sent_is(&s, "nothing");
    ANSWER(&s, .outcome = ELECT__RENEWED, .epoch = 7);
    sent_is(&s, "renew");
    ANSWER(&s, .outcome = ELECT__RENEWED, .epoch = 7);
    sent_is(&s, "nothing");
}

Test(election, what_a_leader_is_asked_to_look_up_waits_until_it_follows)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_LOOK);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "nothing");
    cr_assert(leads(&s));
    heard_is(&s, "");
}
