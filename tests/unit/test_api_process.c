/* What the library has of the process: descriptors, and threads; and a program that closes what is not its own. */
#include "api_local.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>

static int count_descriptors(bool own[256], bool (*is)(const char *target))
{
    int count = 0;
    char path[64], target[256];
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        own[fd] = size > 0 && is(target);
        count += own[fd];
    }
    return count;
}

static bool is_any(const char *target)
{
    (void)target;
    return true;
}

static bool is_epoll(const char *target)
{
    return strstr(target, "eventpoll") != NULL;
}

static void on_event_nothing(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election, (void)event, (void)user;
}

Test(api_process, every_descriptor_closes_on_exec)
{
    bool before[256], after[256];
    int count = count_descriptors(before, is_any);
    elect_client_t *memory = open_client("memory:", ""), *local = open_client(make_local(), "");
    elect_election_t *elections[] = {start_queued(memory, "name=a", 1), start_queued(local, "name=a", 1)};
    for (int i = 0; i < 2; i++)
        must(elect_election_wait(elections[i], GUARD_MS));
    cr_assert_gt(count_descriptors(after, is_any), count + 8);
    for (int fd = 0; fd < 256; fd++) {
        if (after[fd] && !before[fd])
            cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
    }
    for (int i = 0; i < 2; i++)
        elect_election_free(elections[i]);
    close_client(memory);
    close_client(local);
    remove_local();
}

/* The signals that a thread blocks, and its name. */
static uint64_t blocked_signals(const char *task, char name[32])
{
    char path[300], line[256];
    uint64_t mask = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE *status = fopen(path, "r");
    cr_assert_not_null(status);
    while (fgets(line, sizeof line, status)) {
        if (strncmp(line, "Name:\t", 6) == 0)
            snprintf(name, 32, "%.*s", (int)strcspn(line + 6, "\n"), line + 6);
        if (strncmp(line, "SigBlk:\t", 8) == 0)
            mask = strtoull(line + 8, NULL, 16);
    }
    fclose(status);
    return mask;
}

Test(api_process, threads_of_the_library_take_no_signals)
{
    /* All 64, but for KILL and STOP, and the two that the C library keeps for itself. */
    const uint64_t wanted = ~(1ull << 8 | 1ull << 18 | 1ull << 31 | 1ull << 32);
    elect_client_t *client = open_client("memory:", "");
    elect_election_t *election = make_election(client, "name=a");
    must(elect_election_on_event(election, on_event_nothing, NULL, NULL));
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    int workers = 0;
    while (workers != 2) { /* a thread gives itself its name */
        workers = 0;
        DIR *tasks = opendir("/proc/self/task");
        for (struct dirent *task; (task = readdir(tasks));) {
            char name[32];
            if (task->d_name[0] == '.')
                continue;
            uint64_t mask = blocked_signals(task->d_name, name);
            if (strncmp(name, "elect-", 6) != 0)
                continue;
            workers++;
            cr_assert_eq(mask & wanted, wanted, "%s blocks %llx", name, (unsigned long long)mask);
        }
        closedir(tasks);
    }
    elect_election_free(election);
    close_client(client);
}

/* A program that closes descriptors by number hits the one that the I/O thread waits on. */
static void break_loop(bool before[256])
{
    bool now[256];
    count_descriptors(now, is_epoll);
    for (int fd = 0; fd < 256; fd++) {
        if (now[fd] && !before[fd])
            close(fd);
    }
}

static void *wait_long(void *election)
{
    return elect_election_wait(election, FOR_EVER) == ELECT_ECLOSED ? election : NULL;
}

Test(api_process, a_client_that_cannot_wait_for_events_ends_its_terms_and_every_wait)
{
    for (int run = 0; run < 2; run++) {
        bool before[256];
        elect_election_t *late = NULL;
        elect_event_t *event;
        pthread_t waiter;
        void *closed;
        const char *store = run == 0 ? "memory:" : make_local();
        count_descriptors(before, is_epoll);
        elect_client_t *client = open_client(store, "lock_ttl=1h heartbeat_interval=20ms");
        elect_options_t *options = make_options("name=late");
        elect_election_t *leader = start_queued(client, "name=a instance_id=x", 1);
        elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
        elect_event_free(next_event(client, ELECT_EVENT_LEADER_CHANGED));
        elect_election_t *follower = make_election(client, "name=a instance_id=y");
        elect_election_t *idle = make_election(client, "name=b");
        must(elect_election_start(follower));
        cr_assert_eq(pthread_create(&waiter, NULL, wait_long, follower), 0);
        break_loop(before); /* the leader's next renewal meets it */
        event = next_event(client, ELECT_EVENT_LOST);
        cr_assert_eq(elect_election_check(leader, NULL, NULL), 0);
        elect_event_free(event);
        event = next_event(client, ELECT_EVENT_ERROR);
        cr_assert_eq(elect_event_code(event), ELECT_ESTORE);
        elect_event_free(event);
        elect_event_free(next_event(client, ELECT_EVENT_CLOSED));
        cr_assert_eq(elect_client_next_event(client, FOR_EVER, &event), ELECT_ECLOSED);
        pthread_join(waiter, &closed);
        cr_assert_eq(closed, follower);
        must(elect_election_join(leader, FOR_EVER));
        must(elect_election_join(idle, FOR_EVER));
        cr_assert_eq(elect_election_start(idle), ELECT_ESTATE);
        cr_assert_eq(elect_election_new(client, options, &late), ELECT_ECLOSED);
        must(elect_client_close(client, FOR_EVER));
        elect_options_free(options);
        elect_election_free(leader);
        elect_election_free(follower);
        elect_election_free(idle);
        elect_client_free(client);
        if (run == 0)
            continue;
        client = open_client(store, "lock_ttl=1h"); /* it was released */
        leader = start_queued(client, "name=a instance_id=z", 1);
        must(elect_election_wait(leader, GUARD_MS));
        elect_election_free(leader);
        close_client(client);
    }
    remove_local();
}
