/* The scripts do what ledger.c does: random operations, and what else happens to a server, are played to both, whose
 * answers and registers must agree. What time it is, the server says. */
#include "ledger.h"
#include "redis_play.h"
#include "table.h"
#include <stdio.h>

enum { RIVALS = 3, ATTEMPTS = 4, STEPS = 2000, VALUE_SIZE = 64 };
#define GRACE_NS INT64_C(1000000)

static const char *const ids[RIVALS] = {"a", "b", "a"}; /* two starts with one id */

struct world {
    struct play play;
    struct rival rivals[RIVALS];
    struct elect__ledger ledger;
    struct elect__ledger_server server; /* id; now_us as of the last answer */
    struct elect__ledger kept;          /* a copy, such as a snapshot has */
    char before[ELECT__SERVER_SIZE];    /* another server's id */
    uint64_t epochs[ATTEMPTS];          /* some that were granted */
    uint64_t acquires, random;
    int64_t longest_us; /* that an operation took */
    int outcomes[ELECT__REFUSED + 1];
};

static uint64_t draw(struct world *w, uint64_t end)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % end;
}

/* ---- both registers, made alike ---- */

static void write_value(uint64_t attempt, char value[VALUE_SIZE])
{
    snprintf(value, VALUE_SIZE, "%s %016" PRIx64, ids[attempt % RIVALS], attempt);
}

static void write_register(struct world *w)
{
    const struct elect__ledger_lock *lock = &w->ledger.lock;
    const struct elect__ledger_record *record = &w->ledger.record;
    char value[VALUE_SIZE];
    play_do(&w->play, "DEL %s %s", LOCK, TERM);
    if (lock->held) {
        write_value(lock->attempt, value);
        play_do(&w->play, "SET %s %s PXAT %lld", LOCK, value, (long long)lock->until_us / 1000);
    }
    if (record->epoch != 0) {
        write_value(record->attempt, value);
        play_do(&w->play, "HSET %s epoch %llu holder %s until %lld released %d server %s ttl %lld", TERM,
                (unsigned long long)record->epoch, value, (long long)record->lease_until_us, record->released,
                record->server, (long long)record->ttl_us / 1000);
    }
}

static void compare_registers(struct world *w, const char *what)
{
    char text[8192], expected[64];
    const struct elect__ledger_lock *lock = &w->ledger.lock;
    const struct elect__ledger_record *record = &w->ledger.record;
    play_get(&w->play, LOCK, NULL, text);
    cr_assert_eq(strcmp(text, "(none)") != 0, lock->held, "%s: the lock is %s", what, text);
    if (lock->held)
        cr_assert_eq(strtoull(strrchr(text, ' '), NULL, 16), lock->attempt, "%s: %s", what, text);
    cr_assert_eq(strtoull(play_get(&w->play, TERM, "epoch", text), NULL, 10), record->epoch, "%s: %s", what, text);
    if (record->epoch == 0)
        return;
    play_get(&w->play, TERM, "holder", text);
    cr_assert_eq(strtoull(strrchr(text, ' '), NULL, 16), record->attempt, "%s: %s", what, text);
    cr_assert_eq(*play_get(&w->play, TERM, "released", text) == '1', record->released, "%s", what);
    cr_assert_str_eq(play_get(&w->play, TERM, "server", text), record->server, "%s", what);
    snprintf(expected, sizeof expected, "%" PRId64, record->lease_until_us);
    cr_assert_str_eq(play_get(&w->play, TERM, "until", text), expected, "%s", what);
}

/* ---- what happens ---- */

/* Each candidate names attempts of its own: the one that leads, if that is its, or any that it sent before. */
static struct elect__op random_op(struct world *w, uint64_t rival)
{
    static const enum elect__verb verbs[] = {ELECT__ACQUIRE, ELECT__ACQUIRE, ELECT__RENEW, ELECT__RENEW,
                                             ELECT__RELEASE};
    struct elect__op op = {.verb = verbs[draw(w, 5)], .seq = 1};
    const struct elect__ledger_record *record = &w->ledger.record;
    op.attempt = (1 + draw(w, w->acquires + 1)) * RIVALS + rival;
    if (w->ledger.lock.attempt % RIVALS == rival && draw(w, 3) != 0)
        op.attempt = w->ledger.lock.attempt;
    op.epoch = draw(w, 4) == 0 ? w->epochs[draw(w, ATTEMPTS)] : record->epoch;
    if (op.verb != ELECT__ACQUIRE)
        return op;
    op.attempt = ++w->acquires * RIVALS + rival;
    op.highest_epoch = draw(w, 3) == 0 ? w->epochs[draw(w, ATTEMPTS)] + draw(w, 2) : 0;
    op.loss_waited = draw(w, 3) == 0;
    snprintf(op.server_waited, sizeof op.server_waited, "%s",
             draw(w, 2) == 0   ? w->server.id
             : draw(w, 2) == 0 ? w->before
                               : "");
    return op;
}

static void lease_ends(struct world *w)
{
    struct elect__ledger *ledger = &w->ledger;
    memset(&ledger->lock, 0, sizeof ledger->lock);
    ledger->record.lease_until_us = 1;
    write_register(w);
}

/* A lease of before the clock was stepped back. */
static void lease_is_ahead(struct world *w)
{
    memset(&w->ledger.lock, 0, sizeof w->ledger.lock);
    w->ledger.record.lease_until_us += draw(w, 2) == 0 ? PLAY_TTL_NS / 1000 : 500000;
    write_register(w);
}

static void happen(struct world *w)
{
    switch (draw(w, 8)) {
    case 0:
        memset(&w->ledger.lock, 0, sizeof w->ledger.lock);
        play_do(&w->play, "DEL %s", LOCK);
        break;
    case 1:
        memset(&w->ledger.record, 0, sizeof w->ledger.record);
        play_do(&w->play, "DEL %s", TERM);
        break;
    case 2:
        memset(&w->ledger, 0, sizeof w->ledger);
        play_do(&w->play, "FLUSHALL");
        break;
    case 3:
        memcpy(w->before, w->server.id, sizeof w->before);
        play_promote(&w->play, w->server.id);
        break;
    case 4:
        w->kept = w->ledger;
        break;
    case 5:
        w->ledger = w->kept;
        write_register(w);
        break;
    case 6:
        lease_is_ahead(w);
        break;
    default:
        lease_ends(w);
    }
}

/* ---- both asked ---- */

/* A script's TIME may be read a while after the time that its PX counts from: no longer than the longest took. And PTTL is in
 * milliseconds. */
static void compare_left(struct world *w, const struct elect__reply *ours, const struct elect__reply *theirs,
                         const char *what)
{
    int64_t apart_us = (ours->left_ns - theirs->left_ns) / 1000, allowed_us = 2 * w->longest_us + 2000;
    cr_assert(apart_us <= allowed_us && apart_us >= -allowed_us, "%s: %" PRId64 " us apart", what, apart_us);
}

static void ask_both(struct world *w, uint64_t index)
{
    struct rival *rival = &w->rivals[index];
    struct elect__op op = random_op(w, index);
    struct elect__reply reply;
    char what[700];
    struct elect__ledger_request request = {
        .op = &op,
        .id = elect__hash(0, rival->settings.instance_id),
        .ttl_us = PLAY_TTL_NS / 1000,
        .grace_us = GRACE_NS / 1000,
    };
    int64_t before_us = play_now_us(&w->play);
    rival_do(rival, op);
    int64_t after_us = play_now_us(&w->play);
    w->longest_us = after_us - before_us > w->longest_us ? after_us - before_us : w->longest_us;
    w->server.now_us = rival->found.server_us != 0 ? rival->found.server_us : after_us;
    cr_assert(w->server.now_us >= before_us && w->server.now_us <= after_us);
    elect__ledger_apply(&w->ledger, &w->server, &request, &reply);
    snprintf(what, sizeof what, "verb %d attempt %" PRIu64 " epoch %" PRIu64 ": %d for %d: %s", op.verb, op.attempt,
             op.epoch, rival->reply.outcome, reply.outcome, rival->text);
    cr_assert_eq(rival->reply.outcome, reply.outcome, "%s", what);
    cr_assert_eq(rival->reply.attempt, reply.attempt, "%s", what);
    cr_assert_eq(rival->reply.epoch, reply.epoch, "%s", what);
    cr_assert_eq(rival->reply.own_id, reply.own_id, "%s", what);
    cr_assert_eq(rival->reply.code, reply.code, "%s", what);
    cr_assert_str_eq(rival->reply.server, reply.server, "%s", what);
    compare_left(w, &rival->reply, &reply, what);
    if (reply.outcome == ELECT__WON)
        w->epochs[draw(w, ATTEMPTS)] = reply.epoch;
    w->outcomes[reply.outcome]++;
    compare_registers(w, what);
}

Test(redis_random, the_scripts_answer_as_the_ledger_does)
{
    const enum elect__outcome wanted[] = {ELECT__WON,     ELECT__RENEWED,   ELECT__RELEASED, ELECT__HELD,   ELECT__WAIT,
                                          ELECT__CHANGED, ELECT__LOST_DATA, ELECT__TAKEN,    ELECT__DELETED};
    struct world w;
    memset(&w, 0, sizeof w);
    play_open(&w.play);
    w.play.settings.restart_grace_ns = GRACE_NS;
    for (int i = 0; i < RIVALS; i++)
        rival_enter(&w.rivals[i], &w.play, ids[i]);
    play_age(&w.play); /* test_redis_script.c has the rule of its age */
    play_server_id(&w.play, w.server.id);
    const char *seed = getenv("ELECT_TEST_SEED");
    w.random = seed ? strtoull(seed, NULL, 10) : 1;
    for (int step = 0; step < STEPS; step++) {
        if (draw(&w, 4) == 0)
            happen(&w);
        ask_both(&w, draw(&w, RIVALS));
    }
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cr_assert_gt(w.outcomes[wanted[i]], 5, "outcome %d came %d times", wanted[i], w.outcomes[wanted[i]]);
    for (int i = 0; i < RIVALS; i++)
        rival_leave(&w.rivals[i]);
    play_close(&w.play);
}
