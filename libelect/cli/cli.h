/* The elect command: what its files share. A command is a function with a row in the table of main.c; it gets its
 * arguments parsed, and uses the library by elect.h alone (the guard's lock of a local: election excepted). */
#ifndef ELECT_CLI_CLI_H
#define ELECT_CLI_CLI_H
#include "elect/elect.h"
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elect__settings;

/* Exit codes, as sysexits.h and shells have them. */
enum {
    ELECT__EXIT_OK = 0,
    ELECT__EXIT_NO = 1,           /* the answer is no: nobody leads, the demo failed */
    ELECT__EXIT_USAGE = 64,       /* wrong command line */
    ELECT__EXIT_UNREACHABLE = 69, /* the store */
    ELECT__EXIT_NOT_ELECTED = 75,
    ELECT__EXIT_LOST = 76,    /* --once */
    ELECT__EXIT_REFUSED = 78, /* a value, or the store is unfit or refuses */
    ELECT__EXIT_CANNOT_RUN = 126,
    ELECT__EXIT_NOT_FOUND = 127,
    ELECT__EXIT_SIGNAL = 128 /* + n */
};

/* A flag of a command itself; options of the library come from its table. */
struct elect__flag {
    const char *name;
    const char *value; /* what help calls its value; NULL: it takes none */
    const char *help;
    char letter; /* 0: none */
};
enum { ELECT__FLAGS = 12 };

struct elect__cli;
enum { ELECT__TAKES_NAME = 1, ELECT__TAKES_COMMAND = 2, ELECT__TAKES_OPTIONS = 4, ELECT__TAKES_RAW = 8 };
struct elect__command {
    const char *name, *usage, *summary;
    const char *more;                /* what help says beyond the flags; "" for nothing */
    const struct elect__flag *flags; /* ended by a NULL name */
    unsigned takes;
    int (*main)(struct elect__cli *cli);
};

enum { ELECT__OPTIONS = 64 }; /* room for the table of options */
struct elect__cli {
    const struct elect__command *command;
    elect_options_t *options;          /* the client's, with all that its one election takes of it */
    struct elect__settings *settings;  /* what they come to; NULL before elect__cli_defaults */
    cJSON *table;                      /* elect_options_table() */
    const char *given[ELECT__OPTIONS]; /* on the command line, by place in the table; NULL: not */
    const char *values[ELECT__FLAGS];  /* of the command's flags; NULL: not given */
    const char *name;                  /* NAME */
    char **argv;                       /* COMMAND [ARG...]; everything, for a command that takes it raw */
    bool json, quiet, help;
    bool default_store;
};

extern const struct elect__command elect__command_run, elect__command_status, elect__command_watch,
    elect__command_history, elect__command_list, elect__command_step_down, elect__command_forget, elect__command_doctor,
    elect__command_options, elect__command_demo, elect__command_version, elect__command_guard, elect__command_candidate;

/* main.c */
const struct elect__command *elect__commands(size_t i); /* those for people, NULL after the last */

/* args.c: 0, or the exit code after a line on stderr. */
int elect__args_parse(struct elect__cli *cli, int argc, char **argv);
bool elect__args_given(const struct elect__cli *cli, const char *flag);
const char *elect__args_value(const struct elect__cli *cli, const char *flag); /* NULL: not given */
/* The duration of a flag in nanoseconds; absent when it was not given. -1 after a line on stderr. */
int64_t elect__args_duration(const struct elect__cli *cli, const char *flag, int64_t absent_ns);
/* Options that belong to the command line's own words: NAME, and what the command is. */
bool elect__args_reserved(const char *option);

/* help.c */
void elect__help_all(bool json);
void elect__help_command(const struct elect__cli *cli);
/* The known word nearest to `word`; "" when none is near. next(ctx, i) lists them, NULL after the last. */
const char *elect__nearest(const char *word, const char *(*next)(const void *ctx, size_t i), const void *ctx);

/* open.c: the store. Each answers 0, or an exit code after a line on stderr. */
/* Environment and default store; all is validated. role NULL: as the options have it. */
int elect__cli_defaults(struct elect__cli *cli, const char *role);
int elect__cli_open(struct elect__cli *cli, elect_client_t **out);
int elect__cli_election(elect_client_t *client, elect_election_t **out);
/* Both, for one who looks only. */
int elect__cli_observe(struct elect__cli *cli, elect_client_t **client, elect_election_t **out);
int elect__cli_exit(int32_t code);                                                 /* for a failure of the library */
int elect__cli_fail(const struct elect__cli *cli, int32_t code, const char *what); /* says it, answers the exit code */
/* The same for a question to an open store, with the reason from its log. */
int elect__cli_refused(const struct elect__cli *cli, elect_client_t *client, int32_t failure);
/* The report of an election, as text and parsed; 0 or an exit code. */
int elect__cli_report(struct elect__cli *cli, const char *what, char **text, cJSON **json);

/* say.c */
void elect__say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "elect: ..." on stderr */
enum { ELECT__SPAN_SIZE = 32 };
const char *elect__span(int64_t ns, char out[ELECT__SPAN_SIZE]);            /* for people: 8.1s, 3h12m, 2d04h */
const char *elect__clock_text(int64_t unix_ms, char out[ELECT__SPAN_SIZE]); /* 2026-11-21T03:11:07.131Z */
int64_t elect__boot_ns(void);
int64_t elect__real_ms(void);

/* json.c */
const char *elect__json_text(const cJSON *object, const char *key); /* "" when absent */
int64_t elect__json_int(const cJSON *object, const char *key, int64_t absent);
bool elect__json_has(const cJSON *object, const char *key); /* present and not null */
#endif
