/* What the library takes from the machine: two clocks and random bytes. They come in through one object, so that tests
 * and the simulator script time, and so that no file but env.c asks the system. */
#ifndef ELECT_SRC_ENV_H
#define ELECT_SRC_ENV_H
#include <stddef.h>
#include <stdint.h>

#define ELECT__NEVER INT64_MAX
#define ELECT__MS 1000000LL   /* nanoseconds in a millisecond */
#define ELECT__S 1000000000LL /* nanoseconds in a second */

struct elect__env {
    int64_t (*boot_ns)(void *ctx); /* CLOCK_BOOTTIME: it runs in suspend, as every other machine's clock does */
    int64_t (*real_us)(void *ctx); /* CLOCK_REALTIME: for epochs and for people, never for a deadline */
    int (*random)(void *ctx, void *bytes, size_t length); /* 0, or -1 when there is none to be had */
    void *ctx;
};

extern const struct elect__env elect__system_env;

enum { ELECT__HOST_NAME_SIZE = 256 };
/* The name of this host; "" when it has none. */
void elect__host_name(char out[ELECT__HOST_NAME_SIZE]);
#endif
