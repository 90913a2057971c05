#include "failing.h"
#include <cjson/cJSON.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void __real_free(void *old);

static atomic_long seen, at = -1, live;
static atomic_bool forever, hit;

static bool fails(void)
{
    long number = atomic_fetch_add(&seen, 1), first = atomic_load(&at);
    bool now = first >= 0 && (number == first || (atomic_load(&forever) && number > first));
    if (now)
        atomic_store(&hit, true);
    return now;
}

static void *count(void *block)
{
    if (block)
        atomic_fetch_add(&live, 1);
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails() ? NULL : count(__real_calloc(number, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    void *block = __real_realloc(old, size);
    return old ? block : count(block);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : count(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails() ? NULL : count(__real_strndup(text, size));
}

void __wrap_free(void *old)
{
    if (old)
        atomic_fetch_sub(&live, 1);
    __real_free(old);
}
/* NOLINTEND(bugprone-reserved-identifier) */

void failing_begin(long number, bool from_then_on)
{
    atomic_store(&hit, false);
    atomic_store(&forever, from_then_on);
    atomic_store(&seen, 0);
    atomic_store(&at, number);
}

bool failing_end(void)
{
    atomic_store(&at, -1);
    return failing_hit();
}

bool failing_hit(void)
{
    return atomic_load(&hit);
}

void failing_hook(void)
{
    cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = __wrap_free};
    cJSON_InitHooks(&hooks);
    event_set_mem_functions(__wrap_malloc, __wrap_realloc, __wrap_free);
}

long failing_live(void)
{
    return atomic_load(&live);
}
