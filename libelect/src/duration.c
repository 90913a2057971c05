#include "duration.h"
#include "env.h"
#include <elect/elect.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const int64_t minute_ns = 60 * ELECT__S, hour_ns = 3600 * ELECT__S;

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"h", 3600 * ELECT__S}, {"m", 60 * ELECT__S}, {"s", ELECT__S},     {"ms", ELECT__MS},
    {"us", 1000},           {"\xc2\xb5s", 1000},  {"\xce\xbcs", 1000}, {"ns", 1}, /* both letters mu, as in Go */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int64_t unit_ns(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
            return units[i].ns;
    }
    return 0;
}

static int32_t refuse(char *rule, size_t rule_size, const char *text)
{
    snprintf(rule, rule_size, "%s", text);
    return ELECT_EINVAL;
}

/* What one number and its unit come to, without the unit's part of it. */
struct part {
    int64_t whole;
    double fraction; /* below 1 */
    bool digits, overflow;
};

static const char *read_number(const char *s, struct part *part)
{
    *part = (struct part){0};
    for (; is_digit(*s); s++) {
        part->digits = true;
        if (__builtin_mul_overflow(part->whole, 10, &part->whole) ||
            __builtin_add_overflow(part->whole, *s - '0', &part->whole))
            part->overflow = true;
    }
    if (*s != '.')
        return s;
    int64_t numerator = 0;
    double denominator = 1;
    for (s++; is_digit(*s); s++) {
        part->digits = true;
        if (numerator > (INT64_MAX - 9) / 10)
            continue; /* far below a nanosecond of any unit */
        numerator = numerator * 10 + (*s - '0');
        denominator *= 10;
    }
    part->fraction = (double)numerator / denominator;
    return s;
}

/* Adds one number and its unit. */
static const char *read_part(const char *s, int64_t *total_ns, char *rule, size_t rule_size)
{
    struct part part;
    const char *name = read_number(s, &part);
    if (!part.digits) {
        snprintf(rule, rule_size, "a duration is written as 10s, 500ms, 1m30s or 1.5h");
        return NULL;
    }
    size_t length = 0;
    while (name[length] && name[length] != '.' && !is_digit(name[length]))
        length++;
    int64_t unit = unit_ns(name, length);
    if (unit == 0) {
        snprintf(rule, rule_size, "%s",
                 length ? "a duration's units are ns, us, ms, s, m and h, as in 10s, 500ms or 1m30s"
                        : "a duration needs a unit, as in 10s, 500ms or 1m30s");
        return NULL;
    }
    int64_t ns;
    if (part.overflow || __builtin_mul_overflow(part.whole, unit, &ns) ||
        __builtin_add_overflow(ns, (int64_t)(part.fraction * (double)unit + 0.5), &ns) ||
        __builtin_add_overflow(*total_ns, ns, total_ns)) {
        snprintf(rule, rule_size, "a duration is at most 2562047h");
        return NULL;
    }
    return name + length;
}

int32_t elect__duration_parse(const char *text, int64_t *out_ns, char *rule, size_t rule_size)
{
    int64_t total_ns = 0;
    const char *s = text;
    *out_ns = 0;
    if (strcmp(text, "0") == 0)
        return ELECT_OK;
    if (*s == '-')
        return refuse(rule, rule_size, "a duration is not negative");
    if (*s == '+')
        s++;
    do {
        s = read_part(s, &total_ns, rule, rule_size);
        if (!s)
            return ELECT_EINVAL;
    } while (*s);
    *out_ns = total_ns;
    return ELECT_OK;
}

/* value / unit as a decimal without trailing zeros; unit is a power of ten. */
static int decimal(char *out, size_t size, int64_t value, int64_t unit, const char *name)
{
    int64_t rest = value % unit;
    if (rest == 0)
        return snprintf(out, size, "%" PRId64 "%s", value / unit, name);
    int digits = 0;
    for (int64_t u = unit; u > 1; u /= 10)
        digits++;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    return snprintf(out, size, "%" PRId64 ".%0*" PRId64 "%s", value / unit, digits, rest, name);
}

const char *elect__duration_format(int64_t ns, char out[ELECT__DURATION_SIZE])
{
    const size_t size = ELECT__DURATION_SIZE;
    size_t used = 0;
    out[0] = '\0';
    if (ns >= hour_ns)
        used += (size_t)snprintf(out, size, "%" PRId64 "h", ns / hour_ns);
    ns %= hour_ns;
    if (ns >= minute_ns)
        used += (size_t)snprintf(out + used, size - used, "%" PRId64 "m", ns / minute_ns);
    ns %= minute_ns;
    if (ns >= ELECT__S || (ns == 0 && used == 0))
        decimal(out + used, size - used, ns, ELECT__S, "s");
    else if (ns >= ELECT__MS)
        decimal(out + used, size - used, ns, ELECT__MS, "ms");
    else if (ns >= 1000)
        decimal(out + used, size - used, ns, 1000, "us");
    else if (ns > 0)
        decimal(out + used, size - used, ns, 1, "ns");
    return out;
}
