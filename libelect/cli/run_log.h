/* Lines of `elect run` on stderr: LEVEL elect: text key=value ..., or one JSON object each. */
#ifndef ELECT_CLI_RUN_LOG_H
#define ELECT_CLI_RUN_LOG_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct elect__run_log {
    int32_t level; /* enum elect_level: what is said at most */
    bool json;
};

/* As the option log_level has it. */
const char *elect__run_log_level(int32_t level);

/* fields: an object whose members follow the text, or NULL; taken, and freed. */
void elect__run_log(const struct elect__run_log *log, int32_t level, cJSON *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#endif
