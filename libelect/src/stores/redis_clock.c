#include "redis_clock.h"
#include <stdbool.h>

#define SLACK_US                                                                                                       \
    20000 /* a server may be slow to answer in ways that no interval shows: its cached time, a slewed clock */
#define DRIFT_PER_S 500 /* microseconds: 500 ppm */

int64_t elect__redis_clock_read(struct elect__redis_clock *clock, int64_t server_us, int64_t sent_ns,
                                int64_t received_ns)
{
    if (server_us <= 0 || sent_ns <= 0 || received_ns < sent_ns || received_ns < clock->at_ns)
        return 0;
    int64_t low_us = server_us - received_ns / 1000, high_us = server_us - sent_ns / 1000;
    int64_t drift_us = (received_ns - clock->at_ns) / 1000000 * DRIFT_PER_S / 1000 + 1;
    bool first = clock->at_ns == 0;
    clock->at_ns = received_ns;
    if (!first) {
        clock->low_us -= drift_us;
        clock->high_us += drift_us;
    }
    int64_t above_us = low_us - clock->high_us, below_us = clock->low_us - high_us;
    if (first || above_us > SLACK_US || below_us > SLACK_US) {
        clock->low_us = low_us;
        clock->high_us = high_us;
        return first ? 0 : above_us > SLACK_US ? above_us : -below_us;
    }
    /* What is within the slack only narrows nothing: small steps add up until they show. */
    if (above_us <= 0 && below_us <= 0) {
        clock->low_us = low_us > clock->low_us ? low_us : clock->low_us;
        clock->high_us = high_us < clock->high_us ? high_us : clock->high_us;
    }
    return 0;
}
