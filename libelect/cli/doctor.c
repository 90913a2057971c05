/* `elect doctor`: what is wrong with a store, and what to do about it. */
#include "cli.h"
#include "settings.h"
#include "url.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ASK_MS = 30000, CLOSE_MS = 5000, US = 1000 };

static int count(const cJSON *checks, const char *result)
{
    const cJSON *check;
    int found = 0;

    cJSON_ArrayForEach(check, checks)
        found += strcmp(elect__json_text(check, "result"), result) == 0;
    return found;
}

static void print_checks(const cJSON *checks)
{
    static const char *const words[][2] = {{"ok", "ok"}, {"warn", "WARN"}, {"fail", "FAIL"}, {"skip", "-"}};
    const cJSON *check;

    cJSON_ArrayForEach(check, checks) {
        const char *result = elect__json_text(check, "result"), *fix = elect__json_text(check, "fix");

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (strcmp(words[i][0], result) == 0)
                printf("  %-4s  %-13s %s\n", words[i][1], elect__json_text(check, "check"),
                       elect__json_text(check, "text"));
        if (*fix)
            printf("%21s -> %s\n", "", fix);
    }
}

static void print_times(const cJSON *report)
{
    const cJSON *trip = cJSON_GetObjectItemCaseSensitive(report, "round_trip_us");
    const cJSON *clock = cJSON_GetObjectItemCaseSensitive(report, "clock");
    const char *ttl = elect__json_text(report, "suggested_lock_ttl");
    static const char *const parts[] = {"p50", "p90", "p99", "max"};
    char span[ELECT__SPAN_SIZE];

    if (cJSON_IsObject(trip)) {
        printf("round trip");
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            printf("  %s %s", parts[i], elect__span(elect__json_int(trip, parts[i], 0) * US, span));
        putchar('\n');
    }
    if (cJSON_IsObject(clock))
        printf("clock       the store's less ours is %+.1f to %+.1f ms%s\n",
               (double)elect__json_int(clock, "offset_low_us", 0) / 1e3,
               (double)elect__json_int(clock, "offset_high_us", 0) / 1e3,
               cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(clock, "stepped")) ? ", and was stepped" : "");
    if (*ttl)
        printf("lock_ttl    %s or more\n", ttl);
}

static void print_report(const cJSON *report)
{
    const cJSON *checks = cJSON_GetObjectItemCaseSensitive(report, "checks");
    const char *tier = elect__json_text(report, "tier");
    int failed = count(checks, "fail"), warned = count(checks, "warn");

    printf("store       %s%s%s%s\n", elect__json_text(report, "store"), *tier ? " (" : "", tier, *tier ? ")" : "");
    print_checks(checks);
    print_times(report);
    printf("%s: %d failed, %d to be looked at, %d fine\n",
           failed > 0   ? "UNFIT"
           : warned > 0 ? "fit"
                        : "sound",
           failed, warned, count(checks, "ok"));
}

static int show(const struct elect__cli *cli, const char *text)
{
    cJSON *report = cJSON_Parse(text);
    int failed = count(cJSON_GetObjectItemCaseSensitive(report, "checks"), "fail");

    if (!report) {
        elect__say("the store's answer is no JSON");
        return ELECT__EXIT_UNREACHABLE;
    }
    if (cli->json)
        puts(text);
    else
        print_report(report);
    cJSON_Delete(report);
    return failed > 0 ? ELECT__EXIT_NO : ELECT__EXIT_OK;
}

/* The store is unfit to be opened at all: that is a finding too. */
static int show_unfit(struct elect__cli *cli)
{
    char *url = elect__url_redact(cli->settings->store), *text;
    cJSON *report = cJSON_CreateObject(), *check = cJSON_CreateObject(), *checks;
    int code = ELECT__EXIT_UNREACHABLE;

    cJSON_AddStringToObject(report, "store", url ? url : "");
    cJSON_AddStringToObject(report, "tier", "");
    checks = cJSON_AddArrayToObject(report, "checks");
    cJSON_AddStringToObject(check, "check", "store");
    cJSON_AddStringToObject(check, "result", "fail");
    cJSON_AddStringToObject(check, "text", elect_options_error(cli->options));
    cJSON_AddStringToObject(check, "fix", "");
    cJSON_AddItemToArray(checks, check);
    cJSON_AddNullToObject(report, "round_trip_us");
    cJSON_AddNullToObject(report, "clock");
    cJSON_AddNullToObject(report, "suggested_lock_ttl");
    text = cJSON_PrintUnformatted(report);
    if (text)
        code = show(cli, text);
    cJSON_free(text);
    cJSON_Delete(report);
    free(url);
    return code;
}

static int ask(struct elect__cli *cli)
{
    elect_client_t *client;
    char *text = NULL;
    int32_t failure;
    int code;

    /* Why a question fails, the library says in its log only. */
    if (cli->settings->log_level < ELECT_LOG_WARN)
        (void)elect_options_set(cli->options, "log_level", "warn");
    failure = elect_client_open(cli->options, &client);
    if (failure == ELECT_ESTORE)
        return show_unfit(cli);
    if (failure != ELECT_OK)
        return elect__cli_fail(cli, failure, "");
    elect_client_on_log(client, NULL, NULL, NULL);
    if (isatty(STDERR_FILENO) && !cli->quiet)
        elect__say("looking at the store: this may take 5 s");
    failure = elect_client_report(client, "doctor", ASK_MS, &text);
    code = failure == ELECT_OK ? show(cli, text) : elect__cli_refused(cli, client, failure);
    elect_string_free(text);
    elect_client_close(client, CLOSE_MS);
    elect_client_free(client);
    return code;
}

static int doctor_main(struct elect__cli *cli)
{
    int code = elect__cli_defaults(cli, "observer");

    return code == ELECT__EXIT_OK ? ask(cli) : code;
}

static const struct elect__flag no_flags[] = {{NULL, NULL, NULL, 0}};

const struct elect__command elect__command_doctor = {
    .name = "doctor",
    .usage = "doctor [OPTION...]",
    .summary = "what is wrong with a store, and what to do about it",
    .more = "Takes some 5 s. Exit code: 0 fit, 1 something is not, 69 the store does not answer.",
    .flags = no_flags,
    .takes = ELECT__TAKES_OPTIONS,
    .main = doctor_main,
};
