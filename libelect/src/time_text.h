/* Times as records tell them to people, by RFC 3339. */
#ifndef ELECT_SRC_TIME_TEXT_H
#define ELECT_SRC_TIME_TEXT_H
#include <stdint.h>

enum { ELECT__TIME_SIZE = 48 };

/* Unix milliseconds as "2026-01-02T03:04:05.678Z". Answers out. ms: more than 0. */
const char *elect__time_write(int64_t ms, char out[ELECT__TIME_SIZE]);
/* Unix milliseconds; 0: it is something else, or before all of this. */
int64_t elect__time_read(const char *text);
#endif
