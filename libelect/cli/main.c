#include "cli.h"
#include "settings.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct elect__command *const commands[] = {
    &elect__command_run,     &elect__command_status,    &elect__command_watch,   &elect__command_history,
    &elect__command_list,    &elect__command_step_down, &elect__command_forget,  &elect__command_doctor,
    &elect__command_options, &elect__command_demo,      &elect__command_version,
};
/* Started by the command itself, never by people. */
static const struct elect__command *const hidden[] = {&elect__command_guard, &elect__command_candidate};

const struct elect__command *elect__commands(size_t i)
{
    return i < sizeof(commands) / sizeof(commands[0]) ? commands[i] : NULL;
}

static const struct elect__command *find(const char *name)
{
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (strcmp(hidden[i]->name, name) == 0)
            return hidden[i];
    for (size_t i = 0; elect__commands(i); i++)
        if (strcmp(elect__commands(i)->name, name) == 0)
            return elect__commands(i);
    return NULL;
}

static const char *command_name(const void *ctx, size_t i)
{
    (void)ctx;
    return elect__commands(i) ? elect__commands(i)->name : NULL;
}

static int unknown(const char *name)
{
    const char *near = elect__nearest(name, command_name, NULL);

    if (*near)
        elect__say("no command \"%s\"; did you mean \"elect %s\"?", name, near);
    else
        elect__say("no command \"%s\"; \"elect --help\" lists them", name);
    return ELECT__EXIT_USAGE;
}

static int run_command(const struct elect__command *command, int argc, char **argv)
{
    struct elect__cli cli = {.command = command};
    int code;

    if (command->takes & ELECT__TAKES_RAW) {
        cli.argv = argv;
        return command->main(&cli);
    }
    cli.options = elect_options_new();
    cli.table = cJSON_Parse(elect_options_table());
    if (!cli.options || !cli.table) {
        elect__say("out of memory");
        code = ELECT__EXIT_UNREACHABLE;
    } else {
        code = elect__args_parse(&cli, argc, argv);
        if (code == ELECT__EXIT_OK && cli.help)
            elect__help_command(&cli);
        else if (code == ELECT__EXIT_OK)
            code = command->main(&cli);
    }
    elect__settings_free(cli.settings);
    cJSON_Delete(cli.table);
    elect_options_free(cli.options);
    if (fflush(stdout) != 0 && code == ELECT__EXIT_OK) {
        elect__say("standard output can't be written");
        code = ELECT__EXIT_NO;
    }
    return code;
}

/* No descriptor of ours may come to lie where the command's standard streams are looked for. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            /* cppcheck-suppress leakReturnValNotUsed ; it is fd itself, the lowest that is free */
            (void)open("/dev/null", O_RDWR);
}

int main(int argc, char **argv)
{
    const struct elect__command *command;
    const char *word = argc > 1 ? argv[1] : "";

    open_standard_streams();
    /* Who started us may ignore the end of its children; we may not. */
    signal(SIGCHLD, SIG_DFL);
    if (argc < 2) {
        elect__say("no command; \"elect --help\" lists them, \"elect demo\" shows what it does");
        return ELECT__EXIT_USAGE;
    }
    if (strcmp(word, "help") == 0 && argc > 2 && argv[2][0] != '-') {
        command = find(argv[2]);
        if (!command)
            return unknown(argv[2]);
        return run_command(command, 2, (char *[]){argv[0], "--help", NULL});
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        elect__help_all(argc > 2 && strcmp(argv[2], "--json") == 0);
        return ELECT__EXIT_OK;
    }
    command = strcmp(word, "--version") == 0 ? &elect__command_version : find(word);
    return command ? run_command(command, argc - 1, argv + 1) : unknown(word);
}
