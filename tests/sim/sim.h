/* A discrete-event simulator of one election: candidates (the library's own state machine) with clocks of their own, a
 * network that loses, delays, doubles and reorders, a store that restarts, is promoted and loses data, users whose work
 * outlives the lease, and a register that fences on the epoch.
 *
 * The store is of one of two kinds. A ledger is the library's own ledger on a server. A compare-and-set register knows
 * one content and its version, and each candidate runs stores/cas.c on it. What the promise covers there: the register
 * keeps what it acknowledged. Where it does not, an overlap is counted and excused only if one of these is true:
 *   - the loss came after the new leader had last seen the register change: what was put back or taken away since then
 *     bears the version that it knows, and absence has one version only;
 *   - the new leader followed a released record that is older than the lost term, and neither it nor who released it had
 *     been shown a later term;
 *   - the new leader found an acquire of its own in a record put back, and had been shown no later term;
 *   - the new leader has bootstrap=now and had been shown no record at all.
 * So a deletion is waited out, and so is an older record that is not released. Epochs rise over a loss only as far as
 * the candidates' wall clocks agree: runs with wrong ones have no losses.
 *
 * A run is one world, made of one seed, and replays bit for bit. The world knows the true time and the order of grants;
 * the candidates know neither. */
#ifndef ELECT_SIM_H
#define ELECT_SIM_H
#include "clock.h"
#include "election.h"
#include "ledger.h"
#include "random.h"
#include "stores/cas.h"
#include <stddef.h>
#include <stdio.h>

enum { SIM_NODES = 5, SIM_MESSAGES = 2048, SIM_COPIES = 6, SIM_GRANTS = 8192, SIM_LOSSES = 512, SIM_NOBODY = -1 };

/* ---- what is drawn once for a run ---- */

enum sim_kind { SIM_BOTH, SIM_LEDGER, SIM_CAS };

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
    SIM_LOSE_LOCK, /* a register: something is written over it that nobody can read, and removed later */
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

struct sim_odds {
    uint32_t slow_ppm, lost_ppm, doubled_ppm, unknown_ppm, refused_ppm;
};

struct sim_plan {
    int nodes;
    struct elect__fsm_config config; /* but for the seed and the observer */
    bool same_ids;                   /* every candidate bears one instance id */
    int observers;
    bool spaced_losses;    /* one loss at a time */
    bool requests_survive; /* a server's end: they reach its successor */
    int64_t length_ns;
    int64_t latency_ns, slow_ns, lateness_ns;
    struct sim_odds odds, read_odds; /* of a register's reads: read_odds */
    uint32_t frozen_ppm, lazy_ppm;
    int64_t fault_every_ns;
    uint32_t weights[SIM_FAULTS], weight;
    int64_t slowest_ppm, fastest_ppm, store_ppm; /* clock rates */
    int64_t step_ns;                             /* how far a promoted server's clock may be ahead */
    int64_t poll_ns;                             /* register */
    bool bootstrap;
    bool content_versions; /* a version is made of the content, as an ETag is; else they are counted */
    bool wrong_clocks;     /* wall clocks, by hours */
};

/* ---- messages ---- */

enum sim_message_kind { SIM_REQUEST, SIM_REPLY, SIM_WAKING, SIM_WRITE, SIM_ASK, SIM_TOLD };

/* What a candidate has been shown of a register, in truth: not what it made of it. */
struct sim_shown {
    uint64_t version; /* the last */
    int64_t from_ns;  /* when the register had it, the first time of those that came in a row */
    uint64_t epoch;   /* the highest; 0: none */
    bool record;      /* ever */
};

/* A candidate's read or write of a register, and its answer. */
struct sim_ask {
    enum elect__cas_act act;
    enum elect__cas_outcome outcome;
    uint64_t ticket, version; /* 0: absent */
    int32_t code;
    bool mute; /* its answer is lost with the connection, and it is sent again on another */
    struct elect__cas_record record;
    struct sim_shown shown;
};

struct sim_message {
    enum sim_message_kind kind;
    int node;
    uint32_t life;             /* of the node */
    uint32_t server;           /* REQUEST: the server it was sent to */
    bool free;                 /* WAKING */
    bool knew;                 /* REQUEST: the sender had seen an epoch */
    int64_t loss_wait_from_ns; /* REQUEST: since when the sender waits for lost data, true time; 0: it does not */
    int64_t sent_local_ns;     /* REPLY, ASK: when the request was sent, by the sender's clock */
    int64_t executed_ns;       /* REPLY: when the store made it, true time */
    uint64_t epoch;            /* WRITE */
    uint32_t grant;            /* REPLY, WRITE: in the true order of grants */
    union {
        struct elect__op op;
        struct elect__reply reply;
        struct sim_ask ask;
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

struct sim_content {
    bool present, readable;
    uint64_t version; /* 0: absent */
    struct elect__cas_record record;
    uint32_t grant;
    bool put_back; /* by a loss, and not written since */
    bool knowing;  /* who released it had been shown a later term */
};

struct sim_register {
    struct sim_content now;
    struct sim_content copies[SIM_COPIES];
    uint64_t versions;  /* counted so far */
    int64_t removed_ns; /* what can't be read will be */
};

/* What was true when the store granted: it decides whether the promise holds for a later overlap. */
struct sim_grant {
    int64_t at_ns;
    int node;
    bool knew;
    int64_t loss_wait_from_ns;
    int losses;          /* when must_end_ns was set: a later one may bring the lease back */
    int64_t must_end_ns; /* the lease of this grant outlives the loss that excuses it no longer than this; 0: no loss */
    uint64_t attempt;    /* register */
    int64_t best_sent_ns; /* the last send time of a write of this term that the register took, by the leader's clock */
    int64_t shown_ns;     /* since when it knew the version that it followed */
    bool blind;           /* it had been shown nothing that speaks against following at once: */
    uint32_t follows;     /* this grant's released record, its own that was put back, or absence: 0 */
};

struct sim_loss {
    int64_t at_ns;
    enum sim_fault kind;
    bool record_survived;
};

/* ---- candidates and their users ---- */

struct sim_node {
    int index;
    uint64_t id; /* of its instance */
    bool alive, observer;
    uint32_t life;
    struct elect__fsm fsm;
    struct sim_clock clock;
    struct elect__cas cas;
    struct sim_shown shown;
    int64_t real_off_us;      /* of its wall clock */
    uint64_t asked_down;      /* the epoch that it was asked to give up, and has not heard of yet; 0: none */
    int64_t stopped_until_ns; /* paused or suspended */
    bool suspended;
    bool has_pending; /* an input whose step the pause interrupted, and the clock reading it began with */
    struct sim_message pending;
    int64_t pending_local_ns;
    int64_t real_us; /* what its wall clock showed when its boot clock was last read */
    int64_t no_requests_until_ns, no_replies_until_ns; /* partition, each way */
    int64_t timer_ns, born_ns, ask_ns, done_ns; /* next: IN_TIMER, start, question of a worker, end of its work */
    int64_t last_step_ns;
    int steps_here; /* without that time went on */

    /* the user */
    bool led;     /* ELECTED without LOST */
    bool working; /* from ELECTED until its LOST is given back */
    uint64_t epoch;
    uint32_t grant;
    int64_t proof_until_ns;  /* the longest lease its work was shown */
    int64_t best_sent_ns;    /* the last send time of a confirmed write of the term */
    uint64_t highest, below; /* the highest epoch that this start has seen, and the one that was it before; 0: none */
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
    SIM_DEPOSED,     /* for nothing: the store kept all, the lease was in force, and nobody else had it */
    SIM_OVERWRITTEN, /* what nobody could read */
    SIM_VIOLATIONS
};

struct sim_stats {
    uint64_t runs, elections, cas_elections, adoptions, grants, steps, requests, writes, answers;
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
    enum sim_kind wanted, kind;
    bool outcomes_only; /* check what users can see, not how it came about */
    bool calm;          /* faults have ended */
    int64_t calm_at_ns, steady_from_ns;
    FILE *trace;
    struct sim_node nodes[SIM_NODES];
    struct sim_store store;
    struct sim_register reg;
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
void sim_send_ask(struct sim_world *w, struct sim_node *n, const struct sim_message *ask);
void sim_send_told(struct sim_world *w, const struct sim_message *told);
void sim_send_reply(struct sim_world *w, const struct sim_message *reply);
void sim_send_wake(struct sim_world *w, int from, bool free);

/* store.c */
void sim_store_init(struct sim_world *w);
void sim_store_execute(struct sim_world *w, const struct sim_message *request);
void sim_store_fault(struct sim_world *w, enum sim_fault fault);

/* register.c */
void sim_register_init(struct sim_world *w);
void sim_register_execute(struct sim_world *w, const struct sim_message *ask);
void sim_register_fault(struct sim_world *w, enum sim_fault fault);
void sim_register_depose(struct sim_world *w);
void sim_register_calm(struct sim_world *w);
/* The last grant of attempt, 0: none. */
uint32_t sim_grant_of_attempt(const struct sim_world *w, uint64_t attempt);

/* cas_host.c: what a store around stores/cas.c does */
int64_t sim_real_us(const struct sim_world *w, const struct sim_node *n);
void sim_cas_start(struct sim_world *w, struct sim_node *n);
void sim_cas_submit(struct sim_world *w, struct sim_node *n, const struct elect__op *op, int64_t local_ns);
/* True: reply is what the machine must be told. */
bool sim_cas_told(struct sim_world *w, struct sim_node *n, const struct sim_message *told, int64_t local_ns,
                  struct sim_message *reply);

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
