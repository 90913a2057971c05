/* Options and settings: every allocation fails in turn, and nothing crashes, leaks or half happens. */
#include "failing.h"
#include "options.h"
#include "url.h"
#include <criterion/criterion.h>
#include <stdlib.h>

/* Runs step with the 1st, 2nd, ... allocation failing, from then on all of them, until it gets through without. */
static void fail_each(int32_t (*step)(void))
{
    int rounds = 0;
    bool failed;
    do {
        cr_assert_lt(rounds, 100);
        failing_begin(rounds++, true);
        int32_t code = step();
        failed = failing_end();
        cr_assert_eq(code, failed ? ELECT_ENOMEM : ELECT_OK, "%d", code);
    } while (failed);
    cr_assert_gt(rounds, 1, "the step allocates something");
}

static elect_options_t *options, *election;

static void setup(void)
{
    options = elect_options_new();
    election = elect_options_new();
    elect_options_set(options, "store", "memory:?lock_ttl=5s");
    elect_options_set(election, "name", "x");
    elect_options_set(election, "address", "here");
}

static void teardown(void)
{
    elect_options_free(options);
    elect_options_free(election);
}

TestSuite(allocations, .init = setup, .fini = teardown);

static int32_t set_store(void)
{
    int32_t code = elect_options_set(options, "store", "memory:?lock_ttl=6s");
    if (code == ELECT_ENOMEM) {
        cr_assert_str_eq(elect_options_get(options, "store"), "memory:?lock_ttl=5s");
        cr_assert(strstr(elect_options_error(options), "out of memory"));
    }
    return code;
}

Test(allocations, options_set_changes_all_or_nothing)
{
    fail_each(set_store);
    cr_assert_str_eq(elect_options_get(options, "store"), "memory:?lock_ttl=6s");
}

static int32_t load_env(void)
{
    int32_t code = elect_options_load_env(election);
    bool taken = *elect_options_get(election, "metadata") != '\0';
    cr_assert_eq(taken, code == ELECT_OK);
    cr_assert_eq(strcmp(elect_options_get(election, "lock_ttl"), "7s") == 0, taken);
    return code;
}

Test(allocations, load_env_takes_all_or_nothing)
{
    setenv("LEADER_ELECTION_METADATA", "m", 1);
    setenv("LEADER_ELECTION_LOCK_TTL", "7s", 1);
    setenv("LEADER_ELECTION_STORE", "memory:?lock_ttl=6s", 1);
    fail_each(load_env);
}

static int32_t copy(void)
{
    elect_options_t *other = elect__options_copy(options);
    elect_options_free(other);
    return other ? ELECT_OK : ELECT_ENOMEM;
}

Test(allocations, a_copy_is_whole_or_none)
{
    elect_options_set(options, "metadata", "m");
    fail_each(copy);
}

static int32_t resolve(void)
{
    struct elect__settings *settings;
    int32_t code = elect__settings_resolve(options, election, "me", &settings);
    cr_assert_eq(settings == NULL, code != ELECT_OK);
    elect__settings_free(settings);
    return code;
}

Test(allocations, resolving_fails_cleanly)
{
    fail_each(resolve);
}

static struct elect__settings *in_use;

static int32_t update(void)
{
    struct elect__settings *settings;
    int32_t code = elect__settings_update(in_use, election, false, &settings);
    cr_assert_eq(settings == NULL, code != ELECT_OK);
    elect__settings_free(settings);
    return code;
}

Test(allocations, updating_fails_cleanly)
{
    cr_assert_eq(elect__settings_resolve(options, election, "me", &in_use), ELECT_OK);
    elect_options_set(election, "name", NULL);
    fail_each(update);
    elect__settings_free(in_use);
}

static int32_t redact(void)
{
    char *shown = elect__url_redact("redis://u:pw@h");
    free(shown);
    return shown ? ELECT_OK : ELECT_ENOMEM;
}

Test(allocations, redacting_answers_null)
{
    fail_each(redact);
}

static int32_t make(void)
{
    elect_options_t *fresh = elect_options_new();
    elect_options_free(fresh);
    return fresh ? ELECT_OK : ELECT_ENOMEM;
}

Test(allocations, new_options_answer_null)
{
    fail_each(make);
}

/* The value that could not be redacted for lack of memory is not shown as it is. */
Test(allocations, an_error_text_without_memory_shows_no_password)
{
    for (int i = 0; i < 6; i++) {
        failing_begin(i, true);
        elect_options_set(options, "store", "rediss://u:hunter2@h/0#fragment");
        failing_end();
        cr_assert_neq(*elect_options_error(options), '\0');
        cr_assert_null(strstr(elect_options_error(options), "hunter2"));
    }
}
