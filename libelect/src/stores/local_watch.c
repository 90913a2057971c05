#include "../fork_list.h"
#include "local_store.h"
#include <elect/elect.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A process that dies closes its files before its locks are dropped, and those before it is provably gone: so one
 * wake is followed by looks at growing distances. */
#define FIRST_PAUSE_US 100
#define LAST_PAUSE_US 250000
#define POLL_MS 250
#define POLL_LOOKS 256 /* at one tick: thousands of elections must not eat the processor */

static unsigned bucket_of(const char *file)
{
    return elect__local_crc(file, strlen(file)) % ELECT__LOCAL_BUCKETS;
}

/* ---- looking ---- */

static void look_as_leader(struct elect__local_stand *stand, const struct elect__local_view *view)
{
    uint64_t asked = elect__local_page_ask(&view->page);
    if (view->top == NULL || view->top->term != stand->seat.held) {
        stand->slot->host->doubt(stand->slot);
        return;
    }
    if (asked == 0 || asked != view->top->epoch || asked == stand->deposed_epoch)
        return;
    stand->deposed_epoch = asked;
    stand->slot->host->depose(stand->slot, asked);
}

/* Tells the owner when things are other than it was told. The stand may be gone afterwards. */
static void look(struct elect__local_stand *stand)
{
    struct elect__local_view view;
    bool held = stand->seat.held != 0;
    int failure = elect__local_stand_open(stand, false);
    if (held && stand->seat.held == 0) { /* another file, or none: somebody may lead there already */
        stand->slot->host->doubt(stand->slot);
        return;
    }
    if (failure != 0 || elect__local_look(&stand->seat, &view) != 0)
        return; /* its own operations will say so */
    if (stand->seat.held != 0) {
        look_as_leader(stand, &view);
        return;
    }
    uint64_t term = view.top != NULL ? view.top->term : 0;
    if (term == stand->seen_term && view.verdict == stand->seen_verdict)
        return;
    elect__local_watch_seen(stand, &view);
    stand->slot->host->wake(stand->slot, view.verdict == ELECT__LOCAL_FREE);
}

void elect__local_watch_seen(struct elect__local_stand *stand, const struct elect__local_view *view)
{
    stand->seen_term = view->top != NULL ? view->top->term : 0;
    stand->seen_verdict = view->verdict;
}

/* Each stand of one bucket that is due, or all of them; how many. */
static int look_at_bucket(struct elect__local_store *store, int bucket, bool all)
{
    int looks = 0;
    for (struct elect__local_stand *stand = store->buckets[bucket]; stand != NULL; stand = store->next) {
        store->next = stand->after;
        if (!all && !stand->due)
            continue;
        looks++;
        look(stand);
    }
    store->next = NULL;
    return looks;
}

/* ---- timers ---- */

static void arm(struct elect__local_watch *watch)
{
    struct itimerspec at = {
        .it_value = {.tv_sec = watch->pause_us / 1000000, .tv_nsec = watch->pause_us % 1000000 * 1000}};
    if (watch->timer >= 0)
        timerfd_settime(watch->timer, 0, &at, NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct elect__local_store *store = arg;
    struct elect__local_watch *watch = &store->watch;
    uint64_t times;
    (void)what;
    if (read((int)fd, &times, sizeof times) != (ssize_t)sizeof times)
        return;
    watch->pause_us *= 2;
    bool last = watch->pause_us > LAST_PAUSE_US;
    if (!last)
        arm(watch);
    for (int i = 0; i < ELECT__LOCAL_BUCKETS; i++) {
        if (store->buckets[i] != NULL)
            look_at_bucket(store, i, false);
    }
    for (int i = 0; last && i < ELECT__LOCAL_BUCKETS; i++) {
        for (struct elect__local_stand *stand = store->buckets[i]; stand != NULL; stand = stand->after)
            stand->due = false;
    }
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    struct elect__local_store *store = arg;
    struct elect__local_watch *watch = &store->watch;
    (void)fd;
    (void)what;
    for (int buckets = 0, looks = 0; buckets < ELECT__LOCAL_BUCKETS && looks < POLL_LOOKS; buckets++) {
        looks += look_at_bucket(store, watch->next_bucket, true);
        watch->next_bucket = (watch->next_bucket + 1) % ELECT__LOCAL_BUCKETS;
    }
}

/* ---- inotify ---- */

/* file NULL: all of them. */
static void mark(struct elect__local_store *store, const char *file)
{
    int from = file != NULL ? (int)bucket_of(file) : 0;
    int to = file != NULL ? from + 1 : ELECT__LOCAL_BUCKETS;
    for (int i = from; i < to; i++) {
        for (struct elect__local_stand *stand = store->buckets[i]; stand != NULL; stand = stand->after)
            stand->due = stand->due || file == NULL || strcmp(stand->file, file) == 0;
    }
}

static void on_inotify(evutil_socket_t fd, short what, void *arg)
{
    struct elect__local_store *store = arg;
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    bool any = false;
    (void)what;
    ssize_t length = read((int)fd, bytes, sizeof bytes);
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);
        at += (ssize_t)(sizeof *event + event->len);
        mark(store, (event->mask & IN_Q_OVERFLOW) != 0 || event->len == 0 ? NULL : event->name);
        any = true;
    }
    if (!any)
        return;
    for (int i = 0; i < ELECT__LOCAL_BUCKETS; i++) {
        if (store->buckets[i] != NULL)
            look_at_bucket(store, i, false);
    }
    store->watch.pause_us = FIRST_PAUSE_US;
    arm(&store->watch);
}

static int add_watch(const struct elect__local_store *store)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", store->dir.fd); /* this directory, whatever its path leads to now */
    uint32_t events = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVE | IN_ONLYDIR;
    return inotify_add_watch(store->watch.inotify, self, events) >= 0 ? 0 : -errno;
}

void elect__local_watch_dir(struct elect__local_store *store)
{
    if (store->watch.inotify >= 0)
        add_watch(store); /* if that fails, the safety poll is left */
}

static int open_inotify(struct elect__local_store *store)
{
    struct elect__local_watch *watch = &store->watch;
    watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watch->inotify < 0 || watch->timer < 0)
        return -errno;
    int failure = add_watch(store);
    failure = failure != 0 ? failure : elect__fork_list_add(watch->inotify);
    return failure != 0 ? failure : elect__fork_list_add(watch->timer);
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        elect__fork_list_remove(*fd);
        close(*fd);
    }
    *fd = -1;
}

void elect__local_watch_init(struct elect__local_watch *watch)
{
    memset(watch, 0, sizeof *watch);
    watch->inotify = watch->timer = -1;
}

void elect__local_watch_start(struct elect__local_store *store)
{
    struct elect__local_watch *watch = &store->watch;
    struct event_base *base = store->args.base;
    struct timeval poll = {.tv_usec = POLL_MS * 1000};
    char text[256];
    if (watch->polling)
        return;
    int failure = open_inotify(store);
    if (failure == 0) {
        event_assign(&watch->inotify_event, base, watch->inotify, EV_READ | EV_PERSIST, on_inotify, store);
        event_assign(&watch->timer_event, base, watch->timer, EV_READ | EV_PERSIST, on_timer, store);
        if (event_add(&watch->inotify_event, NULL) != 0 || event_add(&watch->timer_event, NULL) != 0) {
            event_del(&watch->inotify_event);
            failure = -ENOMEM;
        }
    }
    if (failure != 0) {
        const char *why = strerrordesc_np(-failure);
        snprintf(text, sizeof text, "local: no inotify (%s%s): changes are noticed by looking every %d ms",
                 why != NULL ? why : "unknown error",
                 failure == -EMFILE ? "; see fs.inotify.max_user_instances and ulimit -n" : "", POLL_MS);
        elect__local_log(store, ELECT_LOG_WARN, text);
        close_one(&watch->inotify);
        close_one(&watch->timer);
    }
    event_assign(&watch->poll_event, base, -1, EV_PERSIST, on_poll, store);
    watch->polling = event_add(&watch->poll_event, &poll) == 0;
    if (!watch->polling) /* all or nothing, so that the next start may try again */
        elect__local_watch_stop(store);
}

void elect__local_watch_stop(struct elect__local_store *store)
{
    struct elect__local_watch *watch = &store->watch;
    if (watch->polling)
        event_del(&watch->poll_event);
    if (watch->inotify >= 0)
        event_del(&watch->inotify_event);
    if (watch->timer >= 0)
        event_del(&watch->timer_event);
    close_one(&watch->inotify);
    close_one(&watch->timer);
    watch->polling = false;
}

void elect__local_watch_add(struct elect__local_stand *stand)
{
    struct elect__local_stand **first = &stand->store->buckets[bucket_of(stand->file)];
    stand->before = NULL;
    stand->after = *first;
    if (*first != NULL)
        (*first)->before = stand;
    *first = stand;
    stand->store->stands++;
}

void elect__local_watch_remove(struct elect__local_stand *stand)
{
    struct elect__local_store *store = stand->store;
    if (store->next == stand)
        store->next = stand->after;
    if (stand->before != NULL)
        stand->before->after = stand->after;
    else
        store->buckets[bucket_of(stand->file)] = stand->after;
    if (stand->after != NULL)
        stand->after->before = stand->before;
    store->stands--;
}
