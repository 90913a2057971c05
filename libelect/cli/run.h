/* `elect run`: a candidate that runs a command while it leads. One thread, one loop: signals, the library's events and
 * the guard's messages come in; what to do is decided in run_term.c. */
#ifndef ELECT_CLI_RUN_H
#define ELECT_CLI_RUN_H
#include "children.h"
#include "cli.h"
#include "guard.h"
#include "run_log.h"
#include <signal.h>

enum elect__run_phase {
    ELECT__RUN_STANDING, /* no term, or none that is still used */
    ELECT__RUN_TERM,     /* a guard is there: it starts, watches or ends the command */
    ELECT__RUN_BURYING,  /* the guard has died: what it left behind is being killed */
    ELECT__RUN_HOLDING,  /* the command has ended, --hold has not */
    ELECT__RUN_ENDING    /* stopped: until CLOSED */
};
enum elect__run_restart { ELECT__RESTART_NO, ELECT__RESTART_ON_FAILURE, ELECT__RESTART_ALWAYS };

/* Of the term under way. */
struct elect__run_term {
    uint64_t epoch;
    elect_event_t *lost; /* held until the command's group is gone */
    pid_t guard, group;  /* 0: none (yet) */
    int link;
    int64_t spawned_ns, told_ns, aware_ns;
    bool foreground;         /* the command's group has the terminal */
    bool going;              /* GO was sent */
    bool ended, ended_first; /* the command has; before anybody asked it to */
    bool lapsed;             /* the lease, nearly or quite: lost, whatever came later */
    bool gone, killed;
    bool failed; /* the guard could not do its work */
    int status, signal, exec_errno;
    int64_t started_ns;
};

struct elect__run {
    struct elect__cli *cli;
    struct elect__run_log log;
    elect_client_t *client;
    elect_election_t *election;
    int64_t wait_ns, hold_ns, stop_ns, period_ns; /* wait_ns -1: for ever */
    enum elect__run_restart restart;
    bool once;
    int signals;
    sigset_t mask;                    /* as we were started, and the command will be */
    struct elect__children born_with; /* children that whoever exec'd us had */
    enum elect__run_phase phase;
    struct elect__run_term term;
    pid_t leaving; /* the guard of the term before, until it is reaped; 0: none */
    bool elected;  /* the command has been started, once at least */
    bool closed, over;
    int stop_signal, die_signal, code;
    int64_t began_ns, hold_until_ns, ending_until_ns, bury_at_ns, probed_ns;
    bool faulty;                  /* the store, when it last spoke of itself */
    int64_t complained_ns;        /* of that */
    char fault[512], logged[512]; /* its last error, and the last line of the library's log */
    int64_t backoff_ns;
};

/* run.c */
void elect__run_faulty(struct elect__run *run, const char *why); /* said already; said again now and then */

/* run_signals.c */
bool elect__run_signals_open(struct elect__run *run);
void elect__run_signals_read(struct elect__run *run);
bool elect__run_in_foreground(void);
void elect__run_take_terminal(const struct elect__run *run);
void elect__run_suspended(struct elect__run *run, int signo);
_Noreturn void elect__run_die(const struct elect__run *run);

/* run_guard.c */
bool elect__run_guard_spawn(struct elect__run *run, const char *file, uint64_t term); /* false: errno */
void elect__run_guard_tell(struct elect__run *run);                                   /* the lease, when it has moved */
void elect__run_guard_kill(struct elect__run *run);                  /* the group, by the guard and by our own hand */
void elect__run_guard_check(struct elect__run *run, int64_t now_ns); /* does it live? */
bool elect__run_guard_bury(struct elect__run *run);                  /* true: nothing is left */
void elect__run_guard_end(struct elect__run *run);                   /* waits for the one that is leaving */

/* run_term.c */
void elect__run_begin(struct elect__run *run, uint64_t epoch);
void elect__run_message(struct elect__run *run, const struct elect__message *message);
void elect__run_guard_died(struct elect__run *run);
void elect__run_lost(struct elect__run *run, elect_event_t *event);
void elect__run_finish(struct elect__run *run);
void elect__run_stop(struct elect__run *run, int signo);
void elect__run_end(struct elect__run *run, int code);
#endif
