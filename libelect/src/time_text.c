#include "time_text.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *elect__time_write(int64_t ms, char out[ELECT__TIME_SIZE])
{
    time_t seconds = ms / 1000;
    struct tm tm;
    size_t used = gmtime_r(&seconds, &tm) ? strftime(out, ELECT__TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    if (used == 0)
        snprintf(out, ELECT__TIME_SIZE, "9999-12-31T23:59:59Z"); /* of no clock that anybody has */
    else
        snprintf(out + used, ELECT__TIME_SIZE - used, ".%03dZ", (int)(ms % 1000));
    return out;
}

int64_t elect__time_read(const char *text)
{
    struct tm tm = {0};
    int milliseconds = 0, hours = 0, minutes = 0;
    char sign;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return 0;
    if (*rest == '.') {
        int unit = 100;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            milliseconds += (*rest - '0') * unit;
    }
    bool local = sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-');
    if (!local && strcmp(rest, "Z") != 0)
        return 0;
    int64_t ahead_s = local ? (sign == '-' ? -1 : 1) * (hours * INT64_C(3600) + minutes * INT64_C(60)) : 0;
    int64_t ms = ((int64_t)timegm(&tm) - ahead_s) * 1000 + milliseconds;
    return ms > 0 ? ms : 0;
}
