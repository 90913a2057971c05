#include <criterion/criterion.h>
#include <elect/elect.h>
#include <string.h>

static elect_options_t *options;

static void setup(void)
{
    options = elect_options_new();
    cr_assert_eq(elect_options_set(options, "store", "memory:"), ELECT_OK);
}

static void teardown(void)
{
    elect_options_free(options);
}

TestSuite(options_check, .init = setup, .fini = teardown);

static void expect_refused(const char *part)
{
    cr_assert_eq(elect_options_check(options), ELECT_EINVAL);
    cr_assert_not_null(strstr(elect_options_error(options), part), "%s", elect_options_error(options));
}

Test(options_check, what_a_client_needs_is_enough_while_no_election_is_named)
{
    cr_assert_eq(elect_options_check(options), ELECT_OK);
    cr_assert_str_eq(elect_options_error(options), "");
    elect_options_set(options, "store", NULL);
    expect_refused("store");
}

Test(options_check, a_named_election_is_looked_at_too)
{
    elect_options_set(options, "name", "job");
    cr_assert_eq(elect_options_check(options), ELECT_OK);
    elect_options_set(options, "layout", "plain");
    expect_refused("layout");
}

Test(options_check, rules_between_options)
{
    elect_options_set(options, "name", "job");
    elect_options_set(options, "lock_ttl", "2s");
    elect_options_set(options, "heartbeat_interval", "3s");
    expect_refused("heartbeat_interval");
    elect_options_set(options, "heartbeat_interval", "500ms");
    cr_assert_eq(elect_options_check(options), ELECT_OK);
    cr_assert_str_eq(elect_options_error(options), "", "of an earlier call");
}
