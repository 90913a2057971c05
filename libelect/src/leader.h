/* What is known of a leader at one time: plain data, as stores hand it up. */
#ifndef ELECT_SRC_LEADER_H
#define ELECT_SRC_LEADER_H
#include <stdint.h>

/* Borrowed strings, never NULL; valid during the call that passes it. */
struct elect__leader_view {
    const char *instance_id, *hostname, *address, *metadata;
    uint64_t epoch;
    int64_t started_at_ms, last_heartbeat_ms; /* Unix time; 0: not known */
};
#endif
