/* The guard of `elect run`: one process per term, between run and its command. It starts the command in a process group
 * of its own, and ends whatever is left of that at the end of the lease it was last told of, when run says so, or when
 * run has died. On a local: store it holds the term's group byte meanwhile: nobody leads before the group is gone. */
#ifndef ELECT_CLI_GUARD_H
#define ELECT_CLI_GUARD_H
#include "children.h"
#include "link.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum elect__guard_kind {
    /* run to guard */
    ELECT__GUARD_GO = 1, /* start the command; at_ns: the lease ends */
    ELECT__GUARD_LEASE,  /* at_ns: it ends later than that */
    ELECT__GUARD_STOP,   /* TERM now, KILL at at_ns at the latest */
    ELECT__GUARD_KILL,   /* now */
    ELECT__GUARD_SIGNAL, /* pass signal `value` on */
    /* guard to run */
    ELECT__GUARD_READY,     /* the group byte is held; at_ns: the guard's clock, which must be run's */
    ELECT__GUARD_FAILED,    /* it is not: text */
    ELECT__GUARD_STARTED,   /* value: pid, and process group, of the command */
    ELECT__GUARD_NOT_RUN,   /* value: errno of exec */
    ELECT__GUARD_AWARE,     /* of the lease that ends at at_ns */
    ELECT__GUARD_LAPSING,   /* the command was TERMed: at_ns is near */
    ELECT__GUARD_SUSPENDED, /* the command was stopped by signal `value` */
    ELECT__GUARD_ENDED,     /* the command ended: value as shells have it; at_ns: its signal, or 0 */
    ELECT__GUARD_KILLING,   /* the group is being KILLed */
    ELECT__GUARD_GONE       /* nothing is left of it; value: it had to be KILLed */
};

/* How long the one side gives the other to act, after the end of the lease, before it is taken for hung and killed. */
#define ELECT__GUARD_PATIENCE_NS 2000000000LL

struct elect__guard {
    const char *name;
    int link, signals, timer, group, exec_fd; /* -1: closed */
    pid_t run, command;                       /* command 0: not started, or all of it is reaped */
    int64_t lease_ns, limit_ns, stop_ns;      /* ends; and how long before the lease's end TERM is sent */
    int64_t pass_ns;                          /* between two rounds of KILL */
    bool foreground, started, termed, killing, killed, ended, resting, orphan, gone;
    struct elect__children told; /* orphans that have got TERM */
    sigset_t mask;               /* the command's */
    char **argv;
};

/* guard_command.c */
void elect__guard_start(struct elect__guard *guard);
void elect__guard_term(struct elect__guard *guard);
void elect__guard_kill(struct elect__guard *guard);
/* After a SIGCHLD, or another round of KILL: what has become of the command. */
void elect__guard_look(struct elect__guard *guard);
#endif
