/* elect_bench: what libelect costs on this machine, as a table or as JSON. */
#include "bench.h"
#include <cjson/cJSON.h>
#include <dirent.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct arguments {
    bool json, quick;
    const char *simulator, *folder;
};

static const char usage[] = "usage: elect_bench [--json] [--quick] [--sim PROGRAM] [--folder PATH]\n"
                            "\n"
                            "  --json         as JSON instead of a table\n"
                            "  --quick        a few rounds of each, to see that it works\n"
                            "  --sim PROGRAM  elect_sim, when it does not lie beside this program\n"
                            "  --folder PATH  where local: keeps its files: a new folder in it (default /tmp)\n";

enum { MEMORY_ACQUIRE, MEMORY_RENEW, MEMORY_HANDOVER, LOCAL_ACQUIRE, LOCAL_RENEW, LOCAL_HANDOVER, LOCAL_KILL, RESULTS };

static struct bench_result results[RESULTS] = {
    [MEMORY_ACQUIRE] = {.store = "memory", .what = "acquire"},
    [MEMORY_RENEW] = {.store = "memory", .what = "renew"},
    [MEMORY_HANDOVER] = {.store = "memory", .what = "graceful handover"},
    [LOCAL_ACQUIRE] = {.store = "local", .what = "acquire"},
    [LOCAL_RENEW] = {.store = "local", .what = "renew"},
    [LOCAL_HANDOVER] = {.store = "local", .what = "graceful handover"},
    [LOCAL_KILL] = {.store = "local", .what = "SIGKILL handover"},
};

enum { CHECKS = 2, MANY = 2 };

/* What is measured beside the rows above. */
struct figures {
    struct bench_check checks[CHECKS];
    struct bench_many many[MANY];
    double queue_per_s, callback_per_s;
    struct bench_sim sim;
};

static void add_checks(cJSON *json, const struct bench_check checks[CHECKS])
{
    cJSON *array = cJSON_AddArrayToObject(json, "is_leader");
    for (int i = 0; i < CHECKS; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddNumberToObject(row, "threads", checks[i].threads);
        cJSON_AddNumberToObject(row, "ns", checks[i].is_leader_ns);
        cJSON_AddNumberToObject(row, "clock_gettime_ns", checks[i].clock_ns);
        cJSON_AddNumberToObject(row, "ratio", checks[i].is_leader_ns / checks[i].clock_ns);
        cJSON_AddItemToArray(array, row);
    }
}

void bench_add_many(cJSON *array, const struct bench_many *many)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(array, row);
    cJSON_AddStringToObject(row, "store", many->store);
    cJSON_AddNumberToObject(row, "elections", many->elections);
    cJSON_AddNumberToObject(row, "led", many->led);
    cJSON_AddNumberToObject(row, "threads", many->threads);
    cJSON_AddNumberToObject(row, "descriptors", many->descriptors);
    cJSON_AddNumberToObject(row, "sockets", many->sockets);
    cJSON_AddNumberToObject(row, "bytes_each", many->bytes_each);
    cJSON_AddNumberToObject(row, "cpu_percent", many->cpu_percent);
    cJSON_AddNumberToObject(row, "start_s", many->start_s);
    cJSON_AddNumberToObject(row, "stop_s", many->stop_s);
    cJSON_AddNumberToObject(row, "close_s", many->close_s);
}

void bench_add_result(cJSON *array, struct bench_result *result)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(array, row);
    cJSON_AddStringToObject(row, "store", result->store);
    cJSON_AddStringToObject(row, "what", result->what);
    cJSON_AddNumberToObject(row, "p50_us", (double)bench_percentile(result, 50) / 1000);
    cJSON_AddNumberToObject(row, "p99_us", (double)bench_percentile(result, 99) / 1000);
    cJSON_AddNumberToObject(row, "samples", (double)result->count);
}

void bench_print(cJSON *json)
{
    char *text = cJSON_Print(json);
    if (!text)
        bench_die("out of memory");
    puts(text);
    cJSON_free(text);
    cJSON_Delete(json);
}

static void print_json(const struct figures *f)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "version", elect_version());
    add_checks(json, f->checks);
    cJSON *array = cJSON_AddArrayToObject(json, "stores");
    for (int i = 0; i < RESULTS; i++)
        bench_add_result(array, &results[i]);
    array = cJSON_AddArrayToObject(json, "many");
    for (int i = 0; i < MANY; i++)
        bench_add_many(array, &f->many[i]);
    cJSON *object = cJSON_AddObjectToObject(json, "events");
    cJSON_AddNumberToObject(object, "queue_per_s", f->queue_per_s);
    cJSON_AddNumberToObject(object, "callback_per_s", f->callback_per_s);
    object = cJSON_AddObjectToObject(json, "simulator");
    cJSON_AddNumberToObject(object, "elections_per_s", f->sim.elections_per_s);
    cJSON_AddNumberToObject(object, "virtual_hours_per_s", f->sim.virtual_hours_per_s);
    bench_print(json);
}

static const char *microseconds(int64_t ns, char *out, size_t size)
{
    snprintf(out, size, ns < 99950 ? "%.1f us" : "%.0f us", (double)ns / 1000);
    return out;
}

static void print_many(const struct bench_many *many)
{
    printf("%d elections of one client on %s %d led, %.2f %% of a processor, %.0f bytes each, %d threads, "
           "%d descriptors; start %.2f s, stop %.2f s, close %.2f s\n",
           many->elections, many->store, many->led, many->cpu_percent, many->bytes_each, many->threads,
           many->descriptors, many->start_s, many->stop_s, many->close_s);
}

static void print_table(const struct figures *f)
{
    char p50[32], p99[32];
    for (int i = 0; i < CHECKS; i++) {
        const struct bench_check *check = &f->checks[i];
        printf("is_leader %.1f ns = %.2f x clock_gettime(CLOCK_BOOTTIME) %.1f ns, in %d thread%s while the leader "
               "renews\n",
               check->is_leader_ns, check->is_leader_ns / check->clock_ns, check->clock_ns, check->threads,
               check->threads == 1 ? "" : "s");
    }
    putchar('\n');
    printf("%-8s %-18s %12s %12s %8s\n", "store", "", "p50", "p99", "samples");
    for (int i = 0; i < RESULTS; i++) {
        microseconds(bench_percentile(&results[i], 50), p50, sizeof(p50));
        microseconds(bench_percentile(&results[i], 99), p99, sizeof(p99));
        printf("%-8s %-18s %12s %12s %8zu\n", results[i].store, results[i].what, p50, p99, results[i].count);
    }
    putchar('\n');
    for (int i = 0; i < MANY; i++)
        print_many(&f->many[i]);
    printf("events %.0f/s through the queue, %.0f/s through callbacks\n", f->queue_per_s, f->callback_per_s);
    printf("simulator %.0f elections/s, %.0f virtual hours/s\n", f->sim.elections_per_s, f->sim.virtual_hours_per_s);
}

/* A folder of its own, for local:, which keeps no folders in it. */
static char folder[4096];

static void make_folder(const char *parent)
{
    snprintf(folder, sizeof(folder), "%s/elect-bench-XXXXXX", parent);
    if (!mkdtemp(folder))
        bench_die("no folder can be made in %s", parent);
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    int fd = dirfd(dir);
    for (struct dirent *entry; fd >= 0 && (entry = readdir(dir));)
        unlinkat(fd, entry->d_name, 0);
    closedir(dir);
    rmdir(folder);
}

static struct arguments parse(int argc, char **argv)
{
    static char beside[4096];
    struct arguments a = {.folder = "/tmp", .simulator = beside};
    const char *slash = strrchr(argv[0], '/');
    snprintf(beside, sizeof(beside), "%.*select_sim", slash ? (int)(slash + 1 - argv[0]) : 0, argv[0]);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            a.json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            a.quick = true;
        } else if (strcmp(argv[i], "--sim") == 0 && i + 1 < argc) {
            a.simulator = argv[++i];
        } else if (strcmp(argv[i], "--folder") == 0 && i + 1 < argc) {
            a.folder = argv[++i];
        } else {
            bool help = strcmp(argv[i], "--help") == 0;
            fputs(usage, help ? stdout : stderr);
            exit(help ? 0 : 2);
        }
    }
    return a;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--worker") == 0)
        return bench_worker(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "--followers") == 0)
        return bench_followers(argv[2], atoi(argv[3]));
#ifdef ELECT_REDIS
    if (argc == 5 && strcmp(argv[1], "--redis") == 0)
        return bench_redis(argv[2], atoi(argv[3]), atoi(argv[4]));
#endif
    struct arguments a = parse(argc, argv);
    char store[4200];
    make_folder(a.folder);
    atexit(remove_folder);
    snprintf(store, sizeof(store), "local:%s", folder);
    struct figures f;
    f.many[0] = bench_many("memory:", a.quick ? 100 : 10000, a.quick ? 0.1 : 10);
    f.many[1] = bench_many("custom:?bootstrap=now", a.quick ? 100 : 10000, a.quick ? 0.1 : 10);
    f.checks[0] = bench_is_leader(1, a.quick);
    f.checks[1] = bench_is_leader(8, a.quick);
    f.queue_per_s = bench_events(true, a.quick ? 300 : 300000);
    f.callback_per_s = bench_events(false, a.quick ? 300 : 300000);
    bench_operations("memory:", a.quick ? 10 : 2000, &results[MEMORY_ACQUIRE], &results[MEMORY_RENEW], NULL);
    bench_handover_inside("memory:", a.quick ? 5 : 1000, &results[MEMORY_HANDOVER]);
    bench_operations(store, a.quick ? 10 : 2000, &results[LOCAL_ACQUIRE], &results[LOCAL_RENEW], NULL);
    bench_handover_between(store, a.quick ? 3 : 300, &results[LOCAL_HANDOVER]);
    bench_kill(store, a.quick ? 3 : 300, &results[LOCAL_KILL]);
    f.sim = bench_simulator(a.simulator, a.quick ? 1000 : 200000);
    if (a.json)
        print_json(&f);
    else
        print_table(&f);
    return 0;
}
