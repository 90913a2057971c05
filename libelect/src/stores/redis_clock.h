/* The server's clock against ours. Redis expires keys by its wall clock: stepped forward, it frees a lock whose leader
 * still leads. The step can't be prevented from here, but it is seen and told. Pure. */
#ifndef ELECT_SRC_STORES_REDIS_CLOCK_H
#define ELECT_SRC_STORES_REDIS_CLOCK_H
#include <stdint.h>

struct elect__redis_clock {
    int64_t low_us, high_us; /* server minus boot clock, as the readings so far allow it */
    int64_t at_ns;           /* of the last reading; 0: none yet */
};

/* A reading that was taken by the server between sent_ns and received_ns. Answers by how much the server's clock was
 * stepped, in microseconds, or 0: clocks that run within 500 ppm of each other explain it, to within 20 ms. After a
 * step it counts from there. */
int64_t elect__redis_clock_read(struct elect__redis_clock *clock, int64_t server_us, int64_t sent_ns,
                                int64_t received_ns);
#endif
