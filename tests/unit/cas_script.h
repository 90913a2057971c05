/* A script for the compare-and-set algorithm: operations and answers at times in milliseconds, and what came of them as
 * text. TTL 4 s, margin 400 ms, so a record is waited out for 4400 ms; a look each second; the wall clock shows 1000 us. */
#ifndef ELECT_TESTS_CAS_SCRIPT_H
#define ELECT_TESTS_CAS_SCRIPT_H
#include "planted.h"
#include "stores/cas.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct script {
    struct elect__cas cas;
    struct elect__cas_step step; /* the last */
    struct elect__cas_record written;
    uint64_t ticket, seq;
    int64_t now_ns, real_us;
};

static inline struct elect__cas_config usual(void)
{
    return (struct elect__cas_config){
        .ttl_ns = 4000 * ELECT__MS, .margin_ns = 400 * ELECT__MS, .poll_ns = 1000 * ELECT__MS, .incarnation = "me"};
}

static inline struct script begin_with(struct elect__cas_config config)
{
    struct script s;
    memset(&s, 0, sizeof s);
#ifdef ELECT_TEST_PLANTED
    const char *planted = getenv("ELECT_PLANTED");
    elect__planted_now = planted == NULL ? ELECT__PLANTED_NONE : elect__planted_find(planted);
#endif
    s.now_ns = 1000 * ELECT__S;
    s.real_us = 1000;
    elect__cas_init(&s.cas, &config);
    return s;
}

static inline struct script begin(void)
{
    return begin_with(usual());
}

static inline void pass_ms(struct script *s, int64_t ms)
{
    s->now_ns += ms * ELECT__MS;
}

static inline void note_step(struct script *s)
{
    if (s->step.act == ELECT__CAS_READ || s->step.act == ELECT__CAS_WRITE)
        s->ticket = s->step.ticket;
    if (s->step.act == ELECT__CAS_WRITE)
        s->written = s->step.record;
    if (s->step.act == ELECT__CAS_REPLY)
        cr_assert_eq(s->step.reply.seq, s->seq);
}

static inline void submit(struct script *s, struct elect__op op)
{
    op.seq = ++s->seq;
    op.sent_at_ns = s->now_ns;
    if (op.deadline_ns == 0)
        op.deadline_ns = s->now_ns + 3600 * ELECT__MS;
    elect__cas_submit(&s->cas, &op, s->now_ns, s->real_us, &s->step);
    note_step(s);
}
#define SUBMIT(s, ...) submit((s), (struct elect__op){__VA_ARGS__})

static inline void answer(struct script *s, struct elect__cas_answer answer)
{
    answer.ticket = answer.ticket == 0 ? s->ticket : answer.ticket;
    elect__cas_answer(&s->cas, &answer, s->now_ns, s->real_us, &s->step);
    note_step(s);
}
#define ANSWER(s, ...) answer((s), (struct elect__cas_answer){__VA_ARGS__})
#define ABSENT(s) ANSWER((s), .outcome = ELECT__CAS_ABSENT)
#define UNREADABLE(s, v) ANSWER((s), .outcome = ELECT__CAS_UNREADABLE, .version = (v))
#define WRITTEN(s, v) ANSWER((s), .outcome = ELECT__CAS_WRITTEN, .version = (v))
#define CONFLICT(s) ANSWER((s), .outcome = ELECT__CAS_CONFLICT)
#define UNKNOWN(s) ANSWER((s), .outcome = ELECT__CAS_UNKNOWN, .code = ELECT_EUNREACHABLE)
#define REFUSED(s) ANSWER((s), .outcome = ELECT__CAS_REFUSED, .code = ELECT_EAUTH)

static inline void found(struct script *s, const char *version, struct elect__cas_record record)
{
    ANSWER(s, .outcome = ELECT__CAS_FOUND, .version = version, .record = &record);
}
/* Another candidate's record: epoch 7, a lease of 4 s, unless given. */
static inline struct elect__cas_record others(struct elect__cas_record given)
{
    given.epoch = given.epoch == 0 ? 7 : given.epoch;
    given.lease_ns = given.lease_ns == 0 ? 4000 * ELECT__MS : given.lease_ns;
    given.seq = 3;
    given.attempt = 5;
    strcpy(given.incarnation, "another");
    return given;
}
#define FOUND(s, v, ...) found((s), (v), others((struct elect__cas_record){__VA_ARGS__}))

static inline const char *did(const struct script *s)
{
    static char text[160];
    static const char *const outcomes[] = {"?",       "WON",       "RENEWED", "RELEASED", "HELD",    "FREE",   "WAIT",
                                           "CHANGED", "LOST_DATA", "TAKEN",   "DELETED",  "UNKNOWN", "REFUSED"};
    const struct elect__cas_step *step = &s->step;
    const struct elect__reply *r = &step->reply;
    size_t used = 0;
    if (step->act == ELECT__CAS_NOTHING)
        used = (size_t)snprintf(text, sizeof text, "nothing");
    else if (step->act == ELECT__CAS_READ)
        used = (size_t)snprintf(text, sizeof text, "read");
    else if (step->act == ELECT__CAS_WRITE)
        used = (size_t)snprintf(text, sizeof text, "write if '%s': epoch %llu seq %llu%s", s->cas.version,
                                (unsigned long long)step->record.epoch, (unsigned long long)step->record.seq,
                                step->record.released ? " released" : "");
    else if (r->outcome == ELECT__HELD || r->outcome == ELECT__WAIT)
        used = (size_t)snprintf(text, sizeof text, "%s %llu for %lld ms", outcomes[r->outcome],
                                (unsigned long long)r->epoch, (long long)(r->left_ns / ELECT__MS));
    else if (r->outcome == ELECT__UNKNOWN || r->outcome == ELECT__REFUSED)
        used = (size_t)snprintf(text, sizeof text, "%s %d", outcomes[r->outcome], (int)r->code);
    else
        used = (size_t)snprintf(text, sizeof text, "%s %llu", outcomes[r->outcome], (unsigned long long)r->epoch);
    if (step->depose != 0)
        snprintf(text + used, sizeof text - used, ", depose %llu", (unsigned long long)step->depose);
    return text;
}
#define did_is(s, text) cr_assert_str_eq(did(s), text)

/* A candidate that saw another's released record 'a' and has written 'b': it leads epoch 1000 by attempt 11. */
static inline struct script led(void)
{
    struct script s = begin();
    SUBMIT(&s, .verb = ELECT__ACQUIRE, .attempt = 11);
    FOUND(&s, "a", .released = true);
    did_is(&s, "write if 'a': epoch 1000 seq 1");
    WRITTEN(&s, "b");
    did_is(&s, "WON 1000");
    return s;
}

#define RENEW(s) SUBMIT((s), .verb = ELECT__RENEW, .attempt = 11, .epoch = 1000)
#define RELEASE(s) SUBMIT((s), .verb = ELECT__RELEASE, .attempt = 11, .epoch = 1000)
#endif
