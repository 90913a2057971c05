/* Signals and the terminal. Signals are read, never handled: nothing is interrupted. */
#include "run.h"
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

bool elect__run_signals_open(struct elect__run *run)
{
    static const int wanted[] = {SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};
    sigset_t read, blocked;

    sigemptyset(&read);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct sigaction action;

        /* What nohup, or a shell for a background job, has us ignore stays ignored. */
        if (sigaction(wanted[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&read, wanted[i]);
    }
    blocked = read;
    sigaddset(&blocked, SIGPIPE); /* a log that nobody reads any more is no reason to drop the command */
    sigaddset(&blocked, SIGTTOU); /* the terminal is taken back from the background */
    sigprocmask(SIG_BLOCK, &blocked, &run->mask);
    run->signals = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
    elect__children_list(&run->born_with);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return run->signals >= 0;
}

/* From the word to start on, not only from the answer to it: the guard reads both in order, and a command that runs may
 * be heard of late. */
static void pass_on(struct elect__run *run, int signo)
{
    if (run->phase == ELECT__RUN_TERM && run->term.going)
        elect__link_send(run->term.link, ELECT__GUARD_SIGNAL, signo, 0, NULL);
}

/* Orphans of ours, and of whoever exec'd us; the command itself is the guard's to reap, or bury()'s. */
static void reap(struct elect__run *run)
{
    siginfo_t info = {.si_pid = 0};

    if (run->phase == ELECT__RUN_BURYING)
        return;
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
        if (info.si_pid == run->term.guard) {
            elect__run_guard_died(run);
            if (run->phase == ELECT__RUN_BURYING)
                return;
        }
        if (info.si_pid == run->leaving)
            run->leaving = 0;
        waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

void elect__run_signals_read(struct elect__run *run)
{
    struct signalfd_siginfo info;

    while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGHUP:
        case SIGINT:
            elect__run_stop(run, (int)info.ssi_signo);
            break;
        case SIGCHLD:
            reap(run);
            break;
        default:
            pass_on(run, (int)info.ssi_signo);
        }
    }
}

bool elect__run_in_foreground(void)
{
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void elect__run_take_terminal(const struct elect__run *run)
{
    if (run->term.foreground && run->term.group > 0 && tcgetpgrp(STDIN_FILENO) == run->term.group)
        tcsetpgrp(STDIN_FILENO, getpgrp());
}

/* Ctrl-Z reached the command, whose terminal it is. The shell must see us stopped too. It is no way to keep leading:
 * the guard kills the command at the end of the lease. */
void elect__run_suspended(struct elect__run *run, int signo)
{
    if (!run->term.foreground || (signo != SIGTSTP && signo != SIGSTOP) || tcgetpgrp(STDIN_FILENO) != run->term.group)
        return;
    elect__run_take_terminal(run);
    kill(0, SIGTSTP);
    /* Here again, some time later. */
    if (tcgetpgrp(STDIN_FILENO) == getpgrp())
        tcsetpgrp(STDIN_FILENO, run->term.group);
    elect__link_send(run->term.link, ELECT__GUARD_SIGNAL, SIGCONT, 0, NULL);
}

_Noreturn void elect__run_die(const struct elect__run *run)
{
    sigset_t only;

    signal(run->die_signal, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, run->die_signal);
    raise(run->die_signal);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    _exit(ELECT__EXIT_SIGNAL + run->die_signal);
}
