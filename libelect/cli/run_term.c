/* What becomes of a term: from ELECTED over the guard and the command to the release. A term's LOST is held until
 * nothing is left of the command, so that the store is told no earlier. */
#include "run.h"
#include "settings.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000, REPORT_MS = 1000 };
static const int64_t backoff_least_ns = 1000000000, backoff_most_ns = 60000000000;

static cJSON *number_field(const char *name, int64_t value)
{
    cJSON *fields = cJSON_CreateObject();
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, value);
    cJSON_AddRawToObject(fields, name, digits);
    return fields;
}

void elect__run_end(struct elect__run *run, int code)
{
    run->code = code;
    run->phase = ELECT__RUN_ENDING;
    run->ending_until_ns = elect__boot_ns() + run->cli->settings->drain_timeout_ns + run->cli->settings->lock_ttl_ns;
    elect_election_stop(run->election);
}

/* Another host tries, then we again; each failure in a row makes the pause longer. */
static void resign(struct elect__run *run, bool back_off)
{
    int64_t pause_ns = 0;

    if (back_off) {
        pause_ns = run->backoff_ns < backoff_least_ns ? backoff_least_ns : run->backoff_ns;
        run->backoff_ns = pause_ns * 2 < backoff_most_ns ? pause_ns * 2 : backoff_most_ns;
    }
    elect_election_resign(run->election, run->term.epoch, pause_ns / MS);
}

/* No guard, so no command: let another try. */
static void fail(struct elect__run *run, const char *why)
{
    elect__run_log(&run->log, ELECT_LOG_ERROR, NULL, "no guard for the command: %s", why);
    elect__run_faulty(run, why);
    run->phase = ELECT__RUN_STANDING;
    resign(run, true);
}

/* The file and the term whose group byte the guard must hold; false: the store does not say. */
static bool local_term(struct elect__run *run, char file[4096], uint64_t *term)
{
    char *text = NULL;
    cJSON *status = NULL;
    bool found = false;

    *file = '\0';
    *term = 0;
    if (strncasecmp(run->cli->settings->store, "local:", 6) != 0)
        return true;
    if (elect_election_report(run->election, "status", REPORT_MS, &text) == ELECT_OK && (status = cJSON_Parse(text))) {
        const cJSON *leader = cJSON_GetObjectItemCaseSensitive(status, "leader");

        *term = (uint64_t)elect__json_int(status, "term", 0);
        found = snprintf(file, 4096, "%s", elect__json_text(status, "file")) < 4096 && *file && *term > 0 &&
                (uint64_t)elect__json_int(leader, "epoch", 0) == run->term.epoch;
    }
    cJSON_Delete(status);
    elect_string_free(text);
    return found;
}

void elect__run_begin(struct elect__run *run, uint64_t epoch)
{
    char file[4096];
    uint64_t term;

    memset(&run->term, 0, sizeof(run->term));
    run->term.epoch = epoch;
    run->term.link = -1;
    if (!local_term(run, file, &term)) {
        fail(run, "the store does not say where this term is locked");
    } else if (!elect__run_guard_spawn(run, file, term)) {
        fail(run, strerror(errno));
    } else {
        run->phase = ELECT__RUN_TERM;
    }
}

static void go(struct elect__run *run, int64_t guard_ns)
{
    int64_t before_ns = elect__boot_ns(), lease_ms = 0;
    uint64_t epoch = 0;

    if (guard_ns < run->term.spawned_ns || guard_ns > before_ns) {
        elect__run_log(&run->log, ELECT_LOG_ERROR, NULL,
                       "processes started here live in another time namespace: their deadlines would be wrong");
        run->term.failed = true;
        elect__run_guard_kill(run);
        return;
    }
    if (elect_election_check(run->election, &epoch, &lease_ms) != 1 || epoch != run->term.epoch) {
        run->term.lapsed = true;
        elect__run_guard_kill(run);
        return;
    }
    run->term.told_ns = run->term.aware_ns = before_ns + lease_ms * MS;
    run->term.going = true;
    elect__link_send(run->term.link, ELECT__GUARD_GO, 0, run->term.told_ns, NULL);
}

static void ended(struct elect__run *run, const struct elect__message *message)
{
    struct elect__run_term *term = &run->term;

    term->ended = true;
    term->ended_first = !term->lapsed && !term->lost && !run->stop_signal;
    term->status = message->value;
    term->signal = (int)message->at_ns;
    if (term->exec_errno)
        elect__run_log(&run->log, ELECT_LOG_ERROR, NULL, "can't run %s: %s", run->cli->argv[0],
                       strerror(term->exec_errno));
    else
        elect__run_log(&run->log, ELECT_LOG_INFO, number_field("code", term->status), "The command ended%s%s",
                       term->signal ? " by " : "", term->signal ? strsignal(term->signal) : "");
}

void elect__run_message(struct elect__run *run, const struct elect__message *message)
{
    struct elect__run_term *term = &run->term;

    switch ((enum elect__guard_kind)message->kind) {
    case ELECT__GUARD_READY:
        go(run, message->at_ns);
        break;
    case ELECT__GUARD_FAILED:
        term->failed = true;
        elect__run_log(&run->log, ELECT_LOG_ERROR, NULL, "no guard for the command: %s", message->text);
        elect__run_faulty(run, message->text);
        break;
    case ELECT__GUARD_STARTED:
        run->elected = true;
        term->group = message->value;
        term->started_ns = elect__boot_ns();
        elect__run_log(&run->log, ELECT_LOG_INFO, number_field("pid", message->value), "Started the command");
        break;
    case ELECT__GUARD_NOT_RUN:
        term->exec_errno = message->value;
        break;
    case ELECT__GUARD_AWARE:
        term->aware_ns = message->at_ns;
        break;
    case ELECT__GUARD_LAPSING:
        term->lapsed = true;
        elect__run_log(&run->log, ELECT_LOG_WARN, number_field("left_ms", (message->at_ns - elect__boot_ns()) / MS),
                       "No renewal, and the lease is nearly over: sent TERM to the command");
        break;
    case ELECT__GUARD_SUSPENDED:
        elect__run_suspended(run, message->value);
        break;
    case ELECT__GUARD_ENDED:
        ended(run, message);
        break;
    case ELECT__GUARD_KILLING:
        if (elect__boot_ns() > term->aware_ns)
            term->aware_ns = elect__boot_ns();
        break;
    case ELECT__GUARD_GONE:
        term->gone = true;
        term->killed = message->value;
        elect__run_finish(run);
        break;
    default:
        break;
    }
}

/* The guard has died, or hangs and was killed; what it watched is ours to end. */
void elect__run_guard_died(struct elect__run *run)
{
    struct elect__run_term *term = &run->term;
    struct elect__message message;

    if (run->phase != ELECT__RUN_TERM)
        return;
    /* What it said before it died still counts. */
    while (run->phase == ELECT__RUN_TERM && elect__link_receive(term->link, &message) > 0)
        elect__run_message(run, &message);
    if (run->phase != ELECT__RUN_TERM)
        return;
    if (!term->failed) {
        elect__run_log(&run->log, ELECT_LOG_ERROR, NULL, "the guard died: killing the command, then standing again");
        term->lapsed = true;
    }
    term->killed = term->group > 0 && !term->ended;
    kill(term->guard, SIGKILL);
    run->phase = ELECT__RUN_BURYING;
    run->bury_at_ns = 0;
}

/* KILL somewhat before the library gives the drain up, so that the release still follows it. */
static int64_t drained_by(const struct elect__run *run)
{
    int64_t drain_ns = run->cli->settings->drain_timeout_ns;
    int64_t spare_ns = drain_ns / 4 < 500 * (int64_t)MS ? drain_ns / 4 : 500 * (int64_t)MS;

    return elect__boot_ns() + drain_ns - spare_ns;
}

void elect__run_lost(struct elect__run *run, elect_event_t *event)
{
    struct elect__run_term *term = &run->term;
    bool used = run->phase == ELECT__RUN_TERM || run->phase == ELECT__RUN_BURYING;

    if (!used || elect_event_epoch(event) != term->epoch) {
        elect_event_free(event);
        if (run->phase == ELECT__RUN_HOLDING)
            elect__run_end(run, run->code);
        return;
    }
    term->lost = event;
    if (!run->stop_signal && !term->ended)
        term->lapsed = true;
    if (run->phase == ELECT__RUN_BURYING)
        return;
    if (elect_election_check(run->election, NULL, NULL) == 2 && term->going)
        elect__link_send(term->link, ELECT__GUARD_STOP, 0, drained_by(run), NULL);
    else
        elect__run_guard_kill(run);
}

/* The command ended of itself. */
static void served(struct elect__run *run)
{
    const struct elect__run_term *term = &run->term;
    bool failed = term->status != 0;

    if (run->stop_signal) {
        run->die_signal = run->stop_signal == SIGINT ? SIGINT : 0;
        elect__run_end(run, term->status);
    } else if (term->signal == SIGINT && term->foreground) {
        run->die_signal = SIGINT; /* the terminal's key was meant for us as well */
        elect__run_end(run, term->status);
    } else if (run->restart == ELECT__RESTART_ALWAYS || (run->restart == ELECT__RESTART_ON_FAILURE && failed)) {
        if (elect__boot_ns() - term->started_ns >= backoff_most_ns)
            run->backoff_ns = 0;
        run->phase = ELECT__RUN_STANDING;
        resign(run, true);
    } else if (run->hold_ns > 0 && !term->lost) {
        run->code = term->status;
        run->phase = ELECT__RUN_HOLDING;
        run->hold_until_ns = elect__boot_ns() + run->hold_ns;
    } else {
        elect__run_end(run, term->status);
    }
}

/* Nothing is left of the command: the term may end. */
void elect__run_finish(struct elect__run *run)
{
    struct elect__run_term *term = &run->term;

    elect__run_take_terminal(run);
    close(term->link);
    term->link = -1;
    if (term->ended && term->ended_first) {
        served(run);
    } else if (run->stop_signal) {
        run->die_signal = run->stop_signal == SIGINT ? SIGINT : 0;
        elect__run_end(run, term->killed ? ELECT__EXIT_SIGNAL + SIGKILL : ELECT__EXIT_OK);
    } else if (run->once && !term->failed) {
        elect__run_log(&run->log, ELECT_LOG_WARN, NULL, "Leadership was lost: ending (--once)");
        elect__run_end(run, ELECT__EXIT_LOST);
    } else {
        run->phase = ELECT__RUN_STANDING;
        if (!term->lost)
            resign(run, term->failed);
    }
    elect_event_free(term->lost);
    term->lost = NULL;
    run->leaving = term->guard;
    term->guard = 0;
    term->group = 0;
}

void elect__run_stop(struct elect__run *run, int signo)
{
    switch (run->phase) {
    case ELECT__RUN_ENDING:
        return;
    case ELECT__RUN_HOLDING:
    case ELECT__RUN_STANDING:
        run->die_signal = signo == SIGINT ? SIGINT : 0;
        elect__run_end(run, run->phase == ELECT__RUN_HOLDING ? run->code : ELECT__EXIT_OK);
        return;
    default:
        break;
    }
    if (run->stop_signal)
        return;
    run->stop_signal = signo;
    elect_election_stop(run->election);
    if (run->phase == ELECT__RUN_TERM && run->term.going)
        elect__link_send(run->term.link, ELECT__GUARD_STOP, 0, drained_by(run), NULL);
    else if (run->phase == ELECT__RUN_TERM)
        elect__run_guard_kill(run);
}
