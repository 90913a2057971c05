/* libFuzzer: command lines and environments of the elect command, parsed and never carried out (but for help, the table
 * of options and the version). What was given is what is found; a failure says one line that begins with "elect: " and
 * ends with an exit code of the manual's. Each line is one word of the command line, but
 *
 *     env NAME=VALUE      sets LEADER_ELECTION_<NAME>
 */
#include "cli.h"
#include "fuzz.h"
#include "options.h"
#include "settings.h"
#include "text.h"

enum { WORDS = 64, SAID = 65536 };

int elect__cli_main(int argc, char **argv); /* main of the command, by another name here */

/* ---- what is printed ---- */

static char said[2][SAID];
static FILE *real[2];

static void listen(void)
{
    real[0] = stdout;
    real[1] = stderr;
    memset(said[0], 0, strnlen(said[0], SAID));
    memset(said[1], 0, strnlen(said[1], SAID));
    stdout = fmemopen(said[0], SAID, "w");
    stderr = fmemopen(said[1], SAID, "w");
    require(stdout && stderr);
}

static void stop_listening(void)
{
    fclose(stdout);
    fclose(stderr);
    stdout = real[0];
    stderr = real[1];
}

/* Nothing, or lines of elect__say without anything that a terminal would obey. */
static void check_said(int code)
{
    static const int codes[] = {ELECT__EXIT_OK, ELECT__EXIT_NO, ELECT__EXIT_USAGE, ELECT__EXIT_UNREACHABLE,
                                ELECT__EXIT_REFUSED};
    bool known = false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        known = known || code == codes[i];
    require(known);
    require((code == ELECT__EXIT_OK) == (said[1][0] == '\0') || strncmp(said[1], "elect: store ", 13) == 0);
    char *rest = said[1], *line;
    while ((line = fuzz_line(&rest))) {
        require(strncmp(line, "elect: ", 7) == 0 && line[7] != '\0');
        require(elect__utf8_line(line));
    }
}

/* ---- a command line ---- */

static const struct elect__command *find(const char *name)
{
    for (size_t i = 0; elect__commands(i); i++) {
        if (strcmp(elect__commands(i)->name, name) == 0)
            return elect__commands(i);
    }
    return NULL;
}

/* The dashes before a command are no value; but --flag=-- is. */
static bool is_value(const char *value)
{
    return strcmp(value, "--") != 0 || value[-1] == '=';
}

static void check_flags(const struct elect__cli *cli)
{
    for (size_t i = 0; cli->command->flags[i].name; i++) {
        const struct elect__flag *flag = &cli->command->flags[i];
        const char *value = elect__args_value(cli, flag->name);
        require(elect__args_given(cli, flag->name) == (value != NULL));
        require(!value || (flag->value ? is_value(value) : *value == '\0'));
        if (!flag->value || strcmp(flag->value, "DURATION") != 0)
            continue;
        int64_t ns = elect__args_duration(cli, flag->name, -7);
        require(value ? ns >= -1 : ns == -7);
    }
    require(!elect__args_given(cli, "no such flag"));
}

/* Each value that is remembered was a word of the line, and is what the options say. */
static void check_parsed(const struct elect__cli *cli, char **argv)
{
    const cJSON *row;
    int i = 0;
    unsigned takes = cli->command->takes;
    require(!(takes & ELECT__TAKES_NAME) == !cli->name);
    require(!(takes & ELECT__TAKES_COMMAND) == !cli->argv);
    require(!cli->argv || (cli->argv > argv && strcmp(cli->argv[-1], "--") == 0 && cli->argv[0]));
    require(!cli->name || strcmp(elect__options_value(cli->options, ELECT__OPT_NAME), cli->name) == 0);
    cJSON_ArrayForEach(row, cli->table) {
        const char *name = elect__json_text(row, "name"), *given = cli->given[i++];
        const char *value = elect__options_value(cli->options, elect__option_find(name));
        require(!given || (value && strcmp(value, given) == 0 && takes & ELECT__TAKES_OPTIONS));
        require(!given || (is_value(given) && !elect__args_reserved(name)));
        require(given || !value || strcmp(name, "name") == 0);
    }
}

static void parse(const struct elect__command *command, int argc, char **argv)
{
    struct elect__cli cli = {.command = command, .options = elect_options_new()};
    cli.table = cJSON_Parse(elect_options_table());
    require(cli.options && cli.table);
    listen();
    int code = elect__args_parse(&cli, argc, argv);
    stop_listening();
    check_said(code);
    if (code == ELECT__EXIT_OK && !cli.help) {
        check_parsed(&cli, argv);
        listen();
        check_flags(&cli);
        code = elect__cli_defaults(&cli, command == &elect__command_run ? "candidate" : "observer");
        stop_listening();
        require((code == ELECT__EXIT_OK) == (cli.settings != NULL));
    }
    elect__settings_free(cli.settings);
    cJSON_Delete(cli.table);
    elect_options_free(cli.options);
}

/* Of the table of options, with what each comes to. */
static void check_effective(void)
{
    cJSON *table = cJSON_Parse(said[0]);
    const cJSON *row;
    size_t i = 0;
    require(cJSON_IsArray(table) && cJSON_GetArraySize(table) == ELECT__OPTION_COUNT);
    require(elect__utf8_valid(said[0]));
    cJSON_ArrayForEach(row, table)
        require(strcmp(elect__json_text(row, "name"), elect__options_rows[i++].name) == 0);
    cJSON_Delete(table);
}

/* main, where it does nothing but print. */
static void print(int argc, char **argv)
{
    bool json = false, effective = false;
    for (int i = 2; i < argc; i++) {
        json = json || strcmp(argv[i], "--json") == 0;
        effective = effective || strcmp(argv[i], "--effective") == 0;
    }
    listen();
    int code = elect__cli_main(argc, argv);
    stop_listening();
    check_said(code);
    if (code == ELECT__EXIT_OK && json && effective && said[0][0] == '[')
        check_effective();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line, program[] = "elect";
    char *argv[WORDS + 2] = {program};
    int argc = 1;
    while ((line = fuzz_line(&rest)) && argc <= WORDS) {
        char *name = fuzz_after(line, "env"), *value = name ? strchr(name, '=') : NULL, variable[128];
        if (!value) {
            argv[argc++] = line;
            continue;
        }
        snprintf(variable, sizeof variable, "LEADER_ELECTION_%.*s", (int)(value - name), name);
        setenv(variable, value + 1, 1);
    }
    setenv("KUBERNETES_SERVICE_HOST", "so that no store of this host is taken for the default", 1);
    const struct elect__command *command = argc > 1 ? find(argv[1]) : NULL;
    if (command && !(command->takes & ELECT__TAKES_RAW))
        parse(command, argc - 1, argv + 1);
    if (argc < 2 || strcmp(argv[1], "options") == 0 || strcmp(argv[1], "help") == 0 ||
        strcmp(argv[1], "version") == 0 || argv[1][0] == '-')
        print(argc, argv);
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++)
        unsetenv(elect__options_rows[i].env);
    free(text);
    return 0;
}
