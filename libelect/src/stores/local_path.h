/* From a store URL to a directory that may be trusted, and to the files there. */
#ifndef ELECT_SRC_STORES_LOCAL_PATH_H
#define ELECT_SRC_STORES_LOCAL_PATH_H
#include "../file_name.h"
#include "local_record.h"
#include <sys/stat.h>
#include <sys/types.h>

struct elect__local_dir {
    int fd; /* -1: not open */
    dev_t dev;
    ino_t ino;
    char *path; /* absolute, for texts; owned */
    char *way;  /* the path by which others look for it, too; owned */
    char file_system[32];
    const char *warning; /* what this file system does not give, or NULL */
};

/* local:/path?... -> an open directory, its last component made when it is missing. 0 or a negative code; *passing: a
 * shortage that may end, as of descriptors or of space. */
int32_t elect__local_dir_open(struct elect__local_dir *dir, const char *store, const char *allow, bool *passing,
                              char *error, size_t size);
void elect__local_dir_close(struct elect__local_dir *dir);

/* An election's file, open: 0 or a negative errno; -ENOENT only when it is not to be created; -EPROTO: it must not be
 * used. error tells. */
struct elect__local_open {
    int fd;
    dev_t dev;
    ino_t ino;
    struct elect__local_header header;
};
enum elect__local_mode { ELECT__LOCAL_READ, ELECT__LOCAL_WRITE, ELECT__LOCAL_CREATE };
/* name NULL: whatever election's it is. */
int elect__local_file_open(const struct elect__local_dir *dir, const char *file, const char *name,
                           enum elect__local_mode mode, struct elect__local_open *out, char *error, size_t size);

/* "what file: why", with the limit that is to blame. */
void elect__local_say(char *error, size_t size, const char *what, const char *file, int failure);
#endif
