/* One candidate or observer in one election: the pure machine bound to a store, a lease cell and a receiver of events.
 * Users' threads leave wishes behind, under the client's gate; the I/O thread alone steps the machine. */
#ifndef ELECT_SRC_CANDIDATE_H
#define ELECT_SRC_CANDIDATE_H
#include "client.h"
#include "election.h"
#include "leader.h"

/* Settings with a count of those who read them: an update makes others. */
struct elect__settings_share {
    _Atomic(int) refs;
    struct elect__settings *settings;
};
struct elect__settings_share *elect__settings_share_new(struct elect__settings *settings); /* NULL: out of memory */
struct elect__settings_share *elect__settings_share_ref(struct elect__settings_share *share);
void elect__settings_share_unref(struct elect__settings_share *share); /* takes NULL */

/* What is left to be told to the machine, one bit each, in this order. */
enum elect__wish {
    ELECT__WISH_REPLY = 1 << 0,
    ELECT__WISH_UPDATE = 1 << 1,
    ELECT__WISH_START = 1 << 2,
    ELECT__WISH_WORK_DONE = 1 << 3,
    ELECT__WISH_RESIGN = 1 << 4,
    ELECT__WISH_STOP = 1 << 5,
    ELECT__WISH_ABANDON = 1 << 6,
    ELECT__WISH_DOUBT = 1 << 7,
    ELECT__WISH_WAKE = 1 << 8,
    ELECT__WISH_LOOK = 1 << 9,
    ELECT__WISH_TIMER = 1 << 10,
    ELECT__WISH_DEPOSE = 1 << 11
};

/* What the store said, until the machine hears it. */
struct elect__answer {
    struct elect__reply reply;
    elect_leader_t *leader; /* NULL: it does not tell, or */
    bool nobody;            /* nobody leads */
    char *text;
};

/* Whom the user takes for the leader. Not kept as a whole: a process may hold ten thousand of these. */
struct elect__told {
    bool somebody;
    uint64_t id; /* hash of the instance id */
    uint64_t epoch;
};

struct elect_election {
    _Atomic(int) refs;
    _Atomic(bool) live; /* the reference of the I/O thread, until CLOSED */
    elect_client_t *client;
    const struct elect__env *env;
    struct elect__cell *cell;
    pid_t pid;                           /* that is_leader must find; 0: a child finds the cell wiped */
    struct elect__settings_share *first; /* name and instance id come from here, for good */
    struct elect__receiver receiver;     /* set before start */

    /* of the client's gate */
    elect_election_t *previous, *next; /* in client->elections */
    struct elect__entry id;            /* in client->ids, if identified */
    bool identified, started, stopped, freed, closed;
    bool posted;       /* call is */
    bool leader_known; /* else leader says nothing */
    struct elect__call call;
    unsigned wishes;       /* enum elect__wish, not yet seen by the I/O thread */
    uint64_t denied_epoch; /* resigned from: is_leader stays 0, whatever its renewals say */
    uint64_t resign_epoch, done_epoch;
    int64_t backoff_ns;
    struct elect__settings_share *latest;
    struct elect__callback *callbacks;
    elect_leader_t *leader; /* NULL: nobody, or not known; written by the I/O thread */
    int64_t leader_read_at_ns;
    uint64_t seed;

    /* of the I/O thread */
    struct elect__settings_share *share;
    struct elect__slot slot;
    struct elect__fsm fsm;
    struct elect__lease published;
    struct elect__timer timer;
    struct elect__call soon;
    bool attached, driven;
    bool woken_free;
    unsigned inbox; /* enum elect__wish */
    uint64_t deposed_epoch;
    struct elect__answer answer;                  /* with WISH_REPLY */
    char *text;                                   /* of the last failure; NULL: none, or no answer at all */
    elect_event_t *elected, *lost, *closed_event; /* spare: an end must never fail for lack of memory */
    uint64_t held_epoch;                          /* of the last LOST */
    struct elect__told told;                      /* by the last LEADER_CHANGED */
    enum elect__outcome waited_for;               /* the last answer while following: each wait is logged once */
    int32_t attach_fault;
    int failures;   /* renewals in a row */
    bool holding;   /* the last LOST is in somebody's hands */
    bool shared_id; /* somebody else bears our instance id, and it was said */
    int64_t waiting_since_ns, term_since_ms, drain_since_ns;
};

extern const struct elect__host elect__candidate_host;
/* Makes the machine's configuration and the slot; the rest is there. */
void elect__candidate_init(elect_election_t *election);
/* On the I/O thread, when its loop has run: those that have not ended, because the loop failed, do so now. */
void elect__candidates_end(elect_client_t *client);
/* With the gate held: leaves wishes for the I/O thread. */
void elect__candidate_wish(elect_election_t *election, unsigned wishes);
/* With the gate held: is_leader is 0 from here on, of the term under way. Answers its epoch, or 0. */
uint64_t elect__candidate_deny(elect_election_t *election);

/* With the gate held. */
void elect__election_stop(elect_election_t *election);
void elect__election_ref(elect_election_t *election);
void elect__election_unref(elect_election_t *election);
elect_election_t *elect__election_of(struct elect__receiver *receiver);

/* candidate_tell.c: what the user hears. */
bool elect__candidate_prepare(elect_election_t *election); /* spare events; false: out of memory */
void elect__candidate_tell(elect_election_t *election, const struct elect__note *note);
void elect__candidate_learn(elect_election_t *election, struct elect__answer *answer); /* may take answer->leader */
/* The term under way, as its leader; first: it begins. NULL: out of memory. */
elect_leader_t *elect__candidate_self(elect_election_t *election, bool first);
/* With the gate held: takes leader; NULL: nobody, or (known false) not known. Answers the one before, to be freed. */
elect_leader_t *elect__candidate_know(elect_election_t *election, elect_leader_t *leader, bool known);
void elect__candidate_error(elect_election_t *election, int32_t code, const char *text);
void elect__candidate_push(elect_election_t *election, elect_event_t *event);

/* candidate_log.c */
struct cJSON *elect__candidate_fields(elect_election_t *election); /* which election, which candidate */
struct elect__before {
    enum elect__state state;
    enum elect__verb verb;
    struct elect__lease lease;
};
void elect__candidate_log(elect_election_t *election, const struct elect__before *before,
                          const struct elect__input *input, const struct elect__output *out, int64_t now_ns);
#endif
