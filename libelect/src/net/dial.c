#include "dial.h"
#include "../env.h"
#include "../fork_list.h"
#include "../text.h"
#include "lookup.h"
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    ADDRESSES = 16,
    ADDRESS_SIZE = ELECT__SHOW_SIZE + 32,
    KEEP_IDLE_S = 15, /* a peer whose machine is gone is noticed in 30 s on a line where nothing is said */
    KEEP_INTERVAL_S = 5,
    KEEP_COUNT = 3,
    UNACKED_MS = 30000 /* and so is one that acknowledges nothing */
};

struct address {
    socklen_t length;
    struct sockaddr_storage at;
};

struct elect__dial {
    struct event_base *base;
    struct event event; /* of the socket that connects, or of the time alone while there is none */
    struct elect__lookup *lookup;
    int fd;
    int64_t until_ns;
    int64_t timeout_ms;
    struct address addresses[ADDRESSES];
    int count, next;
    elect__dial_done done;
    void *user;
    bool named; /* the host is a name, which stands before the addresses that were tried */
    size_t used;
    char error[ELECT__DIAL_TEXT_SIZE];
    char host[ELECT__SHOW_SIZE]; /* or the path; as errors show it */
};

static void try_next(struct elect__dial *dial);

static int64_t left_ms(const struct elect__dial *dial)
{
    int64_t left_ns = dial->until_ns - elect__system_env.boot_ns(elect__system_env.ctx);
    return left_ns > 0 ? left_ns / ELECT__MS : 0;
}

static int wait_for(struct elect__dial *dial, short what, event_callback_fn call, int64_t ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_assign(&dial->event, dial->base, dial->fd, what, call, dial);
    return event_add(&dial->event, &time);
}

/* ---- the end ---- */

static void finish(struct elect__dial *dial, int fd, const char *error)
{
    event_del(&dial->event);
    dial->done(dial->user, fd, error);
    free(dial);
}

/* Adds "who: why" to what there was to say of the addresses before. */
static void note(struct elect__dial *dial, const char *who, const char *why)
{
    size_t room = sizeof dial->error - dial->used;
    const char *before = dial->used == 0 && dial->named ? dial->host : "";
    const char *between = dial->used > 0 ? "; " : dial->named ? ": " : "";
    int length = snprintf(dial->error + dial->used, room, "%s%s%s: %s", before, between, who, why);
    dial->used += length < (int)room ? (size_t)length : room - 1;
}

static void note_errno(struct elect__dial *dial, const char *who, int error)
{
    char why[ELECT__SHOW_SIZE];
    note(dial, who, elect__text_within(strerrordesc_np(error), why));
}

/* ---- one address ---- */

static const char *show(const struct elect__dial *dial, const struct address *address, char out[ADDRESS_SIZE])
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    const struct sockaddr *at = (const struct sockaddr *)&address->at;
    if (at->sa_family == AF_UNIX)
        snprintf(out, ADDRESS_SIZE, "%s", dial->host);
    else if (getnameinfo(at, address->length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(out, ADDRESS_SIZE, "an address of %s", dial->host);
    else
        snprintf(out, ADDRESS_SIZE, at->sa_family == AF_INET6 ? "[%.64s]:%.8s" : "%.64s:%.8s", host, port);
    return out;
}

static void drop(struct elect__dial *dial)
{
    if (dial->fd < 0)
        return;
    elect__fork_list_remove(dial->fd);
    close(dial->fd);
    dial->fd = -1;
}

static void fail_address(struct elect__dial *dial, int error)
{
    char who[ADDRESS_SIZE];
    note_errno(dial, show(dial, &dial->addresses[dial->next - 1], who), error);
    drop(dial);
    try_next(dial);
}

/* TCP connects a socket to itself where nobody listens on the port that the socket was given by chance. */
static bool is_own_end(int fd)
{
    struct sockaddr_storage ours = {0}, theirs = {0};
    socklen_t length = sizeof ours, their_length = sizeof theirs;
    return getsockname(fd, (struct sockaddr *)&ours, &length) == 0 && ours.ss_family != AF_UNIX &&
           getpeername(fd, (struct sockaddr *)&theirs, &their_length) == 0 && length == their_length &&
           memcmp(&ours, &theirs, length) == 0;
}

static void on_connected(struct elect__dial *dial)
{
    int fd = dial->fd;
    if (is_own_end(fd)) {
        fail_address(dial, ECONNREFUSED); /* as it would have been with any other port of ours */
        return;
    }
    dial->fd = -1;
    finish(dial, fd, NULL);
}

static void on_connect(evutil_socket_t fd, short what, void *arg)
{
    struct elect__dial *dial = arg;
    int error = ETIMEDOUT;
    socklen_t length = sizeof error;
    if ((what & EV_WRITE) && getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    if (error == 0)
        on_connected(dial);
    else
        fail_address(dial, error);
}

/* None of these is worth a failure. */
static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

/* 0: connected; EINPROGRESS; or why not. */
static int begin(struct elect__dial *dial, const struct address *address)
{
    const struct sockaddr *at = (const struct sockaddr *)&address->at;
    dial->fd = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd < 0)
        return errno;
    int failure = elect__fork_list_add(dial->fd);
    if (failure != 0)
        return -failure;
    if (at->sa_family != AF_UNIX)
        set_options(dial->fd);
    return connect(dial->fd, at, address->length) == 0 ? 0 : errno;
}

static void try_next(struct elect__dial *dial)
{
    event_del(&dial->event);
    int64_t ms = left_ms(dial);
    if (dial->next == dial->count || (dial->next > 0 && ms == 0)) {
        finish(dial, -1, dial->error);
        return;
    }
    ms /= dial->count - dial->next;
    int error = begin(dial, &dial->addresses[dial->next++]);
    if (error == EINPROGRESS)
        error = wait_for(dial, EV_WRITE, on_connect, ms) == 0 ? EINPROGRESS : ENOMEM;
    if (error == 0)
        on_connected(dial);
    else if (error != EINPROGRESS)
        fail_address(dial, error);
}

/* ---- the addresses ---- */

static void on_path(evutil_socket_t fd, short what, void *arg)
{
    struct elect__dial *dial = arg;
    (void)fd;
    (void)what;
    if (dial->count > 0) {
        try_next(dial);
        return;
    }
    char why[64];
    struct sockaddr_un at;
    snprintf(why, sizeof why, "the path of a socket has at most %zu bytes", sizeof at.sun_path - 1);
    note(dial, dial->host, why);
    finish(dial, -1, dial->error);
}

static void on_lookup_late(evutil_socket_t fd, short what, void *arg)
{
    struct elect__dial *dial = arg;
    char why[64];
    (void)fd;
    (void)what;
    elect__lookup_cancel(dial->lookup);
    snprintf(why, sizeof why, "no address for the name within %lld ms", (long long)dial->timeout_ms);
    dial->named = false;
    note(dial, dial->host, why);
    finish(dial, -1, dial->error);
}

static const char *lookup_error(int error)
{
    if (error == ELECT__LOOKUP_CROWDED)
        return "too many lookups of names have not ended yet";
    return error > 0 ? strerrordesc_np(error) : gai_strerror(error);
}

static void on_lookup(void *user, int error, const struct addrinfo *list)
{
    struct elect__dial *dial = user;
    dial->lookup = NULL;
    if (error != 0) {
        char why[ELECT__SHOW_SIZE];
        dial->named = false;
        note(dial, dial->host, elect__text_within(lookup_error(error), why));
        finish(dial, -1, dial->error);
        return;
    }
    for (; list && dial->count < ADDRESSES; list = list->ai_next) {
        struct address *address = &dial->addresses[dial->count++];
        address->length = list->ai_addrlen;
        memcpy(&address->at, list->ai_addr, list->ai_addrlen);
    }
    try_next(dial);
}

static int start_path(struct elect__dial *dial, const char *path)
{
    struct sockaddr_un *at = (struct sockaddr_un *)&dial->addresses[0].at;
    size_t length = strlen(path);
    elect__text_show(path, dial->host);
    if (length < sizeof at->sun_path) {
        at->sun_family = AF_UNIX;
        memcpy(at->sun_path, path, length + 1);
        dial->addresses[0].length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
        dial->count = 1;
    }
    return wait_for(dial, 0, on_path, 0);
}

static int start_host(struct elect__dial *dial, const char *host, const char *port)
{
    elect__text_show(host, dial->host);
    dial->named = elect__text_address(host) == 0;
    if (wait_for(dial, 0, on_lookup_late, dial->timeout_ms) != 0)
        return -1;
    dial->lookup = elect__lookup_start(dial->base, host, port, on_lookup, dial);
    return dial->lookup ? 0 : -1;
}

struct elect__dial *elect__dial_start(struct event_base *base, const struct elect__dial_target *target,
                                      int64_t timeout_ms, elect__dial_done done, void *user)
{
    struct elect__dial *dial = calloc(1, sizeof *dial);
    if (!dial)
        return NULL;
    dial->base = base;
    dial->fd = -1;
    dial->timeout_ms = timeout_ms;
    dial->until_ns = elect__system_env.boot_ns(elect__system_env.ctx) + timeout_ms * ELECT__MS;
    dial->done = done;
    dial->user = user;
    if ((*target->path ? start_path(dial, target->path) : start_host(dial, target->host, target->port)) != 0) {
        event_del(&dial->event);
        free(dial);
        return NULL;
    }
    return dial;
}

void elect__dial_cancel(struct elect__dial *dial)
{
    event_del(&dial->event);
    if (dial->lookup)
        elect__lookup_cancel(dial->lookup);
    drop(dial);
    free(dial);
}
