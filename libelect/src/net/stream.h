/* Bytes to and from a server, over TCP or a path, plain or in TLS: dial, handshake, and a bufferevent once it is up.
 *
 * libevent and OpenSSL write to the socket without MSG_NOSIGNAL: the base's thread must block SIGPIPE, as
 * elect__thread_start sees to; that the other side is gone is then an error like any other. */
#ifndef ELECT_SRC_NET_STREAM_H
#define ELECT_SRC_NET_STREAM_H
#include "dial.h"
#include "tls.h"

struct elect__stream;

struct elect__stream_target {
    struct elect__dial_target where;
    const struct elect__tls *tls; /* NULL: plain */
    int64_t connect_ms;           /* until up, the handshake included */
};

/* All on the base's thread, never from within a call of ours but for close inside them, which is allowed. */
struct elect__stream_events {
    void (*up)(void *user);
    /* length bytes, lent for the call. */
    void (*data)(void *user, const char *bytes, size_t length);
    /* Once, and the last: it could not be opened, or has ended; elect__stream_close, in it or later, is still due. text
     * names the peer and why. certificate: it was the other's certificate or ours that was refused, or a file of the
     * TLS options that is of no use: trying again does not change that. With TLS 1.3 it may come after up. */
    void (*down)(void *user, bool certificate, const char *text);
};

/* Copies target and what it points to, and no more. NULL: out of memory. */
struct elect__stream *elect__stream_new(struct event_base *base, const struct elect__stream_target *target,
                                        const struct elect__stream_events *events, void *user);
/* Begins to connect. False: out of memory, descriptors or threads; it must be closed then. A file that can't be read is
 * told by down. */
bool elect__stream_open(struct elect__stream *stream);
/* Sends at the next turn of the loop, so that what is written in one turn shares a flush. False: out of memory, or the
 * other side reads so slowly that more than 16 MiB wait; the stream must be closed then. Only while up. */
bool elect__stream_write(struct elect__stream *stream, const void *bytes, size_t length);
/* Bytes that were written, and not sent yet. Only while up. */
size_t elect__stream_waiting(const struct elect__stream *stream);
/* Drops what is not sent yet. No event comes any more. */
void elect__stream_close(struct elect__stream *stream);
#endif
