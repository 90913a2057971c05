/* Files that an option names. */
#ifndef ELECT_SRC_NET_FILE_H
#define ELECT_SRC_NET_FILE_H
#include "../text.h"

/* To be read: a regular file, since a pipe or a terminal would hold up the I/O thread. -1: why says what is wrong. */
int elect__file_open(const char *path, char why[ELECT__SHOW_SIZE]);
#endif
