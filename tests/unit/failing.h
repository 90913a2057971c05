/* An allocator that fails when told to. The linker puts it in front of the library's calls (--wrap, see CMakeLists.txt) and
 * the test's, hooks put it in front of libevent's and cJSON's: so a sanitizer keeps its own behind it, and Criterion and
 * the C library are left alone. */
#ifndef TESTS_UNIT_FAILING_H
#define TESTS_UNIT_FAILING_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The allocations of this number from now on, from 0, fails, or (forever) it and all after it. */
void failing_begin(long at, bool forever);
/* None fails any more. Did one? */
bool failing_end(void);
/* Has one failed so far? */
bool failing_hit(void);
/* For libevent and cJSON; before their first use. */
void failing_hook(void);
/* Blocks that were allocated and not freed. */
long failing_live(void);
#endif
