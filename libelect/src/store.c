#include "store.h"
#include <string.h>

const struct elect__store_class *const elect__store_classes[] = {&elect__local_store, &elect__memory_store,
                                                                 &elect__custom_store, NULL};

const struct elect__store_class *elect__store_find(const char *scheme, size_t length)
{
    for (size_t i = 0; elect__store_classes[i]; i++) {
        const char *known = elect__store_classes[i]->scheme;
        if (strlen(known) == length && memcmp(known, scheme, length) == 0)
            return elect__store_classes[i];
    }
    return NULL;
}
