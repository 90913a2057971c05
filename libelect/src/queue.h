/* Events that wait to be read, in order, with a descriptor that says so. A client has two: the user's, and that of its
 * dispatcher thread. It is bounded: of one election there wait at most one event of each kind, for an ELECTED that nobody
 * read goes together with its LOST; and the oldest logs give way. */
#ifndef ELECT_SRC_QUEUE_H
#define ELECT_SRC_QUEUE_H
#include "event.h"
#include "gate.h"
#include <stddef.h>

enum { ELECT__LOGS = 1000 }; /* unread logs that are kept */

/* Where the events of one election go. */
struct elect__receiver {
    struct elect__queue *queue; /* NULL: nowhere */
    uint64_t tag;
    void (*gone)(elect_event_t *event);      /* the last reference to an event of this receiver has ended */
    elect_event_t *elected, *leader, *error; /* unread; of the queue's gate */
};

struct elect__queue {
    struct elect__gate gate;
    int fd; /* readable while events wait and after the end; -1: nobody polls */
    elect_event_t *first, *last;
    size_t count, logs;
    uint64_t logs_dropped, logs_dropped_ever;
    bool closed; /* nothing comes any more; what waits can still be read */
};

int32_t elect__queue_open(struct elect__queue *queue, bool pollable); /* ELECT_OK, ELECT_ENOMEM or ELECT_ESTORE */
void elect__queue_free(struct elect__queue *queue);                   /* frees what waits, without a word */
/* Takes event, which becomes one of receiver (NULL: of nobody). An unread event of the same kind goes. */
void elect__queue_push(struct elect__queue *queue, struct elect__receiver *receiver, elect_event_t *event);
/* If receiver's ELECTED is unread, it goes, and nobody needs to hear of its LOST: true. */
bool elect__queue_retract(struct elect__receiver *receiver);
/* The next event; NULL with ELECT_ETIMEOUT or ELECT_ECLOSED. */
int32_t elect__queue_pop(struct elect__queue *queue, int64_t deadline_ns, elect_event_t **out);
void elect__queue_close(struct elect__queue *queue);
/* Closes it for good: nobody will read it, so what waits goes too. */
void elect__queue_deafen(struct elect__queue *queue);
#endif
