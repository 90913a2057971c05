/* A discrete-event simulator of one election: candidates (the library's own state machine) with clocks of their own, a
 * network that loses, delays, doubles and reorders, a store (the library's own ledger) that restarts, is promoted and
 * loses data, users whose work outlives the lease, and a register that fences on the epoch.
 *
 * A run is one world, made of one seed, and replays bit for bit. The world knows the true time and the order of grants;
 * the candidates know neither. */
#ifndef ELECT_SIM_H
#define ELECT_SIM_H
#include "clock.h"
#include "election.h"
#include "ledger.h"
#include "random.h"
#include <stddef.h>
#include <stdio.h>

enum { SIM_NODES = 5, SIM_MESSAGES = 2048, SIM_COPIES = 6, SIM_GRANTS = 8192, SIM_LOSSES = 512, SIM_NOBODY = -1 };

/* ---- what is drawn once for a run ---- */

enum sim_fault {
    SIM_PAUSE,   /* a process does not run; one lasting kind stops it between its clock reading and its step */
    SIM_SUSPEND, /* a machine does not run, its boot clock does */
    SIM_CRASH,
    SIM_PARTITION,
    SIM_RESIGN,
    SIM_DEPOSE,
    SIM_STOP,
    SIM_ABANDON,
    SIM_LOOK,
    SIM_WAKE,
    SIM_RATE,
    SIM_LOSE_LOCK,
    SIM_LOSE_RECORD,
    SIM_FLUSH,
    SIM_RESTART,     /* with all it had */
    SIM_RESTART_OLD, /* with an earlier state */
    SIM_PROMOTE,     /* a replica with an earlier state takes over, the old server is dead */
    SIM_CLOCK_STEP,  /* of the store; only when that assumption is broken on purpose */
    SIM_FAULTS
};

/* What the promise assumes, and what a run may break on purpose to show that the checks would notice. */
enum sim_broken { SIM_NOTHING_BROKEN, SIM_BROKEN_STORE_CLOCK, SIM_BROKEN_RATES, SIM_BROKEN_FREEZE };

struct sim_plan {
    int nodes;
    struct elect__fsm_config config; /* but for the seed and the observer */
    bool same_ids;                   /* every candidate bears one instance id */
    int observers;
    bool spaced_losses;    /* one loss at a time */
    bool requests_survive; /* a server's end: they reach its successor */
    int64_t length_ns;
    int64_t latency_ns, slow_ns, lateness_ns;
    uint32_t slow_ppm, lost_ppm, doubled_ppm, unknown_ppm, refused_ppm, frozen_ppm, lazy_ppm;
    int64_t fault_every_ns;
    uint32_t weights[SIM_FAULTS], weight;
    int64_t slowest_ppm, fastest_ppm, store_ppm; /* clock rates */
    int64_t step_ns;                             /* how far a promoted server's clock may be ahead */
};

/* ---- messages ---- */

enum sim_message_kind { SIM_REQUEST, SIM_REPLY, SIM_WAKING, SIM_WRITE };

struct sim_message {
    enum sim_message_kind kind;
    int node;
    uint32_t life;             /* of the node */
    uint32_t server;           /* REQUEST: the server it was sent to */
    bool free;                 /* WAKING */
    bool knew;                 /* REQUEST: the sender had seen an epoch */
    int64_t loss_wait_from_ns; /* REQUEST: since when the sender waits for lost data, true time; 0: it does not */
    int64_t sent_local_ns;     /* REPLY: when its request was sent, by the sender's clock */
    int64_t executed_ns;       /* REPLY: when the store made it, true time */
    uint64_t epoch;            /* WRITE */
    uint32_t grant;            /* REPLY, WRITE: in the true order of grants */
    union {
        struct elect__op op;
        struct elect__reply reply;
    };
};

struct sim_queue {
    int count, unused;
    uint64_t order;
    struct sim_due {
        int64_t at_ns;
        uint64_t order;
        int index;
    } heap[SIM_MESSAGES];
    int free_list[SIM_MESSAGES];
    struct sim_message messages[SIM_MESSAGES];
};

/* ---- the store ---- */

struct sim_copy {
    struct elect__ledger ledger;
    uint32_t grant; /* of the record */
};

struct sim_store {
    struct sim_copy now;
    struct sim_copy copies[SIM_COPIES]; /* what replicas and disks have */
    uint32_t server;                    /* serial number of its identity */
    char id[ELECT__SERVER_SIZE];
    int64_t started_at_us;
    int64_t down_until_ns;
    struct sim_clock clock;
};

/* What was true when the store granted: it decides whether the promise holds for a later overlap. */
struct sim_grant {
    int64_t at_ns;
    int node;
    bool knew;
    int64_t loss_wait_from_ns;
    int losses;          /* when must_end_ns was set: a later one may bring the lease back */
    int64_t must_end_ns; /* the lease of this grant outlives the loss that excuses it no longer than this; 0: no loss */
};

struct sim_loss {
    int64_t at_ns;
    enum sim_fault kind;
    bool record_survived;
};

/* ---- candidates and their users ---- */

struct sim_node {
    int index;
    char id[16];
    bool alive, observer;
    uint32_t life;
    struct elect__fsm fsm;
    struct sim_clock clock;
    int64_t stopped_until_ns; /* paused or suspended */
    bool suspended;
    bool has_pending; /* an input whose step the pause interrupted, and the clock reading it began with */
    struct sim_message pending;
    int64_t pending_local_ns;
    int64_t no_requests_until_ns, no_replies_until_ns; /* partition, each way */
    int64_t timer_ns, born_ns, ask_ns, done_ns; /* next: IN_TIMER, start, question of a worker, end of its work */
    int64_t last_step_ns;
    int steps_here; /* without that time went on */

    /* the user */
    bool led;     /* ELECTED without LOST */
    bool working; /* from ELECTED until its LOST is given back */
    uint64_t epoch;
    uint32_t grant;
    int64_t proof_until_ns; /* the longest lease its work was shown */
    int64_t best_sent_ns;   /* the last send time of a confirmed write of the term */
    bool knows;             /* this start has seen an epoch */
    int64_t loss_wait_from_ns;
};

/* ---- the world ---- */

enum sim_violation {
    SIM_NONE,
    SIM_TWO_LEADERS,
    SIM_TWO_WORKERS,
    SIM_FENCE_BACK,
    SIM_EPOCH_TWICE,
    SIM_SECOND_TERM,
    SIM_NOT_ALTERNATING,
    SIM_REVIVED,  /* a lease that had ended was extended */
    SIM_DEADLINE, /* an answer that the last confirmed write does not prove */
    SIM_OUTLIVES_LOSS,
    SIM_MACHINE, /* the state machine broke a rule of its own */
    SIM_NO_LEADER,
    SIM_UNSTEADY,
    SIM_VIOLATIONS
};

struct sim_stats {
    uint64_t runs, elections, adoptions, grants, steps, requests, writes, answers;
    uint64_t overlaps_outside;
    uint64_t faults[SIM_FAULTS];
    int64_t virtual_ns;
};

struct sim_world {
    uint64_t seed, hash;
    struct sim_random random;
    int64_t now_ns;
    struct sim_plan plan;
    enum sim_broken broken;
    bool outcomes_only; /* check what users can see, not how it came about */
    bool calm;          /* faults have ended */
    int64_t calm_at_ns, steady_from_ns;
    FILE *trace;
    struct sim_node nodes[SIM_NODES];
    struct sim_store store;
    struct sim_queue queue;
    int64_t fault_ns;
    uint32_t grants;
    struct sim_grant grant_of[SIM_GRANTS];
    int losses;
    struct sim_loss loss_of[SIM_LOSSES];
    struct {
        uint64_t epoch;
        uint32_t grant;
    } fenced;
    int announced;
    uint64_t announced_epochs[SIM_GRANTS];
    uint64_t last_pair;
    enum sim_violation violation;
    char text[256];
    struct sim_stats *stats;
};

/* plan.c */
void sim_draw_plan(struct sim_world *w);
int64_t sim_draw_rate_ppm(struct sim_world *w);

/* queue.c: true if there was room */
bool sim_push(struct sim_world *w, int64_t at_ns, const struct sim_message *message);
int64_t sim_next_message_ns(const struct sim_world *w);
void sim_pop(struct sim_world *w, struct sim_message *out);

/* network.c */
int64_t sim_latency(struct sim_world *w);
void sim_send_request(struct sim_world *w, struct sim_node *n, const struct elect__op *op);
void sim_send_reply(struct sim_world *w, const struct sim_message *reply);
void sim_send_wake(struct sim_world *w, int from, bool free);

/* store.c */
void sim_store_init(struct sim_world *w);
void sim_store_execute(struct sim_world *w, const struct sim_message *request);
void sim_store_fault(struct sim_world *w, enum sim_fault fault);

/* node.c */
int64_t sim_local(const struct sim_world *w, const struct sim_node *n);
void sim_node_start(struct sim_world *w, struct sim_node *n);
void sim_node_end(struct sim_world *w, struct sim_node *n, int64_t down_ns);
void sim_node_input(struct sim_world *w, struct sim_node *n, const struct elect__input *input);
void sim_node_message(struct sim_world *w, struct sim_node *n, const struct sim_message *message);
void sim_node_wakes(struct sim_world *w, struct sim_node *n);
void sim_node_asks(struct sim_world *w, struct sim_node *n);
void sim_node_done(struct sim_world *w, struct sim_node *n);
void sim_node_stop(struct sim_world *w, struct sim_node *n, int64_t for_ns, bool suspend);

/* faults.c */
void sim_fault(struct sim_world *w);
void sim_calm(struct sim_world *w);

/* check.c */
__attribute__((format(printf, 3, 4))) void sim_violated(struct sim_world *w, enum sim_violation kind,
                                                        const char *format, ...);
const char *sim_violation_name(enum sim_violation kind);
void sim_check_machine(struct sim_world *w, const struct sim_node *n);
void sim_check_leases(struct sim_world *w, struct sim_node *n);
void sim_check_revival(struct sim_world *w, const struct sim_node *n, const struct elect__lease *before,
                       int64_t local_ns);
void sim_check_elected(struct sim_world *w, struct sim_node *n, uint64_t epoch);
void sim_check_write(struct sim_world *w, const struct sim_message *write);
void sim_check_end(struct sim_world *w);

/* run.c: true if no rule was broken */
bool sim_run(struct sim_world *w, uint64_t seed, struct sim_stats *stats);

const char *sim_fault_name(enum sim_fault fault);

/* Everything that happens goes into the hash, so that two runs of one seed can be compared. */
static inline void sim_mix(struct sim_world *w, uint64_t value)
{
    w->hash = (w->hash ^ value) * 0x9e3779b97f4a7c15ULL;
    w->hash ^= w->hash >> 29;
}

#define SIM_TRACE(w, ...)                                                                                              \
    do {                                                                                                               \
        if ((w)->trace != NULL)                                                                                        \
            sim_trace(w, __VA_ARGS__);                                                                                 \
    } while (0)
__attribute__((format(printf, 2, 3))) void sim_trace(struct sim_world *w, const char *format, ...);
#endif
