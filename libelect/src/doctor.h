/* What a store's long check finds, gathered one by one, and told as JSON:
 *
 *     {"store": URL without what is secret, "tier": "single host",
 *      "checks": [{"check": "eviction", "result": "ok" | "warn" | "fail" | "skip", "text": what was found,
 *                  "fix": what to do about it, or ""}, ...],
 *      "round_trip_us": {"p50": , "p90": , "p99": , "max": } or null,
 *      "clock": {"offset_low_us": , "offset_high_us": , "stepped": true | false} or null,
 *      "suggested_lock_ttl": "1s" or null}
 *
 * The clock's offset is that of the store against this host's, as the readings bound it. */
#ifndef ELECT_SRC_DOCTOR_H
#define ELECT_SRC_DOCTOR_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elect__settings;

enum elect__finding { ELECT__FINDING_OK, ELECT__FINDING_WARN, ELECT__FINDING_FAIL, ELECT__FINDING_SKIP };
enum { ELECT__DOCTOR_SAMPLES = 256 };

/* Begins as zeros. */
struct elect__doctor {
    cJSON *checks;
    bool failed; /* out of memory */
    int64_t samples_us[ELECT__DOCTOR_SAMPLES];
    int samples;
    bool clock_known, clock_stepped;
    int64_t clock_low_us, clock_high_us;
};

/* fix "": nothing is to be done. */
void elect__doctor_find(struct elect__doctor *doctor, const char *check, enum elect__finding finding, const char *fix,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));
/* One round trip; past the last that there is room for they are not counted. */
void elect__doctor_sample(struct elect__doctor *doctor, int64_t us);
/* The JSON, malloc'd, or NULL: out of memory. Either way nothing is left in doctor. */
char *elect__doctor_end(struct elect__doctor *doctor, const struct elect__settings *settings, const char *tier);
#endif
