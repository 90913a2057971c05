/* A term over a register with compare-and-set: renewals, releases, and what others do to the record. */
#include "cas_script.h"

Test(cas_terms, a_renewal_is_one_write)
{
    struct script s = led();
    RENEW(&s);
    did_is(&s, "write if 'b': epoch 1000 seq 2");
    WRITTEN(&s, "c");
    did_is(&s, "RENEWED 1000");
    cr_assert_eq(s.step.reply.attempt, 11);
}

Test(cas_terms, no_two_writes_are_equal)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    cr_assert_neq(s.written.seq, first.seq);
    WRITTEN(&s, "c");
    RELEASE(&s);
    cr_assert_neq(s.written.seq, first.seq + 1);
}

Test(cas_terms, a_renewal_that_was_sent_twice_is_found)
{
    struct script s = led();
    RENEW(&s);
    CONFLICT(&s);
    did_is(&s, "read");
    found(&s, "c", s.written);
    did_is(&s, "RENEWED 1000");
}

Test(cas_terms, a_renewal_that_did_not_arrive_is_written_again)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    UNKNOWN(&s);
    found(&s, "b", first);
    did_is(&s, "write if 'b': epoch 1000 seq 3");
    WRITTEN(&s, "c");
    did_is(&s, "RENEWED 1000");
}

Test(cas_terms, an_older_write_that_comes_late_proves_nothing)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    struct elect__cas_record late = s.written;
    RENEW(&s);
    did_is(&s, "read");
    found(&s, "b", first);
    did_is(&s, "write if 'b': epoch 1000 seq 3");
    CONFLICT(&s);
    found(&s, "c", late);
    did_is(&s, "write if 'c': epoch 1000 seq 4");
    WRITTEN(&s, "d");
    did_is(&s, "RENEWED 1000");
}

Test(cas_terms, any_write_of_this_renewal_proves_it)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    struct elect__cas_record landed = s.written;
    UNKNOWN(&s);
    found(&s, "b", first);
    UNKNOWN(&s);
    found(&s, "c", landed);
    did_is(&s, "RENEWED 1000");
}

Test(cas_terms, a_record_that_changes_under_each_write_is_left_to_the_next_renewal)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    CONFLICT(&s);
    found(&s, "c", first);
    CONFLICT(&s);
    found(&s, "d", first);
    CONFLICT(&s);
    found(&s, "e", first);
    did_is(&s, "REFUSED -6");
    cr_assert_not_null(s.step.why);
}

Test(cas_terms, after_writes_in_doubt_the_end_is_unknown)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    for (int i = 0; i < 3; i++) {
        UNKNOWN(&s);
        found(&s, "b", first);
    }
    did_is(&s, "UNKNOWN -8");
    RENEW(&s);
    UNKNOWN(&s);
    found(&s, "b", first);
    REFUSED(&s);
    did_is(&s, "UNKNOWN -11");
}

Test(cas_terms, another_leader_ends_the_term)
{
    struct script s = led();
    RENEW(&s);
    CONFLICT(&s);
    FOUND(&s, "c", .epoch = 1001);
    did_is(&s, "TAKEN 0");
}

Test(cas_terms, what_cannot_be_read_ends_the_term)
{
    struct script s = led();
    RENEW(&s);
    CONFLICT(&s);
    UNREADABLE(&s, "x");
    did_is(&s, "TAKEN 0");
}

Test(cas_terms, a_record_that_is_gone_ends_the_term)
{
    struct script s = led();
    RENEW(&s);
    CONFLICT(&s);
    ABSENT(&s);
    did_is(&s, "DELETED 0");
}

Test(cas_terms, a_term_that_was_released_is_not_renewed)
{
    struct script s = led();
    struct elect__cas_record record = s.written;
    record.released = true;
    RENEW(&s);
    CONFLICT(&s);
    found(&s, "c", record);
    did_is(&s, "DELETED 0");
}

Test(cas_terms, another_epoch_is_not_renewed)
{
    struct script s = led();
    SUBMIT(&s, .verb = ELECT__RENEW, .attempt = 11, .epoch = 999);
    did_is(&s, "DELETED 0");
}

Test(cas_terms, a_term_before_one_that_was_seen_is_over)
{
    struct script s = led();
    struct elect__cas_record restored = s.written;
    SUBMIT(&s, .verb = ELECT__PROBE);
    FOUND(&s, "c", .epoch = 1001);
    RENEW(&s);
    found(&s, "b", restored);
    did_is(&s, "TAKEN 0");
    RELEASE(&s);
    did_is(&s, "read");
    found(&s, "b", restored);
    did_is(&s, "RELEASED 0");
}

Test(cas_terms, a_record_put_back_within_the_term_is_renewed)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RENEW(&s);
    WRITTEN(&s, "c");
    RENEW(&s);
    CONFLICT(&s);
    found(&s, "b", first);
    did_is(&s, "write if 'b': epoch 1000 seq 4");
}

Test(cas_terms, a_wish_that_the_leader_steps_down_is_told_as_long_as_its_term_lasts)
{
    struct script s = led();
    struct elect__cas_record record = s.written;
    record.depose = 1000;
    RENEW(&s);
    CONFLICT(&s);
    found(&s, "c", record);
    did_is(&s, "write if 'c': epoch 1000 seq 3, depose 1000");
    WRITTEN(&s, "d");
    did_is(&s, "RENEWED 1000");
    RENEW(&s);
    did_is(&s, "write if 'd': epoch 1000 seq 4, depose 1000");
}

Test(cas_terms, a_wish_on_our_latest_write_is_told_with_its_success)
{
    struct script s = led();
    RENEW(&s);
    struct elect__cas_record record = s.written;
    record.depose = 1000;
    UNKNOWN(&s);
    found(&s, "d", record);
    did_is(&s, "RENEWED 1000, depose 1000");
}

Test(cas_terms, a_wish_for_another_epoch_is_not_told)
{
    struct script s = led();
    struct elect__cas_record record = s.written;
    record.depose = 999;
    RENEW(&s);
    CONFLICT(&s);
    found(&s, "c", record);
    did_is(&s, "write if 'c': epoch 1000 seq 3");
}

Test(cas_terms, a_release_is_written_with_the_epoch_kept)
{
    struct script s = led();
    RELEASE(&s);
    did_is(&s, "write if 'b': epoch 1000 seq 2 released");
    WRITTEN(&s, "c");
    did_is(&s, "RELEASED 0");
    SUBMIT(&s, .verb = ELECT__ACQUIRE, .attempt = 12);
    did_is(&s, "write if 'c': epoch 1001 seq 3");
}

Test(cas_terms, a_release_that_meets_a_conflict_is_repeated_while_the_record_is_ours)
{
    struct script s = led();
    struct elect__cas_record first = s.written;
    RELEASE(&s);
    CONFLICT(&s);
    found(&s, "c", first);
    did_is(&s, "write if 'c': epoch 1000 seq 3 released");
    CONFLICT(&s);
    FOUND(&s, "d", .epoch = 1001);
    did_is(&s, "RELEASED 0");
}

Test(cas_terms, there_is_nothing_to_release_twice)
{
    struct script s = led();
    RELEASE(&s);
    UNKNOWN(&s);
    found(&s, "c", s.written);
    did_is(&s, "RELEASED 0");
    RELEASE(&s);
    did_is(&s, "read");
    ABSENT(&s);
    did_is(&s, "RELEASED 0");
}

Test(cas_terms, a_write_that_was_given_up_is_looked_for_before_the_next)
{
    struct script s = led();
    RENEW(&s);
    struct elect__cas_record landed = s.written;
    RELEASE(&s);
    did_is(&s, "read");
    found(&s, "c", landed);
    did_is(&s, "write if 'c': epoch 1000 seq 3 released");
}
