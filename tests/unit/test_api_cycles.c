/* A thousand times from start to close: memory and descriptors stay as they are. */
#include "api_local.h"
#include <dirent.h>

/* The kernel takes its time to close what watches a directory: fewer clients there. */
enum { WARM = 100, CYCLES = 1000, LOCAL_CYCLES = 300 };

/* A sanitizer keeps what was freed for a while, and looks for leaks by itself. */
#ifdef __has_feature
#define HAS_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

struct size {
    long pages;
    int descriptors;
};

static struct size measure(void)
{
    struct size size = {0};
    long all;
    FILE *statm = fopen("/proc/self/statm", "r");
    cr_assert_not_null(statm);
    cr_assert_eq(fscanf(statm, "%ld %ld", &all, &size.pages), 2);
    fclose(statm);
    DIR *folder = opendir("/proc/self/fd");
    cr_assert_not_null(folder);
    while (readdir(folder))
        size.descriptors++;
    closedir(folder);
    return size;
}

/* Half a kilobyte that each cycle forgot would be seen. */
static void expect_flat(const struct size *before, int cycles)
{
    const long tolerated = cycles * 512L / sysconf(_SC_PAGESIZE);
    struct size after = measure();
    cr_assert_eq(after.descriptors, before->descriptors);
    if (!HAS_SANITIZER)
        cr_assert_leq(after.pages - before->pages, tolerated, "%ld pages more", after.pages - before->pages);
}

static void start_and_close(const char *store, int cycle)
{
    elect_client_t *client = open_client(store, "");
    elect_election_t *election = start_queued(client, "name=a", 1);
    must(elect_election_wait(election, GUARD_MS));
    must(elect_election_stop(election));
    if (cycle % 2)
        elect_election_free(election);
    must(elect_client_close(client, GUARD_MS));
    if (cycle % 2 == 0)
        elect_election_free(election);
    elect_client_free(client);
}

static void run_clients(const char *store, int cycles)
{
    struct size before = {0};
    for (int i = 0; i < WARM + cycles; i++) {
        if (i == WARM)
            before = measure();
        start_and_close(store, i);
    }
    expect_flat(&before, cycles);
}

Test(api_cycles, a_thousand_clients_on_memory_leave_nothing_behind)
{
    run_clients("memory:", CYCLES);
}

Test(api_cycles, hundreds_of_clients_on_local_leave_nothing_behind)
{
    run_clients(make_local(), LOCAL_CYCLES);
    remove_local();
}

static void run_elections(const char *store)
{
    struct size before = {0};
    elect_client_t *client = open_client(store, "");
    for (int i = 0; i < WARM + CYCLES; i++) {
        if (i == WARM)
            before = measure();
        elect_election_t *election = start_queued(client, "name=a", 1);
        must(elect_election_wait(election, GUARD_MS));
        elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
        must(elect_election_stop(election));
        elect_event_free(next_event(client, ELECT_EVENT_LOST));
        elect_event_free(next_event(client, ELECT_EVENT_CLOSED));
        must(elect_election_join(election, GUARD_MS));
        elect_election_free(election);
    }
    expect_flat(&before, CYCLES);
    close_client(client);
}

Test(api_cycles, a_thousand_elections_of_one_client_leave_nothing_behind)
{
    run_elections("memory:");
    run_elections(make_local());
    remove_local();
}

static void on_event_nothing(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election, (void)event, (void)user;
}

Test(api_cycles, a_thousand_clients_with_callbacks_leave_nothing_behind)
{
    struct size before = {0};
    for (int i = 0; i < WARM + CYCLES; i++) {
        if (i == WARM)
            before = measure();
        elect_client_t *client = open_client("memory:", "log_level=debug");
        elect_election_t *election = make_election(client, "name=a");
        must(elect_client_on_log(client, on_event_nothing, NULL, NULL));
        must(elect_election_on_event(election, on_event_nothing, NULL, NULL));
        must(elect_election_start(election));
        must(elect_election_wait(election, GUARD_MS));
        elect_election_free(election);
        close_client(client);
    }
    expect_flat(&before, CYCLES);
}
