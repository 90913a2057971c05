#include "manual.h"
#include <string.h>

#define START_NS (1000 * ELECT__S)
#define START_REAL_US INT64_C(1767225600000000) /* 2026-01-01 */

static int64_t manual_boot_ns(void *ctx)
{
    return atomic_load_explicit(&((struct elect__manual *)ctx)->now_ns, memory_order_acquire);
}

static int64_t manual_real_us(void *ctx)
{
    return START_REAL_US + (manual_boot_ns(ctx) - START_NS) / 1000;
}

static int manual_random(void *ctx, void *bytes, size_t length)
{
    struct elect__manual *manual = ctx;
    unsigned char *next = bytes;
    while (length > 0) {
        struct elect__tries sequence = {.random = atomic_fetch_add(&manual->drawn, 1)};
        uint64_t drawn = elect__tries_random(&sequence);
        size_t part = length < sizeof drawn ? length : sizeof drawn;
        memcpy(next, &drawn, part);
        next += part;
        length -= part;
    }
    return 0;
}

void elect__manual_open(struct elect__manual *manual)
{
    manual->env = (struct elect__env){manual_boot_ns, manual_real_us, manual_random, manual};
    atomic_init(&manual->now_ns, START_NS);
    atomic_init(&manual->drawn, 1);
}

void elect__manual_set(struct elect__manual *manual, int64_t now_ns)
{
    if (now_ns > manual_boot_ns(manual))
        atomic_store_explicit(&manual->now_ns, now_ns, memory_order_release);
}
