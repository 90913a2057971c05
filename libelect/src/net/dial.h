/* A connected socket: to the addresses of a host one after another, or to a path of this one. */
#ifndef ELECT_SRC_NET_DIAL_H
#define ELECT_SRC_NET_DIAL_H
#include <stdint.h>

struct event_base;
struct elect__dial;

enum { ELECT__DIAL_TEXT_SIZE = 512 };

struct elect__dial_target {
    const char *path;        /* of a socket of this host; "": host and port */
    const char *host, *port; /* a name or an address, without brackets; a port is a number */
};

/* fd: non-blocking, close-on-exec, TCP_NODELAY and keep-alive set where it is TCP; it is the callee's, and listed in
 * fork_list.h, so that forked children do not keep it: remove it there before it is closed. -1: error says why, and of
 * which address: "10.0.0.5:6379: connection refused"; of all that were tried, after the name that they belong to:
 * "db: [fd00::5]:6379: network is unreachable; 10.0.0.5:6379: connection timed out". */
typedef void (*elect__dial_done)(void *user, int fd, const char *error);

/* Copies target. done is called on the base's thread, once, at the latest after timeout_ms, and never from within this
 * call; after it the dial is gone. Of several addresses each gets its share of the time. NULL: out of memory, or of
 * descriptors or threads. */
struct elect__dial *elect__dial_start(struct event_base *base, const struct elect__dial_target *target,
                                      int64_t timeout_ms, elect__dial_done done, void *user);
void elect__dial_cancel(struct elect__dial *dial);
#endif
