#include "cas.h"
#include "../ledger.h"
#include <elect/elect.h>
#include <stdio.h>
#include <string.h>

/* A register that changes under every write of one operation is left to the next operation. */
enum { WRITES_MAX = 3 };

void elect__cas_init(struct elect__cas *cas, const struct elect__cas_config *config)
{
    memset(cas, 0, sizeof *cas);
    cas->config = *config;
}

/* ---- may somebody follow? ---- */

/* The leader's clock may be slow and this one fast, each by what the margin allows; so the margin is waited once more
 * than the leader has already given up. */
int64_t elect__cas_patience_ns(const struct elect__cas *cas)
{
    int64_t lease_ns = cas->config.ttl_ns;
    if (ELECT__PLANTED(CAS_LEASE_OF_MINE))
        lease_ns = cas->config.ttl_ns;
    else if (cas->present && cas->readable && cas->record.lease_ns > 0)
        lease_ns = cas->record.lease_ns;
    else if (cas->lease_ns > lease_ns)
        lease_ns = cas->lease_ns;
    return lease_ns + (ELECT__PLANTED(CAS_WAIT_WITHOUT_MARGIN) ? 0 : cas->config.margin_ns);
}

/* A record that is older than what was seen is a restored one: it says nothing of the term after it. */
static bool is_restored(const struct elect__cas *cas)
{
    return cas->record.epoch < cas->highest_epoch;
}

/* Nobody leads by a released record. */
static bool is_released(const struct elect__cas *cas)
{
    if (!cas->present || !cas->readable || !cas->record.released)
        return false;
    return !is_restored(cas) || ELECT__PLANTED(CAS_OLD_RELEASE_TRUSTED);
}

/* A live record that was deleted and an election that is new look the same: absence is waited out as a lease is. */
static int64_t free_at_ns(const struct elect__cas *cas)
{
    bool has_met = (cas->met || cas->highest_epoch != 0) && !ELECT__PLANTED(CAS_BOOTSTRAP_ALWAYS);
    bool is_new = !cas->present && !has_met && cas->config.bootstrap;
    if (is_new || is_released(cas) || (!cas->present && ELECT__PLANTED(CAS_ABSENT_IS_FREE)))
        return cas->seen_at_ns;
    return cas->seen_at_ns + elect__cas_patience_ns(cas);
}

/* Once a later term was seen, a record of ours neither proves a lease nor may be released: its term may be under way. */
static bool is_ours(const struct elect__cas *cas, uint64_t attempt)
{
    if (!cas->present || !cas->readable || (is_restored(cas) && !ELECT__PLANTED(CAS_RESTORED_IS_OURS)))
        return false;
    if (ELECT__PLANTED(CAS_FOREIGN_IS_OURS))
        return true;
    return cas->record.attempt == attempt && strcmp(cas->record.incarnation, cas->config.incarnation) == 0;
}

/* ---- steps ---- */

static void reply(struct elect__cas *cas, struct elect__cas_step *step, enum elect__outcome outcome)
{
    step->act = ELECT__CAS_REPLY;
    step->reply.outcome = outcome;
    step->reply.seq = cas->op.seq;
    cas->op.verb = ELECT__NO_OP;
}

static void reply_failure(struct elect__cas *cas, struct elect__cas_step *step, int32_t code, const char *why)
{
    reply(cas, step, cas->doubtful ? ELECT__UNKNOWN : ELECT__REFUSED);
    step->reply.code = code;
    step->why = why;
}

static void reply_term(struct elect__cas *cas, struct elect__cas_step *step, enum elect__outcome outcome)
{
    reply(cas, step, outcome);
    step->reply.attempt = cas->record.attempt;
    step->reply.epoch = cas->record.epoch;
}

static void begin(struct elect__cas *cas, int64_t now_ns, enum elect__cas_act act, struct elect__cas_step *step)
{
    step->act = act;
    step->ticket = cas->ticket = ++cas->last_ticket;
    cas->writing = act == ELECT__CAS_WRITE;
    cas->asked_at_ns = now_ns;
}

static void write_record(struct elect__cas *cas, const struct elect__cas_record *next, int64_t now_ns,
                         struct elect__cas_step *step)
{
    bool is_late = now_ns >= cas->op.deadline_ns && !ELECT__PLANTED(CAS_LATE_WRITE);
    if (cas->writes == WRITES_MAX || is_late) {
        reply_failure(cas, step, cas->doubtful ? ELECT_EUNKNOWN : ELECT_ESTORE,
                      "the register changes under each write");
        return;
    }
    cas->written = *next;
    if (!ELECT__PLANTED(CAS_BODY_NOT_UNIQUE))
        cas->last_seq++;
    cas->written.seq = cas->last_seq;
    if (cas->writes++ == 0)
        cas->first_seq = cas->last_seq;
    step->record = cas->written;
    begin(cas, now_ns, ELECT__CAS_WRITE, step);
}

/* ---- what each operation does with a register that it knows ---- */

/* HELD, WAIT or a refusal, while nobody may follow yet. */
static bool reply_busy(struct elect__cas *cas, int64_t now_ns, struct elect__cas_step *step)
{
    int64_t left_ns = free_at_ns(cas) - now_ns;
    bool unreadable = cas->present && !cas->readable && !ELECT__PLANTED(CAS_UNREADABLE_OVERWRITTEN);
    if (unreadable) { /* it may be a newer libelect's, or an operator's mistake: never overwritten */
        reply_failure(cas, step, ELECT_ESTORE, "the register holds something that is no record of this library");
        return true;
    }
    if (left_ns <= 0)
        return false;
    if (cas->present && !cas->record.released) {
        reply_term(cas, step, ELECT__HELD);
    } else {
        reply(cas, step, ELECT__WAIT);
        step->why = cas->present ? "the register has lost data, and may have forgotten a leader"
                                 : "there is no record: a leader's may have been deleted, and its lease may last yet";
    }
    step->reply.left_ns = left_ns;
    step->reply.poll_ns = cas->config.poll_ns;
    return true;
}

static void probe(struct elect__cas *cas, int64_t now_ns, struct elect__cas_step *step)
{
    if (!reply_busy(cas, now_ns, step))
        reply(cas, step, ELECT__FREE);
}

static void acquire(struct elect__cas *cas, int64_t now_ns, int64_t real_us, struct elect__cas_step *step)
{
    const struct elect__op *op = &cas->op;
    struct elect__cas_record next = {.attempt = op->attempt, .lease_ns = cas->config.ttl_ns};
    if (is_ours(cas, op->attempt) &&
        !cas->record.released) { /* our write, whose answer was lost or which was sent twice */
        reply_term(cas, step, ELECT__WON);
    } else if (cas->doubtful && !ELECT__PLANTED(CAS_DOUBT_FORGOTTEN)) {
        reply_failure(cas, step, ELECT_EUNKNOWN, NULL);
    } else if (reply_busy(cas, now_ns, step)) {
        return;
    } else if (cas->writes == WRITES_MAX || (cas->writes > 0 && is_ours(cas, op->attempt))) {
        /* an attempt that was released stays so */
        reply(cas, step, ELECT__WAIT);
    } else {
        next.epoch = elect__next_epoch(cas->present ? cas->record.epoch : 0, cas->highest_epoch, real_us);
        memcpy(next.incarnation, cas->config.incarnation, sizeof next.incarnation);
        if (next.epoch == 0)
            reply_failure(cas, step, ELECT_ESTORE, "the epoch of the record leaves no room for another");
        else
            write_record(cas, &next, now_ns, step);
    }
}

/* The lease counts from the request whose write the register shows, never from a later one: an older write of ours that
 * came late says nothing of the latest. */
static bool has_landed(const struct elect__cas *cas)
{
    return cas->writes > 0 && (cas->record.seq >= cas->first_seq || ELECT__PLANTED(CAS_CREDITS_LATEST));
}

static void renew(struct elect__cas *cas, int64_t now_ns, struct elect__cas_step *step)
{
    const struct elect__op *op = &cas->op;
    struct elect__cas_record next = cas->record;
    if (!cas->present) {
        reply(cas, step, ELECT__DELETED);
    } else if (!is_ours(cas, op->attempt)) {
        reply(cas, step, ELECT__TAKEN);
    } else if ((cas->record.released && !ELECT__PLANTED(CAS_RELEASED_RENEWED)) || cas->record.epoch != op->epoch) {
        reply(cas, step, ELECT__DELETED);
    } else {
        if (cas->record.depose == cas->record.epoch) /* kept, and told again: the term may not be announced yet */
            step->depose = cas->record.epoch;
        next.lease_ns = cas->config.ttl_ns;
        if (has_landed(cas))
            reply_term(cas, step, ELECT__RENEWED);
        else
            write_record(cas, &next, now_ns, step);
    }
}

static void release(struct elect__cas *cas, int64_t now_ns, struct elect__cas_step *step)
{
    struct elect__cas_record next = cas->record;
    next.released = true;
    if (is_ours(cas, cas->op.attempt) && !cas->record.released)
        write_record(cas, &next, now_ns, step);
    else
        reply(cas, step, ELECT__RELEASED);
}

static void go_on(struct elect__cas *cas, int64_t now_ns, int64_t real_us, struct elect__cas_step *step)
{
    if (cas->op.verb == ELECT__PROBE)
        probe(cas, now_ns, step);
    else if (cas->op.verb == ELECT__ACQUIRE)
        acquire(cas, now_ns, real_us, step);
    else if (cas->op.verb == ELECT__RENEW)
        renew(cas, now_ns, step);
    else
        release(cas, now_ns, step);
}

/* Is what was seen enough to write at once? The condition on the version makes old knowledge harmless. */
static bool may_write_at_once(const struct elect__cas *cas, int64_t now_ns)
{
    if (!cas->current || cas->op.verb == ELECT__PROBE)
        return false;
    if (cas->op.verb == ELECT__ACQUIRE)
        return (!cas->present || cas->readable) && now_ns >= free_at_ns(cas);
    return is_ours(cas, cas->op.attempt) && !cas->record.released;
}

void elect__cas_submit(struct elect__cas *cas, const struct elect__op *op, int64_t now_ns, int64_t real_us,
                       struct elect__cas_step *step)
{
    memset(step, 0, sizeof *step);
    if (cas->ticket != 0 && cas->writing) /* given up without an answer: it may be applied, now or later */
        cas->current = false;
    if (op->highest_epoch > cas->highest_epoch)
        cas->highest_epoch = op->highest_epoch;
    cas->op = *op;
    cas->ticket = 0;
    cas->doubtful = false;
    cas->writes = 0;
    if (may_write_at_once(cas, now_ns))
        go_on(cas, now_ns, real_us, step);
    else
        begin(cas, now_ns, ELECT__CAS_READ, step);
}

/* ---- answers ---- */

/* The clock starts after the answer: the leader may have written until just before it. */
static void learn(struct elect__cas *cas, const char *version, const struct elect__cas_record *record, int64_t now_ns)
{
    bool present = *version != '\0';
    bool changed = strcmp(version, cas->version) != 0 && !ELECT__PLANTED(CAS_CHANGE_UNNOTICED);
    if (!cas->seen || changed || ELECT__PLANTED(CAS_SEEN_AT_EACH_READ))
        cas->seen_at_ns = ELECT__PLANTED(CAS_SEEN_BEFORE_ANSWER) ? cas->asked_at_ns : now_ns;
    cas->seen = cas->current = true;
    cas->present = present;
    cas->met = cas->met || present;
    cas->readable = record != NULL;
    snprintf(cas->version, sizeof cas->version, "%s", version);
    if (record)
        cas->record = *record;
    if (record && record->lease_ns > 0)
        cas->lease_ns = record->lease_ns;
    if (record && record->epoch > cas->highest_epoch)
        cas->highest_epoch = record->epoch;
}

static void write_answered(struct elect__cas *cas, const struct elect__cas_answer *answer, int64_t now_ns,
                           struct elect__cas_step *step)
{
    bool conflict = answer->outcome == ELECT__CAS_CONFLICT;
    if (answer->outcome == ELECT__CAS_WRITTEN || (ELECT__PLANTED(CAS_CONFLICT_IS_SUCCESS) && conflict)) {
        learn(cas, ELECT__PLANTED(CAS_CONFLICT_IS_SUCCESS) ? "1" : answer->version, &cas->written, now_ns);
        if (cas->op.verb == ELECT__RELEASE)
            reply(cas, step, ELECT__RELEASED);
        else
            reply_term(cas, step, cas->op.verb == ELECT__ACQUIRE ? ELECT__WON : ELECT__RENEWED);
    } else if (answer->outcome == ELECT__CAS_REFUSED) {
        reply_failure(cas, step, answer->code, NULL);
    } else if (ELECT__PLANTED(CAS_CONFLICT_IS_TAKEN) && conflict && cas->op.verb == ELECT__RENEW) {
        reply(cas, step, ELECT__TAKEN);
    } else {
        cas->current = false;
        cas->doubtful = cas->doubtful || !conflict;
        begin(cas, now_ns, ELECT__CAS_READ, step);
    }
}

static void read_answered(struct elect__cas *cas, const struct elect__cas_answer *answer, int64_t now_ns,
                          int64_t real_us, struct elect__cas_step *step)
{
    bool found = answer->outcome == ELECT__CAS_FOUND || answer->outcome == ELECT__CAS_UNREADABLE;
    if (!found && answer->outcome != ELECT__CAS_ABSENT) {
        reply_failure(cas, step, answer->code, NULL);
        return;
    }
    const char *version = found ? answer->version : "";
    if (strcmp(version, cas->version) != 0) /* what was written under the old version can't land any more */
        cas->doubtful = false;
    learn(cas, version, answer->outcome == ELECT__CAS_FOUND ? answer->record : NULL, now_ns);
    go_on(cas, now_ns, real_us, step);
}

void elect__cas_answer(struct elect__cas *cas, const struct elect__cas_answer *answer, int64_t now_ns, int64_t real_us,
                       struct elect__cas_step *step)
{
    memset(step, 0, sizeof *step);
    if (cas->ticket == 0 || answer->ticket != cas->ticket)
        return;
    cas->ticket = 0;
    if (cas->writing)
        write_answered(cas, answer, now_ns, step);
    else
        read_answered(cas, answer, now_ns, real_us, step);
}
