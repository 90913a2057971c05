/* Lease cells, and the timers and tables beneath the client. */
#include "cell.h"
#include "env.h"
#include "heap.h"
#include "table.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct elect__lease lease_of(uint64_t epoch)
{
    return (struct elect__lease){
        .epoch = epoch, .lead_until_ns = (int64_t)epoch * 2, .lease_until_ns = (int64_t)epoch * 3};
}

Test(cell, a_cell_is_a_cache_line)
{
    cr_assert_eq(sizeof(struct elect__cell), 64);
}

Test(cell, cells_are_empty_apart_and_used_again)
{
    enum { CELLS = 20000 };
    struct elect__cells cells;
    struct elect__cell **all = calloc(CELLS, sizeof *all);
    struct elect__lease some = lease_of(5);
    cr_assert_eq(elect__cells_open(&cells, true), 0);
    for (int i = 0; i < CELLS; i++) {
        all[i] = elect__cells_take(&cells);
        cr_assert_not_null(all[i]);
        cr_assert_eq(elect__cell_lead_until(all[i]), 0);
        elect__cell_write(all[i], &some);
    }
    elect__cells_give(&cells, all[3]);
    cr_assert_eq(elect__cells_take(&cells), all[3]);
    cr_assert_eq(elect__cell_lead_until(all[3]), 0);
    cr_assert_eq(elect__cell_read(all[4]).epoch, 5);
    elect__cells_close(&cells);
    free(all);
}

Test(cell, a_child_finds_them_wiped)
{
    struct elect__cells cells;
    struct elect__lease some = lease_of(5);
    cr_assert_eq(elect__cells_open(&cells, true), 0);
    cr_assert(cells.wiped, "this kernel has no MADV_WIPEONFORK");
    struct elect__cell *cell = elect__cells_take(&cells);
    elect__cell_write(cell, &some);
    cr_assert_not(elect__cells_are_wiped(&cells));
    pid_t child = fork();
    if (child == 0)
        _exit(elect__cells_are_wiped(&cells) && elect__cell_lead_until(cell) == 0 && elect__cell_read(cell).epoch == 0);
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), 1);
    elect__cells_close(&cells);
}

Test(cell, without_wiping_a_child_is_not_told_apart_here)
{
    struct elect__cells cells;
    cr_assert_eq(elect__cells_open(&cells, false), 0);
    cr_assert_not(cells.wiped);
    pid_t child = fork();
    if (child == 0)
        _exit(elect__cells_are_wiped(&cells));
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(WEXITSTATUS(status), 0, "the pid must be asked");
    elect__cells_close(&cells);
}

static void *write_cell(void *cell)
{
    for (uint64_t epoch = 1; epoch <= 200000; epoch++) {
        struct elect__lease lease = lease_of(epoch);
        elect__cell_write(cell, &lease);
    }
    return NULL;
}

Test(cell, a_reading_is_of_one_instant)
{
    struct elect__cells cells;
    pthread_t writer;
    cr_assert_eq(elect__cells_open(&cells, true), 0);
    struct elect__cell *cell = elect__cells_take(&cells);
    cr_assert_eq(pthread_create(&writer, NULL, write_cell, cell), 0);
    for (uint64_t last = 0; last < 200000;) {
        struct elect__lease lease = elect__cell_read(cell);
        cr_assert_eq(lease.lead_until_ns, (int64_t)lease.epoch * 2);
        cr_assert_eq(lease.lease_until_ns, (int64_t)lease.epoch * 3);
        cr_assert_geq(lease.epoch, last);
        last = lease.epoch;
    }
    pthread_join(writer, NULL);
    elect__cells_close(&cells);
}

Test(heap, the_earliest_timer_is_first_whatever_is_set_and_taken_out)
{
    enum { TIMERS = 500, CHANGES = 20000 };
    struct elect__heap heap = {NULL};
    struct elect__timer *timers = calloc(TIMERS, sizeof *timers);
    srand(1);
    for (int change = 0; change < CHANGES; change++) {
        struct elect__timer *timer = &timers[rand() % TIMERS];
        elect__heap_set(&heap, timer, rand() % 4 == 0 ? ELECT__NEVER : rand() % 1000);
        int64_t earliest = ELECT__NEVER;
        for (int i = 0; i < TIMERS; i++)
            if (timers[i].set && timers[i].at_ns < earliest)
                earliest = timers[i].at_ns;
        cr_assert_eq(heap.first ? heap.first->at_ns : ELECT__NEVER, earliest);
    }
    int64_t last = 0;
    while (heap.first) {
        cr_assert_geq(heap.first->at_ns, last);
        last = heap.first->at_ns;
        elect__heap_set(&heap, heap.first, ELECT__NEVER);
    }
    for (int i = 0; i < TIMERS; i++)
        cr_assert_not(timers[i].set);
    free(timers);
}

struct named {
    struct elect__entry entry;
    char name[16];
};

Test(table, what_was_added_is_found_until_it_is_removed)
{
    enum { NAMES = 3000 };
    struct elect__table table = {NULL, 0, 0};
    struct named *all = calloc(NAMES, sizeof *all);
    cr_assert_null(elect__table_find(&table, 1, NULL));
    cr_assert_null(elect__table_next(&table, NULL));
    for (int i = 0; i < NAMES; i++) {
        snprintf(all[i].name, sizeof all[i].name, "n%d", i);
        cr_assert_eq(elect__table_add(&table, &all[i].entry, elect__hash(0, all[i].name)), 0);
    }
    for (int i = 0; i < NAMES; i++)
        cr_assert_eq(elect__table_find(&table, elect__hash(0, all[i].name), NULL), &all[i].entry);
    for (int i = 0; i < NAMES; i += 2)
        elect__table_remove(&table, &all[i].entry);
    size_t count = 0;
    for (struct elect__entry *entry = NULL; (entry = elect__table_next(&table, entry)); count++)
        ;
    cr_assert_eq(count, NAMES / 2);
    cr_assert_eq(table.count, NAMES / 2);
    for (int i = 0; i < NAMES; i++)
        cr_assert_eq(elect__table_find(&table, elect__hash(0, all[i].name), NULL), i % 2 ? &all[i].entry : NULL);
    elect__table_free(&table);
    free(all);
}

Test(table, texts_do_not_run_into_each_other)
{
    cr_assert_neq(elect__hash(elect__hash(0, "ab"), "c"), elect__hash(elect__hash(0, "a"), "bc"));
}
