#include "local_time.h"
#include "../planted.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 256, STAT_SIZE = 1024 };

/* Up to size - 1 bytes of a file below proc, as a string; its length, or -1 with errno. */
static ssize_t slurp(const char *proc, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", proc, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, size - 1);
    int failure = errno;
    close(fd);
    errno = failure;
    text[length < 0 ? 0 : length] = '\0';
    return length;
}

static ssize_t link_text(const char *proc, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", proc, name);
    ssize_t length = readlink(path, text, size - 1);
    text[length < 0 ? 0 : length] = '\0';
    return length;
}

/* The offset of boottime, in the form of any kernel: older ones write the clock's number. */
static bool parse_offset(const char *text, int64_t *offset_ns)
{
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        char clock[16];
        int64_t s, ns;
        if (sscanf(line, "%15s %" SCNd64 " %" SCNd64, clock, &s, &ns) != 3)
            continue;
        if (strcmp(clock, "boottime") != 0 && strcmp(clock, "7") != 0)
            continue;
        if (s > INT64_MAX / ELECT__S / 2 || s < INT64_MIN / ELECT__S / 2 || ns < 0 || ns >= ELECT__S)
            return false;
        *offset_ns = s * ELECT__S + ns;
        return true;
    }
    return false;
}

/* The offsets file tells of the namespace of future children, so it counts only where that is our own. */
static void read_offset(struct elect__local_host *host)
{
    char own[64], children[64], text[512];
    bool has_own = link_text(host->proc, "self/ns/time", own, sizeof own) >= 0;
    bool no_own = !has_own && errno == ENOENT;
    bool has_children = link_text(host->proc, "self/ns/time_for_children", children, sizeof children) >= 0;
    bool no_children = !has_children && errno == ENOENT;
    host->offset_ns = 0;
    host->clock_known = true;
    if ((no_own && no_children) || ELECT__PLANTED(LOCAL_NO_TIMENS))
        return; /* a kernel without time namespaces */
    host->clock_known = has_own && has_children && strcmp(own, children) == 0 &&
                        slurp(host->proc, "self/timens_offsets", text, sizeof text) > 0 &&
                        parse_offset(text, &host->offset_ns);
}

int64_t elect__local_now_ns(const struct elect__local_host *host, const struct elect__env *env)
{
    return env->boot_ns(env->ctx) - host->offset_ns;
}

struct process {
    char state;
    int64_t threads;
    int64_t start; /* -1: not known */
};

/* 1: found, 0: there is none, -1: not known. */
static int read_process(const struct elect__local_host *host, int pid, struct process *out)
{
    char name[32], text[STAT_SIZE];
    int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
    uint64_t start;
    snprintf(name, sizeof name, "%d/stat", pid);
    ssize_t length = slurp(host->proc, name, text, sizeof text);
    if (length < 0)
        return errno == ENOENT || errno == ESRCH ? 0 : -1;
    char *after = strrchr(text, ')'); /* the command's name may hold anything, a parenthesis too */
    if (after == NULL ||
        sscanf(after + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNd64 " %*s %" SCNu64,
               &out->state, &out->threads, &start) != 3)
        return -1;
    out->start = -1;
    if (host->clock_known && ticks_per_s > 0) /* the kernel shows it shifted by the reader's time namespace */
        out->start = (int64_t)start - host->offset_ns / (ELECT__S / ticks_per_s);
    return 1;
}

int64_t elect__local_pid_start(const struct elect__local_host *host, int pid)
{
    struct process process;
    return read_process(host, pid, &process) == 1 ? process.start : -1;
}

int elect__local_host_read(struct elect__local_host *host, const char *proc, char *error, size_t size)
{
    char text[64];
    unsigned long pid_ns = 0;
    memset(host, 0, sizeof *host);
    host->proc = proc;
    if (slurp(proc, "sys/kernel/random/boot_id", host->boot_id, sizeof host->boot_id) < 8) {
        snprintf(error, size,
                 "local: needs %s/sys/kernel/random/boot_id to tell one boot from another: is /proc mounted?", proc);
        return -1;
    }
    host->boot_id[strcspn(host->boot_id, "\n")] = '\0';
    read_offset(host);
    /* A /proc of another pid namespace speaks of other processes than ours. */
    if (link_text(proc, "self", text, sizeof text) > 0 && atol(text) == (long)getpid() &&
        link_text(proc, "self/ns/pid", text, sizeof text) > 0 && sscanf(text, "pid:[%lu]", &pid_ns) == 1)
        host->pid_ns = pid_ns;
    host->pid = getpid();
    host->pid_start = elect__local_pid_start(host, host->pid);
    return 0;
}

bool elect__local_gone(const struct elect__local_host *host, const struct elect__local_record *record)
{
    struct process process;
    if (ELECT__PLANTED(LOCAL_NO_DEATH_PROOF))
        return true;
    if (host->pid_ns == 0 || record->pid_ns != host->pid_ns || record->pid <= 0)
        return false;
    if (kill(record->pid, 0) != 0 && errno == ESRCH)
        return true;
    int found = read_process(host, record->pid, &process);
    if (found <= 0) /* hidden, or it ends just now: the next look will tell */
        return false;
    if ((process.state == 'Z' || process.state == 'X') && process.threads <= 1)
        return true;
    /* One tick of doubt: an offset need not be a whole number of them. */
    return process.start >= 0 && record->pid_start >= 0 &&
           (process.start > record->pid_start + 1 || process.start < record->pid_start - 1);
}
