/* The guard's hands: starting, signalling and burying the command. The guard has one thread, which makes fork plain and
 * PR_SET_PDEATHSIG mean the process. */
#include "children.h"
#include "cli.h"
#include "guard.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become(const struct elect__guard *guard, pid_t parent, int report)
{
    int failure;

    setpgid(0, 0);
    /* Should the guard be killed, the command falls with it, at once; run buries the rest of the group. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(ELECT__EXIT_CANNOT_RUN);
    if (guard->foreground)
        tcsetpgrp(STDIN_FILENO, getpid()); /* SIGTTOU is blocked, as all else is */
    sigprocmask(SIG_SETMASK, &guard->mask, NULL);
    execvp(guard->argv[0], guard->argv);
    failure = errno;
    while (write(report, &failure, sizeof(failure)) < 0 && errno == EINTR)
        ;
    _exit(failure == ENOENT ? ELECT__EXIT_NOT_FOUND : ELECT__EXIT_CANNOT_RUN);
}

void elect__guard_start(struct elect__guard *guard)
{
    pid_t self = getpid(), command = -1;
    int report[2] = {-1, -1};

    guard->started = true;
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) == 0)
        command = fork();
    if (command == 0)
        become(guard, self, report[1]);
    if (command < 0) {
        elect__link_send(guard->link, ELECT__GUARD_NOT_RUN, errno, 0, NULL);
        elect__link_send(guard->link, ELECT__GUARD_ENDED, ELECT__EXIT_CANNOT_RUN, 0, NULL);
        guard->ended = true;
        if (report[0] >= 0)
            close(report[0]);
    } else {
        setpgid(command, command);
        guard->command = command;
        guard->exec_fd = report[0];
        elect__link_send(guard->link, ELECT__GUARD_STARTED, command, 0, NULL);
    }
    if (report[1] >= 0)
        close(report[1]);
}

void elect__guard_term(struct elect__guard *guard)
{
    guard->termed = true;
    if (guard->command > 0) {
        kill(-guard->command, SIGTERM);
        kill(-guard->command, SIGCONT);
    }
}

void elect__guard_kill(struct elect__guard *guard)
{
    if (!guard->killing) {
        guard->killing = true;
        guard->killed = !guard->ended;
        guard->pass_ns = 10000000;
    } else if (guard->pass_ns < 250000000) {
        guard->pass_ns *= 2;
    }
    elect__link_send(guard->link, ELECT__GUARD_KILLING, 0, 0, NULL);
    elect__children_signal(guard->command, SIGKILL, NULL);
}

static void read_exec(struct elect__guard *guard)
{
    int failure;
    ssize_t length;

    if (guard->exec_fd < 0)
        return;
    length = read(guard->exec_fd, &failure, sizeof(failure));
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length == (ssize_t)sizeof(failure))
        elect__link_send(guard->link, ELECT__GUARD_NOT_RUN, failure, 0, NULL);
    close(guard->exec_fd);
    guard->exec_fd = -1;
}

/* The command is not reaped before its whole group is gone: until then no other process can bear its number. */
static void look_at_command(struct elect__guard *guard)
{
    siginfo_t info = {.si_pid = 0};
    bool by_signal;

    if (waitid(P_PID, (id_t)guard->command, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid)
        elect__link_send(guard->link, ELECT__GUARD_SUSPENDED, info.si_status, 0, NULL);
    info.si_pid = 0;
    if (waitid(P_PID, (id_t)guard->command, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || !info.si_pid)
        return;
    guard->ended = true;
    by_signal = info.si_code != CLD_EXITED;
    elect__link_send(guard->link, ELECT__GUARD_ENDED, by_signal ? ELECT__EXIT_SIGNAL + info.si_status : info.si_status,
                     by_signal ? info.si_status : 0, NULL);
}

static void bury(struct elect__guard *guard)
{
    pid_t pid;

    if (guard->command > 0)
        (void)waitpid(guard->command, NULL, 0);
    guard->command = 0;
    /* The last word is the kernel's, which knows of children that a reading of /proc may have missed. */
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    if (pid == 0)
        return;
    if (guard->group >= 0)
        close(guard->group);
    guard->group = -1;
    guard->gone = true;
    elect__link_send(guard->link, ELECT__GUARD_GONE, guard->killed, 0, NULL);
}

/* The command has ended and left something behind: that gets the time which a lapsing lease would give it. Orphans turn
 * up one after another, as their parents end. */
static void end_the_rest(struct elect__guard *guard)
{
    int64_t limit_ns = elect__boot_ns() + guard->stop_ns;

    if (!guard->resting) {
        guard->resting = guard->termed = true;
        guard->limit_ns = limit_ns < guard->limit_ns ? limit_ns : guard->limit_ns;
        if (guard->command > 0)
            elect__guard_term(guard);
    }
    elect__children_term(guard->command, &guard->told);
}

void elect__guard_look(struct elect__guard *guard)
{
    bool alone;

    if (!guard->started || guard->gone)
        return;
    read_exec(guard);
    if (!guard->ended)
        look_at_command(guard);
    alone = elect__children_reap(guard->command, NULL);
    if (!guard->ended)
        return;
    if (alone)
        bury(guard);
    if (!guard->gone && !guard->killing)
        end_the_rest(guard);
}
