/* The contract of stores: epochs rise, changes are told, wishes arrive. */
#include "contract.h"

/* ---- epochs ---- */

RULE(epochs_rise_with_each_election)
{
    struct pair p;
    uint64_t last = 0;
    enter_pair(&p, stage, "job");
    for (uint64_t i = 1; i <= 20; i++) {
        struct actor *actor = i % 3 == 0 ? &p.a : &p.b;
        uint64_t epoch = win(actor, i);
        cr_assert(epoch > last, "%" PRIu64 " after %" PRIu64, epoch, last);
        cr_assert_eq(release(actor, i, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED);
        last = epoch;
    }
    leave_pair(&p);
}

RULE(epochs_are_microseconds_of_the_clock)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    int64_t epoch = (int64_t)win(&p.a, 11), now_us = stage->env.real_us(stage->env.ctx);
    cr_assert(epoch > now_us - 60000000 && epoch < now_us + 60000000, "%" PRId64 " at %" PRId64, epoch, now_us);
    leave_pair(&p);
}

/* A register says so in other words, and what it may wait for is what it has seen: its candidate waits out the lease. */
static void expect_lost_data(struct actor *actor, uint64_t attempt, uint64_t seen)
{
    enum elect__outcome outcome = stage_is_register(actor->stage) ? ELECT__WAIT : ELECT__LOST_DATA;
    cr_assert_eq(acquire_after(actor, attempt, seen, false), outcome);
    if (stage_is_register(actor->stage))
        outwait(actor);
}

RULE(a_record_older_than_what_was_seen_is_lost_data)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    uint64_t seen = epoch + 5000000;
    expect_lost_data(&p.b, 12, seen);
    cr_assert_eq(probe(&p.a), ELECT__FREE, "and nothing was written");
    cr_assert_eq(acquire_after(&p.b, 13, seen, true), ELECT__WON, "after the wait it is granted");
    cr_assert(p.b.reply.epoch > seen, "and above all that was ever seen");
    leave_pair(&p);
}

RULE(a_store_that_knows_nothing_is_lost_data_to_who_has_seen_more)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    expect_lost_data(&p.a, 11, 77);
    cr_assert_eq(acquire_after(&p.a, 12, 77, true), ELECT__WON);
    leave_pair(&p);
}

RULE(an_epoch_that_leaves_no_room_is_refused)
{
    struct pair p;
    stage_shorten(stage);
    enter_pair(&p, stage, "job");
    if (stage_is_register(stage)) /* what it has never seen, it has lost */
        outwait(&p.a);
    cr_assert_eq(acquire_after(&p.a, 11, ELECT__EPOCH_END - 1, true), ELECT__REFUSED);
    cr_assert_eq(p.a.reply.code, ELECT_ESTORE);
    cr_assert_eq(probe(&p.b), ELECT__FREE, "and nothing was written");
    leave_pair(&p);
}

/* ---- wakes ---- */

RULE(a_release_wakes_who_waits)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    stage_serve(stage);
    until_told(&p.b);
    const int *wakes = stage_is_register(stage) ? &p.b.wakes : &p.b.free_wakes;
    int before = *wakes;
    cr_assert_eq(release(&p.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    stage_changed(stage, "job");
    stage_until(stage, wakes, before + 1);
    win(&p.b, 13);
    leave_pair(&p);
}

RULE(an_observer_sees_and_is_woken)
{
    struct actor a, observer;
    actor_observe(&observer, stage, at(stage, 1), "job", "o-9");
    cr_assert_eq(probe(&observer), ELECT__FREE);
    actor_enter(&a, stage, at(stage, 0), "job", "a-1");
    uint64_t epoch = win(&a, 11);
    cr_assert_eq(probe(&observer), ELECT__HELD);
    cr_assert_str_eq(observer.id, "a-1");
    int before = observer.wakes;
    release(&a, 11, epoch, ELECT_REASON_STOPPED);
    stage_changed(stage, "job");
    stage_until(stage, &observer.wakes, before + 1);
    cr_assert_eq(probe(&observer), ELECT__FREE);
    actor_leave(&a);
    actor_leave(&observer);
}

/* ---- step down ---- */

RULE(who_leads_is_asked_to_step_down)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(acquire(&p.b, 12), ELECT__HELD);
    int before = p.a.wakes;
    cr_assert_eq(ask(stage, at(stage, 1), ELECT__QUERY_DEPOSE, "job", 0, NULL), ELECT_OK);
    renew(&p.a, 11, epoch); /* where nobody is told, a leader finds it at its next renewal */
    stage_until(stage, &p.a.wakes, before + 1);
    cr_assert_eq(p.a.deposed, epoch);
    cr_assert_eq(p.b.deposed, 0);
    cr_assert_eq(renew(&p.a, 11, epoch), ELECT__RENEWED, "it is a wish: the leader ends its term itself");
    leave_pair(&p);
}

RULE(only_the_epoch_that_leads_can_be_asked_to_step_down)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", 0, NULL), ELECT_ENOTLEADER);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "nobody-knows", 0, NULL), ELECT_ENOTLEADER);
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch - 1, NULL), ELECT_ENOTLEADER);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_OK);
    renew(&p.a, 11, epoch);
    stage_until(stage, &p.a.wakes, 1);
    cr_assert_eq(p.a.deposed, epoch);
    release(&p.a, 11, epoch, ELECT_REASON_RESIGNED);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_ENOTLEADER);
    leave_pair(&p);
}

RULE(a_wish_is_for_one_term_only)
{
    struct pair p;
    enter_pair(&p, stage, "job");
    uint64_t epoch = win(&p.a, 11);
    cr_assert_eq(ask(stage, 0, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_OK);
    renew(&p.a, 11, epoch);
    stage_until(stage, &p.a.wakes, 1);
    release(&p.a, 11, epoch, ELECT_REASON_RESIGNED);
    uint64_t next = win(&p.b, 12);
    cr_assert_eq(renew(&p.b, 12, next), ELECT__RENEWED);
    stage_serve(stage);
    cr_assert_eq(p.b.deposed, 0);
    leave_pair(&p);
}
