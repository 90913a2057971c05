/* Who may follow over a register with compare-and-set, and how. */
#include "cas_script.h"
#include "ledger.h"

#define PROBE(s) SUBMIT((s), .verb = ELECT__PROBE)
#define ACQUIRE(s) SUBMIT((s), .verb = ELECT__ACQUIRE, .attempt = 11)

/* ---- waiting ---- */

Test(cas, a_record_is_waited_out_from_when_it_was_first_seen)
{
    struct script s = begin();
    PROBE(&s);
    did_is(&s, "read");
    FOUND(&s, "a", 0);
    did_is(&s, "HELD 7 for 4400 ms");
    pass_ms(&s, 4399);
    PROBE(&s);
    FOUND(&s, "a", 0);
    did_is(&s, "HELD 7 for 1 ms");
    pass_ms(&s, 1);
    PROBE(&s);
    FOUND(&s, "a", 0);
    did_is(&s, "FREE 0");
}

Test(cas, every_change_starts_the_wait_again)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", 0);
    pass_ms(&s, 4000);
    PROBE(&s);
    FOUND(&s, "b", 0);
    did_is(&s, "HELD 7 for 4400 ms");
}

Test(cas, the_wait_counts_from_the_answer)
{
    struct script s = begin();
    PROBE(&s);
    pass_ms(&s, 500);
    FOUND(&s, "a", 0);
    did_is(&s, "HELD 7 for 4400 ms");
}

Test(cas, the_wait_is_that_of_the_leaders_lease)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", .lease_ns = 10000 * ELECT__MS);
    did_is(&s, "HELD 7 for 10400 ms");
    PROBE(&s);
    FOUND(&s, "b", .lease_ns = 1000 * ELECT__MS);
    did_is(&s, "HELD 7 for 1400 ms");
}

Test(cas, a_record_without_a_lease_is_waited_out_for_the_longest_that_is_known)
{
    struct script s = begin();
    struct elect__cas_record unsaid = others((struct elect__cas_record){0});
    unsaid.lease_ns = 0;
    PROBE(&s);
    found(&s, "a", unsaid);
    did_is(&s, "HELD 7 for 4400 ms");
    PROBE(&s);
    FOUND(&s, "b", .lease_ns = 10000 * ELECT__MS);
    PROBE(&s);
    found(&s, "c", unsaid);
    did_is(&s, "HELD 7 for 10400 ms");
    PROBE(&s);
    ABSENT(&s);
    did_is(&s, "WAIT 0 for 10400 ms");
}

Test(cas, a_follower_looks_again_as_configured)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", 0);
    cr_assert_eq(s.step.reply.poll_ns, 1000 * ELECT__MS);
    cr_assert_eq(s.step.reply.attempt, 5);
}

Test(cas, a_released_record_is_followed_at_once)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", .released = true);
    did_is(&s, "FREE 0");
    ACQUIRE(&s);
    did_is(&s, "write if 'a': epoch 1000 seq 1");
    cr_assert_eq(s.written.lease_ns, 4000 * ELECT__MS);
    cr_assert_eq(s.written.attempt, 11);
    cr_assert_str_eq(s.written.incarnation, "me");
}

Test(cas, a_released_record_older_than_what_was_seen_is_waited_out)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "b", .epoch = 8);
    PROBE(&s);
    FOUND(&s, "a", .released = true);
    did_is(&s, "WAIT 0 for 4400 ms");
    cr_assert_not_null(s.step.why);
    pass_ms(&s, 4400);
    ACQUIRE(&s);
    did_is(&s, "write if 'a': epoch 1000 seq 1");
}

Test(cas, what_the_machine_has_seen_counts_as_well)
{
    struct script s = begin();
    SUBMIT(&s, .verb = ELECT__ACQUIRE, .attempt = 11, .highest_epoch = 8);
    FOUND(&s, "a", .released = true);
    did_is(&s, "WAIT 0 for 4400 ms");
    SUBMIT(&s, .verb = ELECT__ACQUIRE, .attempt = 12, .highest_epoch = 3);
    FOUND(&s, "a", .released = true);
    did_is(&s, "WAIT 0 for 4400 ms");
}

Test(cas, absence_is_waited_out)
{
    struct script s = begin();
    ACQUIRE(&s);
    ABSENT(&s);
    did_is(&s, "WAIT 0 for 4400 ms");
    cr_assert_not_null(s.step.why);
    pass_ms(&s, 4400);
    ACQUIRE(&s);
    did_is(&s, "write if '': epoch 1000 seq 1");
}

Test(cas, a_record_that_goes_is_waited_out_from_then)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", 0);
    pass_ms(&s, 4000);
    PROBE(&s);
    ABSENT(&s);
    did_is(&s, "WAIT 0 for 4400 ms");
}

Test(cas, bootstrap_skips_the_wait_for_who_has_seen_nothing)
{
    struct elect__cas_config config = usual();
    config.bootstrap = true;
    struct script s = begin_with(config);
    ACQUIRE(&s);
    ABSENT(&s);
    did_is(&s, "write if '': epoch 1000 seq 1");
    s = begin_with(config);
    SUBMIT(&s, .verb = ELECT__ACQUIRE, .attempt = 11, .highest_epoch = 3);
    ABSENT(&s);
    did_is(&s, "WAIT 0 for 4400 ms");
    s = begin_with(config);
    PROBE(&s);
    UNREADABLE(&s, "x");
    PROBE(&s);
    ABSENT(&s);
    did_is(&s, "WAIT 0 for 4400 ms");
}

Test(cas, what_cannot_be_read_is_never_overwritten)
{
    struct script s = begin();
    PROBE(&s);
    UNREADABLE(&s, "x");
    did_is(&s, "REFUSED -6");
    cr_assert_not_null(s.step.why);
    pass_ms(&s, 10000);
    ACQUIRE(&s);
    did_is(&s, "read");
    UNREADABLE(&s, "x");
    did_is(&s, "REFUSED -6");
}

Test(cas, a_read_without_an_answer_says_nothing)
{
    struct script s = begin();
    PROBE(&s);
    UNKNOWN(&s);
    did_is(&s, "REFUSED -7");
    PROBE(&s);
    REFUSED(&s);
    did_is(&s, "REFUSED -11");
}

/* ---- acquiring ---- */

Test(cas, a_takeover_is_one_write_on_the_condition_that_nothing_changed)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", 0);
    pass_ms(&s, 4400);
    ACQUIRE(&s);
    did_is(&s, "write if 'a': epoch 1000 seq 1");
    WRITTEN(&s, "b");
    did_is(&s, "WON 1000");
    cr_assert_eq(s.step.reply.attempt, 11);
}

Test(cas, an_acquire_before_its_time_reads_and_waits)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", 0);
    pass_ms(&s, 4399);
    ACQUIRE(&s);
    did_is(&s, "read");
    FOUND(&s, "a", 0);
    did_is(&s, "HELD 7 for 1 ms");
}

Test(cas, an_epoch_is_above_the_record_and_all_that_was_seen)
{
    struct script s = begin();
    s.real_us = 0;
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    did_is(&s, "write if 'a': epoch 8 seq 1");
    s = begin();
    s.real_us = 0;
    PROBE(&s);
    FOUND(&s, "b", .epoch = 20);
    PROBE(&s);
    ABSENT(&s);
    pass_ms(&s, 4400);
    ACQUIRE(&s);
    did_is(&s, "write if '': epoch 21 seq 1");
}

Test(cas, an_epoch_without_a_next_is_refused)
{
    struct script s = begin();
    PROBE(&s);
    FOUND(&s, "a", .released = true, .epoch = ELECT__EPOCH_END - 1);
    PROBE(&s);
    uint64_t given_up = s.ticket;
    ACQUIRE(&s);
    did_is(&s, "REFUSED -6");
    ANSWER(&s, .ticket = given_up, .outcome = ELECT__CAS_ABSENT);
    did_is(&s, "nothing");
}

Test(cas, a_conflict_is_a_lost_race)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    CONFLICT(&s);
    did_is(&s, "read");
    FOUND(&s, "b", .epoch = 8);
    did_is(&s, "HELD 8 for 4400 ms");
}

Test(cas, a_conflict_with_our_own_write_is_a_success)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    CONFLICT(&s);
    found(&s, "b", s.written);
    did_is(&s, "WON 1000");
}

Test(cas, a_write_of_another_attempt_is_not_ours)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    CONFLICT(&s);
    struct elect__cas_record record = s.written;
    record.attempt = 12;
    found(&s, "b", record);
    did_is(&s, "HELD 1000 for 4400 ms");
    record.attempt = 11;
    strcpy(record.incarnation, "another");
    ACQUIRE(&s);
    found(&s, "c", record);
    did_is(&s, "HELD 1000 for 4400 ms");
}

Test(cas, a_write_of_ours_that_was_released_since_won_nothing)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    CONFLICT(&s);
    struct elect__cas_record record = s.written;
    record.released = true;
    found(&s, "b", record);
    did_is(&s, "WAIT 0 for 0 ms");
}

Test(cas, a_lock_that_is_free_again_is_written_again)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    UNKNOWN(&s);
    FOUND(&s, "b", .released = true, .epoch = 1008);
    did_is(&s, "write if 'b': epoch 1009 seq 2");
    cr_assert_eq(s.written.attempt, 11);
    CONFLICT(&s);
    FOUND(&s, "c", .released = true, .epoch = 1010);
    did_is(&s, "write if 'c': epoch 1011 seq 3");
    WRITTEN(&s, "d");
    did_is(&s, "WON 1011");
}

Test(cas, a_lock_that_changes_under_each_write_is_left_to_the_next_operation)
{
    static const char *const versions[] = {"a", "b", "c", "d"};
    struct script s = begin();
    ACQUIRE(&s);
    for (int i = 0; i < 3; i++) {
        FOUND(&s, versions[i], .released = true);
        cr_assert_eq(s.step.act, ELECT__CAS_WRITE);
        CONFLICT(&s);
    }
    FOUND(&s, versions[3], .released = true);
    did_is(&s, "WAIT 0 for 0 ms");
}

Test(cas, a_write_without_an_answer_is_looked_for)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    UNKNOWN(&s);
    did_is(&s, "read");
    found(&s, "b", s.written);
    did_is(&s, "WON 1000");
}

Test(cas, a_write_that_may_yet_arrive_is_unknown)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    UNKNOWN(&s);
    FOUND(&s, "a", .released = true);
    did_is(&s, "UNKNOWN -8");
}

Test(cas, a_write_in_doubt_ends_with_the_version_that_it_was_made_for)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    UNKNOWN(&s);
    FOUND(&s, "b", .epoch = 8);
    did_is(&s, "HELD 8 for 4400 ms");
}

Test(cas, a_doubt_that_cannot_be_cleared_is_told)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    UNKNOWN(&s);
    REFUSED(&s);
    did_is(&s, "UNKNOWN -11");
}

Test(cas, a_refused_write_is_a_refusal)
{
    struct script s = begin();
    ACQUIRE(&s);
    FOUND(&s, "a", .released = true);
    REFUSED(&s);
    did_is(&s, "REFUSED -11");
}

Test(cas, nothing_is_written_from_the_deadline_on)
{
    struct script s = begin();
    ACQUIRE(&s);
    pass_ms(&s, 3600);
    FOUND(&s, "a", .released = true);
    did_is(&s, "REFUSED -6");
}

/* ---- which answer ---- */

Test(cas, an_answer_that_nobody_waits_for_changes_nothing)
{
    struct script s = begin();
    ABSENT(&s);
    did_is(&s, "nothing");
    PROBE(&s);
    ANSWER(&s, .ticket = s.ticket + 1, .outcome = ELECT__CAS_ABSENT);
    did_is(&s, "nothing");
    FOUND(&s, "a", 0);
    FOUND(&s, "a", .released = true);
    did_is(&s, "nothing");
}

Test(cas, an_operation_gives_up_the_one_before)
{
    struct script s = begin();
    PROBE(&s);
    uint64_t given_up = s.ticket;
    ACQUIRE(&s);
    did_is(&s, "read");
    ANSWER(&s, .ticket = given_up, .outcome = ELECT__CAS_ABSENT);
    did_is(&s, "nothing");
    FOUND(&s, "a", .released = true);
    did_is(&s, "write if 'a': epoch 1000 seq 1");
}
