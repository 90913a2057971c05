#include "store.h"
#include "text.h"

const struct elect__store_class *const elect__store_classes[5] = {
#ifdef ELECT_REDIS
    &elect__redis_store,
#endif
    &elect__local_store, &elect__memory_store, &elect__custom_store, NULL};

const struct elect__store_class *elect__store_find(const char *scheme, size_t length)
{
    for (size_t i = 0; elect__store_classes[i]; i++) {
        if (elect__word_in(elect__store_classes[i]->schemes, scheme, length))
            return elect__store_classes[i];
    }
    return NULL;
}
