#include "settings.h"
#include "codes.h"
#include "duration.h"
#include "env.h"
#include "options.h"
#include "store.h"
#include "table.h"
#include "text.h"
#include "url.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTO_NS (-1)
#define MARGIN_MIN_NS (20 * ELECT__MS)

struct field {
    enum elect__option option;
    size_t offset;
};
#define FIELD(OPTION, field) {ELECT__OPT_##OPTION, offsetof(struct elect__settings, field)}
static const struct field strings[] = {
    FIELD(STORE, store),
    FIELD(PREFIX, prefix),
    FIELD(NAME, name),
    FIELD(INSTANCE_ID, instance_id),
    FIELD(HOSTNAME, hostname),
    FIELD(ADDRESS, address),
    FIELD(METADATA, metadata),
    FIELD(LAYOUT, layout),
    FIELD(ALLOW_FILESYSTEM, allow_filesystem),
    FIELD(LOCK_KEY, lock_key),
    FIELD(INFO_KEY, info_key),
    FIELD(PASSWORD, password),
    FIELD(PASSWORD_FILE, password_file),
    FIELD(TLS_CA_FILE, tls_ca_file),
    FIELD(TLS_CA_DIR, tls_ca_dir),
    FIELD(TLS_CERT_FILE, tls_cert_file),
    FIELD(TLS_KEY_FILE, tls_key_file),
    FIELD(TLS_SERVER_NAME, tls_server_name),
    FIELD(TLS_MIN_VERSION, tls_min_version),
};
enum { STRINGS = sizeof(strings) / sizeof(strings[0]) };

static const struct field times[] = {
    FIELD(LOCK_TTL, lock_ttl_ns),
    FIELD(HEARTBEAT_INTERVAL, heartbeat_interval_ns),
    FIELD(RETRY_INTERVAL, retry_interval_ns),
    FIELD(CLOCK_MARGIN, clock_margin_ns),
    FIELD(DRAIN_TIMEOUT, drain_timeout_ns),
    FIELD(RESTART_GRACE, restart_grace_ns),
};
#undef FIELD
enum { TIMES = sizeof(times) / sizeof(times[0]) };

static const char **string_field(struct elect__settings *settings, size_t i)
{
    return (const char **)(void *)((char *)settings + strings[i].offset);
}

static const char *put_string(char **next, const char *text)
{
    char *copy = *next;
    size_t size = strlen(text) + 1;
    memcpy(copy, text, size);
    *next += size;
    return copy;
}

/* One block for all: a process may hold ten thousand of these. */
static int32_t pack(struct elect__settings *draft, elect_options_t *options, struct elect__settings **out)
{
    size_t size = sizeof(*draft) + strlen(draft->warning) + 1;
    for (size_t i = 0; i < STRINGS; i++)
        size += strlen(*string_field(draft, i)) + 1;
    struct elect__settings *settings = malloc(size);
    if (!settings) {
        elect__options_fail(options, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    *settings = *draft;
    char *next = (char *)(settings + 1);
    settings->told = elect__hash(elect__hash(0, draft->address), draft->metadata) | 1;
    settings->warning = put_string(&next, draft->warning);
    for (size_t i = 0; i < STRINGS; i++)
        *string_field(settings, i) = put_string(&next, *string_field(draft, i));
    *out = settings;
    return ELECT_OK;
}

void elect__settings_free(struct elect__settings *settings)
{
    if (settings) {
        explicit_bzero((char *)settings->password, strlen(settings->password));
        explicit_bzero((char *)settings->store, strlen(settings->store));
    }
    free(settings);
}

/* ---- where a value comes from ---- */

struct sources {
    elect_options_t *client, *election; /* election: NULL for the client's own settings */
    elect_options_t *blamed;            /* gets the error text */
    struct elect__url url;              /* of the store */
};

static const char *pick(const struct sources *sources, enum elect__option option)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    const elect_options_t *election = row->scope == ELECT__SCOPE_ELECTION ? sources->election : NULL;
    for (int origin = ELECT__FROM_CODE; origin <= ELECT__FROM_ENV; origin++) {
        if ((int)elect__options_origin(election, option) == origin)
            return elect__options_value(election, option);
        if ((int)elect__options_origin(sources->client, option) == origin)
            return elect__options_value(sources->client, option);
    }
    const char *param = elect__url_param(&sources->url, row->name);
    return param ? param : row->default_;
}

static int64_t pick_ns(const struct sources *sources, enum elect__option option)
{
    char rule[ELECT__RULE_SIZE];
    int64_t ns;
    const char *text = pick(sources, option);
    if (strcmp(text, "auto") == 0)
        return AUTO_NS;
    elect__duration_parse(text, &ns, rule, sizeof(rule)); /* it was checked when it was set */
    return ns;
}

static int32_t open_sources(struct sources *sources)
{
    const char *store = elect__options_value(sources->client, ELECT__OPT_STORE);
    if (!store) {
        elect__options_fail(sources->blamed, "store is not set; it says where leaders are elected: redis://host:6379, "
                                             "local:/var/lib/elect for processes of one host, memory: for tests");
        return ELECT_EINVAL;
    }
    for (size_t i = 0; sources->election && i < ELECT__OPTION_COUNT; i++) {
        const struct elect__option_row *row = &elect__options_rows[i];
        if (row->scope == ELECT__SCOPE_CLIENT &&
            elect__options_origin(sources->election, (enum elect__option)i) == ELECT__FROM_CODE) {
            elect__options_fail(sources->blamed,
                                "%s is an option of the client, not of an election: give it to "
                                "elect_client_open",
                                row->name);
            return ELECT_EINVAL;
        }
    }
    char rule[ELECT__RULE_SIZE];
    int32_t code = elect__url_parse(store, &sources->url, rule, sizeof(rule));
    if (code != ELECT_OK)
        elect__options_fail(sources->blamed, "store: %s", rule);
    return code;
}

/* ---- rules between options ---- */

static int32_t break_rule(elect_options_t *options, const char *name, int64_t value_ns, const char *rule)
{
    char value[ELECT__DURATION_SIZE];
    elect__options_fail(options, "%s=\"%s\": %s", name, elect__duration_format(value_ns, value), rule);
    return ELECT_EINVAL;
}

static int32_t check_times(const struct elect__settings *s, elect_options_t *options, char *warning,
                           size_t warning_size)
{
    char rule[ELECT__RULE_SIZE], ttl[ELECT__DURATION_SIZE], margin[ELECT__DURATION_SIZE], most[ELECT__DURATION_SIZE];
    elect__duration_format(s->lock_ttl_ns, ttl);
    elect__duration_format(s->clock_margin_ns, margin);
    if (s->clock_margin_ns > s->lock_ttl_ns / 2) {
        snprintf(rule, sizeof(rule), "must be at most half of lock_ttl=\"%s\"", ttl);
        return break_rule(options, "clock_margin", s->clock_margin_ns, rule);
    }
    if (s->restart_grace_ns != 0 && s->restart_grace_ns < s->lock_ttl_ns) {
        snprintf(rule, sizeof(rule), "must be 0 or at least lock_ttl=\"%s\": a lock that is forgotten may last as long",
                 ttl);
        return break_rule(options, "restart_grace", s->restart_grace_ns, rule);
    }
    int64_t usable_ns = s->lock_ttl_ns - s->clock_margin_ns;
    if (s->heartbeat_interval_ns > usable_ns / 3 * 2) {
        snprintf(rule, sizeof(rule), "must be at most %s: lock_ttl=\"%s\" less clock_margin=\"%s\" holds 1.5 of them",
                 elect__duration_format(usable_ns / 3 * 2, most), ttl, margin);
        return break_rule(options, "heartbeat_interval", s->heartbeat_interval_ns, rule);
    }
    if (s->heartbeat_interval_ns > usable_ns / 2) {
        snprintf(warning, warning_size,
                 "heartbeat_interval=\"%s\" leaves no room for a second try: lock_ttl=\"%s\" less "
                 "clock_margin=\"%s\" should hold two of them",
                 elect__duration_format(s->heartbeat_interval_ns, most), ttl, margin);
    }
    return ELECT_OK;
}

/* Stores keep these four as one JSON object of a bounded size. */
static int32_t check_info(const struct elect__settings *s, elect_options_t *options)
{
    size_t length = elect__json_length(s->instance_id) + elect__json_length(s->hostname) +
                    elect__json_length(s->address) + elect__json_length(s->metadata);
    const size_t most = ELECT__INFO_MAX - ELECT__INFO_OVERHEAD;
    if (length <= most)
        return ELECT_OK;
    elect__options_fail(options,
                        "metadata: must be shorter: with instance_id, hostname and address it takes %zu bytes as "
                        "JSON, and there is room for %zu",
                        length, most);
    return ELECT_EINVAL;
}

static int32_t check_name(const struct elect__settings *s, const struct sources *sources)
{
    if (!sources->election || *s->name)
        return ELECT_OK;
    elect__options_fail(sources->blamed, "name is not set; an election has a name of %s to %s bytes",
                        elect__options_rows[ELECT__OPT_NAME].min, elect__options_rows[ELECT__OPT_NAME].max);
    return ELECT_EINVAL;
}

/* What only some stores can do is refused by the others: it would be trusted and not be there. */
static int32_t check_store(const struct elect__settings *s, const struct sources *sources)
{
    const struct elect__store_class *class_ = elect__store_find(sources->url.scheme, strlen(sources->url.scheme));
    bool known = class_ && class_->layouts;
    if (strcmp(s->layout, "elect") != 0 && (!known || !elect__word_in(class_->layouts, s->layout, strlen(s->layout)))) {
        elect__options_fail(sources->blamed, "layout=\"%s\": a store %s: has no such layout; it has: elect%s%s",
                            s->layout, sources->url.scheme, known ? "|" : "", known ? class_->layouts : "");
        return ELECT_EINVAL;
    }
    if (s->wait_replicas && !known) {
        elect__options_fail(sources->blamed, "wait_replicas=\"all\": a store %s: has no replicas to wait for",
                            sources->url.scheme);
        return ELECT_EINVAL;
    }
    if (strcmp(s->layout, "plain") == 0 && !*s->lock_key && sources->election) {
        elect__options_fail(sources->blamed, "lock_key is not set; layout=\"plain\" needs the key of the lock");
        return ELECT_EINVAL;
    }
    return ELECT_OK;
}

/* ---- resolving ---- */

static void fill_times(const struct sources *sources, struct elect__settings *s)
{
    for (size_t i = 0; i < TIMES; i++)
        *(int64_t *)(void *)((char *)s + times[i].offset) = pick_ns(sources, times[i].option);
    if (s->heartbeat_interval_ns == AUTO_NS)
        s->heartbeat_interval_ns = s->lock_ttl_ns / 10 * 3;
    if (s->retry_interval_ns == AUTO_NS)
        s->retry_interval_ns = s->lock_ttl_ns / 5;
    if (s->clock_margin_ns == AUTO_NS)
        s->clock_margin_ns = s->lock_ttl_ns / 10 > MARGIN_MIN_NS ? s->lock_ttl_ns / 10 : MARGIN_MIN_NS;
    if (s->restart_grace_ns == AUTO_NS)
        s->restart_grace_ns = s->lock_ttl_ns;
}

static void fill_strings(const struct sources *sources, struct elect__settings *s, const char *default_instance_id,
                         char host[ELECT__HOST_NAME_SIZE])
{
    for (size_t i = 0; i < STRINGS; i++)
        *string_field(s, i) = pick(sources, strings[i].option);
    if (sources->election)
        s->password = ""; /* the client's connections need it */
    if (!*s->instance_id && default_instance_id)
        s->instance_id = default_instance_id;
    if (!*s->hostname) {
        elect__host_name(host);
        s->hostname = *host && elect__utf8_line(host) ? host : "unknown-host";
    }
}

int32_t elect__settings_resolve(elect_options_t *client, elect_options_t *election, const char *default_instance_id,
                                struct elect__settings **out)
{
    struct sources sources = {.client = client, .election = election, .blamed = election ? election : client};
    char host[ELECT__HOST_NAME_SIZE], warning[ELECT__RULE_SIZE] = "";
    struct elect__settings draft = {.warning = warning};
    *out = NULL;
    elect__options_fail(sources.blamed, "%s", "");
    int32_t code = open_sources(&sources);
    if (code != ELECT_OK)
        return code;
    fill_strings(&sources, &draft, default_instance_id, host);
    fill_times(&sources, &draft);
    draft.observer = strcmp(pick(&sources, ELECT__OPT_ROLE), "observer") == 0;
    draft.wait_replicas = strcmp(pick(&sources, ELECT__OPT_WAIT_REPLICAS), "all") == 0;
    draft.tls_verify = strcmp(pick(&sources, ELECT__OPT_TLS_VERIFY), "on") == 0;
    draft.log_level = elect__level_find(pick(&sources, ELECT__OPT_LOG_LEVEL));
    code = check_name(&draft, &sources);
    if (code == ELECT_OK)
        code = check_store(&draft, &sources);
    if (code == ELECT_OK)
        code = check_times(&draft, sources.blamed, warning, sizeof(warning));
    if (code == ELECT_OK)
        code = check_info(&draft, sources.blamed);
    if (code == ELECT_OK)
        code = pack(&draft, sources.blamed, out);
    elect__url_free(&sources.url);
    return code;
}

int64_t elect__settings_time_ns(const struct elect__settings *settings, const char *name)
{
    enum elect__option option = elect__option_find(name);
    for (size_t i = 0; i < TIMES; i++) {
        if (times[i].option == option)
            return *(const int64_t *)(const void *)((const char *)settings + times[i].offset);
    }
    return -1;
}

/* ---- changes ---- */

static int32_t check_change(elect_options_t *changes, enum elect__option option, bool of_client)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    bool fits = (row->scope == ELECT__SCOPE_CLIENT) == of_client;
    if (elect__options_origin(changes, option) != ELECT__FROM_CODE || (row->dynamic && fits))
        return ELECT_OK;
    if (fits)
        elect__options_fail(changes, "%s is fixed from the start; only a new %s can have another", row->name,
                            of_client ? "client" : "election");
    else
        elect__options_fail(changes, "%s is an option of %s", row->name, of_client ? "an election" : "the client");
    return ELECT_EINVAL;
}

static void change(const elect_options_t *changes, enum elect__option option, const char **field)
{
    const char *value = elect__options_value(changes, option);
    if (value)
        *field = value;
}

static void change_strings(const elect_options_t *changes, enum elect__option_scope scope,
                           struct elect__settings *draft)
{
    for (size_t i = 0; i < STRINGS; i++) {
        const struct elect__option_row *row = &elect__options_rows[strings[i].option];
        if (row->dynamic && row->scope == scope)
            change(changes, strings[i].option, string_field(draft, i));
    }
}

/* Only one of them counts: whoever gives the one takes the other back. Both at once: which was meant is not known. */
static int32_t take_password_back(elect_options_t *changes, struct elect__settings *draft)
{
    const char *password = elect__options_value(changes, ELECT__OPT_PASSWORD);
    const char *file = elect__options_value(changes, ELECT__OPT_PASSWORD_FILE);
    if (password && *password && file && *file) {
        elect__options_fail(changes, "password and password_file are both set: give one of them");
        return ELECT_EINVAL;
    }
    if (password && *password)
        draft->password_file = "";
    if (file && *file)
        draft->password = "";
    return ELECT_OK;
}

int32_t elect__settings_update(const struct elect__settings *in_use, elect_options_t *changes, bool of_client,
                               struct elect__settings **out)
{
    struct elect__settings draft = *in_use;
    *out = NULL;
    if (!changes)
        return ELECT_EINVAL;
    elect__options_fail(changes, "%s", "");
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        if (check_change(changes, (enum elect__option)i, of_client) != ELECT_OK)
            return ELECT_EINVAL;
    }
    if (of_client) {
        const char *level = elect__level_name(draft.log_level);
        change(changes, ELECT__OPT_LOG_LEVEL, &level);
        draft.log_level = elect__level_find(level);
        if (take_password_back(changes, &draft) != ELECT_OK)
            return ELECT_EINVAL;
        const char *verify = draft.tls_verify ? "on" : "off";
        change(changes, ELECT__OPT_TLS_VERIFY, &verify);
        draft.tls_verify = strcmp(verify, "on") == 0;
    }
    change_strings(changes, of_client ? ELECT__SCOPE_CLIENT : ELECT__SCOPE_ELECTION, &draft);
    int32_t code = check_info(&draft, changes);
    return code == ELECT_OK ? pack(&draft, changes, out) : code;
}

int32_t elect__instance_id_draw(const struct elect__env *env, const char *hostname, char id[ELECT__INSTANCE_ID_MAX + 1])
{
    uint64_t bits;
    if (env->random(env->ctx, &bits, sizeof(bits)) != 0)
        return ELECT_ESTORE;
    const size_t suffix = sizeof("-0123456789abcdef");
    int length = (int)elect__utf8_cut(hostname, ELECT__INSTANCE_ID_MAX + 1 - suffix + 1);
    snprintf(id, ELECT__INSTANCE_ID_MAX + 1, "%.*s-%016" PRIx64, length, hostname, bits);
    return ELECT_OK;
}
