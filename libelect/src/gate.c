#include "gate.h"
#include "env.h"
#include <time.h>

int elect__gate_open(struct elect__gate *gate)
{
    pthread_condattr_t attributes;
    int failure = pthread_condattr_init(&attributes);
    if (failure)
        return -1;
    failure = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) || pthread_cond_init(&gate->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (failure)
        return -1;
    if (pthread_mutex_init(&gate->mutex, NULL) == 0)
        return 0;
    pthread_cond_destroy(&gate->changed);
    return -1;
}

void elect__gate_close(struct elect__gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
}

void elect__gate_lock(struct elect__gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
}

void elect__gate_unlock(struct elect__gate *gate)
{
    pthread_mutex_unlock(&gate->mutex);
}

void elect__gate_wake_all(struct elect__gate *gate)
{
    pthread_cond_broadcast(&gate->changed);
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * ELECT__S + now.tv_nsec;
}

int64_t elect__gate_deadline(int64_t timeout_ms)
{
    int64_t now_ns = monotonic_ns();
    if (timeout_ms < 0 || timeout_ms > (ELECT__NEVER - now_ns) / ELECT__MS)
        return ELECT__NEVER;
    return now_ns + timeout_ms * ELECT__MS;
}

bool elect__gate_wait(struct elect__gate *gate, int64_t deadline_ns)
{
    if (deadline_ns == ELECT__NEVER) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
        return true;
    }
    if (monotonic_ns() >= deadline_ns)
        return false;
    struct timespec until = {.tv_sec = deadline_ns / ELECT__S, .tv_nsec = deadline_ns % ELECT__S};
    pthread_cond_timedwait(&gate->changed, &gate->mutex, &until);
    return true;
}
