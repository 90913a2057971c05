/* What is found at each connect, and the server's clock: nothing here decides who leads, it says what the store is worth. */
#include "../text.h"
#include "redis_store.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_MIN = 602 }; /* 6.2: an older one is not what the tests run on */

/* ---- INFO ---- */

const char *elect__redis_info_field(const char *info, const char *key, char *out, size_t size)
{
    size_t length = strlen(key);
    char value[ELECT__SHOW_SIZE], shown[ELECT__SHOW_SIZE];
    const char *line = info;
    out[0] = '\0';
    while (line && (strncmp(line, key, length) != 0 || line[length] != ':')) {
        line = strchr(line, '\n');
        line += line != NULL;
    }
    if (line) { /* it comes to logs and terminals */
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + length + 1, "\r\n"), line + length + 1);
        snprintf(out, size, "%s", elect__text_show(value, shown));
    }
    return out;
}

static bool has(const char *info, const char *key, const char *value)
{
    char text[64];
    return strcmp(elect__redis_info_field(info, key, text, sizeof text), value) == 0;
}

/* "slave0:ip=...,port=...,state=online,..." -> what is behind "slave0:"; NULL: it is no such line. */
static const char *online(const char *line)
{
    size_t length = strcspn(line, "\r\n");
    bool numbered = strncmp(line, "slave", 5) == 0 && line[5] >= '0' && line[5] <= '9';
    const char *state = numbered ? strstr(line, ",state=online") : NULL;
    return state && state < line + length ? strchr(line, ':') + 1 : NULL;
}

/* A replica that connects again stands there twice for a while, as its old connection is not known to be broken. */
static bool is_new(const char *info, const char *line, const char *replica)
{
    size_t length = (size_t)(strstr(replica, ",state=") + 1 - replica);
    for (; info && info < line; info = strchr(info, '\n')) {
        info += *info == '\n';
        const char *other = info < line ? online(info) : NULL;
        if (other && strncmp(other, replica, length) == 0)
            return false;
    }
    return true;
}

int elect__redis_check_replicas(const char *info)
{
    int replicas = 0;
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *replica = online(line);
        replicas += replica && is_new(info, line, replica);
    }
    return replicas;
}

static void read_info(struct elect__redis_server *server, const char *info)
{
    memset(server, 0, sizeof *server);
    server->known = true;
    server->told = *info != '\0';
    bool valkey = *elect__redis_info_field(info, "valkey_version", server->version, sizeof server->version) != '\0';
    if (!valkey)
        elect__redis_info_field(info, "redis_version", server->version, sizeof server->version);
    snprintf(server->product, sizeof server->product, "%s", valkey ? "valkey" : "redis");
    elect__redis_info_field(info, "master_replid", server->replid, sizeof server->replid);
    elect__redis_info_field(info, "maxmemory_policy", server->policy, sizeof server->policy);
    server->replica = has(info, "role", "slave");
    server->cluster = has(info, "cluster_enabled", "1");
    server->aof = has(info, "aof_enabled", "1");
    server->loading = has(info, "loading", "1");
    server->replicas = elect__redis_check_replicas(info);
}

/* ---- what it is worth ---- */

const char *elect__redis_tier(const struct elect__redis *redis, char out[ELECT__REDIS_TIER_SIZE])
{
    const struct elect__redis_server *server = &redis->server;
    const char *product = *server->product ? server->product : "redis";
    if (redis->stepped || !server->told)
        snprintf(out, ELECT__REDIS_TIER_SIZE, "%s, unverified", product);
    else if (server->replica)
        snprintf(out, ELECT__REDIS_TIER_SIZE, "%s, a replica: nobody can be elected here", product);
    else if (server->replicas > 0)
        snprintf(out, ELECT__REDIS_TIER_SIZE, "%s, asynchronously replicated", product);
    else
        snprintf(out, ELECT__REDIS_TIER_SIZE, "%s, single node, %s", product,
                 server->aof ? "append-only file" : "no append-only file");
    return out;
}

bool elect__redis_version_known(const char *version)
{
    char *end;
    long major = strtol(version, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major * 100 + minor >= VERSION_MIN;
}

struct list {
    char (*texts)[ELECT__REDIS_WARNING_SIZE];
    int count;
};

static void add(struct list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct list *list, const char *format, ...)
{
    va_list arguments;
    if (list->count == ELECT__REDIS_WARNINGS)
        return;
    va_start(arguments, format);
    vsnprintf(list->texts[list->count++], ELECT__REDIS_WARNING_SIZE, format, arguments);
    va_end(arguments);
}

int elect__redis_warnings(const struct elect__redis *redis, char out[ELECT__REDIS_WARNINGS][ELECT__REDIS_WARNING_SIZE])
{
    const struct elect__redis_server *server = &redis->server;
    bool is_redis = strcmp(server->product, "redis") == 0 && *server->version;
    struct list list = {out, 0};
    if (!server->known)
        return 0;
    if (redis->stepped)
        add(&list, "the server's clock was stepped: it expires locks by it, so a leader may have had a successor");
    if (!server->told)
        add(&list, "INFO is denied (+info): each election costs a wait of lock_ttl, as a restart goes unnoticed");
    if (server->replica)
        add(&list, "the server is a replica: nothing can be written to it");
    if (server->cluster)
        add(&list, "the server is part of a cluster: only keys of its own slots can be written to it");
    if (*server->policy && strcmp(server->policy, "noeviction") != 0)
        add(&list, "maxmemory-policy is %s: it may evict a lock; noeviction does not", server->policy);
    if (is_redis && !elect__redis_version_known(server->version))
        add(&list, "redis %s is older than what this library is tested with", server->version);
    return list.count;
}

const char *elect__redis_forgetful(const struct elect__redis *redis)
{
    const struct elect__redis_server *server = &redis->server;
    bool forgets = server->told && !server->aof && !server->replica;
    return forgets ? "appendonly is off: a restart forgets who led, and candidates wait for restart_grace" : NULL;
}

/* Once after each change: a server that is connected to again says the same again. */
static void log_warnings(struct elect__redis *redis)
{
    char texts[ELECT__REDIS_WARNINGS][ELECT__REDIS_WARNING_SIZE];
    int count = elect__redis_warnings(redis, texts);
    uint64_t hash = 1;
    for (int i = 0; i < count; i++)
        hash = elect__hash(hash, texts[i]);
    for (int i = 0; hash != redis->warned && i < count; i++)
        elect__redis_log(redis, ELECT_LOG_WARN, "%s", texts[i]);
    if (hash != redis->warned && elect__redis_forgetful(redis))
        elect__redis_log(redis, ELECT_LOG_INFO, "%s", elect__redis_forgetful(redis));
    redis->warned = hash;
}

void elect__redis_check_connect(struct elect__redis *redis, const char *info)
{
    read_info(&redis->server, info);
    elect__redis_replicas_seen(redis, redis->server.replicas);
    log_warnings(redis);
}

/* ---- its clock ---- */

/* A step that is within a candidate's clock_margin is what the margin is for. */
void elect__redis_check_clock(struct elect__redis *redis, int64_t server_us, int64_t sent_ns, int64_t received_ns)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    struct elect__entry *entry = NULL;
    int64_t step_us = elect__redis_clock_read(&redis->clock, server_us, sent_ns, received_ns);
    int64_t size_us = step_us < 0 ? -step_us : step_us;
    if (step_us == 0)
        return;
    snprintf(
        text, sizeof text,
        "store clock stepped by %+.3fs: the server expires locks by it, so a leader may have had a successor early",
        (double)step_us / 1e6);
    while ((entry = elect__table_next(&redis->locks, entry))) {
        struct elect__slot *slot = elect__redis_seat_of(entry)->slot;
        if (size_us <= slot->settings->clock_margin_ns / 1000)
            continue;
        redis->stepped = true;
        redis->args.host->error(slot, ELECT_ESTORE, text);
    }
    elect__redis_log(redis, redis->stepped ? ELECT_LOG_WARN : ELECT_LOG_INFO, "%s", text);
}
