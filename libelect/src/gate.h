/* A mutex with a condition whose waits end by CLOCK_MONOTONIC. */
#ifndef ELECT_SRC_GATE_H
#define ELECT_SRC_GATE_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct elect__gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

int elect__gate_open(struct elect__gate *gate); /* 0, or -1 */
void elect__gate_close(struct elect__gate *gate);
void elect__gate_lock(struct elect__gate *gate);
void elect__gate_unlock(struct elect__gate *gate);
void elect__gate_wake_all(struct elect__gate *gate);
/* The end of a timeout of the public interface: negative is for ever. */
int64_t elect__gate_deadline(int64_t timeout_ms);
/* False: the deadline is over. May wake without a reason. */
bool elect__gate_wait(struct elect__gate *gate, int64_t deadline_ns);
#endif
