/* An election over a register that knows compare-and-set and nothing else: S3, and users' own stores. One candidate's
 * part of it, pure: (operation or answer, now) -> at most one read or write of the register, or the reply. No I/O, no
 * clock, no allocation.
 *
 * The register has no clock that anybody trusts, so no clock of another machine is ever looked at: a lease is over when
 * the record has not changed for as long as the lease on one's own clock. What makes writes safe is the condition on
 * the version alone; what makes leaders safe is that each renewal changes the version. */
#ifndef ELECT_SRC_STORES_CAS_H
#define ELECT_SRC_STORES_CAS_H
#include "../election.h"

enum {
    /* A version, a C string: what the register calls one content of one key, and never again another, not even after a
     * deletion; "": absent. */
    ELECT__VERSION_SIZE = 128,
    ELECT__INCARNATION_SIZE = 33
};

/* What the rules need of the record; the rest is for people (cas_record.h). */
struct elect__cas_record {
    uint64_t epoch;
    int64_t lease_ns; /* of its leader; 0: not said */
    char incarnation[ELECT__INCARNATION_SIZE];
    uint64_t attempt;
    uint64_t seq; /* rises with each write of an incarnation, so that no two contents, and no two versions, are equal */
    uint64_t depose; /* the leader of this epoch is asked to step down; 0: nobody is */
    bool released;
};

struct elect__cas_config {
    int64_t ttl_ns, margin_ns;
    int64_t poll_ns; /* nobody tells of changes: how often a follower looks */
    bool bootstrap;  /* an election that this candidate has never seen is new: don't wait */
    char incarnation[ELECT__INCARNATION_SIZE];
};

enum elect__cas_outcome {
    ELECT__CAS_FOUND = 1,  /* READ: version, record */
    ELECT__CAS_ABSENT,     /* READ */
    ELECT__CAS_UNREADABLE, /* READ: version; there is something, and it is no record of ours */
    ELECT__CAS_WRITTEN,    /* WRITE: version, the new one */
    ELECT__CAS_CONFLICT,   /* WRITE: not applied, the version is another one */
    ELECT__CAS_UNKNOWN,    /* WRITE: it may have been applied, or may yet be; READ: no answer */
    ELECT__CAS_REFUSED     /* not applied, and will not be: code */
};

struct elect__cas_answer {
    uint64_t ticket;
    enum elect__cas_outcome outcome;
    int32_t code;                           /* UNKNOWN, REFUSED */
    const char *version;                    /* shorter than ELECT__VERSION_SIZE */
    const struct elect__cas_record *record; /* FOUND */
};

enum elect__cas_act { ELECT__CAS_NOTHING, ELECT__CAS_READ, ELECT__CAS_WRITE, ELECT__CAS_REPLY };

struct elect__cas_step {
    enum elect__cas_act act;
    uint64_t ticket;                 /* READ, WRITE: its answer must bear it */
    struct elect__cas_record record; /* WRITE: this, if the version is cas->version */
    struct elect__reply reply;       /* REPLY; but for own_id, which is a matter of names */
    const char *why; /* REPLY: what a person should read, static; NULL: nothing, or the register's text */
    uint64_t depose; /* somebody asks the leader of this epoch to step down; 0: nobody does */
};

struct elect__cas {
    struct elect__cas_config config;

    /* the register as it was last seen */
    bool seen;
    bool current;                      /* so far as we know: no write of ours is in doubt since */
    bool present, readable;            /* is there a record, and can it be read? */
    bool met;                          /* a record was there once */
    uint64_t highest_epoch;            /* ever seen */
    char version[ELECT__VERSION_SIZE]; /* "" when absent */
    struct elect__cas_record record;   /* if readable */
    int64_t lease_ns;                  /* of the last record that said one */
    int64_t seen_at_ns;                /* when it was first seen as it is */

    /* the operation under way */
    struct elect__op op; /* verb ELECT__NO_OP: none */
    uint64_t ticket;     /* of the read or write under way; 0: none */
    bool writing;
    bool doubtful;       /* a write of this operation may have been applied, or may yet be */
    int writes;          /* of this operation */
    uint64_t first_seq;  /* of these */
    int64_t asked_at_ns; /* when the read or write under way began */
    struct elect__cas_record written;
    uint64_t last_ticket, last_seq;
};

void elect__cas_init(struct elect__cas *cas, const struct elect__cas_config *config);
/* Begins op; one that was under way is given up: the machine has. real_us: for the epoch. */
void elect__cas_submit(struct elect__cas *cas, const struct elect__op *op, int64_t now_ns, int64_t real_us,
                       struct elect__cas_step *step);
/* now_ns: read after the answer was there. An answer that matches nothing under way changes nothing. */
void elect__cas_answer(struct elect__cas *cas, const struct elect__cas_answer *answer, int64_t now_ns, int64_t real_us,
                       struct elect__cas_step *step);
/* How long a record that is not released must stay as it is before anybody may follow. */
int64_t elect__cas_patience_ns(const struct elect__cas *cas);
#endif
