/* What happened, as the user gets it. Events are made on the I/O thread and are plain data after that. */
#ifndef ELECT_SRC_EVENT_H
#define ELECT_SRC_EVENT_H
#include "leader.h"
#include <elect/elect.h>
#include <stdatomic.h>

struct elect__receiver;

struct elect_event {
    _Atomic(int) refs;
    int16_t kind, level; /* small: each election keeps an event for its loss and one for its end */
    int32_t reason, code;
    uint64_t tag, epoch;
    elect_leader_t *leader;
    char *text, *fields;                     /* NULL: "" and "{}" */
    struct elect__receiver *receiver;        /* whose event it is; NULL: nobody's */
    void (*gone)(struct elect_event *event); /* with a receiver, after the last reference; frees nothing of event */
    struct elect_event *previous, *next;     /* in a queue */
};

/* NULL: out of memory. One reference. */
elect_event_t *elect__event_new(int32_t kind);
#endif
