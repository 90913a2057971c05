/* The process group of a command, and what descends from it. The guard is its parent; both the guard and `elect run`
 * are subreapers, so that orphans of the command become children of the one, or of the other when the first is dead.
 * Only direct children are ever signalled by number: nobody else can reap them, so the number is theirs for sure. */
#ifndef ELECT_CLI_CHILDREN_H
#define ELECT_CLI_CHILDREN_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { ELECT__CHILDREN = 256 };
struct elect__children {
    size_t count;
    pid_t pids[ELECT__CHILDREN]; /* the rest turns up when these have ended */
};

/* The direct children of this process, as far as /proc tells. */
void elect__children_list(struct elect__children *children);
bool elect__children_hold(const struct elect__children *children, pid_t pid);
/* Signals all of them but `leader`, which its group is signalled with, and those in `except` (may be NULL). */
void elect__children_signal(pid_t leader, int signo, const struct elect__children *except);
/* Sends TERM to those that are not among `told` yet, which then holds them; not to those in the group of `leader`, which
 * get it as a group. */
void elect__children_term(pid_t leader, struct elect__children *told);
/* Reaps those that have ended, but `leader` and those in `except`; true: there were none but these. */
bool elect__children_reap(pid_t leader, const struct elect__children *except);
#endif
