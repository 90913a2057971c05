/* What options come to: defaults, precedence, rules, and each in its field. Updates: test_settings_update.c */
#include "settings_case.h"
#include <unistd.h>

TestSuite(settings, .init = setup, .fini = teardown);

Test(settings, the_defaults)
{
    set(client, "store", "local:/tmp/e");
    set(election, "name", "billing");
    resolve();
    cr_assert_str_eq(settings->store, "local:/tmp/e");
    cr_assert_str_eq(settings->name, "billing");
    cr_assert_str_eq(settings->prefix, "elect");
    cr_assert_str_eq(settings->layout, "elect");
    cr_assert_str_eq(settings->instance_id, "me");
    cr_assert_str_eq(settings->address, "");
    cr_assert_str_eq(settings->metadata, "");
    cr_assert_str_eq(settings->allow_filesystem, "");
    cr_assert_str_eq(settings->warning, "");
    char host[ELECT__HOST_NAME_SIZE];
    cr_assert_eq(gethostname(host, sizeof(host)), 0);
    cr_assert_str_eq(settings->hostname, host);
    cr_assert_not(settings->observer);
    cr_assert_eq(settings->lock_ttl_ns, 10 * ELECT__S);
    cr_assert_eq(settings->heartbeat_interval_ns, 3 * ELECT__S);
    cr_assert_eq(settings->retry_interval_ns, 2 * ELECT__S);
    cr_assert_eq(settings->clock_margin_ns, 1 * ELECT__S);
    cr_assert_eq(settings->drain_timeout_ns, 8 * ELECT__S);
    cr_assert_eq(settings->restart_grace_ns, 10 * ELECT__S);
    cr_assert_eq(settings->log_level, 0);
}

Test(settings, lock_ttl_alone_is_valid_at_every_size)
{
    static const char *const table[] = {"100ms", "101ms", "150ms", "200ms", "333333333ns", "1s", "5s", "1m", "1h"};
    set(client, "store", "memory:");
    set(election, "name", "x");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        set(election, "lock_ttl", table[i]);
        resolve();
        cr_assert_eq(settings->heartbeat_interval_ns, settings->lock_ttl_ns / 10 * 3);
        cr_assert_eq(settings->retry_interval_ns, settings->lock_ttl_ns / 5);
        cr_assert_geq(settings->clock_margin_ns, 20 * ELECT__MS);
        cr_assert_geq(settings->clock_margin_ns, settings->lock_ttl_ns / 10);
        cr_assert_eq(settings->restart_grace_ns, settings->lock_ttl_ns);
        cr_assert_str_eq(settings->warning, "");
    }
}

Test(settings, precedence_is_code_environment_url_default)
{
    setenv("LEADER_ELECTION_LOCK_TTL", "4s", 1);
    set(election, "name", "x");
    set(client, "store", "memory:?lock_ttl=5s");
    resolve();
    cr_assert_eq(settings->lock_ttl_ns, 5 * ELECT__S, "the URL over the default");
    cr_assert_eq(elect_options_load_env(client), ELECT_OK);
    resolve();
    cr_assert_eq(settings->lock_ttl_ns, 4 * ELECT__S, "the environment over the URL");
    setenv("LEADER_ELECTION_LOCK_TTL", "3s", 1);
    cr_assert_eq(elect_options_load_env(election), ELECT_OK);
    resolve();
    cr_assert_eq(settings->lock_ttl_ns, 3 * ELECT__S, "the election's environment over the client's");
    set(client, "lock_ttl", "2s");
    resolve();
    cr_assert_eq(settings->lock_ttl_ns, 2 * ELECT__S, "code over any environment");
    set(election, "lock_ttl", "1s");
    resolve();
    cr_assert_eq(settings->lock_ttl_ns, 1 * ELECT__S, "the election over the client");
}

Test(settings, a_client_gives_defaults_to_its_elections_and_needs_no_name)
{
    set(client, "store", "memory:");
    set(client, "metadata", "blue");
    cr_assert_eq(elect__settings_resolve(client, NULL, NULL, &settings), ELECT_OK, "%s", elect_options_error(client));
    cr_assert_str_eq(settings->name, "");
    cr_assert_str_eq(settings->instance_id, "");
    cr_assert_str_eq(settings->metadata, "blue");
    refuses("name is not set");
    set(client, "name", "shared");
    set(election, "instance_id", "");
    resolve();
    cr_assert_str_eq(settings->name, "shared");
    cr_assert_str_eq(settings->metadata, "blue");
    cr_assert_str_eq(settings->instance_id, "me", "empty counts as unset");
}

Test(settings, a_store_must_be_given)
{
    set(election, "name", "x");
    refuses("store is not set");
    refuses("local:/var/lib/elect");
    refuses("memory:");
    struct elect__settings *none;
    cr_assert_eq(elect__settings_resolve(client, NULL, NULL, &none), ELECT_EINVAL);
    cr_assert(strstr(elect_options_error(client), "store is not set"));
    cr_assert_null(none);
    cr_assert_eq(elect__settings_resolve(NULL, NULL, NULL, &none), ELECT_EINVAL);
}

Test(settings, options_of_the_client_are_refused_in_an_election)
{
    set(client, "store", "memory:");
    set(election, "name", "x");
    set(election, "log_level", "debug");
    refuses("log_level is an option of the client");
    set(election, "log_level", NULL);
    set(election, "store", "memory:");
    refuses("store is an option of the client");
    set(election, "store", NULL);
    setenv("LEADER_ELECTION_STORE", "local:/other", 1);
    setenv("LEADER_ELECTION_LOG_LEVEL", "debug", 1);
    cr_assert_eq(elect_options_load_env(election), ELECT_OK);
    resolve();
    cr_assert_str_eq(settings->store, "memory:");
    cr_assert_eq(settings->log_level, 0, "the environment names options of both");
}

Test(settings, rules_between_times)
{
    static const struct {
        const char *ttl, *heartbeat, *margin, *error, *warning;
    } table[] = {
        {"10s", "auto", "5s", NULL, "leaves no room"},
        {"10s", "auto", "4s", NULL, ""},
        {"10s", "auto", "5001ms", "clock_margin=\"5.001s\": must be at most half of lock_ttl=\"10s\"", ""},
        {"100ms", "auto", "51ms", "must be at most half", ""},
        {"100ms", "auto", "auto", NULL, ""},
        {"10s", "4500ms", "auto", NULL, ""},
        {"10s", "4501ms", "auto", NULL, "heartbeat_interval=\"4.501s\" leaves no room"},
        {"10s", "5s", "auto", NULL, "leaves no room"}, /* as the first seed allows */
        {"10s", "6s", "auto", NULL, "leaves no room"},
        {"10s", "6001ms", "auto", "heartbeat_interval=\"6.001s\": must be at most 6s", ""},
        {"10s", "10s", "auto", "clock_margin=\"1s\" holds 1.5 of them", ""},
        {"1h", "1h", "30m", "must be at most 20m", ""},
    };
    set(client, "store", "memory:");
    set(election, "name", "x");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        set(election, "lock_ttl", table[i].ttl);
        set(election, "heartbeat_interval", table[i].heartbeat);
        set(election, "clock_margin", table[i].margin);
        if (table[i].error) {
            refuses(table[i].error);
            continue;
        }
        resolve();
        cr_assert_eq(*settings->warning != '\0', *table[i].warning != '\0', "%zu: %s", i, settings->warning);
        cr_assert(strstr(settings->warning, table[i].warning), "%s", settings->warning);
    }
}

/* A lock that a restarted server has forgotten may last for a whole TTL: to trust it sooner is to elect a second leader. */
Test(settings, a_restart_grace_is_none_or_no_shorter_than_the_lease)
{
    static const char *const legal[] = {"0", "0s", "auto", "10s", "10001ms", "24h"}, *const illegal[] = {"1ms", "1s",
                                                                                                         "9999ms"};
    set(client, "store", "memory:");
    set(election, "name", "x");
    set(election, "lock_ttl", "10s");
    for (size_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++) {
        set(election, "restart_grace", legal[i]);
        resolve();
    }
    for (size_t i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
        set(election, "restart_grace", illegal[i]);
        refuses("must be 0 or at least lock_ttl=\"10s\"");
        refuses("restart_grace=");
    }
}

Test(settings, every_option_arrives_in_its_field)
{
    static const char *const given[][2] = {
        {"prefix", "p"},
        {"name", "n"},
        {"instance_id", "i"},
        {"hostname", "h"},
        {"address", "a"},
        {"metadata", "m"},
        {"layout", "elect"},
        {"role", "observer"},
        {"lock_ttl", "20s"},
        {"heartbeat_interval", "1s"},
        {"retry_interval", "500ms"},
        {"clock_margin", "3s"},
        {"drain_timeout", "0"},
        {"restart_grace", "0"},
    };
    set(client, "store", "memory:?allow_filesystem=zfs&log_level=info&clock=manual");
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        set(election, given[i][0], given[i][1]);
    resolve();
    cr_assert_str_eq(settings->prefix, "p");
    cr_assert_str_eq(settings->name, "n");
    cr_assert_str_eq(settings->instance_id, "i");
    cr_assert_str_eq(settings->hostname, "h");
    cr_assert_str_eq(settings->address, "a");
    cr_assert_str_eq(settings->metadata, "m");
    cr_assert_str_eq(settings->allow_filesystem, "zfs");
    cr_assert(settings->observer);
    cr_assert_eq(settings->lock_ttl_ns, 20 * ELECT__S);
    cr_assert_eq(settings->heartbeat_interval_ns, ELECT__S);
    cr_assert_eq(settings->retry_interval_ns, 500 * ELECT__MS);
    cr_assert_eq(settings->clock_margin_ns, 3 * ELECT__S);
    cr_assert_eq(settings->drain_timeout_ns, 0);
    cr_assert_eq(settings->restart_grace_ns, 0);
    cr_assert_eq(settings->log_level, ELECT_LOG_INFO);
}

#ifdef ELECT_REDIS
Test(settings, every_option_of_redis_arrives_in_its_field)
{
    static const char *const given[][2] = {
        {"password", "pw"},        {"password_file", "pf"},    {"tls_ca_file", "cf"},
        {"tls_ca_dir", "cd"},      {"tls_cert_file", "c"},     {"tls_key_file", "k"},
        {"tls_server_name", "sn"}, {"tls_min_version", "1.3"}, {"tls_verify", "off"},
    };
    set(client, "store", "rediss://h?layout=plain&lock_key=lk&info_key=ik");
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        set(client, given[i][0], given[i][1]);
    set(election, "name", "x");
    set(election, "wait_replicas", "all");
    resolve();
    cr_assert_str_eq(settings->layout, "plain");
    cr_assert_str_eq(settings->lock_key, "lk");
    cr_assert_str_eq(settings->info_key, "ik");
    cr_assert_str_eq(settings->password, "", "an election has no use for it");
    cr_assert_str_eq(settings->password_file, "pf");
    cr_assert_str_eq(settings->tls_ca_file, "cf");
    cr_assert_str_eq(settings->tls_ca_dir, "cd");
    cr_assert_str_eq(settings->tls_cert_file, "c");
    cr_assert_str_eq(settings->tls_key_file, "k");
    cr_assert_str_eq(settings->tls_server_name, "sn");
    cr_assert_str_eq(settings->tls_min_version, "1.3");
    cr_assert_not(settings->tls_verify);
    cr_assert(settings->wait_replicas);
}

Test(settings, what_only_some_stores_can_do_is_refused_by_the_others)
{
    set(election, "name", "x");
    set(client, "store", "local:/tmp/e");
    set(election, "layout", "plain");
    refuses("layout=\"plain\": a store local: has no such layout; it has: elect");
    set(election, "layout", NULL);
    set(election, "wait_replicas", "all");
    refuses("wait_replicas=\"all\": a store local: has no replicas to wait for");
    set(client, "store", "redis://h");
    resolve();
    set(election, "layout", "plain");
    refuses("lock_key is not set; layout=\"plain\" needs the key of the lock");
    set(election, "lock_key", "k");
    resolve();
    set(election, "layout", "maplefile");
    set(election, "lock_key", NULL);
    resolve();
}
#endif

Test(settings, what_is_told_of_a_leader_is_bounded_as_json)
{
    char text[8000];
    memset(text, 'x', 4000);
    text[4000] = '\0';
    set(client, "store", "memory:");
    set(election, "name", "x");
    set(election, "address", text);
    resolve();
    set(election, "metadata", text);
    refuses("metadata: must be shorter");
    set(election, "address", NULL);
    memset(text, '"', 4000);
    set(election, "metadata", text);
    refuses("and there is room for 7680");
    text[3600] = '\0';
    set(election, "metadata", text);
    resolve();
    set(election, "metadata", NULL);
    memset(text, 'x', 7999);
    text[7681] = '\0';
    cr_assert_eq(elect_options_set(election, "metadata", text), ELECT_EINVAL);
}

static int fixed_random(void *ctx, void *bytes, size_t length)
{
    if (!ctx)
        return -1;
    memset(bytes, 0xab, length);
    return 0;
}

Test(settings, the_default_instance_id_is_the_host_and_16_random_hex_digits)
{
    char id[ELECT__INSTANCE_ID_MAX + 1], other[ELECT__INSTANCE_ID_MAX + 1], host[300];
    struct elect__env env = {.random = fixed_random, .ctx = id};
    cr_assert_eq(elect__instance_id_draw(&env, "web-3", id), ELECT_OK);
    cr_assert_str_eq(id, "web-3-abababababababab");
    memset(host, 'h', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    cr_assert_eq(elect__instance_id_draw(&env, host, id), ELECT_OK);
    cr_assert_eq(strlen(id), ELECT__INSTANCE_ID_MAX);
    cr_assert_str_eq(id + strlen(id) - 18, "h-abababababababab");
    env.ctx = NULL;
    cr_assert_eq(elect__instance_id_draw(&env, "web-3", id), ELECT_ESTORE);
    cr_assert_eq(elect__instance_id_draw(&elect__system_env, "web-3", id), ELECT_OK);
    cr_assert_eq(elect__instance_id_draw(&elect__system_env, "web-3", other), ELECT_OK);
    cr_assert_str_neq(id, other);
}

Test(settings, the_clocks_run)
{
    const struct elect__env *env = &elect__system_env;
    int64_t boot = env->boot_ns(env->ctx), real = env->real_us(env->ctx);
    cr_assert_gt(boot, 0);
    cr_assert_geq(env->boot_ns(env->ctx), boot);
    cr_assert_gt(real, INT64_C(1700000000) * 1000000);
}
