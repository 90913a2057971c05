/* Names of the public enums, as the command, the logs and the metrics write them. */
#ifndef ELECT_SRC_CODES_H
#define ELECT_SRC_CODES_H
#include <stdint.h>

/* "off", "error", ... "debug"; "" for an unknown level. */
const char *elect__level_name(int32_t level);
/* enum elect_level, 0 for "off", -1 for a name that is none. */
int32_t elect__level_find(const char *name);
/* enum elect_reason; 0 for a name that is none. */
int32_t elect__reason_find(const char *name);
#endif
