/* Run's side of the guard. */
#include "run.h"
#include "settings.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OURS = 3, FIXED = 8, MS = 1000000, BURY_NS = 10000000, END_MS = 5 };

#define STORE "LEADER_ELECTION_STORE="

/* Without the password that a URL may bear: scheme://user:password@host is scheme://user@host. */
static void put_store(const char *store, char *out)
{
    const char *mark = strstr(store, "://"), *begin = mark ? mark + strlen("://") : store;
    const char *end = begin + strcspn(begin, "/?"), *colon = memchr(begin, ':', (size_t)(end - begin)), *at = end;

    while (at > begin && *at != '@')
        at--;
    if (mark && colon && colon < at) {
        memcpy(out, store, (size_t)(colon - store));
        out += colon - store;
        store = colon > begin ? at : at + 1; /* no user: no @ either */
    }
    memcpy(out, store, strlen(store) + 1);
}

/* The command's environment: ours, without the options that name this candidate (a libelect inside the command would
 * stand as its own parent) and without the store's password, which is ours alone to know; with what the term is. NULL:
 * out of memory. */
static char **environment(const struct elect__run *run, char ours[OURS][512])
{
    static const char *const dropped[] = {"LEADER_ELECTION_NAME=",
                                          "LEADER_ELECTION_INSTANCE_ID=",
                                          "LEADER_ELECTION_PASSWORD=",
                                          STORE,
                                          "ELECT_NAME=",
                                          "ELECT_EPOCH=",
                                          "ELECT_INSTANCE_ID="};
    const char *store = getenv("LEADER_ELECTION_STORE");
    size_t count = 0, kept = 0;
    char **out, *own_store;

    while (environ[count])
        count++;
    out = malloc((count + OURS + 2) * sizeof(*out) + sizeof(STORE) + (store ? strlen(store) : 0));
    if (!out)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        bool drop = false;

        for (size_t j = 0; j < sizeof(dropped) / sizeof(dropped[0]); j++)
            drop = drop || strncmp(environ[i], dropped[j], strlen(dropped[j])) == 0;
        if (!drop)
            out[kept++] = environ[i];
    }
    snprintf(ours[0], 512, "ELECT_NAME=%s", elect_election_name(run->election));
    snprintf(ours[1], 512, "ELECT_EPOCH=%" PRIu64, run->term.epoch);
    snprintf(ours[2], 512, "ELECT_INSTANCE_ID=%s", elect_election_instance_id(run->election));
    for (size_t i = 0; i < OURS; i++)
        out[kept++] = ours[i];
    if (store) { /* in the same block */
        own_store = (char *)(out + count + OURS + 2);
        put_store(store, stpcpy(own_store, STORE));
        out[kept++] = own_store;
    }
    out[kept] = NULL;
    return out;
}

static uint64_t mask_bits(const sigset_t *mask)
{
    uint64_t bits = 0;

    for (int signo = 1; signo <= 64; signo++)
        if (sigismember(mask, signo) == 1)
            bits |= (uint64_t)1 << (signo - 1);
    return bits;
}

static int spawn(struct elect__run *run, int link, const char *file, uint64_t term)
{
    char numbers[4][32], ours[OURS][512], **argv, **env = environment(run, ours);
    size_t count = 0;
    int failure = ENOMEM;

    while (run->cli->argv[count])
        count++;
    argv = calloc(count + FIXED + 2, sizeof(*argv));
    snprintf(numbers[0], sizeof(numbers[0]), "%d", link);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, run->stop_ns);
    snprintf(numbers[2], sizeof(numbers[2]), "%" PRIx64, mask_bits(&run->mask));
    snprintf(numbers[3], sizeof(numbers[3]), "%" PRIu64, term);
    if (argv && env) {
        char *const fixed[] = {(char *)"elect", (char *)"guard", (char *)elect_election_name(run->election),
                               numbers[0],      numbers[1],      (char *)(run->term.foreground ? "1" : "0"),
                               numbers[2],      numbers[3],      (char *)file};

        memcpy(argv, fixed, sizeof(fixed));
        memcpy(argv + sizeof(fixed) / sizeof(fixed[0]), run->cli->argv, (count + 1) * sizeof(*argv));
        failure = elect__link_spawn(&run->term.guard, &link, 1, argv, env);
    }
    free(argv);
    free(env);
    return failure;
}

bool elect__run_guard_spawn(struct elect__run *run, const char *file, uint64_t term)
{
    int ends[2], failure;

    elect__run_guard_end(run);
    run->term.foreground = elect__run_in_foreground();
    run->term.spawned_ns = elect__boot_ns();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    failure = spawn(run, ends[1], file, term);
    close(ends[1]);
    if (failure != 0) {
        close(ends[0]);
        run->term.guard = 0;
        errno = failure;
        return false;
    }
    run->term.link = ends[0];
    return true;
}

void elect__run_guard_tell(struct elect__run *run)
{
    int64_t before_ns = elect__boot_ns(), lease_ms = 0, until_ns;
    uint64_t epoch = 0;

    if (!run->term.going || elect_election_check(run->election, &epoch, &lease_ms) == 0 || epoch != run->term.epoch)
        return;
    until_ns = before_ns + lease_ms * MS; /* never later than the lease: the clock was read before */
    if (until_ns > run->term.told_ns + 2 * MS &&
        elect__link_send(run->term.link, ELECT__GUARD_LEASE, 0, until_ns, NULL))
        run->term.told_ns = until_ns;
}

void elect__run_guard_kill(struct elect__run *run)
{
    elect__link_send(run->term.link, ELECT__GUARD_KILL, 0, 0, NULL);
    if (run->term.group > 0)
        kill(-run->term.group, SIGKILL);
}

/* The guard enforces the last lease that it is known to be aware of. When that is over, it has killed the group and
 * said so, or it hangs. */
void elect__run_guard_check(struct elect__run *run, int64_t now_ns)
{
    int64_t aware_ns = run->term.going ? run->term.aware_ns : run->term.spawned_ns + run->cli->settings->lock_ttl_ns;

    if (now_ns < aware_ns)
        return;
    run->term.lapsed = true;
    if (run->term.group > 0)
        kill(-run->term.group, SIGKILL);
    if (now_ns < aware_ns + ELECT__GUARD_PATIENCE_NS)
        return;
    elect__run_log(&run->log, ELECT_LOG_ERROR, NULL, "the guard hangs: it and the command are killed");
    kill(run->term.guard, SIGKILL);
    elect__run_guard_died(run);
}

/* True when the command itself has ended; not reaped, so that nobody else gets its number. */
static bool has_ended(pid_t group)
{
    siginfo_t info = {.si_pid = 0};

    return group <= 0 || waitid(P_PID, (id_t)group, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid;
}

bool elect__run_guard_bury(struct elect__run *run)
{
    struct elect__run_term *term = &run->term;
    bool ended;

    if (elect__boot_ns() < run->bury_at_ns)
        return false;
    run->bury_at_ns = elect__boot_ns() + BURY_NS;
    if (term->guard > 0 && waitpid(term->guard, NULL, WNOHANG) != 0)
        term->guard = 0;
    elect__children_signal(term->group, SIGKILL, &run->born_with);
    /* In this order: whoever is alive, or was when we looked, may leave us orphans. */
    ended = term->guard <= 0 && has_ended(term->group);
    if (!elect__children_reap(term->group, &run->born_with) || !ended)
        return false;
    if (term->group > 0)
        (void)waitpid(term->group, NULL, WNOHANG);
    return true;
}

/* A guard ends when its link does. Whoever waits for us must find nothing of us left: a guard that hangs has no group and
 * no lock any more, and is killed. No other child of ours is: it may be an orphan of whoever exec'd us. */
void elect__run_guard_end(struct elect__run *run)
{
    int64_t patient_ns = elect__boot_ns() + ELECT__GUARD_PATIENCE_NS, now_ns;

    while (run->leaving > 0 && waitpid(run->leaving, NULL, WNOHANG) == 0 &&
           (now_ns = elect__boot_ns()) < patient_ns + ELECT__GUARD_PATIENCE_NS) {
        if (now_ns >= patient_ns)
            kill(run->leaving, SIGKILL);
        (void)poll(NULL, 0, END_MS);
    }
    run->leaving = 0;
}
