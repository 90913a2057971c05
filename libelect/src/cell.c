#include "cell.h"
#include <assert.h>
#include <sched.h>
#include <sys/mman.h>

#define FIRST_CELLS 64
#define SPINS 100

static size_t chunk_cells(int chunk)
{
    return (size_t)FIRST_CELLS << chunk;
}

static int add_chunk(struct elect__cells *cells)
{
    if (cells->chunk_count == (int)(sizeof cells->chunks / sizeof cells->chunks[0]))
        return -1;
    size_t size = chunk_cells(cells->chunk_count) * sizeof(struct elect__cell);
    void *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        return -1;
    if (cells->wiped && madvise(chunk, size, MADV_WIPEONFORK) != 0)
        cells->wiped = false;
    cells->chunks[cells->chunk_count++] = chunk;
    cells->used = 1;
    return 0;
}

int elect__cells_open(struct elect__cells *cells, bool wipe)
{
    *cells = (struct elect__cells){.wiped = wipe};
    if (add_chunk(cells) != 0)
        return -1;
    atomic_store_explicit(&cells->chunks[0]->sequence, 2, memory_order_relaxed);
    return 0;
}

void elect__cells_close(struct elect__cells *cells)
{
    for (int i = 0; i < cells->chunk_count; i++)
        munmap(cells->chunks[i], chunk_cells(i) * sizeof(struct elect__cell));
    cells->chunk_count = 0;
}

struct elect__cell *elect__cells_take(struct elect__cells *cells)
{
    struct elect__cell *cell = cells->free;
    if (cell) {
        cells->free = cell->next_free;
        return cell;
    }
    if (cells->used == chunk_cells(cells->chunk_count - 1) && add_chunk(cells) != 0)
        return NULL;
    return &cells->chunks[cells->chunk_count - 1][cells->used++];
}

void elect__cells_give(struct elect__cells *cells, struct elect__cell *cell)
{
    static const struct elect__lease none;
    elect__cell_write(cell, &none);
    cell->next_free = cells->free;
    cells->free = cell;
}

bool elect__cells_are_wiped(const struct elect__cells *cells)
{
    return atomic_load_explicit(&cells->chunks[0]->sequence, memory_order_relaxed) == 0;
}

/* Each release store comes after sequence has become odd, so a reader that saw it finds sequence changed. No fence:
 * ThreadSanitizer knows none. */
void elect__cell_write(struct elect__cell *cell, const struct elect__lease *lease)
{
    uint64_t sequence = atomic_load_explicit(&cell->sequence, memory_order_relaxed);
    assert(sequence % 2 == 0);
    atomic_store_explicit(&cell->sequence, sequence + 1, memory_order_relaxed);
    atomic_store_explicit(&cell->lead_until_ns, lease->lead_until_ns, memory_order_release);
    atomic_store_explicit(&cell->epoch, lease->epoch, memory_order_release);
    atomic_store_explicit(&cell->lease_until_ns, lease->lease_until_ns, memory_order_release);
    atomic_store_explicit(&cell->sequence, sequence + 2, memory_order_release);
}

struct elect__lease elect__cell_read(const struct elect__cell *cell)
{
    struct elect__lease lease;
    for (int spins = 0;; spins++) {
        uint64_t before = atomic_load_explicit(&cell->sequence, memory_order_acquire);
        lease.lead_until_ns = atomic_load_explicit(&cell->lead_until_ns, memory_order_acquire);
        lease.epoch = atomic_load_explicit(&cell->epoch, memory_order_acquire);
        lease.lease_until_ns = atomic_load_explicit(&cell->lease_until_ns, memory_order_acquire);
        if (before % 2 == 0 && before == atomic_load_explicit(&cell->sequence, memory_order_relaxed))
            return lease;
        if (spins >= SPINS) /* its writer waits for this processor */
            sched_yield();
    }
}
