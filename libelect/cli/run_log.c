#include "run_log.h"
#include "cli.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"", "ERROR", "WARN", "INFO", "DEBUG"};
static const char *const level_names[] = {"off", "error", "warn", "info", "debug"};

const char *elect__run_log_level(int32_t level)
{
    return level_names[level];
}

/* A value as JSON has it, malloc'd. cJSON by itself writes one epoch in ten as 1.79e+15. */
static char *value_of(const cJSON *field)
{
    double value = field->valuedouble;
    char *digits = NULL;

    if (!cJSON_IsNumber(field) || value < -9007199254740992.0 || value > 9007199254740992.0 ||
        (double)(int64_t)value != value)
        return cJSON_PrintUnformatted(field);
    if (asprintf(&digits, "%" PRId64, (int64_t)value) < 0)
        return NULL;
    return digits;
}

/* A word stands bare; what holds spaces, quotes or control characters as JSON has it. */
static void write_value(FILE *line, const cJSON *field, const char *value)
{
    const char *word = cJSON_GetStringValue(field);

    fputs(word && *word && strlen(word) + 2 == strlen(value) && !strpbrk(word, " =") ? word : value, line);
}

static void write_text(FILE *line, int32_t level, const char *text, const cJSON *fields)
{
    const cJSON *field;

    fprintf(line, "%-5s elect: %s", names[level], text);
    cJSON_ArrayForEach(field, fields) {
        char *value = value_of(field);

        fprintf(line, " %s=", field->string);
        write_value(line, field, value ? value : "?");
        free(value);
    }
}

static void write_json(FILE *line, int32_t level, const char *text, const cJSON *fields)
{
    cJSON *object = cJSON_CreateObject();
    char now[ELECT__SPAN_SIZE], *printed;
    const cJSON *field;

    cJSON_AddStringToObject(object, "time", elect__clock_text(elect__real_ms(), now));
    cJSON_AddStringToObject(object, "level", level_names[level]);
    cJSON_AddStringToObject(object, "msg", text);
    cJSON_ArrayForEach(field, fields) {
        char *value = value_of(field);

        cJSON_AddRawToObject(object, field->string, value ? value : "null");
        free(value);
    }
    printed = cJSON_PrintUnformatted(object);
    fputs(printed ? printed : "{}", line);
    cJSON_free(printed);
    cJSON_Delete(object);
}

void elect__run_log(const struct elect__run_log *log, int32_t level, cJSON *fields, const char *format, ...)
{
    char text[1024], *buffer = NULL;
    size_t size = 0;
    FILE *line;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    line = level >= ELECT_LOG_ERROR && level <= log->level && level <= ELECT_LOG_DEBUG ? open_memstream(&buffer, &size)
                                                                                       : NULL;
    if (line) {
        if (log->json)
            write_json(line, level, text, fields);
        else
            write_text(line, level, text, fields);
        fputc('\n', line);
        /* In one write, so that lines of several processes do not mix. */
        if (fclose(line) == 0)
            fwrite(buffer, 1, size, stderr);
        free(buffer);
    }
    cJSON_Delete(fields);
}
