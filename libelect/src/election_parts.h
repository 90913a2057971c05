/* What election.c (what inputs change) and plan.c (what is done next) share. */
#ifndef ELECT_SRC_ELECTION_PARTS_H
#define ELECT_SRC_ELECTION_PARTS_H
#include "election.h"
#include <assert.h>

static inline int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max_ns(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline struct elect__note *note(struct elect__output *out, enum elect__note_kind kind)
{
    assert(out->count < ELECT__NOTES);
    struct elect__note *n = &out->notes[out->count++];
    n->kind = kind;
    return n;
}

/* After an answer or an event: at most one operation in out->op, and fsm->wake_at_ns. */
void elect__fsm_plan(struct elect__fsm *fsm, int64_t now_ns, struct elect__output *out);
#endif
