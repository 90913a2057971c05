#include "cli.h"
#include <stdio.h>
#include <string.h>

/* Edits (Damerau's, without a table: words are short) between two words; gives up beyond 3. */
static int distance(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b);
    int cost[3][48];

    if (rows > 46 || columns > 46)
        return 99;
    for (size_t j = 0; j <= columns; j++)
        cost[0][j] = (int)j;
    for (size_t i = 1; i <= rows; i++) {
        int *now = cost[i % 3], *before = cost[(i + 2) % 3], *earlier = cost[(i + 1) % 3];

        now[0] = (int)i;
        for (size_t j = 1; j <= columns; j++) {
            int best = before[j - 1] + (a[i - 1] != b[j - 1]);

            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return cost[rows % 3][columns];
}

const char *elect__nearest(const char *word, const char *(*next)(const void *ctx, size_t i), const void *ctx)
{
    static char nearest[80];
    size_t length = strlen(word);
    int best = length < 4 ? 2 : length < 8 ? 3 : 4; /* not reached by what is no misspelling */
    const char *known;

    nearest[0] = '\0';
    for (size_t i = 0; (known = next(ctx, i)); i++) {
        /* The beginning of a longer word is as near as one edit. */
        int edits = length > 2 && strncmp(known, word, length) == 0 ? 1 : distance(word, known);

        if (edits < best) {
            best = edits;
            snprintf(nearest, sizeof(nearest), "%s", known);
        }
    }
    return nearest;
}

/* Help in the columns of a terminal: the name, and the text beside it, broken at spaces. */
static void entry(const char *left, const char *text)
{
    enum { LEFT = 27, WIDTH = 110 };
    int column = printf("  %-*s", LEFT - 2, left);

    if (column > LEFT) {
        putchar('\n');
        column = printf("%*s", LEFT, "");
    }
    while (*text) {
        int length = (int)strcspn(text, " ");

        if (column + 1 + length > WIDTH) {
            putchar('\n');
            column = printf("%*s", LEFT, "");
        }
        column += printf(" %.*s", length, text);
        text += length + strspn(text + length, " ");
    }
    putchar('\n');
}

static void option(const cJSON *row)
{
    const char *name = elect__json_text(row, "name"), *value = elect__json_text(row, "default");
    char left[96], text[512];
    size_t i;

    i = (size_t)snprintf(left, sizeof(left), "--%s %s", name, elect__json_text(row, "kind"));
    for (size_t j = 0; j < i && left[j] != ' '; j++)
        if (left[j] == '_')
            left[j] = '-';
    snprintf(text, sizeof(text), "%s%s%s%s", elect__json_text(row, "help"), *value ? " (" : "", value,
             *value ? ")" : "");
    entry(left, text);
}

/* What a program can know of a command. */
static cJSON *describe(const struct elect__command *command, const cJSON *table)
{
    cJSON *object = cJSON_CreateObject(), *flags = cJSON_AddArrayToObject(object, "flags");

    cJSON_AddStringToObject(object, "command", command->name);
    cJSON_AddStringToObject(object, "usage", command->usage);
    cJSON_AddStringToObject(object, "summary", command->summary);
    for (const struct elect__flag *flag = command->flags; flag->name; flag++) {
        cJSON *one = cJSON_CreateObject();

        cJSON_AddStringToObject(one, "name", flag->name);
        cJSON_AddStringToObject(one, "value", flag->value ? flag->value : "");
        cJSON_AddStringToObject(one, "help", flag->help);
        cJSON_AddItemToArray(flags, one);
    }
    if (command->takes & ELECT__TAKES_OPTIONS)
        cJSON_AddItemToObject(object, "options", cJSON_Duplicate(table, 1));
    return object;
}

static void print_json(cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(json);
}

void elect__help_command(const struct elect__cli *cli)
{
    const struct elect__command *command = cli->command;
    const cJSON *row;

    if (cli->json) {
        print_json(describe(command, cli->table));
        return;
    }
    printf("usage: elect %s\n%s.\n", command->usage, command->summary);
    if (*command->more)
        printf("%s\n", command->more);
    putchar('\n');
    for (const struct elect__flag *flag = command->flags; flag->name; flag++) {
        char left[64];

        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", flag->letter ? '-' : ' ', flag->letter ? flag->letter : ' ',
                 flag->letter ? ", " : "  ", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
        entry(left, flag->help);
    }
    entry("    --json", command->takes & ELECT__TAKES_COMMAND ? "the same as --log-json" : "answer in JSON");
    entry("-q, --quiet", "errors only");
    entry("-h, --help", "this");
    if (!(command->takes & ELECT__TAKES_OPTIONS))
        return;
    printf("\nOptions, from the command line, else the environment (LEADER_ELECTION_<NAME>), else the store's URL:\n");
    cJSON_ArrayForEach(row, cli->table)
        if (!elect__args_reserved(elect__json_text(row, "name")))
            option(row);
}

void elect__help_all(bool json)
{
    if (json) {
        cJSON *list = cJSON_CreateArray(), *table = cJSON_Parse(elect_options_table());

        for (size_t i = 0; elect__commands(i); i++)
            cJSON_AddItemToArray(list, describe(elect__commands(i), table));
        cJSON_Delete(table);
        print_json(list);
        return;
    }
    puts("elect: exactly one of N copies may run the job\n\nusage: elect COMMAND [OPTION...] [NAME] [-- COMMAND "
         "[ARG...]]\n");
    for (size_t i = 0; elect__commands(i); i++)
        printf("  %-10s %s\n", elect__commands(i)->name, elect__commands(i)->summary);
    puts("\n\"elect COMMAND --help\" tells more; so does elect(1).\n"
         "To begin with: elect demo");
}
