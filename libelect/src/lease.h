/* The one safety check: does a proven lease still last? The state machine, the lease cell that is_leader reads and the
 * simulator all ask here. */
#ifndef ELECT_SRC_LEASE_H
#define ELECT_SRC_LEASE_H
#include "planted.h"
#include <stdbool.h>
#include <stdint.h>

struct elect__lease {
    uint64_t epoch;         /* of the term under way; 0: none */
    int64_t lead_until_ns;  /* new work may be started before this; 0 while draining and when not leading */
    int64_t lease_until_ns; /* work may be finished before this; 0 when no term is under way */
};

/* A flag that some thread clears is late after a pause; a deadline compared at each call is not. */
static inline bool elect__lasts(int64_t until_ns, int64_t now_ns)
{
    if (ELECT__PLANTED(FLAG_NOT_CLOCK))
        return until_ns != 0;
    return now_ns < until_ns;
}
#endif
