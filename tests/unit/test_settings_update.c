/* What an update may change of settings, and what it makes of credentials. */
#include "settings_case.h"

TestSuite(settings_update, .init = setup, .fini = teardown);

Test(settings_update, an_update_takes_what_is_dynamic)
{
    set(client, "store", "memory:");
    set(election, "name", "x");
    set(election, "metadata", "old");
    resolve();
    elect_options_t *changes = elect_options_new();
    struct elect__settings *fresh;
    set(changes, "address", "new");
    cr_assert_eq(elect__settings_update(settings, changes, false, &fresh), ELECT_OK);
    cr_assert_str_eq(fresh->address, "new");
    cr_assert_str_eq(fresh->metadata, "old");
    cr_assert_str_eq(fresh->name, "x");
    cr_assert_str_eq(settings->address, "");
    elect__settings_free(fresh);
    cr_assert_eq(elect__settings_update(settings, changes, true, &fresh), ELECT_EINVAL);
    cr_assert(strstr(elect_options_error(changes), "address is an option of an election"));
    cr_assert_null(fresh);
    set(changes, "address", NULL);
    set(changes, "log_level", "warn");
    cr_assert_eq(elect__settings_update(settings, changes, true, &fresh), ELECT_OK);
    cr_assert_eq(fresh->log_level, ELECT_LOG_WARN);
    elect__settings_free(fresh);
    cr_assert_eq(elect__settings_update(settings, changes, false, &fresh), ELECT_EINVAL);
    cr_assert(strstr(elect_options_error(changes), "log_level is an option of the client"));
    set(changes, "log_level", NULL);
    set(changes, "lock_ttl", "5s");
    cr_assert_eq(elect__settings_update(settings, changes, false, &fresh), ELECT_EINVAL);
    cr_assert(strstr(elect_options_error(changes), "lock_ttl is fixed from the start"));
    cr_assert_eq(elect__settings_update(settings, NULL, false, &fresh), ELECT_EINVAL);
    cr_assert_null(fresh);
    elect_options_free(changes);
}

Test(settings_update, an_update_of_the_client_takes_credentials_and_certificates)
{
    set(client, "store", "memory:?tls_verify=off");
    set(client, "password", "old");
    set(client, "tls_ca_file", "ca");
    cr_assert_eq(elect__settings_resolve(client, NULL, NULL, &settings), ELECT_OK);
    elect_options_t *changes = elect_options_new();
    struct elect__settings *fresh;
    set(changes, "password", "new");
    set(changes, "tls_cert_file", "c");
    set(changes, "tls_verify", "on");
    cr_assert_eq(elect__settings_update(settings, changes, true, &fresh), ELECT_OK, "%s", elect_options_error(changes));
    cr_assert_str_eq(fresh->password, "new");
    cr_assert_str_eq(fresh->tls_cert_file, "c");
    cr_assert_str_eq(fresh->tls_ca_file, "ca");
    cr_assert(fresh->tls_verify);
    cr_assert_str_eq(settings->password, "old");
    elect__settings_free(fresh);
    set(changes, "wait_replicas", "all");
    cr_assert_eq(elect__settings_update(settings, changes, true, &fresh), ELECT_EINVAL);
    cr_assert_null(strstr(elect_options_error(changes), "new"));
    elect_options_free(changes);
}

/* The password of settings once an update has given this one, or this file. */
static struct elect__settings *credentials(const char *password, const char *file)
{
    elect_options_t *changes = elect_options_new();
    struct elect__settings *updated;
    set(changes, "password", password);
    set(changes, "password_file", file);
    int32_t code = elect__settings_update(settings, changes, true, &updated);
    cr_assert_eq(code == ELECT_OK, updated != NULL);
    elect_options_free(changes);
    return updated;
}

Test(settings_update, a_new_password_takes_the_file_back_and_the_other_way_round)
{
    set(client, "store", "memory:");
    set(client, "password", "old");
    cr_assert_eq(elect__settings_resolve(client, NULL, NULL, &settings), ELECT_OK);
    struct elect__settings *updated = credentials(NULL, "pf");
    cr_assert_str_eq(updated->password, "");
    cr_assert_str_eq(updated->password_file, "pf");
    elect__settings_free(settings);
    settings = updated;
    updated = credentials("new", NULL);
    cr_assert_str_eq(updated->password, "new");
    cr_assert_str_eq(updated->password_file, "");
    elect__settings_free(updated);
    updated = credentials("", NULL);
    cr_assert_str_eq(updated->password_file, "pf", "nothing was given");
    elect__settings_free(updated);
    cr_assert_null(credentials("new", "pf"), "which one counts?");
}

Test(settings_update, an_update_from_the_environment_passes_over_what_is_fixed)
{
    set(client, "store", "memory:");
    set(election, "name", "x");
    resolve();
    setenv("LEADER_ELECTION_LOCK_TTL", "5s", 1);
    setenv("LEADER_ELECTION_LOG_LEVEL", "warn", 1);
    setenv("LEADER_ELECTION_ADDRESS", "here", 1);
    elect_options_t *changes = elect_options_new();
    struct elect__settings *fresh;
    cr_assert_eq(elect_options_load_env(changes), ELECT_OK);
    cr_assert_eq(elect__settings_update(settings, changes, false, &fresh), ELECT_OK, "%s",
                 elect_options_error(changes));
    cr_assert_str_eq(fresh->address, "here");
    cr_assert_eq(fresh->lock_ttl_ns, 10 * ELECT__S);
    cr_assert_eq(fresh->log_level, 0);
    elect__settings_free(fresh);
    elect_options_free(changes);
}
