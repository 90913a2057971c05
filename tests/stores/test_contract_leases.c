/* The contract of stores: one leader, its renewals, its release, the end of its lease. */
#include "contract.h"

/* ---- one leader ---- */

RULE(nobody_leads_at_first)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(probe(&p.a), ELECT__FREE);
    cr_assert_not(p.a.has_leader);
    leave_pair(&p);
}

RULE(one_wins_and_the_other_finds_it_held)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    cr_assert_eq(p.b.reply.attempt, 11);
    cr_assert_eq(p.b.reply.epoch, epoch);
    int64_t longest_ns = stage->ttl_ns + (stage_is_register(stage) ? p.b.settings.clock_margin_ns : 0);
    cr_assert(p.b.reply.left_ns > 0 && p.b.reply.left_ns <= longest_ns, "%" PRId64, p.b.reply.left_ns);
    cr_assert_not(p.b.reply.own_id);
    cr_assert_eq(probe(&p.b), ELECT__HELD);
    cr_assert_eq(p.b.reply.epoch, epoch);
    leave_pair(&p);
}

RULE(what_the_leader_tells_of_itself_is_found)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    int64_t now_ms = stage->env.real_us(stage->env.ctx) / 1000;
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(probe(&p.b), ELECT__HELD);
    cr_assert(p.b.has_leader);
    cr_assert_str_eq(p.b.id, "a-1");
    cr_assert_str_eq(p.b.hostname, "host-1");
    cr_assert_str_eq(p.b.address, "10.0.0.1:80");
    cr_assert_str_eq(p.b.metadata, "{\"zone\":\"a\"}");
    cr_assert_eq(p.b.leader_epoch, epoch);
    cr_assert(p.b.started_at_ms > now_ms - 60000 && p.b.started_at_ms < now_ms + 60000);
    leave_pair(&p);
}

RULE(the_holder_finds_its_own_lock_by_its_attempt)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.a, 12), ELECT__HELD, "no second term and no second grant of the first");
    cr_assert_eq(p.a.reply.attempt, 11);
    cr_assert_eq(p.a.reply.epoch, epoch);
    cr_assert(p.a.reply.own_id);
    leave_pair(&p);
}

RULE(the_same_id_elsewhere_is_somebody_else)
{
    struct actor a, twin;
    actor_enter(&a, stage, at(stage, 0), "job", "a-1");
    actor_enter(&twin, stage, at(stage, 1), "job", "a-1");
    uint64_t epoch = win(&a, 11);
    cr_assert_eq(acquire(&twin, 12), ELECT__HELD);
    cr_assert(twin.reply.own_id);
    cr_assert_eq(twin.reply.attempt, 11);
    cr_assert_eq(renew(&twin, 12, epoch), ELECT__TAKEN, "an id is no proof");
    cr_assert_eq(release(&twin, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(renew(&a, 11, epoch), ELECT__RENEWED, "a release by id took the lock of its namesake");
    actor_leave(&a);
    actor_leave(&twin);
}

/* ---- renew ---- */

RULE(a_renewal_answers_the_epoch_and_extends)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    for (int i = 0; i < 3; i++) {
        stage_pass(stage, stage->ttl_ns / 2);
        cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED, "renewal %d", i);
        cr_assert_eq(p.a.reply.attempt, 11);
        cr_assert_eq(p.a.reply.epoch, epoch);
        cr_assert_eq(acquire(&p.b, 20 + (uint64_t)i), ELECT__HELD);
        cr_assert(p.b.reply.left_ns > stage->ttl_ns / 4, "%" PRId64, p.b.reply.left_ns);
    }
    leave_pair(&p);
}

RULE(renewing_needs_the_whole_value)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(renew(&p.b, 12, epoch), ELECT__TAKEN);
    cr_assert_eq(renew(&p.a, 12, epoch), ELECT__TAKEN);
    cr_assert_eq(renew(&p.a, 11, epoch + 1), ELECT__DELETED);
    cr_assert_eq(probe(&p.b), ELECT__HELD);
    cr_assert_eq(p.b.reply.epoch, epoch, "a renewal repaired the epoch");
    leave_pair(&p);
}

RULE(nothing_to_renew_is_deleted)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(renew(&p.a, 11, 1), ELECT__DELETED);
    cr_assert_eq(probe(&p.b), ELECT__FREE, "and nothing was written");
    leave_pair(&p);
}

RULE(after_the_end_nothing_is_renewed)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    outwait(&p.b);
    if (!stage_is_register(stage)) /* its version proves that nobody has followed yet, so it may go on */
        cr_assert_eq(renew(&p.a, 11, epoch), ELECT__DELETED);
    uint64_t next = win(&p.b, 12);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__TAKEN);
    cr_assert_eq(renew(&p.b, 12, next), ELECT__RENEWED);
    leave_pair(&p);
}

/* ---- release ---- */

RULE(a_release_frees_at_once)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(probe(&p.b), ELECT__FREE);
    cr_assert(win(&p.b, 12) > epoch);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__TAKEN);
    leave_pair(&p);
}

RULE(a_release_that_is_not_ours_changes_nothing)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(release(&p.b, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(release(&p.a, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(acquire(&p.b, 13), ELECT__HELD);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED);
    leave_pair(&p);
}

RULE(a_release_of_an_unanswered_acquire_needs_no_epoch)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    win(&p.a, 11);
    cr_assert_eq(release(&p.a, 11, 0, ELECT_REASON_EXPIRED), ELECT__RELEASED);
    cr_assert_eq(probe(&p.b), ELECT__FREE);
    leave_pair(&p);
}

RULE(a_late_release_finds_the_successor_untouched)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    outwait(&p.b);
    uint64_t next = win(&p.b, 12);
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_EXPIRED), ELECT__RELEASED);
    cr_assert_eq(renew(&p.b, 12, next), ELECT__RENEWED);
    leave_pair(&p);
}

/* ---- expiry ---- */

RULE(a_lease_that_ran_out_is_free_and_not_before)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    stage_pass(stage, stage->ttl_ns / 2);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    stage_pass(stage,
               p.b.reply.left_ns + (stage->clock != NULL ? 1 : 2 * ELECT__MS)); /* a server counts in milliseconds */
    cr_assert_eq(probe(&p.b), ELECT__FREE);
    cr_assert(win(&p.b, 13) > epoch);
    leave_pair(&p);
}

/* ---- many ---- */

RULE(a_thousand_alternations)
{
    struct pair p;
    uint64_t last = 0;
    enter_pair(&p, stage, "job");
    for (uint64_t i = 1; i <= 1000; i++) {
        struct actor *actor = i % 2 == 0 ? &p.a : &p.b, *other = i % 2 == 0 ? &p.b : &p.a;
        uint64_t epoch = win(actor, i);
        cr_assert(epoch > last);
        cr_assert_eq(acquire(other, 5000 + i), ELECT__HELD);
        cr_assert_eq(other->reply.attempt, i);
        cr_assert_eq(renew(actor, i, epoch), ELECT__RENEWED);
        cr_assert_eq(release(actor, i, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED);
        last = epoch;
    }
    leave_pair(&p);
}
