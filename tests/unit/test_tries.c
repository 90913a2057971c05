#include "tries.h"
#include <criterion/criterion.h>

Test(tries, an_attempt_is_open_until_its_fate_is_known)
{
    struct elect__tries tries = {.random = 1};
    cr_assert_eq(elect__tries_open(&tries), 0);
    uint64_t attempt = elect__tries_new(&tries, 0);
    cr_assert_eq(elect__tries_fate(&tries, attempt), ELECT__FATE_OPEN);
    cr_assert_eq(elect__tries_open(&tries), attempt);
    elect__tries_set(&tries, attempt, ELECT__FATE_SPENT);
    cr_assert_eq(elect__tries_fate(&tries, attempt), ELECT__FATE_SPENT);
    cr_assert_eq(elect__tries_open(&tries), 0);
}

Test(tries, the_oldest_is_forgotten)
{
    struct elect__tries tries = {.random = 1};
    uint64_t first = elect__tries_new(&tries, 0), second = elect__tries_new(&tries, 0);
    for (int i = 2; i <= ELECT__TRIES; i++)
        elect__tries_new(&tries, 0);
    cr_assert_eq(elect__tries_fate(&tries, first), ELECT__FATE_FOREIGN);
    cr_assert_eq(elect__tries_fate(&tries, second), ELECT__FATE_OPEN);
    elect__tries_set(&tries, first, ELECT__FATE_OPEN); /* what is forgotten stays so */
    cr_assert_eq(elect__tries_fate(&tries, first), ELECT__FATE_FOREIGN);
}

Test(tries, an_attempt_that_is_foreign_or_cleared_is_nobodys)
{
    struct elect__tries tries = {.random = 1};
    uint64_t attempt = elect__tries_new(&tries, 0);
    cr_assert_eq(elect__tries_fate(&tries, 0), ELECT__FATE_FOREIGN);
    elect__tries_set(&tries, attempt, ELECT__FATE_FOREIGN);
    elect__tries_set(&tries, attempt, ELECT__FATE_OPEN);
    cr_assert_eq(elect__tries_fate(&tries, attempt), ELECT__FATE_FOREIGN);
    attempt = elect__tries_new(&tries, 0);
    elect__tries_clear(&tries);
    cr_assert_eq(elect__tries_fate(&tries, attempt), ELECT__FATE_FOREIGN);
}

Test(tries, one_seed_makes_one_sequence)
{
    struct elect__tries a = {.random = 7}, b = {.random = 7}, c = {.random = 8};
    uint64_t first = elect__tries_new(&a, 0);
    cr_assert_eq(first, elect__tries_new(&b, 0));
    cr_assert_neq(first, elect__tries_new(&c, 0));
    cr_assert_neq(first, elect__tries_new(&a, 0));
    cr_assert(first & 1, "an attempt is never 0");
}

Test(tries, an_open_attempt_that_is_old_or_superseded_is_somebody_elses)
{
    struct elect__tries tries = {.random = 1};
    uint64_t old = elect__tries_new(&tries, 10), spent = elect__tries_new(&tries, 10),
             next = elect__tries_new(&tries, 20);
    elect__tries_set(&tries, spent, ELECT__FATE_SPENT);
    elect__tries_expire(&tries, 20);
    cr_assert_eq(elect__tries_fate(&tries, old), ELECT__FATE_FOREIGN);
    cr_assert_eq(elect__tries_fate(&tries, spent), ELECT__FATE_SPENT);
    cr_assert_eq(elect__tries_fate(&tries, next), ELECT__FATE_OPEN);
    uint64_t last = elect__tries_new(&tries, 30);
    elect__tries_supersede(&tries, last);
    cr_assert_eq(elect__tries_fate(&tries, next), ELECT__FATE_FOREIGN);
    cr_assert_eq(elect__tries_fate(&tries, spent), ELECT__FATE_SPENT);
    cr_assert_eq(elect__tries_fate(&tries, last), ELECT__FATE_OPEN);
}
