#include "demo.h"
#include "options.h"
#include "settings.h"
#include "url.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000, SPAN = ELECT__SPAN_SIZE };

/* What was measured, for --json and the verdict. */
struct figures {
    int64_t elected_ns, crash_ns, graceful_ns, freeze_ns;
    bool fooled; /* the thawed candidate still called itself leader */
};

/* Everybody "." but the leader. */
static void draw(struct elect__demo *demo, int leader)
{
    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        demo->cells[i] = i == leader ? "LEADER" : ".";
}

/* Answers who leads after it: on a machine that stood still it may be another. Below 0: the demo is over. */
static int rest(struct elect__demo *demo)
{
    int64_t until_ns = elect__boot_ns() + demo->ttl_ns;

    while (elect__boot_ns() < until_ns)
        if (!elect__demo_hear(demo, until_ns))
            return -1;
    return elect__demo_leader(demo, 0);
}

static bool all_ready(struct elect__demo *demo)
{
    int64_t until_ns = elect__boot_ns() + demo->patience_ns;

    for (;;) {
        bool ready = true;

        for (int i = 0; i < ELECT__DEMO_PLACES; i++)
            ready = ready && (demo->places[i].ready || demo->places[i].stopped);
        if (ready)
            return true;
        if (elect__boot_ns() >= until_ns) {
            elect__say("the candidates did not start");
            demo->code = ELECT__EXIT_NO;
        }
        if (!elect__demo_hear(demo, until_ns))
            return false;
    }
}

static bool start(struct elect__demo *demo, struct figures *figures)
{
    char span[SPAN];
    int leader;

    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        if (!elect__demo_enter(demo, i))
            return false;
    if (!all_ready(demo))
        return false;
    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        demo->cells[i] = "follower";
    demo->started_ns = elect__boot_ns();
    elect__demo_row(demo, 0, "started: pids %d %d %d", (int)demo->places[0].pid, (int)demo->places[1].pid,
                    (int)demo->places[2].pid);
    demo->started_ns = elect__boot_ns();
    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        elect__link_send(demo->places[i].link, ELECT__DEMO_START, 0, 0, NULL);
    leader = elect__demo_leader(demo, demo->started_ns);
    if (leader < 0)
        return false;
    figures->elected_ns = demo->places[leader].elected_ns - demo->started_ns;
    draw(demo, leader);
    elect__demo_row(demo, demo->places[leader].epoch, "%c elected in %s", 'A' + leader,
                    elect__demo_span(figures->elected_ns, span));
    return true;
}

/* The leader's process is killed, and comes back as a follower. */
static bool crash(struct elect__demo *demo, struct figures *figures, int victim)
{
    struct elect__demo_place *p = &demo->places[victim];
    int64_t killed_ns = elect__boot_ns();
    char span[SPAN];
    int leader;

    kill(p->pid, SIGKILL);
    p->stopped = true;
    leader = elect__demo_leader(demo, killed_ns);
    if (leader < 0)
        return false;
    figures->crash_ns = demo->places[leader].elected_ns - killed_ns;
    draw(demo, leader);
    demo->cells[victim] = "KILLED";
    elect__demo_row(demo, demo->places[leader].epoch, "kill -9 %c: %c leads after %s", 'A' + victim, 'A' + leader,
                    elect__demo_span(figures->crash_ns, span));
    while (p->link >= 0)
        if (!elect__demo_hear(demo, elect__boot_ns() + demo->ttl_ns))
            return false;
    if (!elect__demo_enter(demo, victim) || !all_ready(demo))
        return false;
    elect__link_send(p->link, ELECT__DEMO_START, 0, 0, NULL);
    return true;
}

static bool hand_over(struct elect__demo *demo, struct figures *figures, int old, int back)
{
    struct elect__demo_place *p = &demo->places[old];
    int64_t asked_ns = elect__boot_ns();
    char span[SPAN];
    int leader;

    p->stopped = true;
    elect__link_send(p->link, ELECT__DEMO_STOP, 0, 0, NULL);
    leader = elect__demo_leader(demo, asked_ns);
    if (leader < 0)
        return false;
    figures->graceful_ns = demo->places[leader].elected_ns - p->stopping_ns;
    draw(demo, leader);
    demo->cells[old] = "stopped";
    if (back != leader)
        demo->cells[back] = "back";
    elect__demo_row(demo, demo->places[leader].epoch, "%c stops gracefully: %c after %s", 'A' + old, 'A' + leader,
                    elect__demo_span(figures->graceful_ns, span));
    return true;
}

static bool freeze(struct elect__demo *demo, struct figures *figures, int victim)
{
    struct elect__demo_place *p = &demo->places[victim];
    int64_t frozen_ns = elect__boot_ns();
    char span[SPAN];
    int leader;

    kill(p->pid, SIGSTOP);
    p->leads = false;
    draw(demo, -1);
    demo->cells[victim] = "FROZEN";
    elect__demo_row(demo, 0, "SIGSTOP to %c, longer than its lease", 'A' + victim);
    leader = elect__demo_leader(demo, frozen_ns);
    if (leader < 0)
        return false;
    figures->freeze_ns = demo->places[leader].elected_ns - frozen_ns;
    draw(demo, leader);
    demo->cells[victim] = "frozen";
    elect__demo_row(demo, demo->places[leader].epoch, "%c's lease ran out: %c after %s", 'A' + victim, 'A' + leader,
                    elect__demo_span(figures->freeze_ns, span));
    return true;
}

static bool thaw(struct elect__demo *demo, struct figures *figures, int frozen, int leader)
{
    struct elect__demo_place *p = &demo->places[frozen];
    struct elect__demo_answer answer;
    int64_t thawed_ns = elect__boot_ns();

    kill(p->pid, SIGCONT);
    while (!elect__demo_first(&demo->lives[p->life], thawed_ns, &answer)) {
        if (elect__boot_ns() >= thawed_ns + demo->patience_ns) {
            elect__say("%c does not come back", 'A' + frozen);
            demo->code = ELECT__EXIT_NO;
        }
        if (!elect__demo_hear(demo, elect__boot_ns() + MS))
            return false;
    }
    figures->fooled = answer.epoch != 0;
    draw(demo, leader);
    demo->cells[frozen] = "resumed";
    elect__demo_row(demo, 0, "%c asked itself: \"%s\", first answer", 'A' + frozen,
                    figures->fooled ? "leader" : "not leader");
    return true;
}

static void play(struct elect__demo *demo, struct figures *figures)
{
    int first, second, third, fourth;

    if (!start(demo, figures) || (first = rest(demo)) < 0)
        return;
    if (!crash(demo, figures, first) || (second = rest(demo)) < 0)
        return;
    if (!hand_over(demo, figures, second, first) || (third = rest(demo)) < 0)
        return;
    if (!freeze(demo, figures, third) || (fourth = rest(demo)) < 0)
        return;
    (void)thaw(demo, figures, third, fourth);
}

/* 61,204 */
static const char *grouped(uint64_t number, char out[SPAN])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, number), at = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

static void print_json(const struct elect__demo *demo, const struct figures *figures,
                       const struct elect__demo_verdict *verdict, bool ok)
{
    cJSON *object = cJSON_CreateObject();
    char *store = elect__url_redact(demo->cli->settings->store), *text;

    cJSON_AddBoolToObject(object, "ok", ok);
    cJSON_AddStringToObject(object, "store", store ? store : "");
    cJSON_AddNumberToObject(object, "lock_ttl_ms", (double)(demo->ttl_ns / MS));
    cJSON_AddNumberToObject(object, "terms", verdict->terms);
    cJSON_AddNumberToObject(object, "answers", (double)verdict->answers);
    cJSON_AddNumberToObject(object, "overlaps", (double)verdict->overlaps);
    cJSON_AddBoolToObject(object, "epochs_rose", verdict->rising);
    cJSON_AddBoolToObject(object, "resumed_as_leader", figures->fooled);
    cJSON_AddNumberToObject(object, "elected_us", (double)(figures->elected_ns / 1000));
    cJSON_AddNumberToObject(object, "crash_us", (double)(figures->crash_ns / 1000));
    cJSON_AddNumberToObject(object, "graceful_us", (double)(figures->graceful_ns / 1000));
    cJSON_AddNumberToObject(object, "freeze_us", (double)(figures->freeze_ns / 1000));
    cJSON_AddItemReferenceToObject(object, "timeline", demo->timeline);
    text = cJSON_PrintUnformatted(object);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(object);
    free(store);
}

static void conclude(struct elect__demo *demo, const struct figures *figures)
{
    struct elect__demo_verdict verdict;
    char answers[SPAN];
    bool ok;

    elect__demo_judge(demo->lives, &verdict);
    ok = demo->code == 0 && verdict.terms >= 4 && verdict.overlaps == 0 && verdict.rising && !figures->fooled;
    if (demo->cli->json)
        print_json(demo, figures, &verdict, ok);
    else
        printf("%s  %d terms, %" PRIu64 " overlaps in %s is_leader answers, epochs %s %15.1f s\n", ok ? "ok" : "FAILED",
               verdict.terms, verdict.overlaps, grouped(verdict.answers, answers),
               verdict.rising ? "rose" : "DID NOT RISE", (double)(elect__boot_ns() - demo->started_ns) / 1e9);
    if (ok && !demo->cli->json)
        printf("next: %s run myjob --store local:/tmp/e -- sh -c 'echo I lead; sleep 60'   (in two terminals)\n",
               program_invocation_name);
    if (!ok && demo->code == 0)
        demo->code = ELECT__EXIT_NO;
}

/* A folder for this demo alone, unless a store was given; its own name in that one, so that it meets nobody. */
static bool choose_store(struct elect__demo *demo)
{
    elect_options_t *options = demo->cli->options;
    const char *folder = getenv("TMPDIR"), *store;
    char text[300];
    uint64_t random = 0;
    bool ok, timed;

    if (elect_options_load_env(options) != ELECT_OK) {
        elect__say("%s", elect_options_error(options));
        demo->code = ELECT__EXIT_REFUSED;
        return false;
    }
    store = elect_options_get(options, "store");
    timed =
        elect__options_origin(options, ELECT__OPT_LOCK_TTL) != ELECT__UNSET || (store && strstr(store, "lock_ttl="));
    if (!store || !*store) {
        snprintf(demo->folder, sizeof(demo->folder), "%.200s/elect-demo-XXXXXX", folder && *folder ? folder : "/tmp");
        if (!mkdtemp(demo->folder)) {
            elect__say("no folder %s: %s", demo->folder, strerror(errno));
            *demo->folder = '\0';
            demo->code = ELECT__EXIT_REFUSED;
            return false;
        }
        snprintf(text, sizeof(text), "local:%s", demo->folder);
        elect_options_set(options, "store", text);
    }
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = (uint64_t)elect__boot_ns();
    snprintf(text, sizeof(text), "demo-%016" PRIx64, random);
    ok = elect_options_set(options, "name", text) == ELECT_OK;
    if (!timed)
        ok = ok && elect_options_set(options, "lock_ttl", "2s") == ELECT_OK;
    if (!ok)
        demo->code = elect__cli_fail(demo->cli, ELECT_EINVAL, "");
    return ok;
}

/* The candidates take their options from the environment; what the command line said goes before it. */
static void pass_options(struct elect__demo *demo)
{
    const struct elect__cli *cli = demo->cli;
    char ttl[32];
    int i = 0;
    const cJSON *row;

    cJSON_ArrayForEach(row, cli->table) {
        if (i < ELECT__OPTIONS && cli->given[i])
            setenv(elect__json_text(row, "env"), cli->given[i], 1);
        i++;
    }
    snprintf(ttl, sizeof(ttl), "%" PRId64 "ms", demo->ttl_ns / MS);
    setenv("LEADER_ELECTION_STORE", cli->settings->store, 1);
    setenv("LEADER_ELECTION_NAME", cli->settings->name, 1);
    setenv("LEADER_ELECTION_LOCK_TTL", ttl, 1);
    setenv("LEADER_ELECTION_ROLE", "candidate", 1);
}

static int demo_main(struct elect__cli *cli)
{
    struct elect__demo demo = {.cli = cli, .memory = -1, .signals = -1, .timeline = cJSON_CreateArray()};
    struct figures figures = {.fooled = false};

    demo.started_ns = elect__boot_ns();
    if (choose_store(&demo))
        demo.code = elect__cli_defaults(cli, "candidate");
    if (demo.code == 0 && !elect__demo_open(&demo)) {
        elect__say("no memory for the answers: %s", strerror(errno));
        demo.code = ELECT__EXIT_NO;
    }
    if (demo.code == 0) {
        demo.ttl_ns = cli->settings->lock_ttl_ns;
        demo.patience_ns = 4 * demo.ttl_ns + cli->settings->restart_grace_ns + 10 * (int64_t)1000000000;
        pass_options(&demo);
        elect__demo_head(&demo);
        play(&demo, &figures);
        if (demo.code < ELECT__EXIT_USAGE)
            conclude(&demo, &figures);
    }
    elect__demo_close(&demo);
    cJSON_Delete(demo.timeline);
    return demo.code;
}

static const struct elect__flag no_flags[] = {{NULL, NULL, NULL, 0}};

const struct elect__command elect__command_demo = {
    .name = "demo",
    .usage = "demo [OPTION...]",
    .summary = "three candidates: one is killed, one stops, one is frozen; what was measured",
    .more = "Without --store in a folder of its own, which is removed. Exit code: 0 only when all of it held.",
    .flags = no_flags,
    .takes = ELECT__TAKES_OPTIONS,
    .main = demo_main,
};
