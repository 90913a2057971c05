#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int elect__file_open(const char *path, char why[ELECT__SHOW_SIZE])
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        elect__text_within(strerrordesc_np(errno), why);
        return -1;
    }
    if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode))
        return fd;
    snprintf(why, ELECT__SHOW_SIZE, "not a regular file");
    close(fd);
    return -1;
}
