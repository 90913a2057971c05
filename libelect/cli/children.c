#include "children.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSES = 64 }; /* who forks faster than this is looked at again at its next SIGCHLD */

/* The parent of a process; 0: it has gone. */
static pid_t parent_of(const char *pid)
{
    char path[64], stat[512];
    const char *after;
    ssize_t length;
    int fd, parent = 0;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    length = read(fd, stat, sizeof(stat) - 1);
    close(fd);
    if (length <= 0)
        return 0;
    stat[length] = '\0';
    after = strrchr(stat, ')'); /* the name before it may hold anything */
    if (!after || sscanf(after + 1, " %*c %d", &parent) != 1)
        return 0;
    return parent;
}

void elect__children_list(struct elect__children *children)
{
    DIR *proc = opendir("/proc");
    pid_t self = getpid();
    const struct dirent *entry;

    children->count = 0;
    if (!proc)
        return;
    while (children->count < ELECT__CHILDREN && (entry = readdir(proc)))
        if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == self)
            children->pids[children->count++] = (pid_t)atoi(entry->d_name);
    closedir(proc);
}

bool elect__children_hold(const struct elect__children *children, pid_t pid)
{
    for (size_t i = 0; children && i < children->count; i++)
        if (children->pids[i] == pid)
            return true;
    return false;
}

void elect__children_signal(pid_t leader, int signo, const struct elect__children *except)
{
    struct elect__children children;

    if (leader > 0)
        (void)kill(-leader, signo);
    elect__children_list(&children);
    for (size_t i = 0; i < children.count; i++)
        if (children.pids[i] != leader && !elect__children_hold(except, children.pids[i]))
            (void)kill(children.pids[i], signo);
}

void elect__children_term(pid_t leader, struct elect__children *told)
{
    struct elect__children children;

    elect__children_list(&children);
    for (size_t i = 0; i < children.count; i++) {
        pid_t pid = children.pids[i];

        if (pid == leader || elect__children_hold(told, pid) || told->count == ELECT__CHILDREN)
            continue;
        told->pids[told->count++] = pid;
        if (leader > 0 && getpgid(pid) == leader)
            continue;
        (void)kill(pid, SIGTERM);
        (void)kill(pid, SIGCONT);
    }
}

/* One pass; true: somebody was reaped, whose orphans turn up in the next. */
static bool reap_once(pid_t leader, const struct elect__children *except, bool *left)
{
    struct elect__children children;
    bool reaped = false;

    *left = false;
    elect__children_list(&children);
    for (size_t i = 0; i < children.count; i++) {
        pid_t pid = children.pids[i];

        if (pid == leader || elect__children_hold(except, pid))
            continue;
        *left = true;
        reaped = waitpid(pid, NULL, WNOHANG) != 0 || reaped;
    }
    return reaped;
}

bool elect__children_reap(pid_t leader, const struct elect__children *except)
{
    bool left = true;

    for (int pass = 0; pass < PASSES && reap_once(leader, except, &left); pass++)
        ;
    return !left;
}
