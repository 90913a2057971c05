/* The protocol of local: on one election's file. A term is taken by locking its byte, told by writing its record,
 * and over when it is released, when its deadline has passed, or when its lock is free *and* its process is proven
 * dead. */
#ifndef ELECT_SRC_STORES_LOCAL_TERM_H
#define ELECT_SRC_STORES_LOCAL_TERM_H
#include "../election.h"
#include "local_time.h"

enum elect__local_verdict {
    ELECT__LOCAL_LED = 1, /* left_ns */
    ELECT__LOCAL_FREE,    /* next_term may be claimed */
    ELECT__LOCAL_BUSY     /* nobody leads, but not yet: left_ns, why */
};
enum elect__local_end {
    ELECT__LOCAL_NOT_ENDED,
    ELECT__LOCAL_RELEASED,
    ELECT__LOCAL_EXPIRED,
    ELECT__LOCAL_DIED,
    ELECT__LOCAL_REBOOTED
};

struct elect__local_view {
    enum elect__local_verdict verdict;
    enum elect__local_end end;             /* of top */
    const struct elect__local_record *top; /* in page; NULL: nobody ever led */
    uint64_t next_term;
    int64_t now_ns;  /* the host's boot clock just before the page was read */
    int64_t left_ns; /* -1: not known */
    const char *why; /* BUSY: for a person */
    struct elect__local_page page;
};

/* What has been seen standing in the way, and since when: it is passed over after one TTL. */
struct elect__local_patience {
    uint64_t claim_term; /* a locked byte without a record behind it */
    int64_t claim_since_ns;
    bool damaged; /* a slot that fits no checksum: whose term it was is not known */
    int64_t damaged_since_ns;
    uint64_t missing_term; /* told by the ring of past terms, and no record is left of it */
    int64_t missing_since_ns;
    uint64_t floor_term; /* terms up to this one are not claimed */
};

/* One view on one election: a candidate's, or a question's. */
struct elect__local_seat {
    const struct elect__local_host *host;
    const struct elect__env *env;
    const char *path; /* of the file, for texts */
    int64_t ttl_ns;
    int fd;
    uint64_t held; /* the term whose byte fd has locked; 0: none */
    struct elect__local_patience patience;
    char text[512]; /* of the last failure or wait */
};

struct elect__local_who {
    const char *instance_id, *incarnation, *hostname;
    const char *info; /* JSON */
    bool info_changed;
};

/* Fills view; 0, or -1 with a text: the file can't be read, or nothing in it is valid. */
int elect__local_look(struct elect__local_seat *seat, struct elect__local_view *view);

/* Applies op and fills reply; view: what was seen last. */
void elect__local_apply(struct elect__local_seat *seat, const struct elect__local_who *who, const struct elect__op *op,
                        struct elect__reply *reply, struct elect__local_view *view);

/* When a term that has ended without a release did so, as far as can be told; died_at_ms if its process died. */
int64_t elect__local_ended_at_ms(const struct elect__local_view *view, int64_t real_ms, int64_t died_at_ms,
                                 int32_t *reason);

struct elect__local_memory {
    uint64_t term, epoch;          /* the highest in the ring */
    struct elect__local_past last; /* the entry of top, if it is there */
};
/* What the ring of past terms has beside the highest record: it remembers what a damaged slot has lost. */
int elect__local_recall(const struct elect__local_seat *seat, const struct elect__local_record *top,
                        struct elect__local_memory *out);
/* The entry of a term, at its beginning and at its release. */
int elect__local_past_note(const struct elect__local_seat *seat, const struct elect__local_record *record,
                           const char *hostname);
/* The end of a term whose holder could not tell it. */
void elect__local_past_end(const struct elect__local_seat *seat, const struct elect__local_view *before,
                           struct elect__local_past *last);

/* Wakes whoever watches the directory. */
void elect__local_signal(int fd);
#endif
