/* Lost data and other servers: what is waited out, and how it is told. */
#include "unit/election_script.h"

Test(election, an_acquire_carries_the_highest_epoch_ever_seen)
{
    struct script s = started();
    cr_assert_eq(s.op.highest_epoch, 0);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 30, .left_ns = ELECT__MS);
    timer(&s);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 20, .left_ns = ELECT__MS);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "acquire");
    cr_assert_eq(s.op.highest_epoch, 30);
    cr_assert_not(s.op.loss_waited);
}

Test(election, lost_data_is_waited_out_from_the_first_answer_and_the_wait_is_told)
{
    struct script s = following(1);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    ANSWER(&s, .outcome = ELECT__LOST_DATA);
    int64_t first_ns = s.now_ns;
    sent_is(&s, "nothing");
    pass_ms(&s, 100);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "nothing");
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert_eq(s.now_ns, first_ns + 4400 * ELECT__MS);
    cr_assert(s.op.loss_waited);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 31);
    heard_is(&s, "ELECTED 31");
    cr_assert_eq(s.fsm.loss_until_ns, 0);
}

Test(election, a_wait_for_lost_data_is_served_for_a_ttl_and_no_longer)
{
    struct script s = following(1);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    ANSWER(&s, .outcome = ELECT__LOST_DATA);
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert(s.op.loss_waited);
    ANSWER(&s, .outcome = ELECT__REFUSED, .code = ELECT_EUNREACHABLE);
    pass_ms(&s, 4100);
    PUT(&s, .kind = ELECT__IN_WAKE, .free = true);
    sent_is(&s, "acquire");
    cr_assert_not(s.op.loss_waited, "an hour later it would be another loss");
    ANSWER(&s, .outcome = ELECT__LOST_DATA);
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert(s.op.loss_waited);
}

Test(election, a_store_that_does_not_accept_the_wait_is_asked_at_the_retry_interval)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__LOST_DATA);
    until_sent(&s, ELECT__ACQUIRE);
    ANSWER(&s, .outcome = ELECT__LOST_DATA);
    sent_is(&s, "nothing");
    cr_assert_geq(wake_ms(&s), 800);
    cr_assert_leq(wake_ms(&s), 1000);
    timer(&s);
    sent_is(&s, "acquire");
    cr_assert(s.op.loss_waited);
}

Test(election, a_leader_that_is_seen_ends_the_wait_for_lost_data)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__LOST_DATA);
    PUT(&s, .kind = ELECT__IN_LOOK);
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = ELECT__MS);
    until_sent(&s, ELECT__PROBE);
    ANSWER(&s, .outcome = ELECT__FREE);
    sent_is(&s, "acquire");
    cr_assert_not(s.op.loss_waited);
}

Test(election, a_grant_that_came_too_late_uses_the_waits_up)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__LOST_DATA, .server = "b");
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert(s.op.loss_waited);
    pass_ms(&s, 3600);
    ANSWER(&s, .outcome = ELECT__WON, .epoch = 7);
    sent_is(&s, "release");
    ANSWER(&s, .outcome = ELECT__RELEASED);
    sent_is(&s, "acquire");
    cr_assert_not(s.op.loss_waited);
    cr_assert_str_eq(s.op.server_waited, "");
}

Test(election, a_changed_server_is_waited_out_for_the_grace_and_the_margin_then_named)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__CHANGED, .server = "b");
    int64_t first_ns = s.now_ns;
    sent_is(&s, "nothing");
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert_eq(s.now_ns, first_ns + 4400 * ELECT__MS);
    cr_assert_str_eq(s.op.server_waited, "b");
    ANSWER(&s, .outcome = ELECT__CHANGED, .server = "b");
    cr_assert_geq(wake_ms(&s), 800);
    cr_assert_leq(wake_ms(&s), 1000);
}

Test(election, another_changed_server_is_waited_out_anew)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__CHANGED, .server = "b");
    until_sent(&s, ELECT__ACQUIRE);
    ANSWER(&s, .outcome = ELECT__CHANGED, .server = "c");
    int64_t first_ns = s.now_ns;
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert_eq(s.now_ns, first_ns + 4400 * ELECT__MS);
    cr_assert_str_eq(s.op.server_waited, "c");
}

Test(election, the_waits_of_uptime_and_of_a_changed_server_run_side_by_side)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__WAIT, .left_ns = 2 * ELECT__S, .server = "b");
    int64_t first_ns = s.now_ns;
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert_eq(s.now_ns, first_ns + 4400 * ELECT__MS);
    cr_assert_str_eq(s.op.server_waited, "b");
}

Test(election, an_identity_of_full_length_is_kept_whole)
{
    struct script s = started();
    char server[ELECT__SERVER_SIZE];
    memset(server, 'x', sizeof server);
    server[sizeof server - 1] = '\0';
    struct elect__reply changed = {.outcome = ELECT__CHANGED};
    memcpy(changed.server, server, sizeof server);
    answer(&s, changed);
    until_sent(&s, ELECT__ACQUIRE);
    cr_assert_str_eq(s.op.server_waited, server);
}
