/* A clock that stands still until it is told to move, and random numbers that come in the same order each time: for
 * memory:?clock=manual. */
#ifndef ELECT_SRC_MANUAL_H
#define ELECT_SRC_MANUAL_H
#include "env.h"
#include "tries.h"
#include <stdatomic.h>

struct elect__manual {
    struct elect__env env;
    _Atomic(int64_t) now_ns;
    _Atomic(uint64_t) drawn;
};

void elect__manual_open(struct elect__manual *manual);
void elect__manual_set(struct elect__manual *manual, int64_t now_ns); /* never back */
#endif
