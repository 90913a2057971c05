#include "run.h"
#include "options.h"
#include "settings.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TAG = 1, MS = 1000000, PROBE_NS = 100000000, PROBE_MS = 1000, PROBE_PAUSE_MS = 20, CLOSE_MS = 2000, SPARE = 24 };
static const int64_t complain_every_ns = 30000000000;

/* While we stand the store may be down: said at once, then now and then. */
static void complain(struct elect__run *run)
{
    run->complained_ns = elect__boot_ns();
    elect__run_log(&run->log, ELECT_LOG_WARN, NULL, "the store can't be used yet, trying on: %s", run->fault);
}

void elect__run_faulty(struct elect__run *run, const char *why)
{
    run->faulty = true;
    run->complained_ns = elect__boot_ns();
    snprintf(run->fault, sizeof(run->fault), "%s", why);
}

static void hear_error(struct elect__run *run, const elect_event_t *event)
{
    int32_t code = elect_event_code(event);

    if (run->phase != ELECT__RUN_STANDING)
        return;
    if (code == ELECT_EAUTH || code == ELECT_EINVAL) {
        elect__say("%s", elect_event_text(event));
        elect__run_end(run, ELECT__EXIT_REFUSED);
        return;
    }
    elect__run_faulty(run, elect_event_text(event));
    /* The library's log may just have said the same. */
    if (strcmp(run->fault, run->logged) != 0)
        complain(run);
}

static void hear_log(struct elect__run *run, const elect_event_t *event)
{
    snprintf(run->logged, sizeof(run->logged), "%s", elect_event_text(event));
    elect__run_log(&run->log, elect_event_level(event), cJSON_Parse(elect_event_fields(event)), "%s", run->logged);
}

static void hear(struct elect__run *run, elect_event_t *event)
{
    switch (elect_event_kind(event)) {
    case ELECT_EVENT_ELECTED:
        if (run->phase == ELECT__RUN_STANDING) {
            run->faulty = false;
            elect__run_begin(run, elect_event_epoch(event));
        }
        break;
    case ELECT_EVENT_LOST:
        elect__run_lost(run, event);
        return;
    case ELECT_EVENT_LEADER_CHANGED:
        if (elect_event_leader(event) &&
            strcmp(elect_leader_instance_id(elect_event_leader(event)), elect_election_instance_id(run->election)) != 0)
            run->faulty = false; /* the store is well: it names another */
        break;
    case ELECT_EVENT_ERROR:
        hear_error(run, event);
        break;
    case ELECT_EVENT_CLOSED:
        run->closed = true; /* but not over while something is left of the command */
        if (run->phase == ELECT__RUN_STANDING)
            elect__run_end(run, ELECT__EXIT_UNREACHABLE);
        break;
    case ELECT_EVENT_LOG:
        hear_log(run, event);
        break;
    default:
        break;
    }
    elect_event_free(event);
}

static void hear_all(struct elect__run *run)
{
    elect_event_t *event;

    while (elect_client_next_event(run->client, 0, &event) == ELECT_OK)
        hear(run, event);
}

static void read_guard(struct elect__run *run)
{
    struct elect__message message;
    int got = 0;

    while (run->phase == ELECT__RUN_TERM && (got = elect__link_receive(run->term.link, &message)) > 0)
        elect__run_message(run, &message);
    if (run->phase == ELECT__RUN_TERM && got < 0)
        elect__run_guard_died(run);
}

/* --wait is over, or --try has its answer: was it the store that kept us from leading? */
static void give_up(struct elect__run *run)
{
    char *text = NULL;
    int32_t failure = elect_election_report(run->election, "status", PROBE_MS, &text);
    bool unreachable = run->faulty || failure != ELECT_OK;

    elect_string_free(text);
    elect__say("%s: not elected%s%s", run->cli->name, unreachable ? ": " : "",
               !unreachable  ? ""
               : run->faulty ? run->fault
                             : elect_code_text(failure));
    elect__run_end(run, unreachable ? ELECT__EXIT_UNREACHABLE : ELECT__EXIT_NOT_ELECTED);
}

/* --try: does the store say by now that it will be nobody's or somebody else's? */
static bool hopeless(struct elect__run *run)
{
    char *text = NULL;
    cJSON *status = NULL;
    bool answer = false;

    if (elect_election_report(run->election, "status", PROBE_MS, &text) != ELECT_OK)
        return true;
    status = cJSON_Parse(text);
    if (strcmp(elect__json_text(status, "state"), "led") == 0)
        answer = strcmp(elect__json_text(cJSON_GetObjectItemCaseSensitive(status, "leader"), "instance_id"),
                        elect_election_instance_id(run->election)) != 0;
    else
        answer = elect__json_int(status, "wait_ms", 0) > 0;
    cJSON_Delete(status);
    elect_string_free(text);
    return answer;
}

static void stand(struct elect__run *run, int64_t now_ns)
{
    int64_t limit_ns = run->wait_ns;

    if (run->faulty && now_ns >= run->complained_ns + complain_every_ns)
        complain(run);
    if (run->elected || run->wait_ns < 0)
        return;
    if (run->wait_ns == 0) {
        limit_ns = run->cli->settings->lock_ttl_ns;
        if (now_ns >= run->probed_ns + PROBE_NS) {
            run->probed_ns = now_ns;
            if (hopeless(run))
                limit_ns = 0;
        }
    }
    /* ELECTED may have come while we asked. */
    if (now_ns >= run->began_ns + limit_ns) {
        hear_all(run);
        if (run->phase == ELECT__RUN_STANDING && !run->elected)
            give_up(run);
    }
}

static void tick(struct elect__run *run)
{
    int64_t now_ns = elect__boot_ns();

    switch (run->phase) {
    case ELECT__RUN_STANDING:
        stand(run, now_ns);
        break;
    case ELECT__RUN_TERM:
        elect__run_guard_tell(run);
        elect__run_guard_check(run, now_ns);
        break;
    case ELECT__RUN_BURYING:
        if (elect__run_guard_bury(run))
            elect__run_finish(run);
        break;
    case ELECT__RUN_HOLDING:
        if (now_ns >= run->hold_until_ns)
            elect__run_end(run, run->code);
        break;
    case ELECT__RUN_ENDING:
        run->over = run->closed || now_ns >= run->ending_until_ns;
        break;
    }
}

static int until_ms(int64_t at_ns)
{
    int64_t left_ms = (at_ns - elect__boot_ns()) / MS + 1;

    return left_ms < 1 ? 1 : left_ms < 1000 ? (int)left_ms : 1000;
}

static int pause_ms(const struct elect__run *run)
{
    switch (run->phase) {
    case ELECT__RUN_TERM:
        return (int)(run->period_ns / MS);
    case ELECT__RUN_BURYING:
        return 10;
    case ELECT__RUN_STANDING:
        if (!run->elected && run->wait_ns == 0)
            return PROBE_PAUSE_MS;
        if (!run->elected && run->wait_ns > 0)
            return until_ms(run->began_ns + run->wait_ns);
        return run->faulty ? until_ms(run->complained_ns + complain_every_ns) : -1;
    case ELECT__RUN_HOLDING:
        return until_ms(run->hold_until_ns);
    default:
        return run->closed ? 0 : until_ms(run->ending_until_ns);
    }
}

static void loop(struct elect__run *run)
{
    while (!run->over) {
        bool linked = run->phase == ELECT__RUN_TERM;
        struct pollfd fds[] = {{.fd = run->signals, .events = POLLIN},
                               {.fd = elect_client_event_fd(run->client), .events = POLLIN},
                               {.fd = linked ? run->term.link : -1, .events = POLLIN}};

        (void)poll(fds, sizeof(fds) / sizeof(fds[0]), pause_ms(run));
        /* The guard first: a command that ended before the lease did has not been lost. */
        read_guard(run);
        elect__run_signals_read(run);
        hear_all(run);
        tick(run);
    }
}

/* The library calls that an unusable store; but it may pass. */
static bool out_of_descriptors(void)
{
    int fds[SPARE], count = 0;
    bool out;

    while (count < SPARE && (fds[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    out = count < SPARE && (errno == EMFILE || errno == ENFILE);
    while (count > 0)
        close(fds[--count]);
    return out;
}

/* A store that can't be reached now is waited for; so are descriptors and memory. */
static int open_store(struct elect__run *run)
{
    for (;;) {
        struct pollfd fd = {.fd = run->signals, .events = POLLIN};
        int32_t failure = elect_client_open(run->cli->options, &run->client);
        const char *text = elect_options_error(run->cli->options);
        int64_t left_ms = run->wait_ns < 0 ? 1000 : (run->began_ns + run->wait_ns - elect__boot_ns()) / MS;
        bool passing = elect__cli_exit(failure) == ELECT__EXIT_UNREACHABLE || out_of_descriptors();

        if (failure == ELECT_OK)
            return ELECT__EXIT_OK;
        if (!passing || left_ms <= 0) {
            int code = elect__cli_fail(run->cli, failure, "");

            return passing ? ELECT__EXIT_UNREACHABLE : code;
        }
        snprintf(run->fault, sizeof(run->fault), "%s", *text ? text : elect_code_text(failure));
        if (run->complained_ns == 0 || elect__boot_ns() >= run->complained_ns + complain_every_ns)
            complain(run);
        if (poll(&fd, 1, left_ms < 1000 ? (int)left_ms : 1000) > 0) {
            elect__run_signals_read(run);
            if (run->phase == ELECT__RUN_ENDING) /* a signal that ends us */
                return run->code;
        }
    }
}

static int stand_for(struct elect__run *run)
{
    int code = open_store(run);
    int32_t failure;

    if (code != ELECT__EXIT_OK || run->phase == ELECT__RUN_ENDING)
        return code;
    code = elect__cli_election(run->client, &run->election);
    if (code != ELECT__EXIT_OK)
        return code;
    elect_client_on_log(run->client, NULL, NULL, NULL);
    failure = elect_election_queue_events(run->election, TAG);
    if (failure == ELECT_OK)
        failure = elect_election_start(run->election);
    if (failure != ELECT_OK)
        return elect__cli_fail(run->cli, failure, run->cli->name);
    loop(run);
    return run->code;
}

static int refuse(const char *flag, const char *value, const char *rule)
{
    elect__say("--%s=\"%s\": %s", flag, value, rule);
    return ELECT__EXIT_REFUSED;
}

static int read_flags(struct elect__run *run)
{
    struct elect__cli *cli = run->cli;
    const struct elect__settings *settings = cli->settings;
    const char *restart = elect__args_value(cli, "restart");
    int64_t room_ns = settings->lock_ttl_ns - settings->clock_margin_ns - settings->heartbeat_interval_ns;
    char span[ELECT__SPAN_SIZE], rule[160];

    run->wait_ns = elect__args_given(cli, "try") ? 0 : -1;
    if (elect__args_given(cli, "wait") && (run->wait_ns = elect__args_duration(cli, "wait", -1)) < 0)
        return ELECT__EXIT_REFUSED;
    if ((run->hold_ns = elect__args_duration(cli, "hold", 0)) < 0)
        return ELECT__EXIT_REFUSED;
    if ((run->stop_ns = elect__args_duration(cli, "stop-timeout", settings->lock_ttl_ns / 4)) < 0)
        return ELECT__EXIT_REFUSED;
    if (elect__args_given(cli, "stop-timeout") && run->stop_ns >= room_ns) {
        snprintf(rule, sizeof(rule),
                 "must be less than lock_ttl - clock_margin - heartbeat_interval (%s), or the command "
                 "is stopped at every heartbeat",
                 elect__span(room_ns, span));
        return refuse("stop-timeout", elect__args_value(cli, "stop-timeout"), rule);
    }
    if (run->stop_ns >= room_ns)
        run->stop_ns = room_ns / 2;
    if (restart && strcmp(restart, "on-failure") == 0)
        run->restart = ELECT__RESTART_ON_FAILURE;
    else if (restart && strcmp(restart, "always") == 0)
        run->restart = ELECT__RESTART_ALWAYS;
    else if (restart && strcmp(restart, "no") != 0)
        return refuse("restart", restart, "must be no, on-failure or always");
    run->once = elect__args_given(cli, "once");
    run->period_ns = settings->heartbeat_interval_ns / 8;
    if (run->period_ns > 250 * (int64_t)MS)
        run->period_ns = 250 * (int64_t)MS;
    if (run->period_ns < 2 * (int64_t)MS)
        run->period_ns = 2 * (int64_t)MS;
    return ELECT__EXIT_OK;
}

/* What is logged: as --quiet or --verbose say, else as log_level does where somebody set it, else INFO. */
static int set_up_log(struct elect__run *run)
{
    struct elect__cli *cli = run->cli;
    bool is_set = elect__options_origin(cli->options, ELECT__OPT_LOG_LEVEL) != ELECT__UNSET;

    run->log.json = elect__args_given(cli, "log-json") || cli->json;
    run->log.level = cli->settings->log_level;
    if (cli->quiet)
        run->log.level = ELECT_LOG_ERROR;
    else if (elect__args_given(cli, "verbose"))
        run->log.level = ELECT_LOG_DEBUG;
    else if (!is_set && run->log.level == 0)
        run->log.level = ELECT_LOG_INFO;
    if (elect_options_set(cli->options, "log_level", elect__run_log_level(run->log.level)) != ELECT_OK)
        return elect__cli_fail(cli, ELECT_EINVAL, "");
    return ELECT__EXIT_OK;
}

static int run_main(struct elect__cli *cli)
{
    struct elect__run run = {.cli = cli, .signals = -1, .term = {.link = -1}};
    int code = elect__cli_defaults(cli, "candidate");

    run.began_ns = elect__boot_ns();
    if (code == ELECT__EXIT_OK)
        code = read_flags(&run);
    if (code == ELECT__EXIT_OK)
        code = set_up_log(&run);
    if (code != ELECT__EXIT_OK)
        return code;
    if (!elect__run_signals_open(&run)) {
        elect__say("no signals: %s", strerror(errno));
        return ELECT__EXIT_UNREACHABLE;
    }
    code = stand_for(&run);
    elect_client_close(run.client, CLOSE_MS);
    elect_election_free(run.election);
    elect_client_free(run.client);
    elect__run_guard_end(&run);
    close(run.signals);
    if (run.die_signal)
        elect__run_die(&run);
    return code;
}

static const struct elect__flag flags[] = {
    {"wait", "DURATION", "how long to wait at the start until elected (for ever)", 0},
    {"try", NULL, "the same as --wait 0: lead now, or end with 75", 0},
    {"once", NULL, "when leadership is lost, end with 76 instead of standing again", 0},
    {"hold", "DURATION", "keep leading so long after the command has ended", 0},
    {"restart", "no|on-failure|always", "when the command ends by itself, resign and stand again (no)", 0},
    {"stop-timeout", "DURATION", "TERM is sent when so much of the lease is left without a renewal (lock_ttl / 4)", 0},
    {"verbose", NULL, "say more: heartbeats too", 'v'},
    {"log-json", NULL, "log lines as JSON objects", 0},
    {NULL, NULL, NULL, 0},
};

const struct elect__command elect__command_run = {
    .name = "run",
    .usage = "run [OPTION...] NAME -- COMMAND [ARG...]",
    .summary = "run a command on the one host that leads",
    .more =
        "Waits until it leads, runs COMMAND with ELECT_NAME, ELECT_EPOCH and ELECT_INSTANCE_ID, and ends its process\n"
        "group before anybody else can lead. Exit code: the command's; see elect(1) for the others.",
    .flags = flags,
    .takes = ELECT__TAKES_NAME | ELECT__TAKES_COMMAND | ELECT__TAKES_OPTIONS,
    .main = run_main,
};
