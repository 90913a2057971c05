/* Where on its host this process is: which boot, which pid and time namespaces. What processes of one host write to
 * each other about times and processes is only true between those that agree on these. */
#ifndef ELECT_SRC_STORES_LOCAL_TIME_H
#define ELECT_SRC_STORES_LOCAL_TIME_H
#include "../env.h"
#include "local_record.h"

struct elect__local_host {
    const char *proc; /* "/proc", but in tests */
    char boot_id[ELECT__LOCAL_UUID_SIZE];
    int pid; /* ours */
    int64_t pid_start;
    uint64_t pid_ns;   /* 0: not known, nobody's death can be proven */
    int64_t offset_ns; /* this process's boot clock minus the host's */
    bool clock_known;  /* else nobody is deposed by a deadline */
};

/* 0, or -1 with a text: without /proc nothing is certain. */
int elect__local_host_read(struct elect__local_host *host, const char *proc, char *error, size_t size);

/* The host's boot clock. */
int64_t elect__local_now_ns(const struct elect__local_host *host, const struct elect__env *env);

/* When a process started, in clock ticks of the host; -1: not known. */
int64_t elect__local_pid_start(const struct elect__local_host *host, int pid);

/* Is it certain that the process that wrote this record has ended? */
bool elect__local_gone(const struct elect__local_host *host, const struct elect__local_record *record);
#endif
