/* `elect demo`: three candidates in processes of their own are killed, stopped and frozen in turn. Each keeps asking
 * its own is_leader and writes the answers to a memory that outlives it; the parent judges them at the end. */
#ifndef ELECT_CLI_DEMO_H
#define ELECT_CLI_DEMO_H
#include "cli.h"
#include "link.h"
#include <stdatomic.h>

enum elect__demo_kind {
    /* to a candidate */
    ELECT__DEMO_START = 1,
    ELECT__DEMO_STOP,
    /* from a candidate */
    ELECT__DEMO_READY,   /* the store is open */
    ELECT__DEMO_FAILED,  /* value: exit code; text */
    ELECT__DEMO_ELECTED, /* at_ns: its first "leader" had returned; text: epoch */
    ELECT__DEMO_LOST,    /* text: why */
    ELECT__DEMO_STOPPING /* at_ns: before elect_election_stop was called */
};

/* One answer of is_leader, on the clock that all processes of the machine share. */
struct elect__demo_answer {
    int64_t called_ns, returned_ns;
    uint64_t epoch; /* 0: "not leader" */
};
enum { ELECT__DEMO_ANSWERS = 1 << 18, ELECT__DEMO_LIVES = 5, ELECT__DEMO_TERMS = 32 };
struct elect__demo_life { /* of one candidate process */
    _Atomic uint32_t count;
    struct elect__demo_answer answers[ELECT__DEMO_ANSWERS];
};
#define ELECT__DEMO_SIZE (sizeof(struct elect__demo_life) * ELECT__DEMO_LIVES)

/* demo_check.c */
struct elect__demo_verdict {
    uint64_t answers, overlaps;
    int terms;
    bool rising; /* epochs, in the order in which they led */
};
void elect__demo_judge(const struct elect__demo_life *lives, struct elect__demo_verdict *verdict);
/* The first answer that was asked for at at_ns or later; false: none yet. */
bool elect__demo_first(const struct elect__demo_life *life, int64_t at_ns, struct elect__demo_answer *answer);

/* demo_stage.c: the processes */
enum { ELECT__DEMO_PLACES = 3 };
struct elect__demo_place { /* A, B, C */
    pid_t pid;             /* 0: none */
    int link, life;
    bool ready, leads, stopped;
    uint64_t epoch;
    int64_t elected_ns, stopping_ns;
};
struct elect__demo {
    struct elect__cli *cli;
    struct elect__demo_life *lives;
    int memory, signals, lives_used;
    struct elect__demo_place places[ELECT__DEMO_PLACES];
    char folder[256]; /* of the store that is made for the demo; "" when it was given */
    int code;         /* not 0: it is over, and why */
    int64_t started_ns, ttl_ns, patience_ns;
    const char *cells[ELECT__DEMO_PLACES]; /* of the next row */
    cJSON *timeline;
};
bool elect__demo_open(struct elect__demo *demo);
bool elect__demo_enter(struct elect__demo *demo, int place); /* a new candidate process */
void elect__demo_close(struct elect__demo *demo);            /* nothing of it is left afterwards */
/* Hears the candidates until at_ns at the latest; false when the demo is over (demo->code). */
bool elect__demo_hear(struct elect__demo *demo, int64_t at_ns);
/* Who leads by an ELECTED later than since_ns, waited for; -1: the demo is over. */
int elect__demo_leader(struct elect__demo *demo, int64_t since_ns);

/* demo_table.c */
void elect__demo_head(const struct elect__demo *demo);
void elect__demo_row(struct elect__demo *demo, uint64_t epoch, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *elect__demo_span(int64_t ns, char out[ELECT__SPAN_SIZE]); /* 0.4 ms, 1.98 s */
#endif
