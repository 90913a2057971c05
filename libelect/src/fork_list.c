#include "fork_list.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept {
    int fd;
    dev_t dev;
    ino_t ino;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct kept *list;
static size_t count, room;
static bool registered;

static void before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&mutex);
}

/* Only what may be called in a signal handler: other threads of the parent may have held anything. A number that is no
 * longer ours (somebody closed it and opened something else) is left alone. */
static void in_child(void)
{
    struct stat now;
    for (size_t i = 0; i < count; i++) {
        if (fstat(list[i].fd, &now) == 0 && now.st_dev == list[i].dev && now.st_ino == list[i].ino)
            close(list[i].fd);
    }
    count = 0;
    pthread_mutex_unlock(&mutex);
}

static int add(int fd)
{
    struct stat now;
    if (!registered && pthread_atfork(before_fork, after_fork, in_child) != 0)
        return -ENOMEM;
    registered = true;
    if (fstat(fd, &now) != 0)
        return -errno;
    if (count == room) {
        size_t more = room == 0 ? 16 : room * 2;
        struct kept *larger = realloc(list, more * sizeof *larger);
        if (larger == NULL)
            return -ENOMEM;
        list = larger;
        room = more;
    }
    list[count++] = (struct kept){.fd = fd, .dev = now.st_dev, .ino = now.st_ino};
    return 0;
}

int elect__fork_list_add(int fd)
{
    pthread_mutex_lock(&mutex);
    int failure = add(fd);
    pthread_mutex_unlock(&mutex);
    return failure;
}

void elect__fork_list_remove(int fd)
{
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < count; i++) {
        if (list[i].fd == fd) {
            list[i] = list[--count];
            break;
        }
    }
    if (count == 0) {
        free(list);
        list = NULL;
        room = 0;
    }
    pthread_mutex_unlock(&mutex);
}
