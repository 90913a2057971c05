/* The options of a client and of an election, and what they come to. */
#ifndef TESTS_UNIT_SETTINGS_CASE_H
#define TESTS_UNIT_SETTINGS_CASE_H
#include "env.h"
#include "options.h"
#include "settings.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdlib.h>

static elect_options_t *client, *election;
static struct elect__settings *settings;

static inline void setup(void)
{
    client = elect_options_new();
    election = elect_options_new();
    cr_assert(client && election);
}

static inline void teardown(void)
{
    elect__settings_free(settings);
    elect_options_free(client);
    elect_options_free(election);
}

static inline void set(elect_options_t *options, const char *name, const char *value)
{
    cr_assert_eq(elect_options_set(options, name, value), ELECT_OK, "%s", elect_options_error(options));
}

static inline void resolve(void)
{
    elect__settings_free(settings);
    cr_assert_eq(elect__settings_resolve(client, election, "me", &settings), ELECT_OK, "%s",
                 elect_options_error(election));
    cr_assert_str_eq(elect_options_error(election), "");
}

static inline void refuses(const char *rule)
{
    struct elect__settings *none = (struct elect__settings *)1;
    cr_assert_eq(elect__settings_resolve(client, election, "me", &none), ELECT_EINVAL);
    cr_assert_null(none);
    cr_assert(strstr(elect_options_error(election), rule), "%s", elect_options_error(election));
}
#endif
