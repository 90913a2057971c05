#include "sim.h"
#include <elect/elect.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    uint64_t seed, elections;
    const char *planted, *broken, *store;
    enum sim_broken broken_kind;
    enum sim_kind kind;
    bool outcomes_only, trace, verbose, json;
};

static const char *const kind_names[] = {"both", "ledger", "cas"};
static const char *const broken_names[] = {"", "store-clock", "clock-rates", "frozen-machine"};

static void usage(FILE *to)
{
    fputs("usage: elect_sim [--seed N] [--elections N] [--store KIND] [--planted NAME] [--broken NAME]\n"
          "                 [--outcomes-only] [--verbose] [--trace] [--json]\n"
          "\n"
          "Simulates elections with faults until N terms were started. Run i has the seed N + i and replays bit for "
          "bit.\n"
          "\n"
          "  --seed N          of the first run (1)\n"
          "  --elections N     stop after the run in which this many terms have been started (100000)\n"
          "  --store KIND      ledger, cas (a compare-and-set register) or both: each run draws (both)\n"
          "  --planted NAME    with this bug switched on, which must be found; list: the names\n"
          "  --broken NAME     with this assumption of the promise broken, which must be found:\n"
          "                    store-clock (it is stepped), clock-rates (beyond the margin),\n"
          "                    frozen-machine (a pause in which even the boot clock stands)\n"
          "  --outcomes-only   check what users can see, not how it came about\n"
          "  --verbose         a line per run\n"
          "  --trace           everything that happens (for one run: --elections 1)\n"
          "  --json            the result as JSON\n"
          "\n"
          "Exit: 0 no rule was broken, 1 one was, 2 wrong usage.\n",
          to);
}

static bool number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static int list_planted(void)
{
#define NAME(id, name) puts(name);
    ELECT__PLANTED_TABLE(NAME)
#undef NAME
    return 0;
}

static bool take_names(struct options *o)
{
    if (o->planted != NULL) {
        elect__planted_now = elect__planted_find(o->planted);
        if (elect__planted_now == ELECT__PLANTED_COUNT) {
            fprintf(stderr, "elect_sim: --planted %s: not in the table of planted.h\n", o->planted);
            return false;
        }
    }
    for (int i = 0; i < (int)(sizeof kind_names / sizeof kind_names[0]); i++)
        if (o->store != NULL && strcmp(o->store, kind_names[i]) == 0)
            o->kind = (enum sim_kind)i;
    if (o->store != NULL && strcmp(o->store, kind_names[o->kind]) != 0) {
        fprintf(stderr, "elect_sim: --store %s: it is ledger, cas or both\n", o->store);
        return false;
    }
    if (o->broken == NULL)
        return true;
    for (int i = 1; i < (int)(sizeof broken_names / sizeof broken_names[0]); i++)
        if (strcmp(o->broken, broken_names[i]) == 0)
            o->broken_kind = (enum sim_broken)i;
    if (o->broken_kind == SIM_NOTHING_BROKEN)
        fprintf(stderr, "elect_sim: --broken %s: there is no such assumption\n", o->broken);
    return o->broken_kind != SIM_NOTHING_BROKEN;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},
        {"elections", required_argument, NULL, 'n'},
        {"planted", required_argument, NULL, 'p'},
        {"broken", required_argument, NULL, 'b'},
        {"outcomes-only", no_argument, NULL, 'o'},
        {"verbose", no_argument, NULL, 'v'},
        {"trace", no_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {"store", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *o = (struct options){.seed = 1, .elections = 100000};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            return 0;
        }
        bool good = c != '?';
        if (c == 's' || c == 'n')
            good = number(optarg, c == 's' ? &o->seed : &o->elections);
        o->planted = c == 'p' ? optarg : o->planted;
        o->broken = c == 'b' ? optarg : o->broken;
        o->store = c == 'k' ? optarg : o->store;
        o->outcomes_only |= c == 'o';
        o->verbose |= c == 'v';
        o->trace |= c == 't';
        o->json |= c == 'j';
        if (!good) {
            usage(stderr);
            return 2;
        }
    }
    if (o->planted != NULL && strcmp(o->planted, "list") == 0)
        return list_planted();
    return optind == argc && take_names(o) ? -1 : 2;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_replay(const struct options *o, const struct sim_world *w, FILE *to)
{
    fprintf(to, "elect_sim --seed %llu --elections 1%s%s%s%s%s%s%s --trace", (unsigned long long)w->seed,
            o->store != NULL ? " --store " : "", o->store != NULL ? o->store : "",
            o->planted != NULL ? " --planted " : "", o->planted != NULL ? o->planted : "",
            o->broken != NULL ? " --broken " : "", o->broken != NULL ? o->broken : "",
            o->outcomes_only ? " --outcomes-only" : "");
}

static void print_json(const struct options *o, const struct sim_world *w, const struct sim_stats *s, uint64_t hash,
                       double took_s)
{
    printf("{\"ok\":%s,\"elections\":%llu,\"cas_elections\":%llu,\"runs\":%llu,\"adoptions\":%llu,\"writes\":%llu,"
           "\"steps\":%llu,"
           "\"virtual_hours\":%.3f,\"elections_per_s\":%.0f,\"virtual_hours_per_s\":%.3f,"
           "\"overlaps_outside_the_promise\":%llu,\"seed\":%llu,\"hash\":\"%016llx\",\"faults\":{",
           w->violation == SIM_NONE ? "true" : "false", (unsigned long long)s->elections,
           (unsigned long long)s->cas_elections, (unsigned long long)s->runs, (unsigned long long)s->adoptions,
           (unsigned long long)s->writes, (unsigned long long)s->steps, (double)s->virtual_ns / 3.6e12,
           (double)s->elections / took_s, (double)s->virtual_ns / 3.6e12 / took_s,
           (unsigned long long)s->overlaps_outside, (unsigned long long)o->seed, (unsigned long long)hash);
    for (int i = 0; i < SIM_FAULTS; i++)
        printf("%s\"%s\":%llu", i == 0 ? "" : ",", sim_fault_name((enum sim_fault)i), (unsigned long long)s->faults[i]);
    printf("}");
    if (w->violation != SIM_NONE) {
        printf(",\"violation\":\"%s\",\"text\":\"%s\",\"violation_seed\":%llu,\"replay\":\"",
               sim_violation_name(w->violation), w->text, (unsigned long long)w->seed);
        print_replay(o, w, stdout);
        printf("\"");
    }
    printf("}\n");
}

static void print_text(const struct options *o, const struct sim_world *w, const struct sim_stats *s, uint64_t hash,
                       double took_s)
{
    uint64_t faults = 0;
    for (int i = 0; i < SIM_FAULTS; i++)
        faults += s->faults[i];
    printf("%llu elections (%llu over a register) in %llu runs, %.0f virtual hours, %llu faults, %llu adoptions, %llu "
           "fenced writes\n",
           (unsigned long long)s->elections, (unsigned long long)s->cas_elections, (unsigned long long)s->runs,
           (double)s->virtual_ns / 3.6e12, (unsigned long long)faults, (unsigned long long)s->adoptions,
           (unsigned long long)s->writes);
    printf("%.1f s: %.0f elections/s, %.1f virtual hours/s\n", took_s, (double)s->elections / took_s,
           (double)s->virtual_ns / 3.6e12 / took_s);
    printf("overlaps outside the promise: %llu (each ended at the old leader's deadline); hash %016llx\n",
           (unsigned long long)s->overlaps_outside, (unsigned long long)hash);
    if (w->violation == SIM_NONE)
        return;
    printf("VIOLATION %s: %s\nreplay: ", sim_violation_name(w->violation), w->text);
    print_replay(o, w, stdout);
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct sim_world world;
    struct sim_stats stats = {0};
    struct options o;
    uint64_t hash = 0;
    int code = parse(argc, argv, &o);
    if (code >= 0)
        return code;
    double from_s = seconds();
    world.trace = o.trace ? stdout : NULL;
    world.outcomes_only = o.outcomes_only;
    world.broken = o.broken_kind;
    world.wanted = o.kind;
    for (uint64_t run = 0; stats.elections < o.elections; run++) {
        uint64_t before = stats.elections;
        bool good = sim_run(&world, o.seed + run, &stats);
        hash = hash * 31 + world.hash;
        if (o.verbose)
            printf("seed %llu: %llu elections, hash %016llx\n", (unsigned long long)world.seed,
                   (unsigned long long)(stats.elections - before), (unsigned long long)world.hash);
        if (!good)
            break;
    }
    double took_s = seconds() - from_s;
    (o.json ? print_json : print_text)(&o, &world, &stats, hash, took_s > 0 ? took_s : 1e-9);
    return world.violation == SIM_NONE ? 0 : 1;
}
