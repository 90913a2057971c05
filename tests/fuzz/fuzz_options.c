/* libFuzzer: lines that set options of a client, of an election, in the environment and for an update. What is taken is
 * given back, settings come of the values that were set and keep the rules between options, and what is refused is told
 * with the option, the value and the rule. Each line is one of
 *
 *     client NAME=VALUE      election NAME=VALUE      environment NAME=VALUE      update NAME=VALUE
 */
#include "duration.h"
#include "env.h"
#include "fuzz.h"
#include "options.h"
#include "store.h"
#include "text.h"
#include "url.h"

enum { INFO_ROOM = ELECT__INFO_MAX - ELECT__INFO_OVERHEAD };

struct world {
    elect_options_t *client, *election, *changes;
    const char *in_client[ELECT__OPTION_COUNT], *in_election[ELECT__OPTION_COUNT], *in_env[ELECT__OPTION_COUNT];
};

/* ---- one value ---- */

static void check_error(const elect_options_t *options, int32_t code)
{
    const char *error = elect_options_error(options);
    require(code == ELECT_OK || code == ELECT_EINVAL);
    require((code == ELECT_OK) == (*error == '\0'));
    require(elect__utf8_line(error));
    require(strlen(error) < ELECT__ERROR_SIZE);
}

/* NAME="VALUE": RULE, the value as it may be shown. */
static void check_blame(const elect_options_t *options, const char *label, enum elect__option option, const char *value)
{
    const char *error = elect_options_error(options);
    char shown[ELECT__SHOW_SIZE], start[ELECT__ERROR_SIZE];
    char *redacted = option == ELECT__OPT_STORE ? elect__url_redact(value) : NULL;
    int length =
        snprintf(start, sizeof start, "%s=\"%s\": ", label,
                 elect__options_rows[option].secret ? "***" : elect__text_show(redacted ? redacted : value, shown));
    require(length > 0 && strncmp(error, start, (size_t)length) == 0);
    require(strlen(error) > (size_t)length);
    free(redacted);
}

static void check_given_back(const elect_options_t *options, enum elect__option option, const char *value)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    const char *got = elect_options_get(options, row->name);
    require(strcmp(elect__options_value(options, option), value) == 0);
    if (row->secret)
        require(strcmp(got, "***") == 0);
    else if (row->kind != ELECT__KIND_URL)
        require(strcmp(got, value) == 0);
    require(elect__utf8_valid(value));
    require(row->kind == ELECT__KIND_TEXT || elect__utf8_line(value));
    if (row->kind == ELECT__KIND_URL || row->kind == ELECT__KIND_LINE || row->kind == ELECT__KIND_TEXT)
        require(strlen(value) <= strtoul(row->max, NULL, 10) && strlen(value) >= strtoul(row->min, NULL, 10));
}

static void set(elect_options_t *options, const char *name, const char *value, const char **of_option)
{
    enum elect__option option = elect__option_find(name);
    int32_t code = elect_options_set(options, name, value);
    check_error(options, code);
    if (option == ELECT__OPTION_COUNT) {
        require(code == ELECT_EINVAL);
        require(strstr(elect_options_error(options), "unknown option \""));
        require(elect_options_get(options, name) == NULL);
        return;
    }
    if (code == ELECT_OK) {
        of_option[option] = value;
        check_given_back(options, option, value);
        require(elect_options_set(options, name, value) == ELECT_OK);
        return;
    }
    check_blame(options, name, option, value);
    const char *kept = elect__options_value(options, option);
    require((kept == NULL) == (of_option[option] == NULL));
    require(kept == NULL || strcmp(kept, of_option[option]) == 0);
}

/* All of the environment that is not set yet, or nothing. */
static void load_env(elect_options_t *options, const char *const *in_code, const char *const *in_env)
{
    char rule[ELECT__RULE_SIZE];
    size_t bad = ELECT__OPTION_COUNT;
    for (size_t i = ELECT__OPTION_COUNT; i-- > 0;) {
        if (!in_code[i] && in_env[i] && *in_env[i] &&
            elect__option_check((enum elect__option)i, in_env[i], rule, sizeof rule) != ELECT_OK)
            bad = i;
    }
    int32_t code = elect_options_load_env(options);
    check_error(options, code);
    require((code == ELECT_OK) == (bad == ELECT__OPTION_COUNT));
    if (code != ELECT_OK)
        check_blame(options, elect__options_rows[bad].env, (enum elect__option)bad, in_env[bad]);
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        enum elect__origin origin = elect__options_origin(options, (enum elect__option)i);
        bool of_env = code == ELECT_OK && !in_code[i] && in_env[i] && *in_env[i];
        require(origin == (in_code[i] ? ELECT__FROM_CODE : of_env ? ELECT__FROM_ENV : ELECT__UNSET));
        if (of_env)
            check_given_back(options, (enum elect__option)i, in_env[i]);
    }
}

/* ---- all of them ---- */

static const char *if_from(const elect_options_t *options, enum elect__option option, enum elect__origin origin)
{
    return elect__options_origin(options, option) == origin ? elect__options_value(options, option) : NULL;
}

/* Where a value comes from, in the words of settings.h. */
static const char *expected(const struct world *w, const struct elect__url *url, enum elect__option option)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    bool of_election = row->scope == ELECT__SCOPE_ELECTION;
    const char *value = of_election ? if_from(w->election, option, ELECT__FROM_CODE) : NULL;
    if (!value)
        value = if_from(w->client, option, ELECT__FROM_CODE);
    if (!value && of_election)
        value = if_from(w->election, option, ELECT__FROM_ENV);
    if (!value)
        value = if_from(w->client, option, ELECT__FROM_ENV);
    if (!value)
        value = elect__url_param(url, row->name);
    return value ? value : row->default_;
}

static int64_t expected_ns(const struct world *w, const struct elect__url *url, enum elect__option option,
                           int64_t auto_ns)
{
    char rule[ELECT__RULE_SIZE];
    const char *value = expected(w, url, option);
    int64_t ns;
    if (strcmp(value, "auto") == 0)
        return auto_ns;
    require(elect__duration_parse(value, &ns, rule, sizeof rule) == ELECT_OK);
    return ns;
}

static void expect_times(const struct world *w, const struct elect__url *url, struct elect__settings *s)
{
    const int64_t least_ns = 20 * ELECT__MS;
    s->lock_ttl_ns = expected_ns(w, url, ELECT__OPT_LOCK_TTL, 0);
    int64_t tenth_ns = s->lock_ttl_ns / 10;
    s->heartbeat_interval_ns = expected_ns(w, url, ELECT__OPT_HEARTBEAT_INTERVAL, 3 * tenth_ns);
    s->retry_interval_ns = expected_ns(w, url, ELECT__OPT_RETRY_INTERVAL, s->lock_ttl_ns / 5);
    s->clock_margin_ns = expected_ns(w, url, ELECT__OPT_CLOCK_MARGIN, tenth_ns > least_ns ? tenth_ns : least_ns);
    s->drain_timeout_ns = expected_ns(w, url, ELECT__OPT_DRAIN_TIMEOUT, 0);
    s->restart_grace_ns = expected_ns(w, url, ELECT__OPT_RESTART_GRACE, s->lock_ttl_ns);
}

static size_t info_length(const struct elect__settings *s)
{
    return elect__json_length(s->instance_id) + elect__json_length(s->hostname) + elect__json_length(s->address) +
           elect__json_length(s->metadata);
}

static bool is_legal(const struct world *w, const struct elect__settings *wanted)
{
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        if (elect__options_rows[i].scope == ELECT__SCOPE_CLIENT && w->in_election[i])
            return false;
    }
    return *wanted->name && (wanted->restart_grace_ns == 0 || wanted->restart_grace_ns >= wanted->lock_ttl_ns) &&
           wanted->clock_margin_ns <= wanted->lock_ttl_ns / 2 &&
           wanted->heartbeat_interval_ns <= (wanted->lock_ttl_ns - wanted->clock_margin_ns) / 3 * 2 &&
           info_length(wanted) <= INFO_ROOM;
}

static void expect_strings(const struct world *w, const struct elect__url *url, struct elect__settings *s)
{
    char host[ELECT__HOST_NAME_SIZE];
    elect__host_name(host);
    s->prefix = expected(w, url, ELECT__OPT_PREFIX);
    s->name = expected(w, url, ELECT__OPT_NAME);
    s->instance_id = expected(w, url, ELECT__OPT_INSTANCE_ID);
    s->hostname = expected(w, url, ELECT__OPT_HOSTNAME);
    s->address = expected(w, url, ELECT__OPT_ADDRESS);
    s->metadata = expected(w, url, ELECT__OPT_METADATA);
    s->layout = expected(w, url, ELECT__OPT_LAYOUT);
    s->allow_filesystem = expected(w, url, ELECT__OPT_ALLOW_FILESYSTEM);
    if (!*s->instance_id)
        s->instance_id = "me";
    if (!*s->hostname)
        s->hostname = *host ? host : "unknown-host";
    s->hostname = strdup(s->hostname);
    require(s->hostname != NULL);
    s->lock_key = expected(w, url, ELECT__OPT_LOCK_KEY);
    s->info_key = expected(w, url, ELECT__OPT_INFO_KEY);
    s->password = ""; /* only the client keeps it */
    s->password_file = expected(w, url, ELECT__OPT_PASSWORD_FILE);
    s->tls_ca_file = expected(w, url, ELECT__OPT_TLS_CA_FILE);
    s->tls_ca_dir = expected(w, url, ELECT__OPT_TLS_CA_DIR);
    s->tls_cert_file = expected(w, url, ELECT__OPT_TLS_CERT_FILE);
    s->tls_key_file = expected(w, url, ELECT__OPT_TLS_KEY_FILE);
    s->tls_server_name = expected(w, url, ELECT__OPT_TLS_SERVER_NAME);
    s->tls_min_version = expected(w, url, ELECT__OPT_TLS_MIN_VERSION);
    s->wait_replicas = strcmp(expected(w, url, ELECT__OPT_WAIT_REPLICAS), "all") == 0;
    s->tls_verify = strcmp(expected(w, url, ELECT__OPT_TLS_VERIFY), "on") == 0;
}

/* What only a store that knows layouts can do. */
static bool suits_store(const struct elect__settings *wanted, const struct elect__url *url)
{
    const struct elect__store_class *class_ = elect__store_find(url->scheme, strlen(url->scheme));
    if (class_->layouts)
        return strcmp(wanted->layout, "plain") != 0 || *wanted->lock_key;
    return strcmp(wanted->layout, "elect") == 0 && !wanted->wait_replicas;
}

static void check_settings(const struct elect__settings *got, const struct elect__settings *wanted)
{
    require(strcmp(got->prefix, wanted->prefix) == 0 && strcmp(got->name, wanted->name) == 0);
    require(strcmp(got->instance_id, wanted->instance_id) == 0 && strcmp(got->hostname, wanted->hostname) == 0);
    require(strcmp(got->address, wanted->address) == 0 && strcmp(got->metadata, wanted->metadata) == 0);
    require(strcmp(got->layout, wanted->layout) == 0);
    require(strcmp(got->allow_filesystem, wanted->allow_filesystem) == 0);
    require(strcmp(got->lock_key, wanted->lock_key) == 0 && strcmp(got->info_key, wanted->info_key) == 0);
    require(strcmp(got->password, wanted->password) == 0 && strcmp(got->password_file, wanted->password_file) == 0);
    require(strcmp(got->tls_ca_file, wanted->tls_ca_file) == 0 && strcmp(got->tls_ca_dir, wanted->tls_ca_dir) == 0);
    require(strcmp(got->tls_cert_file, wanted->tls_cert_file) == 0);
    require(strcmp(got->tls_key_file, wanted->tls_key_file) == 0);
    require(strcmp(got->tls_server_name, wanted->tls_server_name) == 0);
    require(strcmp(got->tls_min_version, wanted->tls_min_version) == 0);
    require(got->wait_replicas == wanted->wait_replicas && got->tls_verify == wanted->tls_verify);
    require(got->lock_ttl_ns == wanted->lock_ttl_ns && got->clock_margin_ns == wanted->clock_margin_ns);
    require(got->heartbeat_interval_ns == wanted->heartbeat_interval_ns);
    require(got->retry_interval_ns == wanted->retry_interval_ns);
    require(got->drain_timeout_ns == wanted->drain_timeout_ns);
    require(got->restart_grace_ns == wanted->restart_grace_ns);
    /* What the rest of the library takes for granted. */
    require(got->lock_ttl_ns >= 100 * ELECT__MS && got->lock_ttl_ns <= 3600 * ELECT__S);
    require(got->heartbeat_interval_ns >= 10 * ELECT__MS && got->retry_interval_ns >= 10 * ELECT__MS);
    require(got->clock_margin_ns >= 20 * ELECT__MS && 2 * got->clock_margin_ns <= got->lock_ttl_ns);
    require(2 * (got->lock_ttl_ns - got->clock_margin_ns) >= 3 * got->heartbeat_interval_ns);
    require(got->drain_timeout_ns >= 0 && got->drain_timeout_ns <= 24 * 3600 * ELECT__S);
    require(got->restart_grace_ns >= 0 && got->restart_grace_ns <= 24 * 3600 * ELECT__S);
    require(elect__utf8_line(got->warning));
    require(strlen(got->name) <= ELECT__NAME_MAX && strlen(got->instance_id) <= ELECT__INSTANCE_ID_MAX);
}

/* ---- an update ---- */

static void check_update(const struct world *w, const struct elect__settings *in_use, bool of_client)
{
    struct elect__settings *got;
    bool legal = true;
    int32_t code = elect__settings_update(in_use, w->changes, of_client, &got);
    check_error(w->changes, code);
    require((code == ELECT_OK) == (got != NULL));
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        const struct elect__option_row *row = &elect__options_rows[i];
        if (elect__options_origin(w->changes, (enum elect__option)i) != ELECT__FROM_CODE)
            continue;
        legal = legal && row->dynamic && (row->scope == ELECT__SCOPE_CLIENT) == of_client;
    }
    require(legal || code != ELECT_OK);
    if (!got)
        return;
    const char *address = elect__options_value(w->changes, ELECT__OPT_ADDRESS);
    const char *metadata = elect__options_value(w->changes, ELECT__OPT_METADATA);
    require(strcmp(got->address, address && !of_client ? address : in_use->address) == 0);
    require(strcmp(got->metadata, metadata && !of_client ? metadata : in_use->metadata) == 0);
    const char *password = elect__options_value(w->changes, ELECT__OPT_PASSWORD);
    require(strcmp(got->password, password && of_client ? password : in_use->password) == 0);
    require(strcmp(got->name, in_use->name) == 0 && got->lock_ttl_ns == in_use->lock_ttl_ns);
    require(info_length(got) <= INFO_ROOM);
    elect__settings_free(got);
}

static void resolve(const struct world *w)
{
    struct elect__settings *got, wanted = {0};
    struct elect__url url = {0};
    char rule[ELECT__RULE_SIZE];
    const char *store = elect__options_value(w->client, ELECT__OPT_STORE);
    int32_t code = elect__settings_resolve(w->client, w->election, "me", &got);
    check_error(w->election, code);
    require((code == ELECT_OK) == (got != NULL));
    if (!store) {
        require(code == ELECT_EINVAL);
        return;
    }
    require(elect__url_parse(store, &url, rule, sizeof rule) == ELECT_OK);
    expect_times(w, &url, &wanted);
    expect_strings(w, &url, &wanted);
    require((code == ELECT_OK) == (is_legal(w, &wanted) && suits_store(&wanted, &url)));
    if (got) {
        check_settings(got, &wanted);
        check_update(w, got, false);
        check_update(w, got, true);
    }
    free((char *)(uintptr_t)wanted.hostname);
    elect__url_free(&url);
    elect__settings_free(got);
}

static void take_line(struct world *w, char *line)
{
    static const char *const targets[] = {"client", "election", "update", "environment"};
    const char *in_update[ELECT__OPTION_COUNT] = {0};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char *name = fuzz_after(line, targets[i]), *value = name ? strchr(name, '=') : NULL;
        enum elect__option option;
        if (!value)
            continue;
        *value++ = '\0';
        option = elect__option_find(name);
        if (i == 0) {
            set(w->client, name, value, w->in_client);
        } else if (i == 1) {
            set(w->election, name, value, w->in_election);
        } else if (i == 2) {
            for (size_t j = 0; j < ELECT__OPTION_COUNT; j++)
                in_update[j] = elect__options_value(w->changes, (enum elect__option)j);
            set(w->changes, name, value, in_update);
        } else if (option != ELECT__OPTION_COUNT) {
            setenv(elect__options_rows[option].env, value, 1);
            w->in_env[option] = value;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line;
    struct world w = {elect_options_new(), elect_options_new(), elect_options_new(), {0}, {0}, {0}};
    require(w.client && w.election && w.changes);
    while ((line = fuzz_line(&rest)))
        take_line(&w, line);
    load_env(w.client, w.in_client, w.in_env);
    load_env(w.election, w.in_election, w.in_env);
    resolve(&w);
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++)
        unsetenv(elect__options_rows[i].env);
    elect_options_free(w.client);
    elect_options_free(w.election);
    elect_options_free(w.changes);
    free(text);
    return 0;
}
