#include "planted.h"

#ifdef ELECT_TEST_PLANTED
#include <string.h>

enum elect__planted elect__planted_now = ELECT__PLANTED_NONE;

enum elect__planted elect__planted_find(const char *name)
{
    static const char *const names[] = {"",
#define PLANTED_NAME(id, name_) name_,
                                        ELECT__PLANTED_TABLE(PLANTED_NAME)};
    for (int i = ELECT__PLANTED_NONE + 1; i < ELECT__PLANTED_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum elect__planted)i;
    }
    return ELECT__PLANTED_COUNT;
}
#endif
