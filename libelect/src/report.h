/* The shapes of the JSON that reports are made of, written in one place for every store. Times are Unix milliseconds. */
#ifndef ELECT_SRC_REPORT_H
#define ELECT_SRC_REPORT_H
#include "leader.h"
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct elect__settings;

/* A term of the past, or the one under way. */
struct elect__term_view {
    const char *instance_id, *hostname; /* never NULL */
    uint64_t epoch;
    int64_t started_at_ms;
    int64_t ended_at_ms; /* 0: it has not ended, or nobody knows when */
    int32_t reason;      /* enum elect_reason; 0: not known */
};

enum elect__report_state { ELECT__REPORT_UNKNOWN, ELECT__REPORT_NOBODY, ELECT__REPORT_LED };

struct elect__status_view {
    const struct elect__settings *settings; /* name, lock_ttl and store (redacted here) are taken from it */
    enum elect__report_state state;
    const struct elect__leader_view *leader; /* NULL: null */
    int64_t lease_left_ms;
    const struct elect__term_view *last; /* the last term that has ended; NULL: null */
    int64_t wait_ms;                     /* nobody may stand before it is over */
    const char *wait_why;                /* NULL: null */
    const char *tier;                    /* "single host" */
    const char *file;                    /* NULL: no such field */
    uint64_t term;                       /* beside file */
};

struct elect__entry_view {
    const char *name;
    enum elect__report_state state;
    const char *instance_id; /* NULL: null */
    uint64_t epoch;          /* 0: null */
    int64_t lease_left_ms;
};

/* Each answers malloc'd JSON, or NULL: out of memory. */
char *elect__report_status(const struct elect__status_view *status);
char *elect__report_history(const struct elect__term_view *terms, size_t count);
char *elect__report_list(const struct elect__entry_view *entries, size_t count);
/* warnings: count strings. */
char *elect__report_store(const struct elect__settings *settings, const char *tier, const char *const *warnings,
                          size_t count);

/* Whole numbers as digits: through a double, cJSON writes an epoch as 1.79e+15. False: out of memory. */
bool elect__report_add_u64(cJSON *object, const char *key, uint64_t value);
bool elect__report_add_i64(cJSON *object, const char *key, int64_t value);
/* Prints object and deletes it; NULL when it could not be printed, or whole is false. */
char *elect__report_end(cJSON *object, bool whole);
#endif
