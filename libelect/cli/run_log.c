#include "run_log.h"
#include "cli.h"
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

static void add_value(FILE *line, const cJSON *field)
{
    char *text = cJSON_PrintUnformatted(field);
    const char *string = cJSON_GetStringValue(field);

    /* A word stands bare; what holds spaces, quotes or control characters as JSON writes it. */
    if (string && *string && !strpbrk(string, " \"\\=\t\n\r") && strlen(string) + 2 == (text ? strlen(text) : 0))
        fputs(string, line);
    else
        fputs(text ? text : "?", line);
    cJSON_free(text);
}

static void write_json(FILE *line, int32_t level, const char *text, cJSON *fields)
{
    cJSON *object = cJSON_CreateObject();
    char now[ELECT__SPAN_SIZE], *printed;

    cJSON_AddStringToObject(object, "time", elect__clock_text(elect__real_ms(), now));
    cJSON_AddStringToObject(object, "level", level_names[level]);
    cJSON_AddStringToObject(object, "msg", text);
    while (fields && fields->child) {
        cJSON *field = cJSON_DetachItemViaPointer(fields, fields->child);

        cJSON_AddItemToObject(object, field->string, field);
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
        if (log->json) {
            write_json(line, level, text, fields);
        } else {
            const cJSON *field;

            fprintf(line, "%-5s elect: %s", names[level], text);
            cJSON_ArrayForEach(field, fields) {
                fprintf(line, " %s=", field->string);
                add_value(line, field);
            }
        }
        fputc('\n', line);
        /* In one write, so that lines of several processes do not mix. */
        if (fclose(line) == 0)
            fwrite(buffer, 1, size, stderr);
        free(buffer);
    }
    cJSON_Delete(fields);
}
