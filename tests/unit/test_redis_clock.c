/* Steps of the server's clock, as intervals show them. Times in milliseconds. */
#include "stores/redis_clock.h"
#include <criterion/criterion.h>

/* A reading at_ms on our clock, taken within trip_ms before that, of a server that is ahead by ahead_ms. In ms. */
static int64_t reading(struct elect__redis_clock *clock, int64_t at_ms, int64_t trip_ms, double ahead_ms)
{
    double server_us = ((double)at_ms - (double)trip_ms / 2 + ahead_ms) * 1000;
    int64_t step_us = elect__redis_clock_read(clock, 1790000000000000 + (int64_t)server_us, (at_ms - trip_ms) * 1000000,
                                              at_ms * 1000000);
    return step_us / 1000;
}

Test(redis_clock, the_first_reading_is_no_step)
{
    struct elect__redis_clock clock = {0};
    cr_assert_eq(reading(&clock, 1000, 1, 0), 0);
    cr_assert_eq(reading(&clock, 2000, 1, 0), 0);
}

Test(redis_clock, a_step_is_told_once_with_its_size_and_direction)
{
    struct elect__redis_clock clock = {0};
    reading(&clock, 1000, 2, 0);
    int64_t step_ms = reading(&clock, 4000, 2, 30000);
    cr_assert(step_ms > 29990 && step_ms <= 30000, "%ld", (long)step_ms);
    cr_assert_eq(reading(&clock, 7000, 2, 30000), 0);
    step_ms = reading(&clock, 10000, 2, 0);
    cr_assert(step_ms < -29990 && step_ms >= -30000, "%ld", (long)step_ms);
}

Test(redis_clock, a_slow_answer_hides_no_more_than_it_took)
{
    struct elect__redis_clock clock = {0};
    reading(&clock, 1000, 2, 0);
    cr_assert_eq(reading(&clock, 6000, 4000, 1500), 0, "within the answer's time");
    cr_assert_gt(reading(&clock, 7000, 2, 1500), 1400, "a quick answer shows it");
    cr_assert_gt(reading(&clock, 12000, 4000, 5000), 1000);
}

Test(redis_clock, clocks_that_drift_apart_by_500_ppm_are_no_step)
{
    struct elect__redis_clock clock = {0};
    for (int64_t i = 1; i < 2000; i++)
        cr_assert_eq(reading(&clock, i * 3000, 1, (double)(i * 3000) * 0.00049), 0);
    struct elect__redis_clock idle = {0};
    reading(&idle, 1000, 1, 0);
    cr_assert_eq(reading(&idle, 3601000, 1, -1790), 0, "an hour without a reading");
}

Test(redis_clock, a_clock_that_is_slewed_fast_shows_in_time)
{
    struct elect__redis_clock clock = {0};
    int64_t step_ms = 0;
    for (int64_t i = 1; i < 100 && step_ms == 0; i++)
        step_ms = reading(&clock, i * 1000, 1, (double)(i * 1000) * 0.005);
    cr_assert_gt(step_ms, 19);
}

Test(redis_clock, twenty_milliseconds_are_nothing_and_add_up)
{
    struct elect__redis_clock clock = {0};
    reading(&clock, 1000, 1, 0);
    cr_assert_eq(reading(&clock, 1100, 1, 15), 0);
    cr_assert_neq(reading(&clock, 1200, 1, 30), 0);
}

Test(redis_clock, a_reading_that_makes_no_sense_is_none)
{
    struct elect__redis_clock clock = {0};
    reading(&clock, 1000, 1, 0);
    cr_assert_eq(elect__redis_clock_read(&clock, 0, 2000000000, 2001000000), 0);
    cr_assert_eq(elect__redis_clock_read(&clock, -5, 2000000000, 2001000000), 0);
    cr_assert_eq(elect__redis_clock_read(&clock, 5, 2001000000, 2000000000), 0);
    cr_assert_eq(elect__redis_clock_read(&clock, 5, 900000000, 999000000), 0, "older than the last");
    cr_assert_eq(reading(&clock, 4000, 1, 0), 0);
}
