/* Timers, the earliest first: a pairing heap. The nodes lie in what they wake, so setting a timer never fails. */
#ifndef ELECT_SRC_HEAP_H
#define ELECT_SRC_HEAP_H
#include <stdbool.h>
#include <stdint.h>

struct elect__timer {
    int64_t at_ns;
    void (*fire)(struct elect__timer *timer);
    bool set;
    struct elect__timer *child, *next;
    struct elect__timer *previous; /* the sibling before it, or the parent of a first child */
};

struct elect__heap {
    struct elect__timer *first; /* NULL: there is none */
};

/* ELECT__NEVER takes it out. */
void elect__heap_set(struct elect__heap *heap, struct elect__timer *timer, int64_t at_ns);
#endif
