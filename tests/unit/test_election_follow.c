/* How a follower waits, looks and stands; its own locks. */
#include "unit/election_script.h"

Test(election, a_follower_looks_again_just_after_the_lease_it_saw)
{
    struct script s = following(1000);
    sent_is(&s, "nothing");
    cr_assert_geq(wake_ms(&s), 1000 + 2);
    cr_assert_lt(wake_ms(&s), 1000 + 2 * (2 + 4));
    cr_assert(s.fsm.wake_exact);
    timer(&s);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
}

Test(election, a_follower_that_loses_again_and_again_spreads_wider_but_not_for_ever)
{
    struct script s = started();
    int64_t longest_ms = 0;
    for (int i = 0; i < 20; i++) {
        ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3);
        longest_ms = wake_ms(&s) > longest_ms ? wake_ms(&s) : longest_ms;
        until_sent(&s, ELECT__PROBE);
        ANSWER(&s, .outcome = ELECT__FREE);
        sent_is(&s, "acquire");
    }
    cr_assert_gt(longest_ms, 128);
    cr_assert_leq(longest_ms, 64 * 6);
    cr_assert_eq(s.fsm.widen, 6);
    ANSWER(&s, .outcome = ELECT__FREE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S);
    cr_assert_eq(s.fsm.widen, 0);
    PUT(&s, .kind = ELECT__IN_LOOK);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3);
    cr_assert_eq(s.fsm.widen, 1);
}

Test(election, a_wait_is_never_longer_than_a_lease_could_be)
{
    struct script s = following(-1);
    cr_assert_leq(wake_ms(&s), 4400 + 12);
    cr_assert_geq(wake_ms(&s), 4400);
    s = following(3600 * 1000);
    cr_assert_leq(wake_ms(&s), 4400 + 12);
}

Test(election, where_nobody_tells_of_changes_a_follower_looks_again)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = 3 * ELECT__S, .poll_ns = ELECT__S);
    cr_assert_geq(wake_ms(&s), 1000);
    cr_assert_leq(wake_ms(&s), 1000 + 12);
    timer(&s);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S / 2, .poll_ns = ELECT__S);
    cr_assert_geq(wake_ms(&s), 500);
    cr_assert_leq(wake_ms(&s), 500 + 12);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__WAIT, .left_ns = 3 * ELECT__S, .poll_ns = ELECT__S);
    cr_assert_leq(wake_ms(&s), 1000 + 12);
    timer(&s);
    sent_is(&s, "acquire");
    ANSWER(&s, .outcome = ELECT__WAIT, .left_ns = -1, .poll_ns = ELECT__S);
    cr_assert_leq(wake_ms(&s), 1000 + 12);
}

Test(election, a_released_lock_is_acquired_at_once)
{
    struct script s = following(3000);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "acquire");
}

Test(election, another_change_is_looked_at)
{
    struct script s = following(3000);
    PUT(&s, .kind = ELECT__IN_WAKE);
    sent_is(&s, "probe");
}

Test(election, a_change_while_an_operation_is_in_flight_is_looked_at_after_it)
{
    struct script s = started();
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "nothing");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S);
    sent_is(&s, "probe");
}

Test(election, who_wants_to_know_the_leader_is_answered_by_a_probe)
{
    struct script s = following(3000);
    PUT(&s, .kind = ELECT__IN_LOOK);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
}

Test(election, a_store_that_must_not_grant_yet_is_asked_when_it_may)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__WAIT, .left_ns = 700 * ELECT__MS);
    sent_is(&s, "nothing");
    cr_assert_geq(wake_ms(&s), 702);
    timer(&s);
    sent_is(&s, "acquire");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__WAIT, .left_ns = 700 * ELECT__MS);
    cr_assert_geq(wake_ms(&s), 702);
    timer(&s);
    sent_is(&s, "acquire");
}

Test(election, one_kind_of_trouble_is_told_once_until_something_succeeds)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    heard_is(&s, "ERROR -7");
    sent_is(&s, "nothing");
    cr_assert_geq(wake_ms(&s), 800);
    cr_assert_leq(wake_ms(&s), 1000);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_EUNREACHABLE);
    heard_is(&s, "");
    timer(&s);
    ANSWER(&s, .outcome = ELECT__REFUSED);
    heard_is(&s, "ERROR -6");
    timer(&s);
    ANSWER(&s, .outcome = ELECT__FREE);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    heard_is(&s, ""); /* a store that is looked at and can't be written to */
    timer(&s);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__MS);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    heard_is(&s, "ERROR -6");
}

Test(election, to_an_observer_a_look_is_a_success)
{
    struct elect__fsm_config config = usual();
    config.observer = true;
    struct script s = begin_with(config);
    PUT(&s, .kind = ELECT__IN_START);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    heard_is(&s, "ERROR -6");
    timer(&s);
    ANSWER(&s, .outcome = ELECT__FREE);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    heard_is(&s, "ERROR -6");
}

Test(election, an_operation_without_an_answer_is_given_up_at_its_deadline)
{
    struct script s = started();
    cr_assert_eq(s.fsm.wake_at_ns, s.op.deadline_ns);
    timer(&s);
    heard_is(&s, "ERROR -7");
    cr_assert_str_eq(flying(&s), "nothing");
}

Test(election, an_observer_looks_and_never_stands)
{
    struct elect__fsm_config config = usual();
    config.observer = true;
    struct script s = begin_with(config);
    PUT(&s, .kind = ELECT__IN_START);
    for (int i = 0; i < 6; i++) {
        sent_is(&s, "probe");
        if (i == 1)
            PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
        ANSWER(&s,
               .outcome = i % 3 == 2   ? ELECT__WAIT
                          : i % 3 == 0 ? ELECT__HELD
                                       : ELECT__FREE,
               .epoch = 3, .attempt = 1);
        if (i != 1)
            timer(&s);
    }
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    cr_assert_str_eq(flying(&s), "probe");
    PUT(&s, .kind = ELECT__IN_STOP);
    ANSWER(&s, .outcome = ELECT__FREE);
    heard_is(&s, "CLOSED");
}

/* ---- one's own lock ---- */

/* An acquire whose answer was lost; now the candidate probes. */
static struct script lost_answer(uint64_t *attempt)
{
    struct script s = started();
    *attempt = s.op.attempt;
    timer(&s);
    until_sent(&s, ELECT__PROBE);
    heard(&s);
    return s;
}

Test(election, a_lock_of_an_acquire_without_an_answer_is_adopted_by_a_renewal)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S, .own_id = true);
    sent_is(&s, "renew");
    cr_assert_eq(s.op.attempt, attempt);
    cr_assert_eq(s.op.epoch, 9);
    pass_ms(&s, 200);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    heard_is(&s, "ELECTED 9");
    cr_assert_eq(lease_ms(&s), 3600 - 200);
    cr_assert_eq(s.fsm.attempt, attempt);
}

Test(election, a_lock_of_another_start_is_not_adopted_whatever_its_id)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt + 2, .epoch = 9, .left_ns = ELECT__S, .own_id = true);
    sent_is(&s, "nothing");
    heard_is(&s, "");
}

Test(election, a_lock_without_a_known_epoch_is_released_not_adopted)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .left_ns = ELECT__S);
    sent_is(&s, "release");
    cr_assert_eq(s.op.attempt, attempt);
}

Test(election, a_lock_is_not_adopted_by_an_election_that_stops)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    PUT(&s, .kind = ELECT__IN_STOP);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S);
    sent_is(&s, "release");
    cr_assert_eq(s.op.epoch, 9);
}

Test(election, a_lock_after_its_release_was_sent_is_not_adopted)
{
    struct script s = started();
    uint64_t attempt = s.op.attempt;
    pass_ms(&s, 3600);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    sent_is(&s, "release");
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 7, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
    heard_is(&s, "");
}

/* It asked before it could know of that term: if it is granted now, what made that possible may hide its leader. */
Test(election, a_lock_of_an_acquire_from_before_a_later_term_is_somebody_elses)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 20, .left_ns = ELECT__MS);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 30, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
    heard_is(&s, "");
}

Test(election, an_older_term_than_was_seen_is_not_adopted)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 30, .left_ns = ELECT__MS);
    sent_is(&s, "renew");
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 20, .left_ns = ELECT__S);
    sent_is(&s, "release");
    heard_is(&s, "ERROR -7");
}

Test(election, a_lock_of_an_acquire_of_more_than_two_ttl_ago_is_somebody_elses)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    pass_ms(&s, 3700);
    PUT(&s, .kind = ELECT__IN_TIMER);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
    cr_assert_eq(s.fsm.adopt, 0);
}

Test(election, a_lock_of_a_lost_term_is_released_before_standing_again_when_its_work_has_ended)
{
    struct script s = led(7);
    uint64_t attempt = s.fsm.attempt;
    pass_ms(&s, 3700);
    PUT(&s, .kind = ELECT__IN_TIMER);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 7, .left_ns = 300 * ELECT__MS);
    sent_is(&s, "nothing");
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    sent_is(&s, "probe");
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 7, .left_ns = 300 * ELECT__MS);
    sent_is(&s, "release");
    cr_assert_eq(s.op.attempt, attempt);
    cr_assert_eq(s.op.epoch, 7);
}

static struct script adopting(void)
{
    uint64_t attempt;
    struct script s = lost_answer(&attempt);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S);
    return s;
}

Test(election, an_adoption_that_the_store_refuses_is_given_up)
{
    for (int i = 0; i < 2; i++) {
        struct script s = adopting();
        uint64_t attempt = s.op.attempt;
        ANSWER(&s, .outcome = i == 0 ? ELECT__TAKEN : ELECT__DELETED);
        until_sent(&s, ELECT__PROBE);
        ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S);
        sent_is(&s, "nothing");
        heard_is(&s, "");
    }
}

Test(election, an_adoption_without_an_answer_may_be_tried_again)
{
    struct script s = adopting();
    uint64_t attempt = s.op.attempt;
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S);
    sent_is(&s, "renew");
    ANSWER(&s, .outcome = ELECT__UNKNOWN);
    until_sent(&s, ELECT__PROBE);
}

Test(election, an_adoption_answered_at_its_deadline_is_released)
{
    struct script s = adopting();
    pass_ms(&s, 3600);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    heard_is(&s, "");
    sent_is(&s, "release");
    cr_assert_eq(s.op.epoch, 9);
}

Test(election, acquires_older_than_the_last_eight_count_as_somebody_elses)
{
    struct script s = started();
    uint64_t first = s.op.attempt;
    for (int i = 0; i < 8; i++) {
        ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
        until_sent(&s, ELECT__PROBE);
        ANSWER(&s, .outcome = ELECT__FREE);
        sent_is(&s, "acquire");
    }
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = first, .epoch = 9, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
}

Test(election, an_acquire_that_was_answered_otherwise_is_ours_no_more)
{
    struct script s = started();
    uint64_t attempt = s.op.attempt;
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 9, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
}

Test(election, an_acquire_that_finds_its_own_lock_adopts_it)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = s.op.attempt, .epoch = 9, .left_ns = ELECT__S);
    sent_is(&s, "renew");
}
