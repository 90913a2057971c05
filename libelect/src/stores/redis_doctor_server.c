/* What INFO says of a server, and what to do about it. */
#include "redis_doctor.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD = 64 };

static const char *field(const char *info, const char *key, char out[FIELD])
{
    return elect__redis_info_field(info, key, out, FIELD);
}

static int64_t number(const char *info, const char *key)
{
    char text[FIELD];
    return strtoll(field(info, key, text), NULL, 10);
}

static void find_version(struct elect__redis_visit *visit, const char *info)
{
    char version[FIELD], valkey[FIELD];
    bool is_valkey = *field(info, "valkey_version", valkey) != '\0';
    field(info, "redis_version", version);
    if (is_valkey || elect__redis_version_known(version))
        elect__doctor_find(&visit->doctor, "version", ELECT__FINDING_OK, "", "%s %s", is_valkey ? "valkey" : "redis",
                           is_valkey ? valkey : version);
    else
        elect__doctor_find(&visit->doctor, "version", ELECT__FINDING_WARN, "use redis 6.2 or later, or valkey",
                           "redis %s is older than what this library is tested with", version);
}

static void find_role(struct elect__redis_visit *visit, const char *info)
{
    char role[FIELD], host[FIELD], port[FIELD];
    if (strcmp(field(info, "role", role), "slave") == 0)
        elect__doctor_find(&visit->doctor, "role", ELECT__FINDING_FAIL, "connect to the master",
                           "a replica of %s:%s: nobody can be elected here", field(info, "master_host", host),
                           field(info, "master_port", port));
    else
        elect__doctor_find(&visit->doctor, "role", ELECT__FINDING_OK, "", "a master");
    if (number(info, "cluster_enabled") == 1)
        elect__doctor_find(&visit->doctor, "cluster", ELECT__FINDING_WARN, "",
                           "part of a cluster: only keys of this server's own slots can be written");
}

static void find_replicas(struct elect__redis_visit *visit, const char *info)
{
    int replicas = elect__redis_check_replicas(info);
    bool waits = visit->query->settings->wait_replicas;
    if (replicas > 0 && !waits)
        elect__doctor_find(&visit->doctor, "replicas", ELECT__FINDING_WARN, "set wait_replicas=all",
                           "%d, written to after the answer: one that is promoted may not know who leads", replicas);
    else if (replicas > 0)
        elect__doctor_find(&visit->doctor, "replicas", ELECT__FINDING_OK, "", "%d, and each write waits for all",
                           replicas);
    else if (waits)
        elect__doctor_find(&visit->doctor, "replicas", ELECT__FINDING_FAIL, "add a replica, or set wait_replicas=off",
                           "none, and wait_replicas=all: nobody is elected");
    else
        elect__doctor_find(&visit->doctor, "replicas", ELECT__FINDING_OK, "",
                           "none: while this server is down nobody "
                           "is elected");
}

/* While there is no limit nothing is evicted; but a limit is set easily, and then it is too late to ask. */
static void find_eviction(struct elect__redis_visit *visit, const char *info)
{
    static const char fix[] = "CONFIG SET maxmemory-policy noeviction";
    char policy[FIELD];
    int64_t limit = number(info, "maxmemory"), used = number(info, "used_memory");
    field(info, "maxmemory_policy", policy);
    if (strcmp(policy, "noeviction") == 0)
        elect__doctor_find(&visit->doctor, "eviction", ELECT__FINDING_OK, "", "noeviction: no lock is thrown out");
    else if (!*policy)
        elect__doctor_find(&visit->doctor, "eviction", ELECT__FINDING_SKIP, "", "the server does not tell its policy");
    else if (limit == 0)
        elect__doctor_find(&visit->doctor, "eviction", ELECT__FINDING_WARN, fix,
                           "maxmemory-policy is %s, which throws locks out as soon as a maxmemory is set", policy);
    else
        elect__doctor_find(&visit->doctor, "eviction", ELECT__FINDING_FAIL, fix,
                           "maxmemory-policy is %s: when memory is short, a lock is thrown out while its leader leads",
                           policy);
    if (limit > 0 && used >= limit / 10 * 9)
        elect__doctor_find(&visit->doctor, "memory", ELECT__FINDING_WARN, "raise maxmemory, or make room",
                           "%" PRId64 " of %" PRId64 " MiB are used: when it is full nobody new is elected", used >> 20,
                           limit >> 20);
    else
        elect__doctor_find(&visit->doctor, "memory", ELECT__FINDING_OK, "",
                           limit > 0 ? "%" PRId64 " of %" PRId64 " MiB are used"
                                     : "%" PRId64 " MiB are used, without limit",
                           used >> 20, limit >> 20);
}

static void find_persistence(struct elect__redis_visit *visit, const char *info)
{
    char aof[FIELD], rdb[FIELD];
    bool appends = number(info, "aof_enabled") == 1;
    bool failed = strcmp(field(info, "aof_last_write_status", aof), "err") == 0 ||
                  strcmp(field(info, "rdb_last_bgsave_status", rdb), "err") == 0;
    if (failed)
        elect__doctor_find(&visit->doctor, "persistence", ELECT__FINDING_FAIL, "see the server's log and its disk",
                           "the server could not write to its disk: it may refuse writes (MISCONF)");
    else if (appends)
        elect__doctor_find(&visit->doctor, "persistence", ELECT__FINDING_OK, "",
                           "appendonly is on: a restart forgets one second at most, or nothing");
    else
        elect__doctor_find(&visit->doctor, "persistence", ELECT__FINDING_WARN, "CONFIG SET appendonly yes",
                           "appendonly is off: a restart forgets who leads; restart_grace is waited for then");
}

static void find_grace(struct elect__redis_visit *visit, const char *info)
{
    const char *user = *visit->redis->link.target.user ? visit->redis->link.target.user : "default";
    char fix[300], replid[FIELD], uptime[FIELD];
    bool told = info && *field(info, "master_replid", replid) && *field(info, "uptime_in_seconds", uptime);
    snprintf(fix, sizeof fix, "ACL SETUSER %.256s +info", user);
    if (told)
        elect__doctor_find(&visit->doctor, "restart grace", ELECT__FINDING_OK, "",
                           "a restart and a promotion are noticed, and waited for");
    else if (visit->query->settings->restart_grace_ns == 0)
        elect__doctor_find(&visit->doctor, "restart grace", ELECT__FINDING_SKIP, "", "restart_grace=0");
    else
        elect__doctor_find(&visit->doctor, "restart grace", ELECT__FINDING_FAIL, fix,
                           "INFO is denied or says too little: a restart is not noticed, so a grace is waited for at "
                           "each election");
}

void elect__redis_visit_find_server(struct elect__redis_visit *visit, const char *info)
{
    find_grace(visit, info);
    if (!info)
        return;
    find_version(visit, info);
    find_role(visit, info);
    find_replicas(visit, info);
    find_eviction(visit, info);
    find_persistence(visit, info);
}

static bool is_loopback(const char *host)
{
    struct in6_addr address;
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           (inet_pton(AF_INET6, host, &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address));
}

static void read_verify(const struct elect__settings *settings, void *user)
{
    *(bool *)user = settings->tls_verify;
}

void elect__redis_visit_find_way(struct elect__redis_visit *visit)
{
    const struct elect__redis_target *target = &visit->redis->link.target;
    const struct elect__store_args *store = &visit->redis->args;
    bool verified = false;
    store->host->current(store->ctx, read_verify,
                         &verified); /* an update may have changed it since the client was opened */
    if (target->tls && !verified)
        elect__doctor_find(&visit->doctor, "tls", ELECT__FINDING_WARN, "set tls_ca_file, and tls_verify=on",
                           "tls_verify=off: whoever answers is taken for the server, and learns the password");
    else if (target->tls)
        elect__doctor_find(&visit->doctor, "tls", ELECT__FINDING_OK, "", "the server's certificate is verified");
    else if (*target->path || is_loopback(target->host))
        elect__doctor_find(&visit->doctor, "tls", ELECT__FINDING_OK, "", "none, and nothing leaves this host");
    else
        elect__doctor_find(&visit->doctor, "tls", ELECT__FINDING_WARN, "use rediss://",
                           "none: who is on the way to %s can read the password, and answer for the server",
                           target->host);
}
