#include "env.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t system_boot_ns(void *ctx)
{
    (void)ctx;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * ELECT__S + now.tv_nsec;
}

static int64_t system_real_us(void *ctx)
{
    (void)ctx;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int system_random(void *ctx, void *bytes, size_t length)
{
    (void)ctx;
    unsigned char *next = bytes;
    while (length > 0) {
        ssize_t got = getrandom(next, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        next += got;
        length -= (size_t)got;
    }
    return 0;
}

const struct elect__env elect__system_env = {
    .boot_ns = system_boot_ns,
    .real_us = system_real_us,
    .random = system_random,
};

void elect__host_name(char out[ELECT__HOST_NAME_SIZE])
{
    if (gethostname(out, ELECT__HOST_NAME_SIZE) != 0 || memchr(out, '\0', ELECT__HOST_NAME_SIZE) == NULL)
        out[0] = '\0';
}
