/* Lease cells: what is_leader reads, from any thread, without a lock. A cell is a cache line of its own. All cells of a
 * client lie in private mappings that a forked child finds wiped: its cells say 0 before any of our code runs there.
 *
 * Order: a reader of lead_until loads it (acquire) and reads the clock after that, so the answer was true at the load.
 * check() needs several fields of one instant: writers make sequence odd, write, and make it even again. Writers hold
 * the client's gate. */
#ifndef ELECT_SRC_CELL_H
#define ELECT_SRC_CELL_H
#include "lease.h"
#include <stdatomic.h>
#include <stddef.h>

struct elect__cell {
    _Alignas(64) _Atomic(uint64_t) sequence;
    _Atomic(uint64_t) epoch;
    _Atomic(int64_t) lead_until_ns;
    _Atomic(int64_t) lease_until_ns;
    struct elect__cell *next_free;
};

struct elect__cells {
    struct elect__cell *chunks[24]; /* each twice as large as the one before, its first cell kept for us */
    int chunk_count;
    size_t used; /* of the last chunk */
    struct elect__cell *free;
    bool wiped; /* the kernel wipes them in a child; else is_leader asks for the pid */
};

/* wipe false: as on a kernel without MADV_WIPEONFORK. 0, or -1: out of memory. */
int elect__cells_open(struct elect__cells *cells, bool wipe);
void elect__cells_close(struct elect__cells *cells);
/* NULL: out of memory. */
struct elect__cell *elect__cells_take(struct elect__cells *cells);
void elect__cells_give(struct elect__cells *cells, struct elect__cell *cell);
/* In a forked child, without a system call. False where wiped is false. */
bool elect__cells_are_wiped(const struct elect__cells *cells);

void elect__cell_write(struct elect__cell *cell, const struct elect__lease *lease);
struct elect__lease elect__cell_read(const struct elect__cell *cell);

static inline int64_t elect__cell_lead_until(const struct elect__cell *cell)
{
    return atomic_load_explicit(&cell->lead_until_ns, memory_order_acquire);
}
#endif
