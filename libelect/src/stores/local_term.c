#include "local_term.h"
#include "../ledger.h"
#include "local_lock.h"
#include "local_path.h"
#include <assert.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t real_ms(const struct elect__local_seat *seat)
{
    return seat->env->real_us(seat->env->ctx) / 1000;
}

/* IN_ATTRIB for the directory's watchers. It needs no descriptor, and a safety poll is behind it. */
void elect__local_signal(int fd)
{
    futimens(fd, NULL);
}

/* ---- answers ---- */

static void refuse(struct elect__reply *reply, enum elect__outcome outcome)
{
    reply->outcome = outcome;
    reply->code = ELECT_ESTORE;
}

static void refuse_errno(struct elect__local_seat *seat, struct elect__reply *reply, const char *what, int failure)
{
    elect__local_say(seat->text, sizeof seat->text, what, seat->path, -failure);
    refuse(reply, ELECT__REFUSED);
}

static void unlock_term(struct elect__local_seat *seat)
{
    if (seat->held != 0)
        elect__local_lock(seat->fd, F_UNLCK, ELECT__LOCAL_TERM_AT + (off_t)seat->held, 1);
    seat->held = 0;
}

static void answer_view(struct elect__local_seat *seat, const struct elect__local_who *who,
                        const struct elect__local_view *view, struct elect__reply *reply)
{
    if (view->top == NULL || view->top->term != seat->held)
        unlock_term(seat); /* a term of ours that others have ended */
    reply->left_ns = view->left_ns;
    if (view->verdict == ELECT__LOCAL_LED) {
        assert(view->top != NULL);
        reply->outcome = ELECT__HELD;
        reply->attempt = view->top->attempt;
        reply->epoch = view->top->epoch;
        reply->own_id = strcmp(view->top->instance_id, who->instance_id) == 0;
    } else if (view->verdict == ELECT__LOCAL_BUSY) {
        reply->outcome = ELECT__WAIT;
        snprintf(seat->text, sizeof seat->text, "%s", view->why);
    } else {
        reply->outcome = ELECT__FREE;
        reply->left_ns = 0;
    }
}

/* ---- acquire ---- */

static void fill_record(const struct elect__local_seat *seat, const struct elect__local_who *who,
                        const struct elect__op *op, uint64_t term, uint64_t after_term, uint64_t epoch,
                        struct elect__local_record *record)
{
    memset(record, 0, sizeof *record);
    record->clock_known = seat->host->clock_known;
    record->term = term;
    record->after_term = after_term;
    record->epoch = epoch;
    record->attempt = op->attempt;
    /* From before the lock call: the time that is spent between is the claimant's loss, never its predecessor's. */
    record->deadline_ns = op->sent_at_ns - seat->host->offset_ns + seat->ttl_ns;
    record->lock_ttl_ns = seat->ttl_ns;
    record->started_at_ms = record->heartbeat_at_ms = real_ms(seat);
    record->pid = seat->host->pid;
    record->pid_start = seat->host->pid_start;
    record->pid_ns = seat->host->pid_ns;
    memcpy(record->boot_id, seat->host->boot_id, sizeof record->boot_id);
    snprintf(record->incarnation, sizeof record->incarnation, "%s", who->incarnation);
    snprintf(record->instance_id, ELECT__LOCAL_ID_MAX + 1, "%s", who->instance_id);
}

/* Of two claimants that stand side by side (one was skipped and was not dead) each writes first and reads then, so at
 * least one sees the other. Who sees another gives up; both may. */
static bool stands_alone(const struct elect__local_page *page, const struct elect__local_record *own)
{
    bool found = false;
    for (int i = 0; i < ELECT__LOCAL_SLOTS; i++) {
        const struct elect__local_record *other = &page->slots[i];
        if (!elect__local_record_valid(page, i) || other->term <= own->after_term)
            continue;
        if (other->term == own->term && other->attempt == own->attempt)
            found = true;
        else if (other->term >= own->term || !other->released)
            return false;
    }
    return found;
}

/* Takes the record back. Where even that fails it stands until its deadline, but is never adopted: its writer may have
 * seen a leader beside it. */
static bool take_back(struct elect__local_seat *seat, struct elect__local_record *record, struct elect__reply *reply)
{
    record->released = 1;
    record->ended_at_ms = record->started_at_ms;
    record->reason = ELECT_REASON_TAKEN;
    refuse(reply, ELECT__REFUSED);
    return elect__local_record_write(seat->fd, record) == 0;
}

static void answer_beaten(struct elect__local_seat *seat, const struct elect__local_who *who,
                          const struct elect__local_view *view, struct elect__reply *reply)
{
    answer_view(seat, who, view, reply);
    if (reply->outcome != ELECT__FREE)
        return;
    reply->outcome = ELECT__WAIT; /* the other gave up too, or has come and gone: at once again */
    reply->left_ns = ELECT__MS;
    snprintf(seat->text, sizeof seat->text, "another candidate stood at the same time");
}

/* The byte of record->term is locked. view: what stood before. */
static void write_term(struct elect__local_seat *seat, const struct elect__local_who *who,
                       struct elect__local_record *record, struct elect__local_memory *memory,
                       struct elect__reply *reply, struct elect__local_view *view)
{
    struct elect__local_page page;
    int failure = elect__local_info_write(seat->fd, record->term, who->info);
    if (failure == 0)
        failure = elect__local_record_write(seat->fd, record);
    if (failure != 0) {
        refuse_errno(seat, reply, "can't write the election's file", failure);
        return;
    }
    /* A guard locks its byte first and reads then, we write first and look for its lock then. No lock of ours is in
     * anybody's way meanwhile: a process that is stopped while it holds one would block everybody for ever. */
    if (elect__local_page_read(seat->fd, &page) != 0 || !stands_alone(&page, record) ||
        elect__local_locked(seat->fd, ELECT__LOCAL_GROUP_AT, (off_t)record->term)) {
        if (take_back(seat, record, reply) && elect__local_look(seat, view) == 0)
            answer_beaten(seat, who, view, reply);
        return;
    }
    elect__local_past_end(seat, view, &memory->last);
    failure = elect__local_past_note(seat, record, who->hostname);
    if (failure == 0 && fdatasync(seat->fd) != 0) /* so that epochs rise through a crash of the host */
        failure = -errno;
    if (failure != 0) {
        elect__local_say(seat->text, sizeof seat->text, "can't write the election's file", seat->path, -failure);
        take_back(seat, record, reply);
        return;
    }
    reply->outcome = ELECT__WON;
    reply->attempt = record->attempt;
    reply->epoch = record->epoch;
}

/* A later term than that of any valid record: its leader may lead on, until it looks for its record. */
static void wait_for_missing(struct elect__local_seat *seat, const struct elect__local_view *view, uint64_t term,
                             struct elect__reply *reply)
{
    struct elect__local_patience *patience = &seat->patience;
    if (patience->missing_term != term) {
        patience->missing_term = term;
        patience->missing_since_ns = view->now_ns;
    }
    int64_t left_ns = patience->missing_since_ns + seat->ttl_ns - view->now_ns;
    if (left_ns <= 0)
        patience->floor_term = term;
    reply->outcome = ELECT__WAIT;
    reply->left_ns = left_ns > 0 ? left_ns : ELECT__MS;
    snprintf(seat->text, sizeof seat->text, "the record of the last term is gone: one lock_ttl must pass");
}

/* view is FREE and the byte of its next term is locked by us. */
static void claim(struct elect__local_seat *seat, const struct elect__local_who *who, const struct elect__op *op,
                  struct elect__reply *reply, struct elect__local_view *view)
{
    struct elect__local_record record;
    struct elect__local_memory memory;
    uint64_t stored = view->top != NULL ? view->top->epoch : 0;
    uint64_t term_before = view->top != NULL ? view->top->term : 0;
    int failure = elect__local_recall(seat, view->top, &memory);
    if (failure != 0) {
        refuse_errno(seat, reply, "can't read", failure);
        return;
    }
    if (memory.term > term_before && memory.term > seat->patience.floor_term) {
        wait_for_missing(seat, view, memory.term, reply);
        return;
    }
    stored = memory.epoch > stored && memory.epoch < ELECT__EPOCH_END ? memory.epoch : stored;
    if (stored < op->highest_epoch && !op->loss_waited) {
        snprintf(seat->text, sizeof seat->text, "%s: the record of the last leader is gone", seat->path);
        reply->outcome = ELECT__LOST_DATA;
        return;
    }
    uint64_t epoch = elect__next_epoch(stored, op->highest_epoch, seat->env->real_us(seat->env->ctx));
    if (epoch == 0) {
        snprintf(seat->text, sizeof seat->text, "%s: no epoch is left above the one stored", seat->path);
        refuse(reply, ELECT__REFUSED);
        return;
    }
    fill_record(seat, who, op, view->next_term, term_before, epoch, &record);
    write_term(seat, who, &record, &memory, reply, view);
}

static void acquire(struct elect__local_seat *seat, const struct elect__local_who *who, const struct elect__op *op,
                    struct elect__reply *reply, struct elect__local_view *view)
{
    if (elect__local_look(seat, view) != 0) {
        refuse(reply, ELECT__REFUSED);
        return;
    }
    if (view->verdict != ELECT__LOCAL_FREE) {
        answer_view(seat, who, view, reply);
        return;
    }
    uint64_t term = view->next_term;
    int failure = elect__local_lock(seat->fd, F_WRLCK, ELECT__LOCAL_TERM_AT + (off_t)term, 1);
    if (failure != 0 && failure != -EAGAIN) {
        refuse_errno(seat, reply, "can't lock", failure);
        return;
    }
    if (failure == 0 && seat->held != term)
        unlock_term(seat); /* of an older term of ours that was lost */
    seat->held = failure == 0 ? term : seat->held;
    /* Again, now that nobody else can take this term: it may have been taken and ended, or its predecessor may have
     * renewed, since the first look. */
    if (elect__local_look(seat, view) != 0)
        refuse(reply, ELECT__REFUSED);
    else if (view->verdict != ELECT__LOCAL_FREE)
        answer_view(seat, who, view, reply);
    else if (failure == 0 && view->next_term == term)
        claim(seat, who, op, reply, view);
    else
        answer_beaten(seat, who, view, reply);
    if (failure == 0 && reply->outcome != ELECT__WON)
        unlock_term(seat);
    if (reply->outcome == ELECT__WON)
        elect__local_signal(seat->fd);
}

/* ---- renew, release ---- */

/* Is the term of this operation the one in force? If not, reply says what is. */
static bool in_force(const struct elect__op *op, const struct elect__local_view *view, struct elect__reply *reply)
{
    const struct elect__local_record *top = view->top;
    if (top != NULL && top->attempt == op->attempt && (op->epoch == 0 || top->epoch == op->epoch))
        return !top->released;
    bool others = top != NULL && top->attempt != op->attempt && view->verdict == ELECT__LOCAL_LED;
    reply->outcome = others ? ELECT__TAKEN : ELECT__DELETED;
    return false;
}

static void lose_term(struct elect__local_seat *seat, struct elect__reply *reply)
{
    if (reply->outcome == 0)
        reply->outcome = ELECT__DELETED;
    unlock_term(seat);
}

static void renew(struct elect__local_seat *seat, const struct elect__local_who *who, const struct elect__op *op,
                  struct elect__reply *reply, struct elect__local_view *view)
{
    if (elect__local_look(seat, view) != 0) {
        refuse(reply, ELECT__REFUSED);
        return;
    }
    if (!in_force(op, view, reply) || view->now_ns >= view->top->deadline_ns) {
        lose_term(seat, reply);
        return;
    }
    struct elect__local_record record = *view->top;
    int64_t until_ns = record.deadline_ns;
    int failure = elect__local_lock(seat->fd, F_WRLCK, ELECT__LOCAL_TERM_AT + (off_t)record.term, 1);
    if (failure == -EAGAIN) {
        reply->outcome = ELECT__TAKEN;
        seat->held = 0;
        return;
    }
    if (failure == 0) {
        seat->held = record.term;
        record.deadline_ns = op->sent_at_ns - seat->host->offset_ns + seat->ttl_ns;
        record.deadline_ns = record.deadline_ns > until_ns ? record.deadline_ns : until_ns;
        record.lock_ttl_ns = seat->ttl_ns;
        record.heartbeat_at_ms = real_ms(seat);
        if (who->info_changed)
            elect__local_info_write(seat->fd, record.term, who->info);
        failure = elect__local_record_write(seat->fd, &record);
    }
    if (failure != 0) {
        refuse_errno(seat, reply, "can't renew in", failure);
        return;
    }
    /* We may have been stopped between the look and the write. What counts is what stands there now, and that the old
     * lease had not run out yet: before that nobody could take the term from us. */
    if (elect__local_look(seat, view) != 0) {
        refuse(reply, ELECT__UNKNOWN);
    } else if (!in_force(op, view, reply) || elect__local_now_ns(seat->host, seat->env) >= until_ns) {
        lose_term(seat, reply);
    } else {
        reply->outcome = ELECT__RENEWED;
        reply->attempt = op->attempt;
        reply->epoch = view->top->epoch;
    }
}

static void release(struct elect__local_seat *seat, const struct elect__local_who *who, const struct elect__op *op,
                    struct elect__reply *reply, struct elect__local_view *view)
{
    struct elect__reply unused = {0};
    int failure = 0;
    if (elect__local_look(seat, view) != 0) {
        refuse(reply, ELECT__REFUSED);
        return;
    }
    reply->outcome = ELECT__RELEASED;
    /* One that has run out needs no release, and writing it would come after its successor. */
    if (in_force(op, view, &unused) && view->now_ns < view->top->deadline_ns) {
        struct elect__local_record record = *view->top;
        record.released = 1;
        record.reason = op->reason;
        record.ended_at_ms = real_ms(seat);
        failure = elect__local_record_write(seat->fd, &record);
        if (failure == 0)
            elect__local_past_note(seat, &record, who->hostname);
    }
    if (failure != 0)
        refuse_errno(seat, reply, "can't release in", failure);
    unlock_term(seat);
    elect__local_signal(seat->fd);
}

void elect__local_apply(struct elect__local_seat *seat, const struct elect__local_who *who, const struct elect__op *op,
                        struct elect__reply *reply, struct elect__local_view *view)
{
    memset(reply, 0, sizeof *reply);
    reply->seq = op->seq;
    seat->text[0] = '\0';
    if (op->verb == ELECT__ACQUIRE) {
        acquire(seat, who, op, reply, view);
    } else if (op->verb == ELECT__RENEW) {
        renew(seat, who, op, reply, view);
    } else if (op->verb == ELECT__RELEASE) {
        release(seat, who, op, reply, view);
    } else if (elect__local_look(seat, view) != 0) {
        refuse(reply, ELECT__REFUSED);
    } else {
        answer_view(seat, who, view, reply);
    }
}
