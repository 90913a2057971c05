/* What is secret is wiped before its memory is given back. The linker puts a free in front of the library's (--wrap, see
 * CMakeLists.txt), which looks at what it gets. */
#include "env.h"
#include "options.h"
#include "settings.h"
#include "url.h"
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "hunter2-is-the-secret"

static int freed, leaked;

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier) */
void *__wrap_malloc(size_t size)
{
    return calloc(1, size); /* so that all of it may be looked at */
}
void __real_free(void *block);
void __wrap_free(void *block)
{
    if (block) {
        freed++;
        leaked += memmem(block, malloc_usable_size(block), SECRET, strlen(SECRET)) != NULL;
    }
    __real_free(block);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void set(elect_options_t *options, const char *name, const char *value)
{
    cr_assert_eq(elect_options_set(options, name, value), ELECT_OK, "%s", elect_options_error(options));
}

Test(secrets, the_test_sees_one_that_is_left)
{
    char *text = strdup(SECRET);
    __wrap_free(text);
    cr_assert_eq(leaked, 1);
}

Test(secrets, options_that_are_freed_or_changed)
{
    elect_options_t *options = elect_options_new(), *copy;
    set(options, "password", SECRET);
    set(options, "store", "memory://u:" SECRET "@h?password=" SECRET);
    copy = elect__options_copy(options);
    set(options, "password", "other");
    set(options, "store", NULL);
    cr_assert_eq(elect_options_set(options, "password", SECRET "\n"), ELECT_EINVAL);
    elect_options_free(options);
    elect_options_free(copy);
    cr_assert_gt(freed, 0);
    cr_assert_eq(leaked, 0);
}

Test(secrets, options_of_an_environment_that_is_refused)
{
    elect_options_t *options = elect_options_new();
    setenv("LEADER_ELECTION_PASSWORD", SECRET, 1);
    setenv("LEADER_ELECTION_LOG_LEVEL", "loud", 1);
    cr_assert_eq(elect_options_load_env(options), ELECT_EINVAL);
    elect_options_free(options);
    cr_assert_gt(freed, 0);
    cr_assert_eq(leaked, 0);
}

Test(secrets, settings_and_urls)
{
    struct elect__settings *settings, *fresh;
    struct elect__url url;
    char rule[ELECT__RULE_SIZE];
    elect_options_t *options = elect_options_new(), *changes = elect_options_new();
    set(options, "store", "memory://u:" SECRET "@h?password=" SECRET);
    cr_assert_eq(elect__settings_resolve(options, NULL, NULL, &settings), ELECT_OK);
    cr_assert_str_eq(settings->password, SECRET);
    set(changes, "password", SECRET "2");
    cr_assert_eq(elect__settings_update(settings, changes, true, &fresh), ELECT_OK);
    elect__settings_free(settings);
    elect__settings_free(fresh);
    elect_options_free(options);
    elect_options_free(changes);
    cr_assert_eq(elect__url_parse("memory://u:" SECRET "@h?=x", &url, rule, sizeof rule), ELECT_EINVAL);
    cr_assert_gt(freed, 0);
    cr_assert_eq(leaked, 0);
}
