#include "lookup.h"
#include "../loop.h"
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct elect__lookup {
    atomic_int refs; /* the I/O side's, and the thread's */
    bool left;       /* it was cancelled, and counts in left_alive until it is gone */
    int fd;          /* an eventfd on which the thread says that it has the answer; -1: there is no thread */
    char *host, *port;
    atomic_bool answered; /* the next two are set, and the thread does not touch them any more */
    int error;
    struct addrinfo *list;
    struct event event; /* from here on the I/O side's alone */
    elect__lookup_done done;
    void *user;
};

/* Of the whole process: a getaddrinfo that hangs would leave a thread behind at each try. */
static atomic_int left_alive;

static void unref(struct elect__lookup *lookup)
{
    if (atomic_fetch_sub_explicit(&lookup->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (lookup->left)
        atomic_fetch_sub_explicit(&left_alive, 1, memory_order_relaxed);
    if (lookup->list)
        freeaddrinfo(lookup->list);
    if (lookup->fd >= 0)
        close(lookup->fd);
    free(lookup);
}

static int ask(struct elect__lookup *lookup, int flags)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    int error = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
    return error == EAI_SYSTEM ? errno : error;
}

static void *thread_main(void *argument)
{
    struct elect__lookup *lookup = argument;
    uint64_t one = 1;
    lookup->error = ask(lookup, 0);
    atomic_store_explicit(&lookup->answered, true, memory_order_release);
    ssize_t written = write(lookup->fd, &one, sizeof one);
    (void)written; /* fails only where a program closed it behind our back: then whoever waits runs out of time */
    unref(lookup);
    return NULL;
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
    struct elect__lookup *lookup = arg;
    (void)fd;
    (void)what;
    if (!atomic_load_explicit(&lookup->answered, memory_order_acquire))
        return;
    event_del(&lookup->event);
    lookup->done(lookup->user, lookup->error, lookup->list);
    unref(lookup);
}

/* Detached: nobody could bear to wait for it. */
static int start_thread(struct elect__lookup *lookup, struct event_base *base)
{
    pthread_t thread;
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->fd < 0)
        return -1;
    event_assign(&lookup->event, base, lookup->fd, EV_READ | EV_PERSIST, on_answer, lookup);
    if (event_add(&lookup->event, NULL) != 0)
        return -1;
    atomic_fetch_add_explicit(&lookup->refs, 1, memory_order_relaxed);
    if (elect__thread_start(&thread, thread_main, lookup) != 0) {
        atomic_fetch_sub_explicit(&lookup->refs, 1, memory_order_relaxed);
        event_del(&lookup->event);
        return -1;
    }
    pthread_detach(thread);
    return 0;
}

struct elect__lookup *elect__lookup_start(struct event_base *base, const char *host, const char *port,
                                          elect__lookup_done done, void *user)
{
    size_t host_size = strlen(host) + 1, port_size = strlen(port) + 1;
    struct elect__lookup *lookup = calloc(1, sizeof *lookup + host_size + port_size);
    if (!lookup)
        return NULL;
    atomic_init(&lookup->refs, 1);
    lookup->fd = -1;
    lookup->host = memcpy(lookup + 1, host, host_size);
    lookup->port = memcpy(lookup->host + host_size, port, port_size);
    lookup->done = done;
    lookup->user = user;
    event_assign(&lookup->event, base, -1, 0, on_answer, lookup);
    lookup->error = ask(lookup, AI_NUMERICHOST);
    if (lookup->error == EAI_NONAME && atomic_load_explicit(&left_alive, memory_order_relaxed) >= ELECT__LOOKUPS_LEFT)
        lookup->error = ELECT__LOOKUP_CROWDED;
    if (lookup->error != EAI_NONAME) { /* what needs no thread is answered from the loop as well */
        atomic_store_explicit(&lookup->answered, true, memory_order_relaxed);
        event_active(&lookup->event, EV_TIMEOUT, 0);
        return lookup;
    }
    if (start_thread(lookup, base) != 0) {
        unref(lookup);
        return NULL;
    }
    return lookup;
}

void elect__lookup_cancel(struct elect__lookup *lookup)
{
    event_del(&lookup->event);
    lookup->left = true;
    atomic_fetch_add_explicit(&left_alive, 1, memory_order_relaxed);
    unref(lookup);
}
