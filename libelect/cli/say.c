#include "cli.h"
#include "text.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* A word of the command line may hold anything, and a terminal would obey some of it. */
static void make_harmless(char *line)
{
    for (; *line; line++)
        if ((unsigned char)*line < 0x20 || (unsigned char)*line >= 0x7f)
            *line = '?';
}

void elect__say(const char *format, ...)
{
    char line[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (!elect__utf8_line(line))
        make_harmless(line);
    fprintf(stderr, "elect: %s\n", line);
}

const char *elect__span(int64_t ns, char out[ELECT__SPAN_SIZE])
{
    double seconds = (double)ns / 1e9;
    long whole = (long)(ns / 1000000000);

    if (ns < 0)
        snprintf(out, ELECT__SPAN_SIZE, "0s");
    else if (ns < 1000000000 && ns > 0)
        snprintf(out, ELECT__SPAN_SIZE, seconds < 0.1 ? "%.1fms" : "%.0fms", seconds * 1e3);
    else if (whole < 60 && ns % 1000000000 / 100000000 != 0)
        snprintf(out, ELECT__SPAN_SIZE, "%.1fs", seconds);
    else if (whole < 60)
        snprintf(out, ELECT__SPAN_SIZE, "%lds", whole);
    else if (whole < 3600)
        snprintf(out, ELECT__SPAN_SIZE, "%ldm%02lds", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(out, ELECT__SPAN_SIZE, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
    else
        snprintf(out, ELECT__SPAN_SIZE, "%ldd%02ldh", whole / 86400, whole / 3600 % 24);
    return out;
}

const char *elect__clock_text(int64_t unix_ms, char out[ELECT__SPAN_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    size_t length;

    gmtime_r(&seconds, &utc);
    length = strftime(out, ELECT__SPAN_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + length, ELECT__SPAN_SIZE - length, ".%03dZ", (int)(unix_ms % 1000));
    return out;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t elect__boot_ns(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t elect__real_ms(void)
{
    return read_clock(CLOCK_REALTIME) / 1000000;
}
