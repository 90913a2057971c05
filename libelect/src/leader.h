/* What is known of a leader at one time: plain data, as stores hand it up. */
#ifndef ELECT_SRC_LEADER_H
#define ELECT_SRC_LEADER_H
#include <elect/elect.h>
#include <stdbool.h>
#include <stdint.h>

struct elect__env;

/* Borrowed strings, never NULL; valid during the call that passes it. */
struct elect__leader_view {
    const char *instance_id, *hostname, *address, *metadata;
    uint64_t epoch;
    int64_t started_at_ms, last_heartbeat_ms; /* Unix time; 0: not known */
};

/* A copy of a view, with the time at which it was read. */
struct elect_leader {
    struct elect__leader_view view; /* its strings lie behind this struct */
    int64_t read_at_ns;             /* on the client's boot clock */
    int64_t age_ns, aged_at_ns;     /* elect__leader_age: the age, and when on this machine's clock */
};

/* NULL: out of memory. */
elect_leader_t *elect__leader_new(const struct elect__leader_view *view, int64_t read_at_ns);
/* A copy to give away: it tells its age, without the clock of the client from here on. */
elect_leader_t *elect__leader_copy(const elect_leader_t *leader, const struct elect__env *env);
#endif
