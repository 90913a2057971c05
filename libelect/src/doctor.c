#include "doctor.h"
#include "duration.h"
#include "env.h"
#include "report.h"
#include "settings.h"
#include "url.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 1024 };

void elect__doctor_find(struct elect__doctor *doctor, const char *check, enum elect__finding finding, const char *fix,
                        const char *format, ...)
{
    static const char *const results[] = {"ok", "warn", "fail", "skip"};
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!doctor->checks)
        doctor->checks = cJSON_CreateArray();
    cJSON *entry = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(entry, "check", check) != NULL &&
                 cJSON_AddStringToObject(entry, "result", results[finding]) != NULL &&
                 cJSON_AddStringToObject(entry, "text", text) != NULL &&
                 cJSON_AddStringToObject(entry, "fix", fix) != NULL && cJSON_AddItemToArray(doctor->checks, entry);
    if (!whole) {
        cJSON_Delete(entry);
        doctor->failed = true;
    }
}

void elect__doctor_sample(struct elect__doctor *doctor, int64_t us)
{
    if (doctor->samples < ELECT__DOCTOR_SAMPLES)
        doctor->samples_us[doctor->samples++] = us;
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* By nearest rank, of samples that are sorted. */
static int64_t percentile(const struct elect__doctor *doctor, int percent)
{
    int rank = (doctor->samples * percent + 99) / 100;
    return doctor->samples_us[rank > 0 ? rank - 1 : 0];
}

static bool add_round_trip(cJSON *object, struct elect__doctor *doctor)
{
    if (doctor->samples == 0)
        return cJSON_AddNullToObject(object, "round_trip_us") != NULL;
    qsort(doctor->samples_us, (size_t)doctor->samples, sizeof doctor->samples_us[0], by_size);
    cJSON *entry = cJSON_AddObjectToObject(object, "round_trip_us");
    return entry && elect__report_add_i64(entry, "p50", percentile(doctor, 50)) &&
           elect__report_add_i64(entry, "p90", percentile(doctor, 90)) &&
           elect__report_add_i64(entry, "p99", percentile(doctor, 99)) &&
           elect__report_add_i64(entry, "max", percentile(doctor, 100));
}

static bool add_clock(cJSON *object, const struct elect__doctor *doctor)
{
    if (!doctor->clock_known)
        return cJSON_AddNullToObject(object, "clock") != NULL;
    cJSON *entry = cJSON_AddObjectToObject(object, "clock");
    return entry && elect__report_add_i64(entry, "offset_low_us", doctor->clock_low_us) &&
           elect__report_add_i64(entry, "offset_high_us", doctor->clock_high_us) &&
           cJSON_AddBoolToObject(entry, "stepped", doctor->clock_stepped) != NULL;
}

/* A lease should bear some fifty slow round trips: a renewal that is lost, and the next ones. Below a second, what an
 * operating system does beside decides. */
static bool add_ttl(cJSON *object, const struct elect__doctor *doctor)
{
    char span[ELECT__DURATION_SIZE];
    if (doctor->samples == 0)
        return cJSON_AddNullToObject(object, "suggested_lock_ttl") != NULL;
    int64_t tenths = (50 * percentile(doctor, 99) + 99999) / 100000;
    int64_t ttl_ns = tenths > 10 ? tenths * (ELECT__S / 10) : ELECT__S;
    return cJSON_AddStringToObject(object, "suggested_lock_ttl", elect__duration_format(ttl_ns, span)) != NULL;
}

char *elect__doctor_end(struct elect__doctor *doctor, const struct elect__settings *settings, const char *tier)
{
    cJSON *object = cJSON_CreateObject(), *checks = doctor->checks ? doctor->checks : cJSON_CreateArray();
    char *url = elect__url_redact(settings->store);
    bool whole = url && cJSON_AddStringToObject(object, "store", url) != NULL &&
                 cJSON_AddStringToObject(object, "tier", tier) != NULL;
    if (!cJSON_AddItemToObject(object, "checks", checks)) {
        cJSON_Delete(checks);
        whole = false;
    }
    doctor->checks = NULL;
    whole = whole && add_round_trip(object, doctor) && add_clock(object, doctor) && add_ttl(object, doctor) &&
            !doctor->failed;
    free(url);
    return elect__report_end(object, whole);
}
