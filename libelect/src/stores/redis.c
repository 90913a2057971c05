#include "redis_store.h"
#include <stdio.h>

static int32_t redis_open(const struct elect__store_args *args, struct elect__store **out, char *error, size_t size)
{
    (void)args;
    *out = NULL;
    snprintf(error, size, "%s", elect_code_text(ELECT_ESTORE));
    return ELECT_ESTORE;
}

const struct elect__store_class elect__redis_store = {
    .schemes = "redis|rediss|redis+unix|valkey|valkeys|valkey+unix",
    .layouts = "plain|maplefile|elector|go-leader",
    .open = redis_open,
};
