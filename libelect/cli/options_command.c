/* `elect options`: the one table, and with --effective what each option comes to here, and why. */
#include "cli.h"
#include "duration.h"
#include "options.h"
#include "settings.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 512 };

/* What "auto" has come to. */
static bool derived(const struct elect__settings *settings, const char *name, char out[ELECT__DURATION_SIZE])
{
    const struct {
        const char *name;
        int64_t ns;
    } all[] = {
        {"heartbeat_interval", settings->heartbeat_interval_ns},
        {"retry_interval", settings->retry_interval_ns},
        {"clock_margin", settings->clock_margin_ns},
        {"restart_grace", settings->restart_grace_ns},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].name, name) == 0) {
            elect__duration_format(all[i].ns, out);
            return true;
        }
    return false;
}

struct effect {
    char value[VALUE], source[96];
};

static void trace(const struct elect__cli *cli, const struct elect__url *url, int place, const cJSON *row,
                  struct effect *effect)
{
    const char *name = elect__json_text(row, "name"), *from_url = elect__url_param(url, name), *value;
    enum elect__option option = elect__option_find(name);
    char span[ELECT__DURATION_SIZE];

    value = elect_options_get(cli->options, name);
    snprintf(effect->value, VALUE, "%s", value ? value : "");
    if (place < ELECT__OPTIONS && cli->given[place]) {
        snprintf(effect->source, sizeof(effect->source), "command line");
    } else if (option != ELECT__OPTION_COUNT && elect__options_origin(cli->options, option) == ELECT__FROM_ENV) {
        snprintf(effect->source, sizeof(effect->source), "environment %s", elect__json_text(row, "env"));
    } else if (from_url) {
        snprintf(effect->value, VALUE, "%s", cJSON_IsTrue(cJSON_GetObjectItem(row, "secret")) ? "***" : from_url);
        snprintf(effect->source, sizeof(effect->source), "query of the store's URL");
    } else {
        snprintf(effect->source, sizeof(effect->source), "default%s",
                 strcmp(name, "store") == 0 && cli->default_store ? " of this user, this host only" : "");
    }
    if (strcmp(name, "store") == 0) {
        char *shown = elect__url_redact(cli->settings->store);

        snprintf(effect->value, VALUE, "%s", shown ? shown : "");
        free(shown);
    }
    if (strcmp(effect->value, "auto") == 0 && derived(cli->settings, name, span))
        snprintf(effect->value, VALUE, "auto: %s", span);
}

static int effective(struct elect__cli *cli)
{
    bool said = cli->quiet;
    struct elect__url url;
    char rule[256];
    cJSON *row, *out = cJSON_CreateArray();
    int code, place = 0;

    cli->quiet = true; /* the table says which store it is */
    code = elect__cli_defaults(cli, NULL);
    cli->quiet = said;
    if (code == ELECT__EXIT_OK && elect__url_parse(cli->settings->store, &url, rule, sizeof(rule)) != ELECT_OK) {
        elect__say("store: %s", rule);
        code = ELECT__EXIT_REFUSED;
    }
    if (code != ELECT__EXIT_OK) {
        cJSON_Delete(out);
        return code;
    }
    cJSON_ArrayForEach(row, cli->table) {
        struct effect effect;
        cJSON *one;

        trace(cli, &url, place++, row, &effect);
        if (!cli->json)
            printf("%-20s %-24s %s\n", elect__json_text(row, "name"), *effect.value ? effect.value : "-",
                   effect.source);
        one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", elect__json_text(row, "name"));
        cJSON_AddStringToObject(one, "value", effect.value);
        cJSON_AddStringToObject(one, "source", effect.source);
        cJSON_AddItemToArray(out, one);
    }
    if (cli->json) {
        char *text = cJSON_PrintUnformatted(out);

        puts(text ? text : "[]");
        cJSON_free(text);
    }
    elect__url_free(&url);
    cJSON_Delete(out);
    return ELECT__EXIT_OK;
}

static void print_table(const struct elect__cli *cli)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, cli->table) {
        const char *words = elect__json_text(row, "words"), *value = elect__json_text(row, "default");
        const char *least = elect__json_text(row, "min"), *most = elect__json_text(row, "max");
        const char *kind = elect__json_text(row, "kind");
        bool bytes = strcmp(kind, "string") == 0 || strcmp(kind, "url") == 0;

        printf("%s\n    %s", elect__json_text(row, "name"), kind);
        if (*most)
            printf(", %s to %s%s", least, most, bytes ? " bytes" : "");
        if (*words)
            printf("%s%s", *most ? ", or " : ": ", words);
        printf("; default %s; of the %s%s%s\n    %s\n", *value ? value : "none", elect__json_text(row, "scope"),
               cJSON_IsTrue(cJSON_GetObjectItem(row, "dynamic")) ? "; may change while open" : "",
               cJSON_IsTrue(cJSON_GetObjectItem(row, "secret")) ? "; never shown" : "", elect__json_text(row, "env"));
        printf("    %s\n", elect__json_text(row, "help"));
    }
}

static int options_main(struct elect__cli *cli)
{
    if (elect__args_given(cli, "effective"))
        return effective(cli);
    if (cli->json)
        fputs(elect_options_table(), stdout);
    else
        print_table(cli);
    return ELECT__EXIT_OK;
}

static const struct elect__flag flags[] = {
    {"effective", NULL, "what each option comes to with this command line and environment, and where it is from", 0},
    {NULL, NULL, NULL, 0},
};

const struct elect__command elect__command_options = {
    .name = "options",
    .usage = "options [--effective] [OPTION...]",
    .summary = "the table of options; what each comes to, and why",
    .more = "",
    .flags = flags,
    .takes = ELECT__TAKES_OPTIONS,
    .main = options_main,
};
