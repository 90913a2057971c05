#include "demo.h"
#include "settings.h"
#include "url.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *elect__demo_span(int64_t ns, char out[ELECT__SPAN_SIZE])
{
    if (ns < 10000000)
        snprintf(out, ELECT__SPAN_SIZE, "%.1f ms", (double)ns / 1e6);
    else if (ns < 1000000000)
        snprintf(out, ELECT__SPAN_SIZE, "%.0f ms", (double)ns / 1e6);
    else
        snprintf(out, ELECT__SPAN_SIZE, "%.2f s", (double)ns / 1e9);
    return out;
}

void elect__demo_head(const struct elect__demo *demo)
{
    char ttl[ELECT__SPAN_SIZE], *store;

    if (demo->cli->json)
        return;
    store = elect__url_redact(demo->cli->settings->store);
    printf("elect demo: candidates A B C, store %s, lock_ttl %s\n", store ? store : "", elect__span(demo->ttl_ns, ttl));
    printf("   time  A         B         C         what happened\n");
    fflush(stdout);
    free(store);
}

static void keep(struct elect__demo *demo, int64_t at_ns, uint64_t epoch, const char *text)
{
    cJSON *row = cJSON_CreateObject();
    char digits[24];

    cJSON_AddNumberToObject(row, "at_ms", (double)(at_ns / 10000) / 100);
    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        cJSON_AddStringToObject(row, (char[2]){(char)('A' + i), '\0'}, demo->cells[i]);
    cJSON_AddStringToObject(row, "text", text);
    if (epoch != 0) {
        snprintf(digits, sizeof(digits), "%" PRIu64, epoch);
        cJSON_AddRawToObject(row, "epoch", digits);
    }
    cJSON_AddItemToArray(demo->timeline, row);
}

void elect__demo_row(struct elect__demo *demo, uint64_t epoch, const char *format, ...)
{
    int64_t at_ns = elect__boot_ns() - demo->started_ns;
    char text[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    keep(demo, at_ns, epoch, text);
    if (demo->cli->json)
        return;
    printf("%6.2fs  %-8s  %-8s  %-8s  ", (double)at_ns / 1e9, demo->cells[0], demo->cells[1], demo->cells[2]);
    if (epoch != 0)
        printf("%-36s  epoch ..%03d\n", text, (int)(epoch % 1000));
    else
        printf("%s\n", text);
    fflush(stdout);
}
