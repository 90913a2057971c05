/* How an election ends for good: stopped, abandoned, lapsed. */
#include "unit/election_script.h"

Test(election, a_stopped_leader_drains_releases_and_closes)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_STOP);
    heard_is(&s, "LOST 7 1");
    cr_assert_not(leads(&s));
    PUT(&s, .kind = ELECT__IN_STOP);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    sent_is(&s, "release");
    cr_assert_eq(s.op.reason, ELECT_REASON_STOPPED);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    heard_is(&s, "CLOSED");
    cr_assert_eq(s.fsm.state, ELECT__CLOSED);
}

/* The release waits for the renewal in flight, and no longer for the work. */
Test(election, the_end_of_a_drain_is_not_waited_for_once_the_work_has_ended)
{
    struct elect__fsm_config config = usual();
    config.drain_ns = 500 * ELECT__MS;
    struct script s = led_with(config, 7);
    timer(&s);
    sent_is(&s, "renew");
    PUT(&s, .kind = ELECT__IN_STOP);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    pass_ms(&s, 600);
    PUT(&s, .kind = ELECT__IN_TIMER);
    cr_assert_eq(s.fsm.wake_at_ns, s.op.deadline_ns);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    sent_is(&s, "release");
}

Test(election, stop_before_start_closes_at_once)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_STOP);
    heard_is(&s, "CLOSED");
    sent_is(&s, "nothing");
}

Test(election, stop_waits_for_an_acquire_in_flight_and_releases_what_it_won)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    PUT(&s, .kind = ELECT__IN_STOP);
    heard_is(&s, "");
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    sent_is(&s, "release");
    cr_assert_eq(s.op.epoch, 7);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    heard_is(&s, "CLOSED");
}

Test(election, stop_releases_an_acquire_without_an_answer)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    uint64_t attempt = s.op.attempt;
    PUT(&s, .kind = ELECT__IN_STOP);
    pass_ms(&s, 3600);
    PUT(&s, .kind = ELECT__IN_TIMER);
    sent_is(&s, "release");
    cr_assert_eq(s.op.attempt, attempt);
    cr_assert_eq(s.op.epoch, 0);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    heard_is(&s, "ERROR -7, CLOSED");
}

Test(election, stop_does_not_wait_for_a_store_that_does_not_answer_a_release)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__FREE);
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    PUT(&s, .kind = ELECT__IN_STOP);
    sent_is(&s, "release");
    heard(&s);
    ANSWER(&s, .outcome = ELECT__UNKNOWN, .code = ELECT_EUNREACHABLE);
    heard_is(&s, "CLOSED");
}

Test(election, stop_of_a_follower_closes_at_once)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S);
    PUT(&s, .kind = ELECT__IN_STOP);
    heard_is(&s, "CLOSED");
}

Test(election, stop_while_releasing_closes_after_it)
{
    struct script s = draining(7);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    PUT(&s, .kind = ELECT__IN_STOP);
    heard_is(&s, "LOST 7 2");
    ANSWER(&s, .outcome = ELECT__RELEASED);
    heard_is(&s, "CLOSED");
}

Test(election, a_release_that_failed_is_not_repeated_and_its_lock_is_somebody_elses)
{
    struct script s = draining(7);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    uint64_t attempt = s.op.attempt;
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_ESTORE);
    sent_is(&s, "nothing");
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = attempt, .epoch = 7, .left_ns = ELECT__S);
    sent_is(&s, "nothing");
}

Test(election, stop_after_an_involuntary_loss_waits_for_the_work)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__DELETED);
    ANSWER(&s, .outcome = ELECT__FREE);
    PUT(&s, .kind = ELECT__IN_STOP);
    heard_is(&s, "LOST 7 7");
    sent_is(&s, "nothing");
    cr_assert_eq(s.fsm.wake_at_ns, s.fsm.drain_until_ns);
    PUT(&s, .kind = ELECT__IN_WORK_DONE);
    heard_is(&s, "CLOSED");
}

Test(election, a_stopped_election_ends_when_the_drain_timeout_does_and_its_lease_stays_readable)
{
    struct elect__fsm_config config = usual();
    config.drain_ns = 2000 * ELECT__MS;
    struct script s = led_with(config, 7);
    PUT(&s, .kind = ELECT__IN_STOP);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    timer(&s);
    heard_is(&s, "LOST 7 1, ERROR -3, CLOSED");
    sent_is(&s, "nothing");
    cr_assert_eq(lease_ms(&s), 4000 - 400 - 800);
    cr_assert_eq(s.fsm.wake_at_ns, ELECT__NEVER);
}

Test(election, a_stopped_election_whose_lease_was_lost_ends_when_the_drain_timeout_does)
{
    struct script s = led(7);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__TAKEN);
    ANSWER(&s, .outcome = ELECT__FREE);
    PUT(&s, .kind = ELECT__IN_STOP);
    timer(&s);
    heard_is(&s, "LOST 7 6, ERROR -3, CLOSED");
}

Test(election, an_abandoned_leader_releases_without_draining)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_ABANDON);
    heard_is(&s, "LOST 7 1");
    sent_is(&s, "release");
    cr_assert_eq(s.fsm.lease.lease_until_ns, 0);
    ANSWER(&s, .outcome = ELECT__RELEASED);
    heard_is(&s, "CLOSED");
}

Test(election, abandoning_ends_a_drain)
{
    struct script s = draining(7);
    PUT(&s, .kind = ELECT__IN_ABANDON);
    sent_is(&s, "release");
    ANSWER(&s, .outcome = ELECT__RELEASED);
    heard_is(&s, "LOST 7 2, CLOSED");
}

Test(election, nothing_follows_closed)
{
    for (int kind = ELECT__IN_START; kind <= ELECT__IN_WORK_DONE; kind++) {
        struct elect__reply reply = {.outcome = ELECT__WON, .attempt = 1, .epoch = 9, .seq = 1};
        struct script s = begin();
        PUT(&s, .kind = ELECT__IN_STOP);
        heard(&s);
        PUT(&s, .kind = (enum elect__input_kind)kind, .reply = &reply);
        heard_is(&s, "");
        sent_is(&s, "nothing");
        cr_assert_eq(s.fsm.state, ELECT__CLOSED);
        cr_assert_eq(s.fsm.wake_at_ns, ELECT__NEVER);
    }
}

Test(election, an_election_starts_once)
{
    struct script s = led(7);
    PUT(&s, .kind = ELECT__IN_START);
    cr_assert(leads(&s));
    sent_is(&s, "nothing");
}
