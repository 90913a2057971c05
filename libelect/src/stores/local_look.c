#include "local_lock.h"
#include "local_path.h"
#include "local_term.h"
#include <elect/elect.h>
#include <stdio.h>
#include <string.h>

/* How long a candidate that stands behind a group waits for it before it looks again; its end wakes too. */
#define GROUP_PAUSE_NS (250 * ELECT__MS)

static int64_t patience_ns(const struct elect__local_seat *seat, const struct elect__local_record *top)
{
    return top != NULL && top->lock_ttl_ns > seat->ttl_ns ? top->lock_ttl_ns : seat->ttl_ns;
}

static enum elect__local_end how_ended(const struct elect__local_seat *seat, const struct elect__local_record *top,
                                       int64_t now_ns)
{
    if (strcmp(top->boot_id, seat->host->boot_id) != 0)
        return top->released ? ELECT__LOCAL_RELEASED : ELECT__LOCAL_REBOOTED;
    if (top->released)
        return ELECT__LOCAL_RELEASED;
    if (top->clock_known && seat->host->clock_known && now_ns >= top->deadline_ns)
        return ELECT__LOCAL_EXPIRED;
    /* A free byte alone proves nothing: a program that closes descriptors by number frees the lock of a living
     * leader. */
    if (top->term != seat->held && !elect__local_locked(seat->fd, ELECT__LOCAL_TERM_AT + (off_t)top->term, 1) &&
        elect__local_gone(seat->host, top))
        return ELECT__LOCAL_DIED;
    return ELECT__LOCAL_NOT_ENDED;
}

static void busy(struct elect__local_view *view, int64_t left_ns, const char *why)
{
    view->verdict = ELECT__LOCAL_BUSY;
    view->left_ns = left_ns;
    view->why = why;
}

/* A damaged slot may be that of a term above the highest valid one, whose leader finds it so at its next renewal,
 * at the latest when its lease is over. */
static bool wait_for_damage(struct elect__local_seat *seat, struct elect__local_view *view)
{
    struct elect__local_patience *patience = &seat->patience;
    bool damaged = elect__local_page_damaged(&view->page);
    if (damaged && !patience->damaged)
        patience->damaged_since_ns = view->now_ns;
    patience->damaged = damaged;
    if (!damaged)
        return false;
    int64_t left_ns = patience->damaged_since_ns + patience_ns(seat, view->top) - view->now_ns;
    if (left_ns > 0)
        busy(view, left_ns,
             "a record in the election's file is damaged: one lock_ttl must pass, somebody may lead by it");
    return left_ns > 0;
}

/* Somebody who locked a term's byte and was stopped before the record was written would be in the way for ever:
 * after one TTL the term is skipped. Not more than three, so that the highest valid record is never overwritten. */
static void find_term(struct elect__local_seat *seat, struct elect__local_view *view)
{
    struct elect__local_patience *patience = &seat->patience;
    uint64_t last = view->top != NULL ? view->top->term : 0;
    uint64_t first = (last > patience->floor_term ? last : patience->floor_term) + 1;
    for (uint64_t term = first; term < first + ELECT__LOCAL_SLOTS - 1; term++) {
        if (!elect__local_locked(seat->fd, ELECT__LOCAL_TERM_AT + (off_t)term, 1)) {
            if (term <= patience->claim_term) /* whoever waited there has gone: the next one is another */
                patience->claim_term = 0;
            view->verdict = ELECT__LOCAL_FREE;
            view->next_term = term;
            return;
        }
        if (term < patience->claim_term)
            continue;
        if (term > patience->claim_term) {
            patience->claim_term = term;
            patience->claim_since_ns = view->now_ns;
        }
        int64_t left_ns = patience->claim_since_ns + patience_ns(seat, view->top) - view->now_ns;
        if (left_ns > 0) {
            busy(view, left_ns, "another candidate is about to lead");
            return;
        }
    }
    busy(view, seat->ttl_ns, "several candidates were stopped just before they led");
}

/* Where two claimants stood side by side the highest record may be that of the one who gave up, and say nothing of the
 * other: of a term that its claimant did not know to have ended. */
static const struct elect__local_record *find_hidden(const struct elect__local_seat *seat,
                                                     const struct elect__local_view *view)
{
    for (int i = 0; i < ELECT__LOCAL_SLOTS; i++) {
        const struct elect__local_record *record = &view->page.slots[i];
        if (elect__local_record_valid(&view->page, i) && record->term > view->top->after_term &&
            record->term < view->top->term && how_ended(seat, record, view->now_ns) == ELECT__LOCAL_NOT_ENDED)
            return record;
    }
    return NULL;
}

/* A term that has got its record, or has got it back, is not waited for any longer: should the record go again, that is
 * another wait. */
static void end_patience(struct elect__local_patience *patience, uint64_t term)
{
    if (patience->claim_term <= term)
        patience->claim_term = 0;
    if (patience->missing_term <= term)
        patience->missing_term = 0;
}

static int64_t left_ns_of(const struct elect__local_seat *seat, const struct elect__local_record *record,
                          int64_t now_ns)
{
    return record->clock_known && seat->host->clock_known ? record->deadline_ns - now_ns : -1;
}

static void judge(struct elect__local_seat *seat, struct elect__local_view *view)
{
    const struct elect__local_record *top = view->top, *hidden;
    if (top != NULL)
        end_patience(&seat->patience, top->term);
    view->end = top != NULL ? how_ended(seat, top, view->now_ns) : ELECT__LOCAL_NOT_ENDED;
    if (top != NULL && view->end == ELECT__LOCAL_NOT_ENDED) {
        view->verdict = ELECT__LOCAL_LED;
        view->left_ns = left_ns_of(seat, top, view->now_ns);
        return;
    }
    if (top != NULL && (hidden = find_hidden(seat, view)) != NULL) {
        busy(view, left_ns_of(seat, hidden, view->now_ns), "a term before the last one has not ended");
        return;
    }
    if (wait_for_damage(seat, view))
        return;
    if (top != NULL && elect__local_locked(seat->fd, ELECT__LOCAL_GROUP_AT, (off_t)top->term + 1)) {
        int64_t left_ns = top->deadline_ns - view->now_ns;
        bool longer =
            top->clock_known && seat->host->clock_known && left_ns > GROUP_PAUSE_NS && left_ns <= seat->ttl_ns;
        busy(view, longer ? left_ns : GROUP_PAUSE_NS,
             "the command of the last term has not ended: its guard holds the term");
        return;
    }
    find_term(seat, view);
}

int elect__local_look(struct elect__local_seat *seat, struct elect__local_view *view)
{
    view->verdict = ELECT__LOCAL_BUSY;
    view->left_ns = 0;
    view->next_term = 0;
    view->why = NULL;
    /* The clock first: a leader that renewed in time did so before that time, and is then found in what is read
     * after it. */
    view->now_ns = elect__local_now_ns(seat->host, seat->env);
    int failure = elect__local_page_read(seat->fd, &view->page);
    view->top = failure == 0 ? elect__local_page_top(&view->page) : NULL;
    if (failure == -ENODATA) {
        snprintf(seat->text, sizeof seat->text, "%s: truncated; restore it, or remove it when nobody leads",
                 seat->path);
        return -1;
    }
    if (failure != 0) {
        elect__local_say(seat->text, sizeof seat->text, "can't read", seat->path, -failure);
        return -1;
    }
    if (view->top == NULL && elect__local_page_damaged(&view->page)) {
        snprintf(
            seat->text, sizeof seat->text,
            "%s: every record in it is damaged (checksum), so who leads is not known; nothing was overwritten: restore "
            "it, or forget the election when nobody leads",
            seat->path);
        return -1;
    }
    if (view->top != NULL &&
        (view->top->epoch == 0 || view->top->epoch >= ELECT__EPOCH_END || view->top->term >= ELECT__LOCAL_TERM_END)) {
        snprintf(seat->text, sizeof seat->text, "%s: its epoch or term is out of range; nothing was overwritten",
                 seat->path);
        return -1;
    }
    judge(seat, view);
    return 0;
}

int64_t elect__local_ended_at_ms(const struct elect__local_view *view, int64_t real_ms, int64_t died_at_ms,
                                 int32_t *reason)
{
    *reason = 0; /* its process could not say */
    switch (view->end) {
    case ELECT__LOCAL_RELEASED:
        *reason = view->top->reason;
        return view->top->ended_at_ms;
    case ELECT__LOCAL_EXPIRED:
        *reason = ELECT_REASON_EXPIRED;
        return real_ms - (view->now_ns - view->top->deadline_ns) / ELECT__MS;
    case ELECT__LOCAL_DIED:
        return died_at_ms;
    default: /* before a restart of the host: when it was last heard of */
        return view->top->heartbeat_at_ms;
    }
}
