/* Names to addresses, on a thread of its own: getaddrinfo blocks for as long as it likes, and the I/O thread must
 * not. */
#ifndef ELECT_SRC_NET_LOOKUP_H
#define ELECT_SRC_NET_LOOKUP_H
#include <netdb.h>

struct event_base;
struct elect__lookup;

enum {
    ELECT__LOOKUPS_LEFT = 8,        /* so many that were cancelled may go on: a thread each, of all clients */
    ELECT__LOOKUP_CROWDED = 1 << 16 /* the error of one more: no errno */
};

/* error: 0 with a list, which is lent for the call; getaddrinfo's; or an errno, which is positive where those are
 * not. */
typedef void (*elect__lookup_done)(void *user, int error, const struct addrinfo *list);

/* Stream addresses of host and port, both families. done is called on the base's thread, once, and never from within
 * this call; after it the lookup is gone. NULL: no memory, no descriptor or no thread. */
struct elect__lookup *elect__lookup_start(struct event_base *base, const char *host, const char *port,
                                          elect__lookup_done done, void *user);
/* done is not called any more. The thread is not waited for: it ends when getaddrinfo does, and frees what is left. */
void elect__lookup_cancel(struct elect__lookup *lookup);
#endif
