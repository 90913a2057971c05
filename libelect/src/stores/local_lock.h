/* Locks of open file descriptions: the kernel drops them when the last copy of the descriptor is closed, however its
 * process ends. The bytes lie far behind the file's end and are never written.
 *
 * A term's byte is locked for as long as the term lasts: locking it *is* the compare-and-swap. A term's group bytes are
 * locked (shared) by those who watch over processes that the term started: a successor needs them free too. */
#ifndef ELECT_SRC_STORES_LOCAL_LOCK_H
#define ELECT_SRC_STORES_LOCAL_LOCK_H
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#define ELECT__LOCAL_STANDING_AT ((off_t)1 << 59) /* locked, shared, by every candidate that is attached */
#define ELECT__LOCAL_TERM_AT ((off_t)1 << 60)
#define ELECT__LOCAL_GROUP_AT ((off_t)1 << 61)
#define ELECT__LOCAL_TERM_END ((uint64_t)1 << 59)

/* type: F_RDLCK, F_WRLCK, F_UNLCK; length 0: all that follows. 0, -EAGAIN, or another negative errno. */
static inline int elect__local_lock(int fd, short type, off_t start, off_t length)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

/* Does somebody else, another description, hold any of these bytes? What can't be told counts as yes. */
static inline bool elect__local_locked(int fd, off_t start, off_t length)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}
#endif
