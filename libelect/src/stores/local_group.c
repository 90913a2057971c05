#include "local_group.h"
#include "local_lock.h"
#include "local_path.h"
#include "local_term.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int hold(struct elect__local_seat *seat, uint64_t term, char *error, size_t size)
{
    struct elect__local_view view;
    struct elect__local_header header;
    if (elect__local_header_check(seat->fd, seat->path, NULL, &header, error, size) != 0)
        return -1;
    int failure = elect__local_lock(seat->fd, F_RDLCK, ELECT__LOCAL_GROUP_AT + (off_t)term, 1);
    if (failure != 0) {
        elect__local_say(error, size, "can't lock", seat->path, -failure);
        return -1;
    }
    /* A successor writes its record first and looks for this lock then: one of the two sees the other. */
    if (elect__local_look(seat, &view) != 0) {
        snprintf(error, size, "%s", seat->text);
        return -1;
    }
    if (view.top == NULL || view.top->term != term || view.verdict != ELECT__LOCAL_LED) {
        snprintf(error, size, "%s: term %llu has ended", seat->path, (unsigned long long)term);
        return -1;
    }
    return 0;
}

int elect__local_group_hold(const char *file, uint64_t term, char *error, size_t size)
{
    struct elect__local_host host;
    if (term == 0 || term >= ELECT__LOCAL_TERM_END) {
        snprintf(error, size, "%s: there is no term %llu", file, (unsigned long long)term);
        return -1;
    }
    if (elect__local_host_read(&host, "/proc", error, size) != 0)
        return -1;
    /* For writing, though nothing is written: only then do the candidates notice when it is closed. */
    int fd = open(file, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        elect__local_say(error, size, "can't open", file, errno);
        return -1;
    }
    struct elect__local_seat seat = {
        .host = &host, .env = &elect__system_env, .path = file, .ttl_ns = ELECT__S, .fd = fd};
    if (hold(&seat, term, error, size) == 0)
        return fd;
    close(fd);
    return -1;
}
