/* The parts of the machine, each of which knows those before it: terms.c (a term begins and ends), answers.c (what an
 * answer changes), plan.c (what is done next), election.c (what the other inputs change). */
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

/* ---- terms.c ---- */

/* Until when a lease is proven that was asked for at sent_at_ns. */
int64_t elect__fsm_deadline(const struct elect__fsm *fsm, int64_t sent_at_ns, int64_t now_ns);
/* One ERROR for one kind of trouble, until something succeeds. */
void elect__fsm_tell_fault(struct elect__fsm *fsm, int32_t code, enum elect__cause cause, struct elect__output *out);
/* The waits after lost data and after a change of server. */
void elect__fsm_end_graces(struct elect__fsm *fsm);
/* May what op asked for be a term, of this epoch? */
bool elect__fsm_may_lead(const struct elect__fsm *fsm, const struct elect__op *op, uint64_t epoch, int64_t now_ns);
void elect__fsm_elected(struct elect__fsm *fsm, const struct elect__op *op, uint64_t epoch, int64_t now_ns,
                        struct elect__output *out);
/* The term has ended, whether we wanted it or not: nothing is proven any more. */
void elect__fsm_lost(struct elect__fsm *fsm, int32_t reason, int64_t now_ns, struct elect__output *out);
/* Why a lease ran out: enum elect_reason. */
int32_t elect__fsm_expiry(const struct elect__fsm *fsm, int64_t now_ns);
/* Told to end the term: is_leader is false at once, the lease is renewed until the work has ended. */
void elect__fsm_drain(struct elect__fsm *fsm, int32_t reason, int64_t now_ns, struct elect__output *out);

/* ---- answers.c ---- */

/* One that answers no operation in flight changes nothing. */
void elect__fsm_take_reply(struct elect__fsm *fsm, const struct elect__reply *reply, int64_t now_ns,
                           struct elect__output *out);

/* ---- plan.c ---- */

/* After an answer or an event: at most one operation in out->op, and fsm->wake_at_ns. */
void elect__fsm_plan(struct elect__fsm *fsm, int64_t now_ns, struct elect__output *out);
#endif
