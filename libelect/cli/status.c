#include "cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MS = 1000000 };

static const struct elect__flag no_flags[] = {{NULL, NULL, NULL, 0}};

/* "03:11:07Z", with the date where it was another day. */
static const char *when(int64_t unix_ms, char out[ELECT__SPAN_SIZE])
{
    char full[ELECT__SPAN_SIZE];
    int64_t day_ms = 86400000;

    elect__clock_text(unix_ms, full);
    full[19] = '\0';
    snprintf(out, ELECT__SPAN_SIZE, "%.20sZ", unix_ms / day_ms == elect__real_ms() / day_ms ? full + 11 : full);
    return out;
}

static void print_led(const cJSON *status)
{
    const cJSON *leader = cJSON_GetObjectItemCaseSensitive(status, "leader");
    const char *hostname = elect__json_text(leader, "hostname"), *address = elect__json_text(leader, "address");
    int64_t now_ms = elect__real_ms(), beat_ms = elect__json_int(leader, "last_heartbeat_ms", 0);
    int64_t left_ms = elect__json_int(status, "lease_left_ms", 0), epoch = elect__json_int(leader, "epoch", 0);
    int64_t started_ms = elect__json_int(leader, "started_at_ms", 0);
    char led[ELECT__SPAN_SIZE], left[ELECT__SPAN_SIZE], whole[ELECT__SPAN_SIZE], ago[ELECT__SPAN_SIZE];

    printf("%-9s LED by %s", elect__json_text(status, "name"), elect__json_text(leader, "instance_id"));
    if (*hostname || *address)
        printf(" (%s%s%s%s%s)", *hostname ? "host " : "", hostname, *hostname && *address ? ", " : "",
               *address ? "address " : "", address);
    /* Where another system leads, its epoch and since when need not be known. */
    if (started_ms > 0)
        printf("   for %s", elect__span((now_ms - started_ms) * MS, led));
    if (epoch > 0)
        printf("   epoch %" PRId64, epoch);
    putchar('\n');
    printf("  lease   %s of %s left", elect__span((left_ms > 0 ? left_ms : 0) * MS, left),
           elect__span(elect__json_int(status, "lock_ttl_ms", 0) * MS, whole));
    if (beat_ms > 0)
        printf(", renewed %s ago", elect__span((now_ms > beat_ms ? now_ms - beat_ms : 0) * MS, ago));
}

static void print_store(const cJSON *status)
{
    printf("      store %s (%s)\n", elect__json_text(status, "store"), elect__json_text(status, "tier"));
}

static void print_before(const cJSON *last)
{
    int64_t ended_ms = elect__json_int(last, "ended_at_ms", 0), started_ms = elect__json_int(last, "started_at_ms", 0);
    const char *id = elect__json_text(last, "instance_id"), *reason = elect__json_text(last, "reason");
    char lasted[ELECT__SPAN_SIZE], ended[ELECT__SPAN_SIZE];

    printf("  before  %s %s, ended %s%s%s\n", id, elect__span((ended_ms - started_ms) * MS, lasted),
           when(ended_ms, ended), *reason ? ": " : "", reason);
}

static void print_nobody(const cJSON *status)
{
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(status, "last");
    int64_t ended_ms = elect__json_int(last, "ended_at_ms", 0), wait_ms = elect__json_int(status, "wait_ms", 0);
    const char *reason = elect__json_text(last, "reason"), *why = elect__json_text(status, "wait_why");
    char span[ELECT__SPAN_SIZE];

    printf("%-9s NOBODY LEADS", elect__json_text(status, "name"));
    if (!cJSON_IsObject(last))
        printf(", and nobody ever did");
    else if (ended_ms > 0)
        printf(" for %s", elect__span((elect__real_ms() - ended_ms) * MS, span));
    if (cJSON_IsObject(last))
        printf("   last %s%s%s", elect__json_text(last, "instance_id"), *reason ? ", ended: " : "", reason);
    if (wait_ms > 0)
        printf("   next may stand in %s%s%s%s", elect__span(wait_ms * MS, span), *why ? " (" : "", why,
               *why ? ")" : "");
    putchar('\n');
}

static int status_main(struct elect__cli *cli)
{
    char *text;
    cJSON *status;
    const char *state;
    int code = elect__cli_report(cli, "status", &text, &status);

    if (code != ELECT__EXIT_OK)
        return code;
    state = elect__json_text(status, "state");
    if (cli->json) {
        puts(text);
    } else if (strcmp(state, "led") == 0) {
        const cJSON *last = cJSON_GetObjectItemCaseSensitive(status, "last");

        print_led(status);
        print_store(status);
        if (cJSON_IsObject(last) && elect__json_int(last, "ended_at_ms", 0) > 0)
            print_before(last);
    } else if (strcmp(state, "nobody") == 0) {
        print_nobody(status);
    } else {
        printf("%-9s UNKNOWN: the store does not say who leads\n", cli->name);
    }
    code = strcmp(state, "led") == 0      ? ELECT__EXIT_OK
           : strcmp(state, "nobody") == 0 ? ELECT__EXIT_NO
                                          : ELECT__EXIT_UNREACHABLE;
    elect_string_free(text);
    cJSON_Delete(status);
    return code;
}

const struct elect__command elect__command_status = {
    .name = "status",
    .usage = "status [OPTION...] NAME",
    .summary = "who leads, for how long, and who led before",
    .more = "Exit code: 0 somebody leads, 1 nobody, 69 the store does not answer.",
    .flags = no_flags,
    .takes = ELECT__TAKES_NAME | ELECT__TAKES_OPTIONS,
    .main = status_main,
};

static void print_history(const char *name, const cJSON *terms)
{
    const cJSON *term;

    if (cJSON_GetArraySize(terms) == 0)
        printf("%-9s nobody ever led\n", name);
    cJSON_ArrayForEach(term, terms) {
        int64_t started_ms = elect__json_int(term, "started_at_ms", 0),
                ended_ms = elect__json_int(term, "ended_at_ms", 0);
        char started[ELECT__SPAN_SIZE], ended[ELECT__SPAN_SIZE], lasted[ELECT__SPAN_SIZE];
        const char *reason = elect__json_text(term, "reason");

        elect__clock_text(started_ms, started);
        if (ended_ms > 0)
            elect__clock_text(ended_ms, ended);
        else
            snprintf(ended, sizeof(ended), "%s", "-");
        elect__span(((ended_ms > 0 ? ended_ms : elect__real_ms()) - started_ms) * MS, lasted);
        printf("epoch %-16" PRId64 "  %s  %-24s  %8s  %-12s %s\n", elect__json_int(term, "epoch", 0), started, ended,
               lasted,
               *reason        ? reason
               : ended_ms > 0 ? "-"
                              : "leads",
               elect__json_text(term, "instance_id"));
    }
}

static int history_main(struct elect__cli *cli)
{
    char *text;
    cJSON *terms;
    int code = elect__cli_report(cli, "history", &text, &terms);

    if (code != ELECT__EXIT_OK)
        return code;
    if (cli->json)
        puts(text);
    else
        print_history(cli->name, terms);
    elect_string_free(text);
    cJSON_Delete(terms);
    return ELECT__EXIT_OK;
}

const struct elect__command elect__command_history = {
    .name = "history",
    .usage = "history [OPTION...] NAME",
    .summary = "the last terms, newest first: epoch, start, end, how long, why it ended, who",
    .more = "",
    .flags = no_flags,
    .takes = ELECT__TAKES_NAME | ELECT__TAKES_OPTIONS,
    .main = history_main,
};
