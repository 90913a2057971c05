/* libFuzzer: any bytes as the value of any option, as a store URL and as a duration. Nothing crashes, what was taken is
 * given back, and no error text shows what stands where a password may. */
#include "duration.h"
#include "options.h"
#include "text.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void set_and_resolve(enum elect__option option, const char *value)
{
    const char *name = elect__options_rows[option].name;
    elect_options_t *client = elect_options_new(), *election = elect_options_new();
    bool of_client = elect__options_rows[option].scope == ELECT__SCOPE_CLIENT;
    elect_options_t *options = of_client ? client : election;
    require(elect_options_set(client, "store", "memory:") == ELECT_OK);
    require(elect_options_set(election, "name", "x") == ELECT_OK);
    int32_t code = elect_options_set(options, name, value);
    require((code == ELECT_OK) == (*elect_options_error(options) == '\0'));
    require(elect__utf8_line(elect_options_error(options)));
    if (code == ELECT_OK)
        require(strcmp(elect__options_value(options, option), value) == 0);
    struct elect__settings *settings;
    code = elect__settings_resolve(client, election, "me", &settings);
    require((code == ELECT_OK) == (settings != NULL));
    if (settings) {
        require(settings->heartbeat_interval_ns > 0 && settings->retry_interval_ns > 0);
        require(settings->clock_margin_ns > 0 && settings->clock_margin_ns <= settings->lock_ttl_ns / 2);
        require(2 * (settings->lock_ttl_ns - settings->clock_margin_ns) >= 3 * settings->heartbeat_interval_ns);
    }
    elect__settings_free(settings);
    elect_options_free(client);
    elect_options_free(election);
}

static void read_duration(const char *text)
{
    char rule[ELECT__RULE_SIZE], back[ELECT__DURATION_SIZE];
    int64_t ns, again;
    if (elect__duration_parse(text, &ns, rule, sizeof(rule)) != ELECT_OK)
        return;
    require(ns >= 0);
    require(elect__duration_parse(elect__duration_format(ns, back), &again, rule, sizeof(rule)) == ELECT_OK);
    require(again == ns);
}

/* user:SECRET@ in front of whatever comes, and behind it. */
static void redact(const char *text)
{
    static const char secret[] = "hunter2";
    char url[600];
    const char *const forms[] = {"redis://u:hunter2@%s", "redis://u:%shunter2@h", "redis://%s@hunter2@h",
                                 "r::hunter2%s@h"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *hole = strstr(forms[i], "%s");
        if (snprintf(url, sizeof(url), "%.*s%s%s", (int)(hole - forms[i]), forms[i], text, hole + 2) >=
            (int)sizeof(url))
            return;
        char *shown = elect__url_redact(url);
        /* A parameter that is known is no password: what follows its ? may be shown. */
        require(strchr(text, '?') || strstr(text, secret) || strchr(text, '/') || !strstr(shown, secret));
        free(shown);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 5000)
        return 0;
    char *text = calloc(1, size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    set_and_resolve((enum elect__option)(data[0] % ELECT__OPTION_COUNT), text);
    read_duration(text);
    redact(text);
    free(text);
    return 0;
}
