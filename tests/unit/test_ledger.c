/* The rules that every store keeps, on the register that has nothing else. Times in milliseconds of the store's clock. */
#include "ledger.h"
#include "table.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_US 1790000000000000

struct world {
    struct elect__ledger ledger;
    struct elect__ledger_server server;
    struct elect__reply reply;
};

static struct world world_of(const char *server)
{
    struct world w;
    memset(&w, 0, sizeof w);
#ifdef ELECT_TEST_PLANTED
    const char *planted = getenv("ELECT_PLANTED");
    elect__planted_now = planted == NULL ? ELECT__PLANTED_NONE : elect__planted_find(planted);
#endif
    strcpy(w.server.id, server);
    w.server.now_us = BEGIN_US;
    w.server.started_at_us = BEGIN_US - 3600 * 1000000LL;
    return w;
}

static struct world a_world(void)
{
    return world_of("a");
}

static void pass_ms(struct world *w, int64_t ms)
{
    w->server.now_us += ms * 1000;
}

/* The outcome of op for candidate id: TTL 4 s, grace 4 s. */
static enum elect__outcome apply(struct world *w, const char *id, struct elect__op op)
{
    struct elect__ledger_request request = {
        .op = &op, .id = elect__hash(0, id), .ttl_us = 4000000, .grace_us = 4000000};
    if (op.seq == 0)
        op.seq = 17;
    elect__ledger_apply(&w->ledger, &w->server, &request, &w->reply);
    cr_assert_eq(w->reply.seq, op.seq);
    return w->reply.outcome;
}
#define DO(w, id, ...) apply((w), (id), (struct elect__op){__VA_ARGS__})

/* n1 leads by attempt 11; its epoch. */
static uint64_t grant(struct world *w)
{
    cr_assert_eq(DO(w, "n1", .verb = ELECT__ACQUIRE, .attempt = 11), ELECT__WON);
    cr_assert_eq(w->reply.attempt, 11);
    return w->reply.epoch;
}

Test(ledger, a_free_lock_is_granted_once)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    cr_assert_eq(epoch, BEGIN_US);
    pass_ms(&w, 1000);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__HELD);
    cr_assert_eq(w.reply.attempt, 11);
    cr_assert_eq(w.reply.epoch, epoch);
    cr_assert_eq(w.reply.left_ns, 3000 * ELECT__MS);
    cr_assert_not(w.reply.own_id);
}

Test(ledger, the_holder_does_not_acquire_what_it_holds_by_its_id_nor_by_its_attempt)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    pass_ms(&w, 1000);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__ACQUIRE, .attempt = 12), ELECT__HELD);
    cr_assert(w.reply.own_id);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__ACQUIRE, .attempt = 11), ELECT__HELD);
    cr_assert_eq(w.reply.epoch, epoch);
    cr_assert_eq(w.reply.left_ns, 3000 * ELECT__MS);
}

Test(ledger, a_lock_past_its_time_is_no_lock)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    w.server.now_us += 3999999;
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__HELD);
    w.server.now_us += 1;
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch), ELECT__DELETED);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WON);
    cr_assert_gt(w.reply.epoch, epoch);
}

Test(ledger, a_renewal_begins_the_ttl_anew_and_answers_the_epoch)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    pass_ms(&w, 3000);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch), ELECT__RENEWED);
    cr_assert_eq(w.reply.epoch, epoch);
    cr_assert_eq(w.reply.attempt, 11);
    pass_ms(&w, 3000);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__PROBE), ELECT__HELD);
    cr_assert_eq(w.reply.left_ns, 1000 * ELECT__MS);
}

Test(ledger, a_renewal_moves_the_recorded_lease_too)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    pass_ms(&w, 3000);
    DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch);
    memset(&w.ledger.lock, 0, sizeof w.ledger.lock);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WAIT);
    cr_assert_eq(w.reply.left_ns, 4000 * ELECT__MS);
}

Test(ledger, renew_compares_the_whole_value_never_only_the_id)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 12, .epoch = epoch), ELECT__TAKEN);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch + 1), ELECT__DELETED);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch), ELECT__RENEWED);
}

Test(ledger, release_compares_the_whole_value_never_only_the_id)
{
    struct world w = a_world();
    grant(&w);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 12), ELECT__RELEASED);
    cr_assert(w.ledger.lock.held);
    cr_assert_not(w.ledger.record.released);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11), ELECT__RELEASED);
    cr_assert_not(w.ledger.lock.held);
    cr_assert(w.ledger.record.released);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11), ELECT__RELEASED);
}

Test(ledger, a_released_lock_is_free_at_once_with_a_higher_epoch)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__PROBE), ELECT__FREE);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WON);
    cr_assert_gt(w.reply.epoch, epoch);
}

Test(ledger, a_vanished_lock_is_not_a_free_lock)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    pass_ms(&w, 1000);
    memset(&w.ledger.lock, 0, sizeof w.ledger.lock);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__PROBE), ELECT__WAIT);
    cr_assert_eq(w.reply.left_ns, 3000 * ELECT__MS);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WAIT);
    cr_assert_eq(w.reply.left_ns, 3000 * ELECT__MS);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch), ELECT__DELETED);
    pass_ms(&w, 3000);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WON);
}

Test(ledger, a_lock_without_its_record_is_lost_never_repaired)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    memset(&w.ledger.record, 0, sizeof w.ledger.record);
    struct elect__ledger before = w.ledger;
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch), ELECT__DELETED);
    cr_assert_arr_eq(&before, &w.ledger, sizeof before);
}

Test(ledger, a_lock_that_another_term_is_recorded_for_has_no_known_epoch)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    w.ledger.record.attempt = 99;
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__PROBE), ELECT__HELD);
    cr_assert_eq(w.reply.epoch, 0);
    cr_assert_eq(DO(&w, "n1", .verb = ELECT__RENEW, .attempt = 11, .epoch = epoch), ELECT__DELETED);
    DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11);
    cr_assert_not(w.ledger.lock.held);
    cr_assert_not(w.ledger.record.released);
}

Test(ledger, a_young_server_waits_whatever_its_record)
{
    for (int with_record = 0; with_record < 2; with_record++) {
        struct world w = a_world();
        if (with_record) {
            grant(&w);
            DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11);
        }
        w.server.started_at_us = w.server.now_us - 1000000;
        cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WAIT);
        cr_assert_eq(w.reply.left_ns, 3000 * ELECT__MS);
        pass_ms(&w, 3000);
        cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WON);
    }
}

Test(ledger, of_two_waits_the_longer_is_told)
{
    struct world w = a_world();
    grant(&w);
    memset(&w.ledger.lock, 0, sizeof w.ledger.lock);
    w.server.started_at_us = w.server.now_us - 3000000;
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WAIT);
    cr_assert_eq(w.reply.left_ns, 4000 * ELECT__MS);
    w.server.started_at_us = w.server.now_us;
    pass_ms(&w, 1000);
    w.server.started_at_us += 1000;
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WAIT);
    cr_assert_eq(w.reply.left_ns, 3001 * ELECT__MS);
}

Test(ledger, a_record_of_another_server_is_waited_out_released_or_not)
{
    struct world w = a_world();
    grant(&w);
    DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11);
    strcpy(w.server.id, "b");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__CHANGED);
        cr_assert_str_eq(w.reply.server, "b");
    }
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .server_waited = "a"), ELECT__CHANGED);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .server_waited = "b"), ELECT__WON);
    cr_assert_str_eq(w.ledger.record.server, "b");
    DO(&w, "n2", .verb = ELECT__RELEASE, .attempt = 22);
    cr_assert_eq(DO(&w, "n3", .verb = ELECT__ACQUIRE, .attempt = 33), ELECT__WON);
}

Test(ledger, the_waits_of_uptime_and_of_a_changed_server_are_told_together)
{
    struct world w = a_world();
    grant(&w);
    memset(&w.ledger.lock, 0, sizeof w.ledger.lock);
    strcpy(w.server.id, "b");
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__WAIT);
    cr_assert_str_eq(w.reply.server, "b");
    pass_ms(&w, 4000);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .highest_epoch = BEGIN_US + 9), ELECT__LOST_DATA);
    cr_assert_str_eq(w.reply.server, "b");
}

static struct elect__reply ungraced(struct world *w, const char *id)
{
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 44};
    struct elect__ledger_request request = {.op = &op, .id = elect__hash(0, id), .ttl_us = 4000000};
    elect__ledger_apply(&w->ledger, &w->server, &request, &w->reply);
    return w->reply;
}

Test(ledger, without_a_restart_grace_only_the_recorded_lease_is_waited_out)
{
    struct world w = a_world();
    grant(&w);
    memset(&w.ledger.lock, 0, sizeof w.ledger.lock);
    strcpy(w.server.id, "b");
    w.server.started_at_us = w.server.now_us;
    cr_assert_eq(ungraced(&w, "n2").outcome, ELECT__WAIT);
    pass_ms(&w, 4000);
    w.server.started_at_us = w.server.now_us;
    cr_assert_eq(ungraced(&w, "n2").outcome, ELECT__WON);
}

Test(ledger, a_record_that_is_gone_or_older_than_an_epoch_seen_is_data_lost)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11);
    struct elect__ledger before = w.ledger;
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .highest_epoch = epoch + 5), ELECT__LOST_DATA);
    cr_assert_arr_eq(&before, &w.ledger, sizeof before);
    memset(&w.ledger, 0, sizeof w.ledger);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .highest_epoch = epoch), ELECT__LOST_DATA);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .highest_epoch = epoch, .loss_waited = true),
                 ELECT__WON);
    cr_assert_gt(w.reply.epoch, epoch);
}

/* The clock was stepped back by more than a second: so long no lease lasts. */
Test(ledger, a_lease_that_no_clock_of_today_grants_is_waited_for_once_as_lost_data_is)
{
    struct world w = a_world();
    uint64_t epoch = grant(&w);
    memset(&w.ledger.lock, 0, sizeof w.ledger.lock);
    pass_ms(&w, -1000);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .loss_waited = true), ELECT__WAIT);
    cr_assert_eq(w.reply.left_ns, 5000 * ELECT__MS);
    pass_ms(&w, -1);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__LOST_DATA);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__PROBE), ELECT__FREE);
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22, .loss_waited = true), ELECT__WON);
    cr_assert_gt(w.reply.epoch, epoch);
}

Test(ledger, an_epoch_that_leaves_no_room_is_refused_before_any_write)
{
    struct world w = a_world();
    grant(&w);
    DO(&w, "n1", .verb = ELECT__RELEASE, .attempt = 11);
    w.ledger.record.epoch = ELECT__EPOCH_END - 1;
    struct elect__ledger before = w.ledger;
    cr_assert_eq(DO(&w, "n2", .verb = ELECT__ACQUIRE, .attempt = 22), ELECT__REFUSED);
    cr_assert_eq(w.reply.code, ELECT_ESTORE);
    cr_assert_arr_eq(&before, &w.ledger, sizeof before);
}

Test(epoch, it_is_the_stores_time_unless_that_is_behind)
{
    cr_assert_eq(elect__next_epoch(0, 0, 500), 500);
    cr_assert_eq(elect__next_epoch(400, 300, 500), 500);
    cr_assert_eq(elect__next_epoch(500, 300, 500), 501);
    cr_assert_eq(elect__next_epoch(600, 300, 500), 601);
    cr_assert_eq(elect__next_epoch(300, 600, 500), 601);
    cr_assert_eq(elect__next_epoch(500, 500, 500), 501);
    cr_assert_eq(elect__next_epoch(0, 0, 0), 1);
    cr_assert_eq(elect__next_epoch(0, 0, -5), 1);
}

Test(epoch, it_stays_below_its_end_or_there_is_none)
{
    cr_assert_eq(elect__next_epoch(ELECT__EPOCH_END - 2, 0, 5), ELECT__EPOCH_END - 1);
    cr_assert_eq(elect__next_epoch(ELECT__EPOCH_END - 1, 0, 5), 0);
    cr_assert_eq(elect__next_epoch(0, ELECT__EPOCH_END - 1, 5), 0);
    cr_assert_eq(elect__next_epoch(ELECT__EPOCH_END, 0, 5), 0);
    cr_assert_eq(elect__next_epoch(UINT64_MAX, 0, 5), 0);
    cr_assert_eq(elect__next_epoch(0, UINT64_MAX, 5), 0);
    cr_assert_eq(elect__next_epoch(0, 0, (int64_t)ELECT__EPOCH_END), 0);
}
