/* The election: one candidate's pure state machine. (state, input, now) -> at most one operation for the store, and a
 * few notes for the user. No I/O, no clock, no allocation, no strings: everything dangerous (late answers, unknown
 * outcomes, pauses, lost data) can be played to it by a test of ten lines.
 *
 * Times are nanoseconds on one clock that runs in suspend. One operation is in flight at most; the machine gives an
 * operation up at its deadline by itself, and an answer that matches no operation in flight changes nothing. */
#ifndef ELECT_SRC_ELECTION_H
#define ELECT_SRC_ELECTION_H
#include "env.h"
#include "lease.h"
#include "tries.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    ELECT__SERVER_SIZE = 41 /* a server's identity, a C string: Redis' replid has 40 characters */
};
#define ELECT__EPOCH_END ((uint64_t)1 << 53) /* epochs are below this: JSON and Lua carry no more */

/* ---- operations: what the store is asked ---- */
enum elect__verb { ELECT__NO_OP, ELECT__PROBE, ELECT__ACQUIRE, ELECT__RENEW, ELECT__RELEASE };

struct elect__op {
    enum elect__verb verb;
    int32_t reason;         /* RELEASE: enum elect_reason, for the history */
    uint64_t seq;           /* its answer must bear it; never 0 */
    uint64_t attempt;       /* ACQUIRE draws it; RENEW and RELEASE name it: the lock's value is compared whole */
    uint64_t epoch;         /* RENEW, RELEASE: the term's; 0: not known (RELEASE of an acquire without an answer) */
    uint64_t highest_epoch; /* ACQUIRE: a record older than this is data lost */
    int64_t sent_at_ns;     /* the lease counts from here */
    int64_t deadline_ns;    /* given up at this time */
    bool loss_waited;       /* ACQUIRE: the wait after LOST_DATA has been served */
    char server_waited[ELECT__SERVER_SIZE]; /* ACQUIRE: the server whose grace has been waited out; "": none */
};

/* ---- answers ---- */
enum elect__outcome {
    ELECT__WON = 1,   /* ACQUIRE: attempt, epoch */
    ELECT__RENEWED,   /* RENEW: attempt, epoch */
    ELECT__RELEASED,  /* RELEASE: done, or it was not ours (any more) */
    ELECT__HELD,      /* PROBE, ACQUIRE: somebody leads: attempt, epoch (0: not known), left_ns (-1: for ever) */
    ELECT__FREE,      /* PROBE: an ACQUIRE may succeed */
    ELECT__WAIT,      /* PROBE, ACQUIRE: nobody leads, but the store must not grant for left_ns yet */
    ELECT__CHANGED,   /* ACQUIRE: the record names another server than this one: wait a grace, then name this server */
    ELECT__LOST_DATA, /* ACQUIRE: the record is gone or older than highest_epoch: wait, then say that it was waited */
    ELECT__TAKEN,     /* RENEW: the store names somebody else */
    ELECT__DELETED,   /* RENEW: the lock or its record vanished */
    ELECT__UNKNOWN,   /* it may have been applied, or may yet be: code */
    ELECT__REFUSED    /* it was not applied and will not be: code */
};

struct elect__reply {
    enum elect__outcome outcome;
    int32_t code;     /* UNKNOWN, REFUSED: enum elect_code */
    uint64_t seq;     /* of the operation that it answers */
    uint64_t attempt; /* WON, RENEWED, HELD; 0: not known */
    uint64_t epoch;
    int64_t left_ns; /* HELD, WAIT */
    int64_t poll_ns; /* HELD, WAIT: look again after this, as nobody tells of changes; 0: somebody does */
    bool own_id;     /* HELD: the holder bears this candidate's instance id; says nothing of who it is */
    char server[ELECT__SERVER_SIZE]; /* CHANGED; WAIT too when both apply, so that the graces run side by side */
};

/* ---- inputs ---- */
enum elect__input_kind {
    ELECT__IN_START = 1,
    ELECT__IN_TIMER,    /* wake_at_ns has come (or earlier: it costs nothing) */
    ELECT__IN_REPLY,    /* reply */
    ELECT__IN_WAKE,     /* the store says that something changed; free: the lock was released */
    ELECT__IN_DOUBT,    /* the store says that our lock may be gone: a leader renews it now */
    ELECT__IN_LOOK,     /* somebody wants to know the leader now */
    ELECT__IN_RESIGN,   /* epoch (0: any), backoff_ns */
    ELECT__IN_STOP,     /* for good */
    ELECT__IN_ABANDON,  /* for good, and nobody is left who would say when the work has ended: don't drain */
    ELECT__IN_WORK_DONE /* no ELECTED and no LOST is in anybody's hands */
};

struct elect__input {
    enum elect__input_kind kind;
    bool free;
    uint64_t epoch;
    int64_t backoff_ns;
    const struct elect__reply *reply;
};

/* ---- outputs ---- */
enum elect__note_kind {
    ELECT__NOTE_ELECTED = 1, /* epoch */
    ELECT__NOTE_LOST,        /* epoch, reason */
    ELECT__NOTE_ERROR,       /* code, cause */
    ELECT__NOTE_CLOSED
};
enum elect__cause {
    ELECT__CAUSE_STORE = 1, /* the store's own text tells */
    ELECT__CAUSE_DRAIN,     /* drain_timeout is over and the work has not ended */
    ELECT__CAUSE_ANSWER     /* an answer that this operation cannot have */
};
struct elect__note {
    enum elect__note_kind kind;
    int32_t reason;
    int32_t code;
    enum elect__cause cause;
    uint64_t epoch;
};

enum { ELECT__NOTES = 6 };
struct elect__output {
    struct elect__op op; /* verb ELECT__NO_OP: none */
    int count;
    struct elect__note notes[ELECT__NOTES]; /* in order */
};

/* ---- the machine ---- */
struct elect__fsm_config {
    int64_t ttl_ns, margin_ns, heartbeat_ns, retry_ns, drain_ns;
    int64_t grace_ns; /* restart_grace: how long a changed server is distrusted; 0: not at all */
    uint64_t seed;    /* 64 random bits, new at every start: attempts and jitter come of it */
    bool observer;    /* looks, never stands */
};

enum elect__state {
    ELECT__IDLE,      /* not started */
    ELECT__FOLLOWING, /* waits, probes, acquires, adopts */
    ELECT__LEADING,
    ELECT__DRAINING,  /* told to end the term; renewed until the work has ended, then released */
    ELECT__RELEASING, /* the term has ended here, the store is being told */
    ELECT__CLOSED
};

struct elect__fsm {
    struct elect__fsm_config config;
    enum elect__state state;
    struct elect__lease lease;
    struct elect__op op; /* in flight; verb ELECT__NO_OP: none */
    int64_t wake_at_ns;  /* when IN_TIMER is wanted; ELECT__NEVER: not at all */
    bool wake_exact;     /* or may it be rounded up to a tick that elections share? */
    bool working;        /* an ELECTED was announced, and its LOST has not been given back */
    bool stopping;
    bool lapsing; /* drain_timeout is over: no more renewals of this term */
    bool look, probe_first;
    bool woken;      /* something changed while an operation was in flight: its answer may be older */
    bool heard;      /* since the last confirmed write some answer came */
    int32_t fault;   /* code of the last ERROR told; 0 since the last success */
    int32_t failure; /* code of the last failed renewal of this term */
    int32_t reason;  /* of the term that drains */
    int32_t widen;   /* acquires lost in a row: the jitter grows */
    int64_t renew_at_ns, stand_at_ns, not_before_ns, drain_until_ns;
    uint64_t attempt;            /* the term's */
    uint64_t adopt, adopt_epoch; /* an attempt of ours whose lock was found and may lead; 0: none */
    uint64_t stray, stray_epoch; /* an attempt of ours whose lock must be released; 0: none */
    uint64_t highest_epoch;      /* ever seen, anybody's */
    uint64_t announced_epoch;    /* the last ELECTED's */
    int64_t loss_until_ns;       /* the wait after LOST_DATA; 0: none */
    int64_t grace_until_ns;      /* the wait after CHANGED; of: */
    char server[ELECT__SERVER_SIZE];
    uint64_t last_seq;
    struct elect__tries tries;
};

void elect__fsm_init(struct elect__fsm *fsm, const struct elect__fsm_config *config);

/* Ends with out filled. The caller publishes fsm->lease first, then passes the operation on, then the notes, and
 * arranges for IN_TIMER at fsm->wake_at_ns. */
void elect__fsm_step(struct elect__fsm *fsm, const struct elect__input *input, int64_t now_ns,
                     struct elect__output *out);
#endif
