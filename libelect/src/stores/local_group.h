/* For processes that watch over what a leader has started: while one of them holds a term's group byte, nobody
 * leads after that term, whether its leader died, was stopped or released. */
#ifndef ELECT_SRC_STORES_LOCAL_GROUP_H
#define ELECT_SRC_STORES_LOCAL_GROUP_H
#include <stddef.h>
#include <stdint.h>

/* file and term as the status report of a local: election has them. A descriptor that holds the byte until it is
 * closed, close-on-exec; or -1 with a text: also when that term is no longer the last, or has ended. */
int elect__local_group_hold(const char *file, uint64_t term, char *error, size_t size);
#endif
