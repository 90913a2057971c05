/* The client's I/O thread: one libevent base, one eventfd that wakes it, one timerfd for the earliest timer. It runs no
 * user code. Functions are for the I/O thread only where nothing else is said. */
#ifndef ELECT_SRC_LOOP_H
#define ELECT_SRC_LOOP_H
#include "env.h"
#include "heap.h"
#include <pthread.h>
#include <stdbool.h>

struct event;
struct event_base;
struct elect__manual;

/* Something to be run on the I/O thread; lies in what it is about. */
struct elect__call {
    void (*run)(struct elect__call *call);
    struct elect__call *next;
    bool listed; /* in the list of elect__loop_soon */
};

struct elect__calls {
    struct elect__call *first, *last;
};

struct elect__loop {
    const struct elect__env *env;
    struct elect__manual *manual; /* the clock that only elect__loop_advance moves; NULL: real time */
    struct event_base *base;
    struct event *wake_event, *timer_event, *soon_event;
    int wake_fd, timer_fd;
    pthread_t thread;
    struct elect__heap timers;
    int64_t armed_ns; /* what timer_fd is set to */
    struct elect__calls soon;
    bool in_turn, ending, failed, let_run;
    int held;              /* by so many a user's work goes on: time that runs by itself stands still */
    pthread_mutex_t mutex; /* of the next two */
    struct elect__calls posted;
    bool ended;
};

/* manual may be NULL. ELECT_OK, ELECT_ENOMEM, or ELECT_ESTORE: no descriptors. */
int32_t elect__loop_open(struct elect__loop *loop, const struct elect__env *env, struct elect__manual *manual);
/* After the loop has run, or when it never did: descriptors and memory, but for what elect__loop_post looks at. */
void elect__loop_close(struct elect__loop *loop);
void elect__loop_free(struct elect__loop *loop);
/* What the thread does, until elect__loop_end; or until the system refuses to wait for events: failed is set. */
void elect__loop_run(struct elect__loop *loop);
/* After that: runs what was posted until here. From then on nothing is. */
void elect__loop_drain(struct elect__loop *loop);
void elect__loop_end(struct elect__loop *loop);

/* From any thread; call must not be posted already. Never fails but for false: the loop has ended. */
bool elect__loop_post(struct elect__loop *loop, struct elect__call *call);
/* Runs call, which must not be listed, once the store or the timer that is being served has returned. */
void elect__loop_soon(struct elect__loop *loop, struct elect__call *call);
/* exact false: at the next 10 ms tick, so that the requests of many elections share flushes. */
void elect__loop_timer(struct elect__loop *loop, struct elect__timer *timer, int64_t at_ns, bool exact);
int64_t elect__loop_now(const struct elect__loop *loop);
/* Runs what is due, and what follows from it. */
void elect__loop_settle(struct elect__loop *loop);
/* Moves the manual clock, stopping at each timer on the way. */
void elect__loop_advance(struct elect__loop *loop, int64_t by_ns);
/* From here on the manual clock jumps to the next timer whenever nothing else is to be done and nothing is held. */
void elect__loop_let_run(struct elect__loop *loop);

/* Starts a thread with all signals blocked: none of them is ours. 0, or -1. */
int elect__thread_start(pthread_t *thread, void *(*run)(void *), void *argument);
#endif
