#include "loop.h"
#include "manual.h"
#include <elect/elect.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_NS (10 * ELECT__MS)
enum { BASE_FDS = 8 }; /* of an event base, and some to spare */

static void append(struct elect__calls *calls, struct elect__call *call)
{
    call->next = NULL;
    if (calls->last)
        calls->last->next = call;
    else
        calls->first = call;
    calls->last = call;
}

static struct elect__call *pop(struct elect__calls *calls)
{
    struct elect__call *call = calls->first;
    if (call) {
        calls->first = call->next;
        if (!calls->first)
            calls->last = NULL;
    }
    return call;
}

int64_t elect__loop_now(const struct elect__loop *loop)
{
    return loop->env->boot_ns(loop->env->ctx);
}

static void run_posted(struct elect__loop *loop)
{
    struct elect__call *call;
    pthread_mutex_lock(&loop->mutex);
    struct elect__calls posted = loop->posted;
    loop->posted = (struct elect__calls){0};
    pthread_mutex_unlock(&loop->mutex);
    while ((call = pop(&posted)))
        call->run(call);
}

static void run_soon(struct elect__loop *loop)
{
    struct elect__call *call;
    while ((call = pop(&loop->soon))) {
        call->listed = false;
        call->run(call);
    }
}

void elect__loop_settle(struct elect__loop *loop)
{
    int64_t now_ns = elect__loop_now(loop);
    struct elect__timer *timer;
    run_soon(loop);
    while ((timer = loop->timers.first) && timer->at_ns <= now_ns) {
        elect__heap_set(&loop->timers, timer, ELECT__NEVER);
        timer->fire(timer);
        run_soon(loop);
    }
}

static void arm(struct elect__loop *loop)
{
    int64_t at_ns = loop->timers.first ? loop->timers.first->at_ns : ELECT__NEVER;
    if (at_ns == loop->armed_ns || loop->manual)
        return;
    loop->armed_ns = at_ns;
    struct itimerspec spec = {0};
    if (at_ns != ELECT__NEVER) {
        if (at_ns <= 0) /* zero would disarm it */
            at_ns = 1;
        spec.it_value.tv_sec = at_ns / ELECT__S;
        spec.it_value.tv_nsec = at_ns % ELECT__S;
    }
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void turn(struct elect__loop *loop)
{
    loop->in_turn = true;
    run_posted(loop);
    elect__loop_settle(loop);
    while (loop->let_run && loop->timers.first && loop->held == 0) {
        elect__manual_set(loop->manual, loop->timers.first->at_ns);
        elect__loop_settle(loop);
    }
    loop->in_turn = false;
    arm(loop);
    if (loop->ending)
        event_base_loopbreak(loop->base);
}

static void empty(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return; /* nothing there is fine as well */
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    empty(fd);
    turn(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct elect__loop *loop = arg;
    (void)what;
    empty(fd);
    loop->armed_ns = ELECT__NEVER;
    turn(loop);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    turn(arg);
}

/* libevent ends the process when there is no descriptor left for its own pipes: so see that there are some. */
static bool has_room(int fd)
{
    int fds[BASE_FDS], count = 0;
    while (count < BASE_FDS && (fds[count] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    bool room = count == BASE_FDS;
    while (count > 0)
        close(fds[--count]);
    return room;
}

static int32_t open_base(struct elect__loop *loop)
{
    if (!has_room(loop->wake_fd))
        return ELECT_ESTORE;
    struct event_config *config = event_config_new();
    if (!config)
        return ELECT_ENOMEM;
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    return loop->base ? ELECT_OK : ELECT_ENOMEM;
}

static int open_events(struct elect__loop *loop)
{
    loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    loop->timer_event = event_new(loop->base, loop->timer_fd, EV_READ | EV_PERSIST, on_timer, loop);
    loop->soon_event = event_new(loop->base, -1, 0, on_soon, loop);
    if (!loop->wake_event || !loop->timer_event || !loop->soon_event)
        return -1;
    return event_add(loop->wake_event, NULL) || event_add(loop->timer_event, NULL) ? -1 : 0;
}

int32_t elect__loop_open(struct elect__loop *loop, const struct elect__env *env, struct elect__manual *manual)
{
    *loop = (struct elect__loop){.env = env, .manual = manual, .armed_ns = ELECT__NEVER};
    pthread_mutex_init(&loop->mutex, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    int32_t code = loop->wake_fd < 0 || loop->timer_fd < 0 ? ELECT_ESTORE : ELECT_OK;
    if (code == ELECT_OK)
        code = open_base(loop);
    if (code == ELECT_OK && open_events(loop) != 0)
        code = ELECT_ENOMEM;
    if (code != ELECT_OK) {
        elect__loop_close(loop);
        elect__loop_free(loop);
    }
    return code;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void elect__loop_close(struct elect__loop *loop)
{
    free_event(loop->wake_event);
    free_event(loop->timer_event);
    free_event(loop->soon_event);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
}

void elect__loop_free(struct elect__loop *loop)
{
    pthread_mutex_destroy(&loop->mutex);
}

void elect__loop_run(struct elect__loop *loop)
{
    while (!loop->ending && !loop->failed)
        loop->failed = event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) != 0;
}

void elect__loop_drain(struct elect__loop *loop)
{
    bool more = true;
    while (more) {
        run_posted(loop);
        run_soon(loop);
        pthread_mutex_lock(&loop->mutex);
        more = loop->posted.first != NULL;
        loop->ended = !more;
        pthread_mutex_unlock(&loop->mutex);
    }
}

void elect__loop_end(struct elect__loop *loop)
{
    loop->ending = true;
}

bool elect__loop_post(struct elect__loop *loop, struct elect__call *call)
{
    pthread_mutex_lock(&loop->mutex);
    bool ended = loop->ended;
    if (!ended) {
        if (!loop->posted.first)
            eventfd_write(loop->wake_fd, 1); /* under the mutex: the loop cannot end, and close it, before */
        append(&loop->posted, call);
    }
    pthread_mutex_unlock(&loop->mutex);
    return !ended;
}

void elect__loop_soon(struct elect__loop *loop, struct elect__call *call)
{
    call->listed = true;
    append(&loop->soon, call);
    if (!loop->in_turn)
        event_active(loop->soon_event, EV_TIMEOUT, 0);
}

void elect__loop_timer(struct elect__loop *loop, struct elect__timer *timer, int64_t at_ns, bool exact)
{
    if (!exact && !loop->manual && at_ns < ELECT__NEVER - TICK_NS)
        at_ns = (at_ns + TICK_NS - 1) / TICK_NS * TICK_NS;
    elect__heap_set(&loop->timers, timer, at_ns);
    if (!loop->in_turn && loop->timers.first && loop->timers.first->at_ns < loop->armed_ns)
        arm(loop);
}

void elect__loop_advance(struct elect__loop *loop, int64_t by_ns)
{
    int64_t until_ns = elect__loop_now(loop) + by_ns;
    elect__loop_settle(loop);
    while (loop->timers.first && loop->timers.first->at_ns <= until_ns) {
        elect__manual_set(loop->manual, loop->timers.first->at_ns);
        elect__loop_settle(loop);
    }
    elect__manual_set(loop->manual, until_ns);
    elect__loop_settle(loop);
}

void elect__loop_let_run(struct elect__loop *loop)
{
    loop->let_run = loop->manual != NULL;
}

int elect__thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0 ? 0 : -1;
}
