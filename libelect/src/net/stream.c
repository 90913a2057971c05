#include "stream.h"
#include "../env.h"
#include "../fork_list.h"
#include "../text.h"
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX ((size_t)16 << 20)
enum { TEXT_SIZE = 768, WHY_SIZE = 512, PEER_SIZE = ELECT__SHOW_SIZE + 16, ERRORS = 8 };

struct elect__stream {
    struct event_base *base;
    const struct elect__stream_events *events;
    void *user;
    struct elect__dial *dial; /* until there is a socket */
    struct bufferevent *bev;  /* from then on; it closes fd and frees ssl in a later turn of the loop */
    int fd;
    SSL *ssl;           /* NULL: plain */
    struct event timer; /* of the handshake */
    bool up;
    int64_t until_ns;
    struct elect__stream_target target; /* what it points to lies behind this structure */
    struct elect__tls tls;
    char peer[PEER_SIZE];
};

/* ---- the end ---- */

/* Says goodbye in TLS only where nothing went wrong: OpenSSL forbids it else. */
static void release(struct elect__stream *stream, bool goodbye)
{
    event_del(&stream->timer);
    if (stream->dial)
        elect__dial_cancel(stream->dial);
    stream->dial = NULL;
    if (!stream->bev)
        return;
    if (stream->ssl && stream->up && goodbye) {
        SSL_shutdown(stream->ssl);
        ERR_clear_error();
    }
    bufferevent_disable(stream->bev, EV_READ | EV_WRITE);
    elect__fork_list_remove(stream->fd);
    bufferevent_free(stream->bev);
    stream->bev = NULL;
    stream->ssl = NULL;
    stream->up = false;
}

/* The user may close the stream in it. */
static void fail(struct elect__stream *stream, bool certificate, const char *why)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s: %s", stream->peer, why);
    release(stream, false);
    stream->events->down(stream->user, certificate, text);
}

/* ---- while it is up ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
    struct elect__stream *stream = arg;
    struct evbuffer *input = bufferevent_get_input(bev);
    size_t length = evbuffer_get_length(input);
    const char *bytes = (const char *)evbuffer_pullup(input, -1);
    if (length == 0)
        return;
    if (!bytes) {
        fail(stream, false, "out of memory");
        return;
    }
    stream->events->data(stream->user, bytes, length); /* may close the stream; libevent keeps bev until we return */
    evbuffer_drain(input, length);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct elect__stream *stream = arg;
    char why[128];
    (void)fd;
    (void)what;
    snprintf(why, sizeof why, "TLS: the handshake was not over %lld ms after the connection was begun",
             (long long)stream->target.connect_ms);
    fail(stream, false, why);
}

static void on_up(struct elect__stream *stream)
{
    event_del(&stream->timer);
    stream->up = true;
    stream->events->up(stream->user);
}

static void on_end(struct elect__stream *stream, short what, int error)
{
    unsigned long errors[ERRORS + 1] = {0};
    char why[WHY_SIZE], told[WHY_SIZE - 8] = "", words[ELECT__SHOW_SIZE];
    bool certificate = false;
    for (int i = 0; stream->ssl && i < ERRORS && (errors[i] = bufferevent_get_openssl_error(stream->bev)) != 0;)
        i++;
    if (stream->ssl)
        certificate = elect__tls_explain(stream->ssl, errors, told, sizeof told);
    if (*told)
        snprintf(why, sizeof why, "TLS: %s", told);
    else if ((what & BEV_EVENT_EOF) || error == 0)
        snprintf(why, sizeof why, "closed by the server");
    else
        snprintf(why, sizeof why, "%s", elect__text_within(strerrordesc_np(error), words));
    fail(stream, certificate, why);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    int error = EVUTIL_SOCKET_ERROR();
    (void)bev;
    if (what & BEV_EVENT_CONNECTED)
        on_up(arg);
    else
        on_end(arg, what, error);
}

/* ---- on the way there ---- */

/* Of fd, which is the bufferevent's or closed afterwards. */
static bool open_bufferevent(struct elect__stream *stream, int fd)
{
    int options = BEV_OPT_CLOSE_ON_FREE;
    stream->fd = fd;
    if (stream->ssl)
        stream->bev =
            bufferevent_openssl_socket_new(stream->base, fd, stream->ssl, BUFFEREVENT_SSL_CONNECTING, options);
    else
        stream->bev = bufferevent_socket_new(stream->base, fd, options);
    if (!stream->bev) {
        stream->ssl = NULL; /* which libevent has freed then */
        return false;
    }
    bufferevent_setcb(stream->bev, on_read, NULL, on_event, stream);
    return bufferevent_enable(stream->bev, EV_READ | EV_WRITE) == 0;
}

static int limit_handshake(struct elect__stream *stream)
{
    int64_t left_ns = stream->until_ns - elect__system_env.boot_ns(elect__system_env.ctx);
    int64_t left_us = left_ns > 0 ? left_ns / 1000 : 0;
    struct timeval time = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    return event_add(&stream->timer, &time);
}

static void drop(int fd)
{
    elect__fork_list_remove(fd);
    close(fd);
}

static void on_dialled(void *user, int fd, const char *error)
{
    struct elect__stream *stream = user;
    char why[WHY_SIZE];
    stream->dial = NULL;
    if (fd < 0) {
        stream->events->down(stream->user, false, error);
        return;
    }
    if (stream->target.tls) {
        stream->ssl = elect__tls_session(&stream->tls, why, sizeof why);
        if (!stream->ssl) {
            drop(fd);
            fail(stream, true, why);
            return;
        }
    }
    bool opened = open_bufferevent(stream, fd);
    if (!stream->bev)
        drop(fd);
    if (!opened || (stream->ssl && limit_handshake(stream) != 0))
        fail(stream, false, "out of memory");
    else if (!stream->ssl)
        on_up(stream);
}

/* ---- open, write, close ---- */

enum { STRINGS = 9 };

/* The strings of a target, in one order for all: each is a place where a copy's pointer goes. */
static void list_strings(struct elect__stream_target *target, struct elect__tls *tls, const char **places[STRINGS])
{
    const char **all[STRINGS] = {&target->where.path, &target->where.host, &target->where.port,
                                 &tls->ca_file,       &tls->ca_dir,        &tls->cert_file,
                                 &tls->key_file,      &tls->server_name,   &tls->min_version};
    memcpy(places, all, sizeof all);
}

/* One block for all. */
static struct elect__stream *copy(const struct elect__stream_target *target)
{
    struct elect__stream_target copied = *target;
    struct elect__tls tls = {"", "", "", "", "", "", false};
    const char **places[STRINGS];
    size_t size = sizeof(struct elect__stream), used = size;
    if (target->tls)
        tls = *target->tls;
    list_strings(&copied, &tls, places);
    for (int i = 0; i < STRINGS; i++)
        size += strlen(*places[i]) + 1;
    struct elect__stream *stream = calloc(1, size);
    if (!stream)
        return NULL;
    for (int i = 0; i < STRINGS; i++) {
        size_t length = strlen(*places[i]) + 1;
        *places[i] = memcpy((char *)stream + used, *places[i], length);
        used += length;
    }
    stream->tls = tls;
    stream->target = copied;
    stream->target.tls = target->tls ? &stream->tls : NULL;
    return stream;
}

static void name_peer(struct elect__stream *stream)
{
    const struct elect__dial_target *where = &stream->target.where;
    char shown[ELECT__SHOW_SIZE];
    elect__text_show(*where->path ? where->path : where->host, shown);
    if (*where->path)
        snprintf(stream->peer, sizeof stream->peer, "%s", shown);
    else
        snprintf(stream->peer, sizeof stream->peer, strchr(shown, ':') ? "[%s]:%.8s" : "%s:%.8s", shown, where->port);
}

struct elect__stream *elect__stream_new(struct event_base *base, const struct elect__stream_target *target,
                                        const struct elect__stream_events *events, void *user)
{
    struct elect__stream *stream = copy(target);
    if (!stream)
        return NULL;
    stream->base = base;
    stream->events = events;
    stream->user = user;
    event_assign(&stream->timer, base, -1, 0, on_late, stream);
    name_peer(stream);
    return stream;
}

bool elect__stream_open(struct elect__stream *stream)
{
    const struct elect__stream_target *target = &stream->target;
    stream->until_ns = elect__system_env.boot_ns(elect__system_env.ctx) + target->connect_ms * ELECT__MS;
    stream->dial = elect__dial_start(stream->base, &target->where, target->connect_ms, on_dialled, stream);
    return stream->dial != NULL;
}

size_t elect__stream_waiting(const struct elect__stream *stream)
{
    return evbuffer_get_length(bufferevent_get_output(stream->bev));
}

bool elect__stream_write(struct elect__stream *stream, const void *bytes, size_t length)
{
    assert(stream->up);
    return elect__stream_waiting(stream) + length <= WAITING_MAX && bufferevent_write(stream->bev, bytes, length) == 0;
}

void elect__stream_close(struct elect__stream *stream)
{
    release(stream, true);
    free(stream);
}
