#include "options.h"
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static elect_options_t *options;

static void setup(void)
{
    options = elect_options_new();
    cr_assert_not_null(options);
}

static void teardown(void)
{
    elect_options_free(options);
}

TestSuite(options, .init = setup, .fini = teardown);

Test(options, the_defaults_answer_until_something_is_set)
{
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++)
        cr_assert_str_eq(elect_options_get(options, elect__options_rows[i].name), elect__options_rows[i].default_);
    cr_assert_eq(elect_options_set(options, "lock_ttl", "5s"), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "5s");
    cr_assert_eq(elect_options_set(options, "lock_ttl", elect_options_get(options, "lock_ttl")), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "5s");
    cr_assert_eq(elect_options_set(options, "lock_ttl", NULL), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "10s");
    cr_assert_null(elect_options_get(options, "lock_tll"));
    cr_assert_null(elect_options_get(options, NULL));
}

Test(options, every_default_is_a_valid_value)
{
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        const struct elect__option_row *row = &elect__options_rows[i];
        bool must_be_set = i == ELECT__OPT_STORE || i == ELECT__OPT_NAME;
        cr_assert_eq(elect_options_set(options, row->name, row->default_), must_be_set ? ELECT_EINVAL : ELECT_OK,
                     "%s: %s", row->name, elect_options_error(options));
    }
}

Test(options, null_never_crashes)
{
    cr_assert_eq(elect_options_set(NULL, "name", "x"), ELECT_EINVAL);
    cr_assert_eq(elect_options_set(options, NULL, "x"), ELECT_EINVAL);
    cr_assert(strstr(elect_options_error(options), "unknown option"));
    cr_assert_eq(elect_options_load_env(NULL), ELECT_EINVAL);
    cr_assert_str_eq(elect_options_get(NULL, "name"), "");
    cr_assert_str_eq(elect_options_error(NULL), "");
    elect_options_free(NULL);
    elect__options_fail(NULL, "nobody reads this");
    cr_assert_null(elect__options_value(NULL, ELECT__OPT_NAME));
    cr_assert_eq(elect__options_origin(NULL, ELECT__OPT_NAME), ELECT__UNSET);
}

Test(options, the_error_is_that_of_the_last_call)
{
    cr_assert_str_eq(elect_options_error(options), "");
    cr_assert_eq(elect_options_set(options, "lock_tll", "5s"), ELECT_EINVAL);
    cr_assert(strstr(elect_options_error(options), "\"lock_tll\""));
    cr_assert(strstr(elect_options_error(options), "lock_ttl"), "it lists what there is");
    cr_assert_eq(elect_options_set(options, "lock_ttl", "5s"), ELECT_OK);
    cr_assert_str_eq(elect_options_error(options), "");
}

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define TWO_HUNDRED FIFTY FIFTY FIFTY FIFTY

Test(options, good_values)
{
    static const char *const table[][2] = {
        {"store", "memory:"},
        {"store", "memory:?clock=manual"},
        {"store", "local:/tmp/e?lock_ttl=5s&name=x&log_level=debug"},
        {"name", "x"},
        {"name", TWO_HUNDRED},
        {"name", "\xe2\x82\xac/with space"},
        {"prefix", "app"},
        {"instance_id", ""},
        {"instance_id", TWO_HUNDRED FIFTY "123456"},
        {"hostname", ""},
        {"address", "10.0.0.1:80"},
        {"metadata", "{\n\t\"zone\": \"a\"\n}"},
        {"role", "observer"},
        {"layout", "elect"},
        {"layout", "go-leader"},
        {"lock_key", "app:leader"},
        {"info_key", ""},
        {"lock_ttl", "100ms"},
        {"lock_ttl", "1h"},
        {"lock_ttl", "0.5m"},
        {"heartbeat_interval", "auto"},
        {"heartbeat_interval", "10ms"},
        {"retry_interval", "10ms"},
        {"clock_margin", "20ms"},
        {"drain_timeout", "0"},
        {"restart_grace", "auto"},
        {"restart_grace", "0"},
        {"restart_grace", "3s"},
        {"log_level", "off"},
        {"log_level", "debug"},
        {"allow_filesystem", "nfs4,fuse"},
#ifdef ELECT_REDIS
        {"store", "redis://h:6379/1?layout=plain&lock_key=x&wait_replicas=all"},
        {"store", "rediss://[::1]:6380?tls_ca_file=/etc/ca.pem&tls_verify=off"},
        {"store", "valkey+unix:///run/valkey.sock"},
#endif
        {"wait_replicas", "all"},
        {"password_file", "/run/secrets/redis"},
        {"tls_ca_dir", "/etc/ssl/certs"},
        {"tls_cert_file", "/etc/elect.pem"},
        {"tls_key_file", "/etc/elect.key"},
        {"tls_server_name", "redis.example"},
        {"tls_min_version", "1.3"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        cr_assert_eq(elect_options_set(options, table[i][0], table[i][1]), ELECT_OK, "%s=%s: %s", table[i][0],
                     table[i][1], elect_options_error(options));
        cr_assert_str_eq(elect_options_get(options, table[i][0]), table[i][1]);
    }
}

Test(options, bad_values_are_named_with_their_option_and_rule_and_change_nothing)
{
    static const struct {
        const char *name, *value, *rule;
    } table[] = {
        {"lock_ttl", "10", "needs a unit"},
        {"lock_ttl", "10sec", "units are"},
        {"lock_ttl", "", "written as"},
        {"lock_ttl", "auto", "written as"},
        {"lock_ttl", "-10s", "not negative"},
        {"lock_ttl", "0", "from 100ms to 1h"},
        {"lock_ttl", "99ms", "from 100ms to 1h"},
        {"lock_ttl", "99.999999ms", "from 100ms to 1h"},
        {"lock_ttl", "61m", "from 100ms to 1h"},
        {"lock_ttl", "99999999999h", "at most"},
        {"heartbeat_interval", "0", "from 10ms to 1h, or auto"},
        {"retry_interval", "0s", "from 10ms"},
        {"clock_margin", "19ms", "from 20ms"},
        {"drain_timeout", "25h", "from 0 to 24h"},
        {"drain_timeout", "auto", "written as"},
        {"restart_grace", "never", "written as"},
        {"restart_grace", "1", "needs a unit"},
        {"log_level", "fatal", "off, error, warn, info or debug"},
        {"log_level", "", "off, error"},
        {"log_level", "OFF", "off, error"},
        {"log_level", "off|error", "off, error"},
        {"role", "leader", "candidate or observer"},
        {"layout", "redlock", "must be elect, plain, maplefile, elector or go-leader"},
        {"wait_replicas", "2", "must be off or all"},
        {"tls_min_version", "1.1", "must be 1.2 or 1.3"},
        {"tls_verify", "no", "must be on or off"},
        {"lock_key", TWO_HUNDRED TWO_HUNDRED TWO_HUNDRED, "0 to 512 bytes, and is 600"},
        {"tls_server_name", "a\nb", "control characters"},
        {"name", "", "1 to 200 bytes, and is 0"},
        {"name", TWO_HUNDRED "x", "1 to 200 bytes, and is 201"},
        {"name", "a\xff", "UTF-8"},
        {"name", "a\nb", "control characters"},
        {"name", "\x7f", "control characters"},
        {"prefix", "", "1 to 200"},
        {"instance_id", TWO_HUNDRED FIFTY "1234567", "0 to 256"},
        {"instance_id", "a\tb", "control characters"},
        {"hostname", "\xc0\xaf", "UTF-8"},
        {"address", "a\r\n", "control characters"},
        {"metadata", "\xed\xa0\x80", "UTF-8"},
        {"store", "", "scheme:path"},
        {"store", "/var/lib/elect", "scheme:path"},
        {"store", "postgres://h/db", "no store is called postgres:; there are "},
        {"store", "postgres://h/db", "local:, memory:, custom:"},
        {"store", "loca:/x", "no store is called loca:"},
        {"store", "local:/x?lock_tll=5s", "\"lock_tll\" is no option"},
        {"store", "local:/x?store=memory:", "\"store\" is no option"},
        {"store", "local:/x?clock=manual", "\"clock\" is no option and no parameter of local:"},
        {"store", "local:/x?lock_ttl=5", "lock_ttl=\"5\": a duration needs a unit"},
        {"store", "local:/x?lock_ttl=5s&lock_ttl=6s", "once"},
        {"store", "local:/x?name=", "1 to 200"},
        {"store", "local:/x?name=%ff", "UTF-8"},
        {"store", "local:/x?name=%0a", "name=\"\\x0a\": must be without control"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char before[64];
        snprintf(before, sizeof(before), "%s", elect_options_get(options, table[i].name));
        cr_assert_eq(elect_options_set(options, table[i].name, table[i].value), ELECT_EINVAL, "%s=%s", table[i].name,
                     table[i].value);
        const char *error = elect_options_error(options);
        cr_assert_eq(strncmp(error, table[i].name, strlen(table[i].name)), 0, "%s", error);
        cr_assert(strstr(error, table[i].rule), "%s", error);
        cr_assert_str_eq(elect_options_get(options, table[i].name), before);
    }
}

Test(options, error_texts_are_short_and_printable_whatever_the_value)
{
    static char value[10000]; /* longer than any option may be */
    for (int byte = 1; byte < 256; byte++) {
        memset(value, byte, sizeof(value) - 1);
        for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
            cr_assert_eq(elect_options_set(options, elect__options_rows[i].name, value), ELECT_EINVAL);
            cr_assert(strlen(elect_options_error(options)) < ELECT__ERROR_SIZE);
            for (const char *s = elect_options_error(options); *s; s++)
                cr_assert(isprint((unsigned char)*s), "%s", elect_options_error(options));
        }
    }
    elect__options_fail(options, "%s", value);
    cr_assert_eq(strlen(elect_options_error(options)), ELECT__ERROR_SIZE - 1);
}

Test(options, a_password_in_the_url_is_never_shown)
{
    cr_assert_eq(elect_options_set(options, "store", "memory://u:hunter2@h/0?lock_ttl=1"), ELECT_EINVAL);
    cr_assert_null(strstr(elect_options_error(options), "hunter2"));
    cr_assert(strstr(elect_options_error(options), "memory://u:***@h/0"));
    cr_assert_eq(elect_options_set(options, "store", "memory://u:hunter2@h/0?password=hunter2"), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "store"), "memory://u:***@h/0?password=***");
    cr_assert_eq(elect_options_set(options, "store", "local:/x?pasword=hunter2"), ELECT_EINVAL);
    cr_assert_null(strstr(elect_options_error(options), "hunter2"));
    cr_assert_eq(elect_options_set(options, "store", "local://u:x?hunter2=y@h"), ELECT_EINVAL);
    cr_assert_str_eq(elect_options_error(options),
                     "store=\"local://u:***@h\": \"***\" is no option and no parameter of local:");
    cr_assert_eq(elect_options_set(options, "store", "memory://u:hunter2@h"), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "store"), "memory://u:***@h");
    cr_assert_str_eq(elect__options_value(options, ELECT__OPT_STORE), "memory://u:hunter2@h");
}

Test(options, a_password_is_never_shown)
{
    cr_assert_eq(elect_options_set(options, "password", "hunter2"), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "password"), "***");
    cr_assert_eq(elect_options_set(options, "password", "hunter2\n"), ELECT_EINVAL);
    cr_assert_str_eq(elect_options_error(options), "password=\"***\": must be without control characters");
    cr_assert_eq(elect_options_set(options, "store", "memory:?password=hunter2%0a"), ELECT_EINVAL);
    cr_assert_null(strstr(elect_options_error(options), "hunter2"), "%s", elect_options_error(options));
    cr_assert_eq(elect_options_set(options, "password", NULL), ELECT_OK);
    setenv("LEADER_ELECTION_PASSWORD", "hunter2\xff", 1);
    cr_assert_eq(elect_options_load_env(options), ELECT_EINVAL);
    cr_assert_str_eq(elect_options_error(options), "LEADER_ELECTION_PASSWORD=\"***\": must be UTF-8");
    setenv("LEADER_ELECTION_PASSWORD", "hunter2", 1);
    cr_assert_eq(elect_options_load_env(options), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "password"), "***");
    cr_assert_str_eq(elect__options_value(options, ELECT__OPT_PASSWORD), "hunter2");
}

Test(options, the_environment_fills_what_is_not_set)
{
    setenv("LEADER_ELECTION_LOCK_TTL", "7s", 1);
    setenv("LEADER_ELECTION_NAME", "from-env", 1);
    setenv("LEADER_ELECTION_STORE", "", 1);
    setenv("LEADER_ELECTION_PORT", "tcp://10.0.0.1:80", 1);
    cr_assert_eq(elect_options_set(options, "name", "from-code"), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "10s", "never read without being asked");
    cr_assert_eq(elect_options_load_env(options), ELECT_OK, "%s", elect_options_error(options));
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "7s");
    cr_assert_str_eq(elect_options_get(options, "name"), "from-code");
    cr_assert_str_eq(elect_options_get(options, "store"), "");
    cr_assert_eq(elect__options_origin(options, ELECT__OPT_LOCK_TTL), ELECT__FROM_ENV);
    cr_assert_eq(elect__options_origin(options, ELECT__OPT_NAME), ELECT__FROM_CODE);
    cr_assert_eq(elect__options_origin(options, ELECT__OPT_STORE), ELECT__UNSET);
    cr_assert_eq(elect_options_set(options, "lock_ttl", "8s"), ELECT_OK);
    cr_assert_eq(elect_options_load_env(options), ELECT_OK);
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "8s");
}

Test(options, a_bad_variable_is_named_and_none_is_taken)
{
    setenv("LEADER_ELECTION_NAME", "from-env", 1);
    setenv("LEADER_ELECTION_LOG_LEVEL", "loud", 1);
    cr_assert_eq(elect_options_load_env(options), ELECT_EINVAL);
    cr_assert_eq(strncmp(elect_options_error(options), "LEADER_ELECTION_LOG_LEVEL=\"loud\": must be off", 45), 0, "%s",
                 elect_options_error(options));
    cr_assert_str_eq(elect_options_get(options, "name"), "");
}

Test(options, a_copy_has_all_but_the_error)
{
    setenv("LEADER_ELECTION_LOCK_TTL", "7s", 1);
    cr_assert_eq(elect_options_load_env(options), ELECT_OK);
    elect_options_set(options, "store", "memory://u:pw@h");
    elect_options_set(options, "name", "");
    elect_options_t *copy = elect__options_copy(options);
    cr_assert_str_eq(elect_options_error(copy), "");
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        const char *name = elect__options_rows[i].name;
        cr_assert_str_eq(elect_options_get(copy, name), elect_options_get(options, name));
        cr_assert_eq(elect__options_origin(copy, (enum elect__option)i),
                     elect__options_origin(options, (enum elect__option)i));
    }
    elect_options_set(copy, "lock_ttl", "1s");
    cr_assert_str_eq(elect_options_get(options, "lock_ttl"), "7s");
    elect_options_free(copy);
}

static void is_text(const cJSON *row, const char *key, const char *expected)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, key);
    cr_assert(cJSON_IsString(item), "%s", key);
    cr_assert_str_eq(item->valuestring, expected);
}

Test(options, the_table_is_the_same_as_json)
{
    cJSON *table = cJSON_Parse(elect_options_table());
    cr_assert(cJSON_IsArray(table));
    cr_assert_eq(cJSON_GetArraySize(table), ELECT__OPTION_COUNT);
    cr_assert_eq(elect_options_table(), elect_options_table());
    static const char *const kinds[] = {"url", "string", "string", "enum", "duration"};
    for (int i = 0; i < ELECT__OPTION_COUNT; i++) {
        const struct elect__option_row *row = &elect__options_rows[i];
        const cJSON *json = cJSON_GetArrayItem(table, i);
        is_text(json, "name", row->name);
        is_text(json, "kind", kinds[row->kind]);
        is_text(json, "words", row->words);
        is_text(json, "default", row->default_);
        is_text(json, "min", row->min);
        is_text(json, "max", row->max);
        is_text(json, "scope", row->scope == ELECT__SCOPE_CLIENT ? "client" : "election");
        is_text(json, "env", row->env);
        is_text(json, "help", row->help);
        cr_assert_eq(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "dynamic")), row->dynamic);
        cr_assert_eq(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "secret")), row->secret);
        cr_assert_eq((int)elect__option_find(row->name), i);
        char env[100] = "LEADER_ELECTION_";
        for (size_t c = 0; c <= strlen(row->name); c++)
            env[strlen("LEADER_ELECTION_") + c] = (char)toupper(row->name[c]);
        cr_assert_str_eq(row->env, env);
    }
    cJSON_Delete(table);
}
