/* The command line: flags of the command itself first, then any option of the library's one table. */
#include "cli.h"
#include "duration.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 80 };

static const struct elect__flag common[] = {
    {"help", NULL, "", 'h'}, {"json", NULL, "", 0}, {"quiet", NULL, "", 'q'}, {NULL, NULL, NULL, 0}};

bool elect__args_reserved(const char *option)
{
    return strcmp(option, "name") == 0 || strcmp(option, "role") == 0;
}

static size_t place(const struct elect__cli *cli, const char *flag)
{
    for (size_t i = 0; cli->command->flags[i].name; i++)
        if (strcmp(cli->command->flags[i].name, flag) == 0)
            return i;
    return ELECT__FLAGS;
}

bool elect__args_given(const struct elect__cli *cli, const char *flag)
{
    return elect__args_value(cli, flag) != NULL;
}

const char *elect__args_value(const struct elect__cli *cli, const char *flag)
{
    size_t i = place(cli, flag);

    return i < ELECT__FLAGS ? cli->values[i] : NULL;
}

int64_t elect__args_duration(const struct elect__cli *cli, const char *flag, int64_t absent_ns)
{
    const char *value = elect__args_value(cli, flag);
    char rule[128];
    int64_t ns;

    if (!value)
        return absent_ns;
    if (elect__duration_parse(value, &ns, rule, sizeof(rule)) == ELECT_OK)
        return ns;
    elect__say("--%s=\"%s\": %s", flag, value, rule);
    return -1;
}

/* An option of the table in the spelling of the command line. */
static void spell(const char *option, char out[WORD])
{
    size_t i;

    for (i = 0; i < WORD - 1 && option[i]; i++)
        out[i] = option[i] == '_' ? '-' : option[i];
    out[i] = '\0';
}

/* All that this command line may hold, for the hint after a word that it may not. */
static const char *known(const void *ctx, size_t i)
{
    static char spelled[WORD];
    const struct elect__cli *cli = ctx;
    size_t flags = 0;
    const cJSON *row;

    for (; cli->command->flags[flags].name; flags++)
        if (i == flags)
            return cli->command->flags[i].name;
    i -= flags;
    if (i < 3)
        return common[i].name;
    i -= 3;
    row = cli->command->takes & ELECT__TAKES_OPTIONS ? cJSON_GetArrayItem(cli->table, (int)i) : NULL;
    if (!row)
        return NULL;
    spell(elect__json_text(row, "name"), spelled);
    return spelled;
}

static int unknown(const struct elect__cli *cli, const char *word)
{
    char bare[WORD];
    const char *near;

    snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(word, "="), word);
    near = elect__nearest(bare + strspn(bare, "-"), known, cli);
    if (*near)
        elect__say("unknown option %s; did you mean --%s?", bare, near);
    else
        elect__say("unknown option %s; \"elect %s --help\" lists them", bare, cli->command->name);
    return ELECT__EXIT_USAGE;
}

/* The value of --opt=value or --opt value; NULL after a line on stderr. */
static const char *value_of(const char *word, const char *joined, char **argv, int *i)
{
    if (joined)
        return joined + 1;
    if (argv[*i + 1] && strcmp(argv[*i + 1], "--") != 0)
        return argv[++*i];
    elect__say("%s wants a value", word);
    return NULL;
}

static int take_flag(struct elect__cli *cli, const struct elect__flag *flag, const char *word, const char *joined,
                     char **argv, int *i)
{
    const char *value = "";

    if (!flag->value && joined) {
        elect__say("--%s takes no value", flag->name);
        return ELECT__EXIT_USAGE;
    }
    if (flag->value && !(value = value_of(word, joined, argv, i)))
        return ELECT__EXIT_USAGE;
    if (flag == &common[0])
        cli->help = true;
    else if (flag == &common[1])
        cli->json = true;
    else if (flag == &common[2])
        cli->quiet = true;
    else
        cli->values[flag - cli->command->flags] = value;
    return ELECT__EXIT_OK;
}

static int take_option(struct elect__cli *cli, int row, const char *word, const char *joined, char **argv, int *i)
{
    const char *name = elect__json_text(cJSON_GetArrayItem(cli->table, row), "name");
    const char *value = value_of(word, joined, argv, i);

    if (!value)
        return ELECT__EXIT_USAGE;
    if (elect_options_set(cli->options, name, value) != ELECT_OK) {
        elect__say("%s", elect_options_error(cli->options));
        return ELECT__EXIT_REFUSED;
    }
    if (row < ELECT__OPTIONS)
        cli->given[row] = value;
    return ELECT__EXIT_OK;
}

static const struct elect__flag *find_flag(const struct elect__flag *flags, const char *name, size_t length)
{
    for (; flags->name; flags++)
        if (strlen(flags->name) == length && strncmp(flags->name, name, length) == 0)
            return flags;
    return NULL;
}

static int find_option(const struct elect__cli *cli, const char *name, size_t length)
{
    const cJSON *row;
    int i = 0;

    cJSON_ArrayForEach(row, cli->table) {
        char spelled[WORD];

        spell(elect__json_text(row, "name"), spelled);
        if (strlen(spelled) == length && strncmp(spelled, name, length) == 0)
            return i;
        i++;
    }
    return -1;
}

static int take_long(struct elect__cli *cli, char **argv, int *i)
{
    const char *word = argv[*i], *name = word + 2;
    const char *joined = strchr(name, '=');
    size_t length = joined ? (size_t)(joined - name) : strlen(name);
    const struct elect__flag *flag = find_flag(cli->command->flags, name, length);
    int row = cli->command->takes & ELECT__TAKES_OPTIONS ? find_option(cli, name, length) : -1;

    if (!flag)
        flag = find_flag(common, name, length);
    if (flag)
        return take_flag(cli, flag, word, joined, argv, i);
    if (row < 0)
        return unknown(cli, word);
    if (elect__args_reserved(elect__json_text(cJSON_GetArrayItem(cli->table, row), "name"))) {
        elect__say("--%.*s is not for the command line: write \"elect %s\"", (int)length, name, cli->command->usage);
        return ELECT__EXIT_USAGE;
    }
    return take_option(cli, row, word, joined, argv, i);
}

static int take_letters(struct elect__cli *cli, char **argv, int *i)
{
    const struct elect__flag *sets[] = {cli->command->flags, common};
    const char *letter = argv[*i] + 1;

    for (; *letter; letter++) {
        const struct elect__flag *found = NULL;
        int code;

        for (size_t set = 0; set < 2 && !found; set++)
            for (const struct elect__flag *flag = sets[set]; flag->name; flag++)
                if (flag->letter == *letter)
                    found = flag;
        if (!found)
            return unknown(cli, argv[*i]);
        code = take_flag(cli, found, argv[*i], NULL, argv, i);
        if (code != ELECT__EXIT_OK)
            return code;
    }
    return ELECT__EXIT_OK;
}

/* What must be there, is. */
static int complete(const struct elect__cli *cli, bool dashes)
{
    unsigned takes = cli->command->takes;

    if (takes & ELECT__TAKES_NAME && !cli->name) {
        elect__say("no NAME of an election: elect %s", cli->command->usage);
        return ELECT__EXIT_USAGE;
    }
    if (takes & ELECT__TAKES_COMMAND && !dashes) {
        elect__say("no COMMAND after \"--\": elect %s", cli->command->usage);
        return ELECT__EXIT_USAGE;
    }
    if (takes & ELECT__TAKES_COMMAND && !cli->argv[0]) {
        elect__say("no COMMAND to run: elect %s", cli->command->usage);
        return ELECT__EXIT_USAGE;
    }
    return ELECT__EXIT_OK;
}

static int stray(const struct elect__cli *cli, const char *word)
{
    if (cli->command->takes & ELECT__TAKES_COMMAND)
        elect__say("\"%s\" is one word too many: put \"--\" before the command: elect %s", word, cli->command->usage);
    else
        elect__say("\"%s\" is one word too many: elect %s", word, cli->command->usage);
    return ELECT__EXIT_USAGE;
}

int elect__args_parse(struct elect__cli *cli, int argc, char **argv)
{
    bool dashes = false;

    for (int i = 1; i < argc && !dashes; i++) {
        int code = ELECT__EXIT_OK;

        if (strcmp(argv[i], "--") == 0 && cli->command->takes & ELECT__TAKES_COMMAND) {
            dashes = true;
            cli->argv = argv + i + 1;
        } else if (strncmp(argv[i], "--", 2) == 0 && argv[i][2]) {
            code = take_long(cli, argv, &i);
        } else if (argv[i][0] == '-' && argv[i][1] && argv[i][1] != '-') {
            code = take_letters(cli, argv, &i);
        } else if (cli->command->takes & ELECT__TAKES_NAME && !cli->name) {
            cli->name = argv[i];
        } else {
            code = stray(cli, argv[i]);
        }
        if (code != ELECT__EXIT_OK)
            return code;
    }
    if (cli->help)
        return ELECT__EXIT_OK;
    if (cli->name && elect_options_set(cli->options, "name", cli->name) != ELECT_OK) {
        elect__say("%s", elect_options_error(cli->options));
        return ELECT__EXIT_REFUSED;
    }
    return complete(cli, dashes);
}
