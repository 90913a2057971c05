#include "guard.h"
#include "cli.h"
#include "stores/local_group.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int64_t end_of(const struct elect__guard *guard)
{
    return guard->lease_ns < guard->limit_ns ? guard->lease_ns : guard->limit_ns;
}

static void obey(struct elect__guard *guard, const struct elect__message *message)
{
    switch ((enum elect__guard_kind)message->kind) {
    case ELECT__GUARD_GO:
        guard->lease_ns = message->at_ns;
        elect__link_send(guard->link, ELECT__GUARD_AWARE, 0, guard->lease_ns, NULL);
        if (elect__boot_ns() < guard->lease_ns)
            elect__guard_start(guard);
        break;
    case ELECT__GUARD_LEASE:
        if (message->at_ns > guard->lease_ns)
            guard->lease_ns = message->at_ns;
        elect__link_send(guard->link, ELECT__GUARD_AWARE, 0, guard->lease_ns, NULL);
        break;
    case ELECT__GUARD_STOP:
        guard->limit_ns = message->at_ns < guard->limit_ns ? message->at_ns : guard->limit_ns;
        if (!guard->ended)
            elect__guard_term(guard);
        break;
    case ELECT__GUARD_KILL:
        elect__guard_kill(guard);
        break;
    case ELECT__GUARD_SIGNAL:
        if (guard->command > 0 && !guard->ended)
            kill(message->value == SIGWINCH || message->value == SIGCONT ? -guard->command : guard->command,
                 message->value);
        break;
    default:
        break;
    }
}

static void read_link(struct elect__guard *guard)
{
    struct elect__message message;
    int got;

    while ((got = elect__link_receive(guard->link, &message)) > 0)
        obey(guard, &message);
    if (got < 0)
        guard->orphan = true;
}

/* Does what is due, and says when the next thing is. */
static int64_t act(struct elect__guard *guard)
{
    int64_t now_ns = elect__boot_ns();

    if (guard->started && !guard->gone && (guard->orphan || guard->killing || now_ns >= end_of(guard))) {
        elect__guard_kill(guard);
        elect__guard_look(guard);
        return now_ns + guard->pass_ns;
    }
    if (guard->started && !guard->gone && !guard->termed && now_ns >= guard->lease_ns - guard->stop_ns) {
        elect__link_send(guard->link, ELECT__GUARD_LAPSING, 0, guard->lease_ns, NULL);
        elect__guard_term(guard);
    }
    if (!guard->started || guard->gone)
        return INT64_MAX;
    return guard->termed ? end_of(guard) : guard->lease_ns - guard->stop_ns;
}

/* A timer on the clock of the lease, which poll's timeout is not: that one stands still while the machine sleeps. */
static void arm(const struct elect__guard *guard, int64_t at_ns)
{
    struct itimerspec when = {.it_value = {.tv_sec = 0}};

    if (at_ns != INT64_MAX) {
        if (at_ns < 1)
            at_ns = 1;
        when.it_value.tv_sec = at_ns / 1000000000;
        when.it_value.tv_nsec = at_ns % 1000000000;
    }
    timerfd_settime(guard->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void wait_for(struct elect__guard *guard, int64_t at_ns)
{
    struct pollfd fds[] = {{.fd = guard->orphan ? -1 : guard->link, .events = POLLIN},
                           {.fd = guard->signals, .events = POLLIN},
                           {.fd = guard->timer, .events = POLLIN}};
    struct signalfd_siginfo info;

    arm(guard, at_ns);
    (void)poll(fds, sizeof(fds) / sizeof(fds[0]), -1);
    while (read(guard->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        ;
}

/* The group is gone. A run that lives closes the link now; one that hangs past its lease is of no use to anybody, and
 * would keep its part of the lock. */
static void farewell(struct elect__guard *guard)
{
    int64_t now_ns = elect__boot_ns();
    int64_t patient_ns = (guard->lease_ns > now_ns ? guard->lease_ns : now_ns) + ELECT__GUARD_PATIENCE_NS;

    while (!guard->orphan && elect__boot_ns() < patient_ns) {
        wait_for(guard, patient_ns);
        read_link(guard);
    }
    if (!guard->orphan && getppid() == guard->run)
        kill(guard->run, SIGKILL);
}

static void serve(struct elect__guard *guard)
{
    for (;;) {
        int64_t next_ns;

        read_link(guard);
        elect__guard_look(guard);
        if (guard->gone || (!guard->started && (guard->orphan || guard->killing)))
            break;
        if (!guard->started && guard->lease_ns != 0)
            break; /* the lease was over before the command could start */
        next_ns = act(guard);
        if (!guard->gone)
            wait_for(guard, next_ns);
    }
    if (guard->started && guard->orphan)
        elect__say("\"elect run %s\" is gone: its command was killed", guard->name);
    if (!guard->started)
        elect__link_send(guard->link, ELECT__GUARD_GONE, 0, 0, NULL);
    if (guard->group >= 0)
        close(guard->group);
    farewell(guard);
}

/* elect guard NAME LINK STOP_NS FOREGROUND MASK TERM FILE COMMAND [ARG...] */
enum { ARG_NAME = 1, ARG_LINK, ARG_STOP, ARG_FOREGROUND, ARG_MASK, ARG_TERM, ARG_FILE, ARG_COMMAND };

static bool parse(struct elect__guard *guard, char **argv)
{
    uint64_t mask;
    int kind = 0;
    socklen_t size = sizeof(kind);

    for (int i = 0; i <= ARG_COMMAND; i++)
        if (!argv[i])
            return false;
    guard->name = argv[ARG_NAME];
    guard->link = atoi(argv[ARG_LINK]);
    guard->stop_ns = strtoll(argv[ARG_STOP], NULL, 10);
    guard->foreground = strcmp(argv[ARG_FOREGROUND], "1") == 0;
    guard->argv = argv + ARG_COMMAND;
    mask = strtoull(argv[ARG_MASK], NULL, 16);
    sigemptyset(&guard->mask);
    for (int signo = 1; signo <= 64; signo++)
        if (mask >> (signo - 1) & 1)
            sigaddset(&guard->mask, signo);
    return getsockopt(guard->link, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 && kind == SOCK_SEQPACKET;
}

static bool prepare(struct elect__guard *guard)
{
    sigset_t all, child;

    guard->run = getppid();
    fcntl(guard->link, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "elect-guard");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    guard->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    guard->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    return guard->signals >= 0 && guard->timer >= 0;
}

static int guard_main(struct elect__cli *cli)
{
    struct elect__guard guard = {.group = -1, .exec_fd = -1, .limit_ns = INT64_MAX};
    char error[ELECT__LINK_TEXT] = "";
    char **argv = cli->argv;

    if (!parse(&guard, argv)) {
        elect__say("\"elect guard\" is started by \"elect run\" only");
        return ELECT__EXIT_USAGE;
    }
    if (!prepare(&guard)) {
        elect__link_send(guard.link, ELECT__GUARD_FAILED, 0, 0, strerror(errno));
        return ELECT__EXIT_NO;
    }
    if (*argv[ARG_FILE]) {
        guard.group = elect__local_group_hold(argv[ARG_FILE], strtoull(argv[ARG_TERM], NULL, 10), error, sizeof(error));
        if (guard.group < 0) {
            elect__link_send(guard.link, ELECT__GUARD_FAILED, 0, 0, error);
            return ELECT__EXIT_NO;
        }
    }
    elect__link_send(guard.link, ELECT__GUARD_READY, 0, elect__boot_ns(), NULL);
    serve(&guard);
    return ELECT__EXIT_OK;
}

const struct elect__command elect__command_guard = {
    .name = "guard",
    .usage = "guard",
    .summary = "the guard of a command",
    .more = "",
    .flags = NULL,
    .takes = ELECT__TAKES_RAW,
    .main = guard_main,
};
