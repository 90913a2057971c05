#include "../net/tls.h"
#include "../option_table.h"
#include "redis_store.h"
#include <stdio.h>
#include <string.h>

/* ---- what the connections tell ---- */

static void commands_up(struct elect__redis *redis, enum elect__redis_use use, const char *info)
{
    bool again = redis->link.was_up[use];
    redis->link.was_up[use] = true;
    elect__redis_commands_up(redis, use, info, again);
}

static void on_commands_up(void *user, const char *info)
{
    commands_up(user, ELECT__REDIS_COMMANDS_OF_ALL, info);
}

static void on_wait_up(void *user, const char *info)
{
    commands_up(user, ELECT__REDIS_COMMANDS_WITH_WAIT, info);
}

static void on_commands_down(void *user, int32_t code, bool lasting, const char *text)
{
    (void)code;
    elect__redis_commands_down(user, lasting, text);
}

/* The other connection to the same server tells the same. */
static void on_wait_down(void *user, int32_t code, bool lasting, const char *text)
{
    (void)user;
    (void)code;
    (void)lasting;
    (void)text;
}

static void on_subscriber_up(void *user, const char *info)
{
    (void)info;
    elect__redis_listen_up(user);
}

static void on_subscriber_down(void *user, int32_t code, bool lasting, const char *text)
{
    (void)code;
    (void)lasting;
    (void)text;
    elect__redis_listen_down(user);
}

static void on_push(void *user, const redisReply *reply)
{
    elect__redis_listen_push(user, reply);
}

static const struct elect__redis_conn_events events[ELECT__REDIS_USES] = {
    [ELECT__REDIS_COMMANDS_OF_ALL] = {.up = on_commands_up, .down = on_commands_down},
    [ELECT__REDIS_COMMANDS_WITH_WAIT] = {.up = on_wait_up, .down = on_wait_down},
    [ELECT__REDIS_SUBSCRIBER] = {.up = on_subscriber_up, .down = on_subscriber_down, .push = on_push},
};

/* ---- the URL ---- */

static int32_t blame(const struct elect__redis *redis, const char *rule, char *error, size_t size)
{
    elect__option_blame(ELECT__OPT_STORE, "store", redis->args.settings->store, rule, error, size);
    return ELECT_EINVAL;
}

/* The first tls_ option that is set; NULL: none is. */
static const char *tls_option(const struct elect__settings *settings)
{
    const struct {
        const char *name;
        bool set;
    } options[] = {
        {"tls_ca_file", *settings->tls_ca_file != '\0'},
        {"tls_ca_dir", *settings->tls_ca_dir != '\0'},
        {"tls_cert_file", *settings->tls_cert_file != '\0'},
        {"tls_key_file", *settings->tls_key_file != '\0'},
        {"tls_server_name", *settings->tls_server_name != '\0'},
        {"tls_min_version", strcmp(settings->tls_min_version, "1.2") != 0},
        {"tls_verify", !settings->tls_verify},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].set)
            return options[i].name;
    }
    return NULL;
}

/* What would be passed over in silence is refused: it was meant. */
static int32_t check_options(const struct elect__redis *redis, char *error, size_t size)
{
    const struct elect__settings *settings = redis->args.settings;
    const struct elect__redis_target *target = &redis->link.target;
    const char *tls = target->tls ? NULL : tls_option(settings);
    char rule[ELECT__RULE_SIZE];
    if (*target->password && (*settings->password || *settings->password_file)) {
        snprintf(rule, sizeof rule, "has a password, and %s is set too: give one of them",
                 *settings->password ? "password" : "password_file");
        return blame(redis, rule, error, size);
    }
    if (*settings->password && *settings->password_file) {
        snprintf(error, size, "password and password_file are both set: give one of them");
        return ELECT_EINVAL;
    }
    if (tls) {
        snprintf(rule, sizeof rule, "is without TLS, and %s is set: TLS is rediss:// or valkeys://", tls);
        return blame(redis, rule, error, size);
    }
    return ELECT_OK;
}

/* ---- connections ---- */

struct elect__redis_conn *elect__redis_link_conn(struct elect__redis *redis, enum elect__redis_use use, const char *key)
{
    struct elect__redis_conn **conn = &redis->link.conns[use];
    bool subscribes = use == ELECT__REDIS_SUBSCRIBER;
    struct elect__redis_conn_args args = {
        .store = &redis->args,
        .target = &redis->link.target,
        .subscriber = subscribes,
        .scripts = subscribes ? NULL : elect__redis_scripts,
        .events = &events[use],
        .user = redis,
    };
    (void)key;
    if (!*conn)
        *conn = elect__redis_conn_open(&args);
    return *conn;
}

int32_t elect__redis_link_open(struct elect__redis *redis, char *error, size_t size)
{
    char rule[ELECT__RULE_SIZE];
    if (!elect__tls_begin()) {
        snprintf(error, size, "OpenSSL does not start");
        return ELECT_ESTORE;
    }
    int32_t code = elect__redis_target_parse(redis->args.settings->store, &redis->link.target, rule, sizeof rule);
    if (code == ELECT_EINVAL)
        return blame(redis, rule, error, size);
    if (code == ELECT_OK)
        code = check_options(redis, error, size);
    if (code == ELECT_OK && (!elect__redis_link_conn(redis, ELECT__REDIS_COMMANDS_OF_ALL, NULL) ||
                             !elect__redis_link_conn(redis, ELECT__REDIS_SUBSCRIBER, NULL)))
        code = ELECT_ENOMEM;
    return code;
}

void elect__redis_link_close(struct elect__redis *redis)
{
    for (int use = 0; use < ELECT__REDIS_USES; use++) {
        if (redis->link.conns[use])
            elect__redis_conn_close(redis->link.conns[use]);
        redis->link.conns[use] = NULL;
    }
    elect__redis_target_free(&redis->link.target);
}
