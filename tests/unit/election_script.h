/* A script for the state machine: inputs at times in milliseconds, answers to the last operation, and what came of it
 * as text. TTL 4 s, margin 400 ms, heartbeat 1.2 s, retry 800 ms, drain 8 s, grace 4 s, unless a test says otherwise. */
#ifndef ELECT_TESTS_ELECTION_SCRIPT_H
#define ELECT_TESTS_ELECTION_SCRIPT_H
#include "election.h"
#include "planted.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct script {
    struct elect__fsm fsm;
    struct elect__op op; /* the last one sent */
    struct elect__output out;
    int64_t now_ns;
    char notes[512]; /* since heard() was last called */
};

static inline const char *verb_text(enum elect__verb verb)
{
    static const char *const names[] = {"nothing", "probe", "acquire", "renew", "release"};
    return names[verb];
}

static inline void write_notes(struct script *s)
{
    for (int i = 0; i < s->out.count; i++) {
        const struct elect__note *n = &s->out.notes[i];
        size_t used = strlen(s->notes);
        char *to = s->notes + used;
        size_t room = sizeof s->notes - used;
        const char *gap = used == 0 ? "" : ", ";
        if (n->kind == ELECT__NOTE_ELECTED)
            snprintf(to, room, "%sELECTED %llu", gap, (unsigned long long)n->epoch);
        else if (n->kind == ELECT__NOTE_LOST)
            snprintf(to, room, "%sLOST %llu %d", gap, (unsigned long long)n->epoch, (int)n->reason);
        else if (n->kind == ELECT__NOTE_ERROR)
            snprintf(to, room, "%sERROR %d", gap, (int)n->code);
        else
            snprintf(to, room, "%sCLOSED", gap);
    }
}

/* What holds after every step of every test. */
static inline void check_always(const struct script *s)
{
    const struct elect__fsm *f = &s->fsm;
    bool flying = f->op.verb != ELECT__NO_OP;
    cr_assert(f->lease.lead_until_ns <= f->lease.lease_until_ns);
    cr_assert(f->lease.lease_until_ns == 0 || f->state == ELECT__LEADING || f->state == ELECT__DRAINING ||
              f->state == ELECT__CLOSED);
    cr_assert(f->lease.lead_until_ns == 0 || f->state == ELECT__LEADING);
    cr_assert(!flying || f->wake_at_ns <= f->op.deadline_ns);
    cr_assert(s->out.op.verb == ELECT__NO_OP || s->out.op.seq == f->op.seq);
    cr_assert(s->out.op.verb == ELECT__NO_OP || s->out.op.sent_at_ns == s->now_ns);
    cr_assert(s->out.count <= ELECT__NOTES);
}

static inline void put(struct script *s, struct elect__input input)
{
    bool was_flying = s->fsm.op.verb != ELECT__NO_OP;
    uint64_t seq = s->fsm.op.seq;
    elect__fsm_step(&s->fsm, &input, s->now_ns, &s->out);
    if (s->out.op.verb != ELECT__NO_OP) {
        cr_assert(!was_flying || s->fsm.op.seq != seq);
        s->op = s->out.op;
    }
    write_notes(s);
    check_always(s);
}

#define PUT(s, ...) put((s), (struct elect__input){__VA_ARGS__})

static inline struct script begin_with(struct elect__fsm_config config)
{
    struct script s;
    memset(&s, 0, sizeof s);
    s.now_ns = 1000 * ELECT__S;
#ifdef ELECT_TEST_PLANTED
    const char *planted = getenv("ELECT_PLANTED");
    elect__planted_now = planted == NULL ? ELECT__PLANTED_NONE : elect__planted_find(planted);
#endif
    elect__fsm_init(&s.fsm, &config);
    return s;
}

static inline struct elect__fsm_config usual(void)
{
    return (struct elect__fsm_config){.ttl_ns = 4000 * ELECT__MS,
                                      .margin_ns = 400 * ELECT__MS,
                                      .heartbeat_ns = 1200 * ELECT__MS,
                                      .retry_ns = 800 * ELECT__MS,
                                      .drain_ns = 8000 * ELECT__MS,
                                      .grace_ns = 4000 * ELECT__MS,
                                      .seed = 42};
}

static inline struct script begin(void)
{
    return begin_with(usual());
}

static inline void pass_ms(struct script *s, int64_t ms)
{
    s->now_ns += ms * ELECT__MS;
}

/* The operation in flight, "nothing" without one. */
static inline const char *flying(const struct script *s)
{
    return verb_text(s->fsm.op.verb);
}

/* The operation that the last input led to. */
static inline const char *sent(const struct script *s)
{
    return verb_text(s->out.op.verb);
}

static inline const char *heard(struct script *s)
{
    static char text[sizeof s->notes];
    memcpy(text, s->notes, sizeof text);
    s->notes[0] = '\0';
    return text;
}

/* Answers the last operation; sequence number, and the attempt of WON and RENEWED, come of it unless they are given. */
static inline void answer(struct script *s, struct elect__reply reply)
{
    bool confirms = reply.outcome == ELECT__WON || reply.outcome == ELECT__RENEWED;
    if (reply.seq == 0)
        reply.seq = s->op.seq;
    if (reply.attempt == 0 && confirms)
        reply.attempt = s->op.attempt;
    if (reply.epoch == 0 && reply.outcome == ELECT__RENEWED)
        reply.epoch = s->op.epoch;
    PUT(s, .kind = ELECT__IN_REPLY, .reply = &reply);
}
#define ANSWER(s, ...) answer((s), (struct elect__reply){__VA_ARGS__})

/* Time goes on to the next timer. */
static inline void timer(struct script *s)
{
    cr_assert_neq(s->fsm.wake_at_ns, ELECT__NEVER, "no timer is set");
    if (s->fsm.wake_at_ns > s->now_ns)
        s->now_ns = s->fsm.wake_at_ns;
    PUT(s, .kind = ELECT__IN_TIMER);
}

/* Timers until that operation is sent. */
static inline void until_sent(struct script *s, enum elect__verb verb)
{
    for (int i = 0; i < 50 && s->fsm.op.verb != verb; i++)
        timer(s);
    cr_assert_str_eq(flying(s), verb_text(verb));
}

static inline bool leads(const struct script *s)
{
    return elect__lasts(s->fsm.lease.lead_until_ns, s->now_ns);
}

/* What is left, in milliseconds. */
static inline int64_t lease_ms(const struct script *s)
{
    return (s->fsm.lease.lease_until_ns - s->now_ns) / ELECT__MS;
}

static inline int64_t wake_ms(const struct script *s)
{
    return (s->fsm.wake_at_ns - s->now_ns) / ELECT__MS;
}

/* A candidate that has won epoch, at the time of its request. */
static inline struct script led_with(struct elect__fsm_config config, uint64_t epoch)
{
    struct script s = begin_with(config);
    PUT(&s, .kind = ELECT__IN_START);
    if (s.op.verb == ELECT__PROBE)
        ANSWER(&s, .outcome = ELECT__FREE);
    cr_assert_str_eq(flying(&s), "acquire");
    ANSWER(&s, .outcome = ELECT__WON, .epoch = epoch);
    s.notes[0] = '\0';
    return s;
}

static inline struct script led(uint64_t epoch)
{
    return led_with(usual(), epoch);
}

/* Started; its first acquire is in flight. */
static inline struct script started(void)
{
    struct script s = begin();
    PUT(&s, .kind = ELECT__IN_START);
    return s;
}

/* A follower that has seen a foreign leader of epoch 3 with left_ms to go. */
static inline struct script following(int64_t left_ms)
{
    struct script s = started();
    ANSWER(&s, .outcome = ELECT__HELD, .attempt = 1, .epoch = 3, .left_ns = left_ms < 0 ? -1 : left_ms * ELECT__MS);
    return s;
}

/* A leader that was asked to resign, while its work goes on. */
static inline struct script draining(uint64_t epoch)
{
    struct script s = led(epoch);
    PUT(&s, .kind = ELECT__IN_RESIGN);
    return s;
}

#define heard_is(s, text) cr_assert_str_eq(heard(s), text)
#define sent_is(s, text) cr_assert_str_eq(sent(s), text)
#endif
