#include "bench.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("elect_bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void bench_add(struct bench_result *result, int64_t ns)
{
    if (result->count == result->size) {
        result->size = result->size ? 2 * result->size : 256;
        int64_t *more = realloc(result->ns, result->size * sizeof(*more));
        if (!more)
            bench_die("out of memory");
        result->ns = more;
    }
    result->ns[result->count++] = ns;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t bench_percentile(struct bench_result *result, int percent)
{
    if (result->count == 0)
        bench_die("%s %s: nothing was measured", result->store, result->what);
    qsort(result->ns, result->count, sizeof(*result->ns), compare);
    return result->ns[(result->count - 1) * (size_t)percent / 100];
}
