#include "../../examples/example_store.h"
#include "bench.h"
#include <dirent.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS = 2 };

static double seconds_since(int64_t ns)
{
    return (double)(bench_now_ns() - ns) / 1e9;
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        bench_die("/proc/self/statm cannot be read");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static int count(const char *path)
{
    int entries = -2; /* . and .. */
    DIR *folder = opendir(path);
    if (!folder)
        bench_die("%s cannot be read", path);
    while (readdir(folder))
        entries++;
    closedir(folder);
    return entries;
}

static int count_sockets(void)
{
    int sockets = 0;
    char target[16];
    DIR *folder = opendir("/proc/self/fd");
    int fd = folder ? dirfd(folder) : -1;
    if (fd < 0)
        bench_die("/proc/self/fd cannot be read");
    for (struct dirent *entry; (entry = readdir(folder));) {
        ssize_t length = readlinkat(fd, entry->d_name, target, sizeof(target));
        sockets += length > 7 && strncmp(target, "socket:", 7) == 0;
    }
    closedir(folder);
    return sockets;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static elect_election_t *stand(elect_client_t *client, int number)
{
    char name[32];
    elect_election_t *election;
    elect_options_t *options = elect_options_new();
    snprintf(name, sizeof(name), "election-%d", number);
    elect_options_set(options, "name", name);
    if (elect_election_new(client, options, &election) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_free(options);
    if (elect_election_start(election) != ELECT_OK)
        bench_die("election %d did not start", number);
    return election;
}

/* What it costs to lead and do nothing else, once all do. */
static void watch(struct bench_many *many, double seconds)
{
    int64_t start_ns = bench_now_ns();
    double cpu_s = cpu_seconds();
    struct timespec rest = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (int)seconds) * 1e9)};
    nanosleep(&rest, NULL);
    many->cpu_percent = 100 * (cpu_seconds() - cpu_s) / seconds_since(start_ns);
    many->threads = count("/proc/self/task") - 1; /* this one is the user's */
}

static struct bench_many measure(const char *store, int elections, double seconds)
{
    struct bench_many many = {.store = store, .elections = elections};
    elect_options_t *options = elect_options_new();
    elect_client_t *client;
    elect_election_t **all = calloc((size_t)elections, sizeof(*all));
    int descriptors = count("/proc/self/fd"), sockets = count_sockets();
    if (!all || elect_options_set(options, "store", store) != ELECT_OK ||
        elect_client_open(options, &client) != ELECT_OK)
        bench_die("%s", elect_options_error(options));
    elect_options_free(options);
    bool serves = strncmp(store, "custom:", strlen("custom:")) == 0;
    struct example_store *table = serves ? example_store_new() : NULL;
    struct example_server *server = serves ? example_server_start(table, client, SERVERS) : NULL;
    double before = resident_bytes();
    int64_t start_ns = bench_now_ns();
    for (int i = 0; i < elections; i++)
        all[i] = stand(client, i);
    for (int i = 0; i < elections; i++) {
        if (elect_election_wait(all[i], BENCH_PATIENCE_MS) != ELECT_OK)
            bench_die("an election of %s never led", store);
    }
    many.start_s = seconds_since(start_ns);
    watch(&many, seconds);
    many.threads -= serves ? SERVERS : 0;
    many.bytes_each = (resident_bytes() - before) / elections;
    many.descriptors = count("/proc/self/fd") - descriptors;
    many.sockets = count_sockets() - sockets;
    for (int i = 0; i < elections; i++)
        many.led += elect_election_is_leader(all[i]);
    start_ns = bench_now_ns();
    for (int i = 0; i < elections; i++)
        elect_election_stop(all[i]);
    for (int i = 0; i < elections; i++) {
        if (elect_election_join(all[i], BENCH_PATIENCE_MS) != ELECT_OK)
            bench_die("a stopped election did not end");
    }
    many.stop_s = seconds_since(start_ns);
    start_ns = bench_now_ns();
    elect_client_close(client, BENCH_PATIENCE_MS);
    example_server_join(server);
    for (int i = 0; i < elections; i++)
        elect_election_free(all[i]);
    elect_client_free(client);
    many.close_s = seconds_since(start_ns);
    example_store_free(table);
    free(all);
    return many;
}

struct bench_many bench_many(const char *store, int elections, double seconds)
{
    struct bench_many many;
    int ends[2], status;
    if (pipe(ends) != 0)
        bench_die("no pipe");
    pid_t child = fork();
    if (child == 0) {
        many = measure(store, elections, seconds);
        _exit(write(ends[1], &many, sizeof(many)) == sizeof(many) ? 0 : 1);
    }
    close(ends[1]);
    bool told = child > 0 && read(ends[0], &many, sizeof(many)) == sizeof(many);
    close(ends[0]);
    if (!told || waitpid(child, &status, 0) != child || status != 0)
        bench_die("%s the process of many elections failed", store);
    many.store = store;
    return many;
}
