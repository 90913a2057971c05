/* A stream, and what it was told. */
#ifndef TESTS_UNIT_NET_CLIENT_H
#define TESTS_UNIT_NET_CLIENT_H
#include "net.h"
#include "net/stream.h"
#include <openssl/err.h>

struct net_client {
    struct event_base *base;
    struct elect__stream *stream;
    bool calling;                                   /* one of the stream's functions is being called */
    bool close_in_up, close_in_data, close_in_down; /* what the events do */
    bool is_up, is_down, is_enough, certificate;
    int ups, downs;
    size_t enough, received; /* bytes */
    uint64_t sum;            /* of what was received, order included */
    char first[64], text[768];
};

static inline uint64_t net_sum(uint64_t sum, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211U;
    return sum;
}

static inline void net_client_close(struct net_client *client)
{
    elect__stream_close(client->stream);
    client->stream = NULL;
    cr_assert_eq(ERR_peek_error(), 0, "an error is left in OpenSSL's queue");
}

static inline void net_client_up(void *user)
{
    struct net_client *client = user;
    cr_assert_not(client->calling);
    cr_assert_not(client->is_down);
    client->is_up = true;
    client->ups++;
    if (client->close_in_up)
        net_client_close(client);
}

static inline void net_client_data(void *user, const char *bytes, size_t length)
{
    struct net_client *client = user;
    cr_assert_not(client->calling);
    cr_assert(client->is_up && !client->is_down && client->stream);
    if (client->received < sizeof client->first - 1) {
        size_t room = sizeof client->first - 1 - client->received;
        memcpy(client->first + client->received, bytes, length < room ? length : room);
    }
    client->received += length;
    client->sum = net_sum(client->sum, bytes, length);
    client->is_enough = client->received >= client->enough;
    if (client->close_in_data)
        net_client_close(client);
}

static inline void net_client_down(void *user, bool certificate, const char *text)
{
    struct net_client *client = user;
    cr_assert_not(client->calling);
    cr_assert_not_null(client->stream);
    cr_assert_eq(ERR_peek_error(), 0, "an error is left in OpenSSL's queue");
    client->is_down = true;
    client->downs++;
    client->certificate = certificate;
    snprintf(client->text, sizeof client->text, "%s", text);
    if (client->close_in_down)
        net_client_close(client);
}

static const struct elect__stream_events net_client_events = {
    .up = net_client_up, .data = net_client_data, .down = net_client_down};

static inline void net_client_open(struct net_client *client, const char *host, const char *port,
                                   const struct elect__tls *tls, int64_t connect_ms)
{
    struct elect__stream_target target = {
        .where = {.path = *host == '/' ? host : "", .host = host, .port = port}, .tls = tls, .connect_ms = connect_ms};
    if (!client->base)
        client->base = net_base();
    client->is_up = client->is_down = client->is_enough = false;
    client->calling = true;
    client->stream = elect__stream_new(client->base, &target, &net_client_events, client);
    cr_assert_not_null(client->stream);
    cr_assert(elect__stream_open(client->stream));
    client->calling = false;
}

static inline bool net_client_write(struct net_client *client, const void *bytes, size_t length)
{
    client->calling = true;
    bool written = elect__stream_write(client->stream, bytes, length);
    client->calling = false;
    return written;
}

/* Writes and waits until as much came back. */
static inline void net_client_echo(struct net_client *client, const char *bytes, size_t length)
{
    client->enough = client->received + length;
    client->is_enough = false;
    cr_assert(net_client_write(client, bytes, length));
    net_until(client->base, &client->is_enough);
}

static inline void net_client_free(struct net_client *client)
{
    if (client->stream)
        net_client_close(client);
    net_turn(client->base);
    event_base_free(client->base);
}
#endif
