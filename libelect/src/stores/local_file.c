#include "local_path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* It appears under its name complete or not at all: an election's file is never seen half made, so that an empty or
 * short one is known to be damaged. */
static int make_file(const struct elect__local_dir *dir, const char *file, const char *name)
{
    uint64_t random;
    char fresh[32];
    int failure = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return -EIO;
    snprintf(fresh, sizeof fresh, ".new-%016llx", (unsigned long long)random);
    int fd = openat(dir->fd, fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    failure = elect__local_file_init(fd, name);
    if (failure == 0 && fsync(fd) != 0)
        failure = -errno;
    if (failure == 0 && renameat2(dir->fd, fresh, dir->fd, file, RENAME_NOREPLACE) != 0)
        failure = -errno;
    if (failure != 0)
        unlinkat(dir->fd, fresh, 0);
    else
        fsync(dir->fd); /* where it can't be had, the file is only younger after a crash of the host */
    close(fd);
    return failure == -EEXIST ? 0 : failure;
}

/* -EPROTO with a text, or 0. */
static int check_file(const struct elect__local_dir *dir, const char *file, const char *name,
                      struct elect__local_open *out, char *error, size_t size)
{
    struct stat stat;
    char path[ELECT__FILE_NAME_SIZE + 512];
    snprintf(path, sizeof path, "%.500s/%s", dir->path, file);
    if (fstat(out->fd, &stat) != 0) {
        elect__local_say(error, size, "can't examine", path, errno);
        return -EPROTO;
    }
    out->dev = stat.st_dev;
    out->ino = stat.st_ino;
    if (!S_ISREG(stat.st_mode)) {
        snprintf(error, size, "%s: not a regular file", path);
        return -EPROTO;
    }
    if (stat.st_uid != geteuid() || (stat.st_mode & 022) != 0) {
        snprintf(error, size, "%s: user %u, mode %04o: it must belong to user %u and nobody else may write it", path,
                 (unsigned)stat.st_uid, (unsigned)stat.st_mode & 07777, (unsigned)geteuid());
        return -EPROTO;
    }
    return elect__local_header_check(out->fd, path, name, &out->header, error, size) == 0 ? 0 : -EPROTO;
}

int elect__local_file_open(const struct elect__local_dir *dir, const char *file, const char *name,
                           enum elect__local_mode mode, struct elect__local_open *out, char *error, size_t size)
{
    /* O_NONBLOCK: should somebody have put a FIFO there, we don't wait for its other end. */
    int flags = (mode == ELECT__LOCAL_READ ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int failure = 0;
    out->fd = openat(dir->fd, file, flags);
    for (int tries = 0; out->fd < 0 && errno == ENOENT && mode == ELECT__LOCAL_CREATE && tries < 8; tries++) {
        failure = make_file(dir, file, name);
        if (failure != 0)
            break;
        out->fd = openat(dir->fd, file, flags);
    }
    if (out->fd < 0) {
        failure = failure != 0 ? failure : -errno;
        if (failure == -ELOOP)
            snprintf(error, size, "%s/%s: is a symbolic link: it is not followed", dir->path, file);
        else if (failure != -ENOENT || mode == ELECT__LOCAL_CREATE)
            elect__local_say(error, size, "store=local: can't open or make the election's file", file, -failure);
        return failure;
    }
    failure = check_file(dir, file, name, out, error, size);
    if (failure != 0) {
        close(out->fd);
        out->fd = -1;
    }
    return failure;
}
