#include "bench.h"
#include "stores/redis_target.h"
#include <elect/elect.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_S = 10 };

static void expect(redisContext *connection, int type, const char *command)
{
    redisReply *reply = redisCommand(connection, command);
    if (!reply || reply->type != type)
        bench_die("\"%s\" failed: %s", command, reply && reply->str ? reply->str : connection->errstr);
    freeReplyObject(reply);
}

/* The least that a lock on Redis costs: hiredis, blocking, on a connection of its own. It wins each time. */
static int64_t bare_set(void *user)
{
    int64_t sent_ns = bench_now_ns();
    expect(user, REDIS_REPLY_STATUS, "SET bare:lock me NX PX 10000");
    int64_t took_ns = bench_now_ns() - sent_ns;
    expect(user, REDIS_REPLY_INTEGER, "DEL bare:lock");
    return took_ns;
}

/* To the server of redis://HOST:PORT?... */
static redisContext *connect_to(const char *store)
{
    char url[256], rule[256];
    struct elect__redis_target target;
    size_t length = strcspn(store, "?");
    if (length >= sizeof(url))
        bench_die("%s: too long", store);
    memcpy(url, store, length);
    url[length] = '\0';
    if (elect__redis_target_parse(url, &target, rule, sizeof(rule)) != ELECT_OK)
        bench_die("%s: %s", url, rule);
    redisContext *connection = redisConnect(target.host, atoi(target.port));
    elect__redis_target_free(&target);
    if (!connection || connection->err)
        bench_die("%s: no connection", url);
    return connection;
}

static struct bench_result acquire = {.store = "redis", .what = "acquire"}, renew = {.store = "redis", .what = "renew"},
                           bare = {.store = "redis", .what = "bare SET NX PX"};

int bench_redis(const char *store, int rounds, int elections)
{
    cJSON *json = cJSON_CreateObject(), *rows = cJSON_AddArrayToObject(json, "stores");
    if (strncmp(store, "redis://", strlen("redis://")) == 0) {
        struct bench_beside beside = {&bare, bare_set, connect_to(store)};
        bench_operations(store, rounds, &acquire, &renew, &beside);
        bench_add_result(rows, &bare);
        redisFree(beside.user);
    } else {
        bench_operations(store, rounds, &acquire, &renew, NULL);
    }
    bench_add_result(rows, &acquire);
    bench_add_result(rows, &renew);
    if (elections > 0) {
        struct bench_many many = bench_many(store, elections, elections < 1000 ? 0.1 : WATCH_S);
        many.store = "redis";
        bench_add_many(cJSON_AddArrayToObject(json, "many"), &many);
    }
    bench_print(json);
    return 0;
}
