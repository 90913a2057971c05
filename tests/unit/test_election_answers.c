/* Answers that an operation cannot have, and inputs in states that don't expect them. */
#include "unit/election_script.h"

/* A machine with that operation in flight. */
static struct script with_op(enum elect__verb verb)
{
    struct script s = verb == ELECT__RENEW || verb == ELECT__RELEASE ? led(7) : begin();
    if (verb == ELECT__RENEW) {
        timer(&s);
    } else if (verb == ELECT__RELEASE) {
        PUT(&s, .kind = ELECT__IN_RESIGN);
        PUT(&s, .kind = ELECT__IN_WORK_DONE);
    } else {
        PUT(&s, .kind = ELECT__IN_START);
        if (verb == ELECT__PROBE) {
            ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__S);
            timer(&s);
        }
    }
    heard(&s);
    cr_assert_str_eq(flying(&s), verb_text(verb));
    return s;
}

static bool fits(enum elect__verb verb, enum elect__outcome outcome)
{
    switch (outcome) {
    case ELECT__WON:
    case ELECT__CHANGED:
    case ELECT__LOST_DATA:
        return verb == ELECT__ACQUIRE;
    case ELECT__RENEWED:
    case ELECT__TAKEN:
    case ELECT__DELETED:
        return verb == ELECT__RENEW;
    case ELECT__RELEASED:
        return verb == ELECT__RELEASE;
    case ELECT__FREE:
        return verb == ELECT__PROBE;
    case ELECT__HELD:
    case ELECT__WAIT:
        return verb == ELECT__PROBE || verb == ELECT__ACQUIRE;
    default:
        return true;
    }
}

Test(election, an_answer_that_its_operation_cannot_have_is_an_unknown_outcome_and_is_told)
{
    for (int verb = ELECT__PROBE; verb <= ELECT__RELEASE; verb++) {
        for (int outcome = 0; outcome < 32; outcome++) {
            if (fits((enum elect__verb)verb, (enum elect__outcome)outcome) && outcome >= ELECT__WON &&
                outcome <= ELECT__REFUSED)
                continue;
            struct script s = with_op((enum elect__verb)verb);
            bool led_before = leads(&s);
            ANSWER(&s, .outcome = (enum elect__outcome)outcome, .epoch = 999, .attempt = s.op.attempt);
            heard_is(&s, "ERROR -6");
            cr_assert_eq(leads(&s), led_before);
            cr_assert_neq(s.fsm.highest_epoch, 999);
        }
    }
}

Test(election, a_grant_that_names_another_attempt_elects_nobody)
{
    struct script s = with_op(ELECT__ACQUIRE);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7, .attempt = s.op.attempt + 2);
    heard_is(&s, "ERROR -6");
}

Test(election, a_grant_without_an_epoch_or_with_one_out_of_range_elects_nobody)
{
    struct script s = with_op(ELECT__ACQUIRE);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 0);
    heard_is(&s, "ERROR -6");
    s = with_op(ELECT__ACQUIRE);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = ELECT__EPOCH_END);
    heard_is(&s, "ERROR -6");
    s = with_op(ELECT__ACQUIRE);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = ELECT__EPOCH_END - 1);
    heard_is(&s, "ELECTED 9007199254740991");
}

Test(election, a_renewal_that_names_another_term_extends_nothing)
{
    struct script s = with_op(ELECT__RENEW);
    int64_t left_ms = lease_ms(&s);
    ANSWER(&s, .outcome = ELECT__RENEWED, .epoch = 8);
    heard_is(&s, "ERROR -6");
    cr_assert_eq(lease_ms(&s), left_ms);
    s = with_op(ELECT__RENEW);
    ANSWER(&s, .outcome = ELECT__RENEWED, .attempt = 5);
    heard_is(&s, "ERROR -6");
    cr_assert_eq(lease_ms(&s), left_ms);
}

Test(election, an_answer_to_another_request_changes_nothing)
{
    for (int verb = ELECT__PROBE; verb <= ELECT__RELEASE; verb++) {
        for (int outcome = ELECT__WON; outcome <= ELECT__REFUSED; outcome++) {
            struct script s = with_op((enum elect__verb)verb);
            struct elect__fsm before = s.fsm;
            ANSWER(&s, .outcome = (enum elect__outcome)outcome, .seq = s.op.seq + 1, .epoch = 7,
                   .attempt = s.op.attempt);
            cr_assert_arr_eq(&before, &s.fsm, sizeof before);
            heard_is(&s, "");
        }
    }
}

Test(election, an_answer_without_an_operation_changes_nothing)
{
    for (int outcome = ELECT__WON; outcome <= ELECT__REFUSED; outcome++) {
        struct script s = led(7);
        struct elect__fsm before = s.fsm;
        ANSWER(&s, .outcome = (enum elect__outcome)outcome, .epoch = 7, .attempt = s.op.attempt);
        cr_assert_arr_eq(&before, &s.fsm, sizeof before);
    }
}

Test(election, an_answer_counts_once)
{
    struct script s = with_op(ELECT__RENEW);
    ANSWER(&s, .outcome = ELECT__RENEWED);
    int64_t until_ns = s.fsm.lease.lease_until_ns;
    pass_ms(&s, 500);
    ANSWER(&s, .outcome = ELECT__TAKEN);
    cr_assert(leads(&s));
    cr_assert_eq(s.fsm.lease.lease_until_ns, until_ns);
}

Test(election, an_early_timer_costs_nothing)
{
    for (int verb = ELECT__PROBE; verb <= ELECT__RELEASE; verb++) {
        struct script s = with_op((enum elect__verb)verb);
        struct elect__fsm before = s.fsm;
        PUT(&s, .kind = ELECT__IN_TIMER);
        cr_assert_arr_eq(&before, &s.fsm, sizeof before);
    }
}

Test(election, an_unstarted_election_does_nothing_but_end)
{
    static const enum elect__input_kind kinds[] = {ELECT__IN_TIMER, ELECT__IN_WAKE,   ELECT__IN_LOOK,
                                                   ELECT__IN_DOUBT, ELECT__IN_RESIGN, ELECT__IN_WORK_DONE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct script s = begin();
        PUT(&s, .kind = kinds[i]);
        heard_is(&s, "");
        sent_is(&s, "nothing");
        cr_assert_eq(s.fsm.wake_at_ns, ELECT__NEVER);
    }
}

Test(election, an_input_of_no_kind_is_only_a_look_at_the_time)
{
    struct script s = led(7);
    PUT(&s, .kind = (enum elect__input_kind)0);
    cr_assert(leads(&s));
    pass_ms(&s, 3600);
    PUT(&s, .kind = (enum elect__input_kind)0);
    heard_is(&s, "LOST 7 4");
}

Test(election, attempts_differ_between_seeds_and_never_are_zero)
{
    struct elect__fsm_config config = usual();
    struct script a = begin_with(config);
    config.seed++;
    struct script b = begin_with(config);
    PUT(&a, .kind = ELECT__IN_START);
    PUT(&b, .kind = ELECT__IN_START);
    cr_assert_neq(a.op.attempt, 0);
    cr_assert_neq(a.op.attempt, b.op.attempt);
}
