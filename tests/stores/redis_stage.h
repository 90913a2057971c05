/* What the tests of redis: share: a server of the test's own, and clients of it on a stage. */
#ifndef ELECT_TESTS_REDIS_STAGE_H
#define ELECT_TESTS_REDIS_STAGE_H
#include "contract.h"
#include "redis/server.h"
#include "stores/redis_store.h"
#include "url.h"

#define LONG_NS (3600 * ELECT__S)

struct scene {
    struct redis_server *server;
    struct stage stage;
    struct actor a, b;
};

/* Clients, one each for a and b, of the server's URL with this behind it; a user with these rights, "": the default one. */
static inline void scene_open_as(struct scene *scene, const char *rights, const char *behind, int64_t ttl_ns)
{
    char url[256];
    scene->server = redis_server_start(NULL);
    snprintf(url, sizeof url, "%s%s", scene->server->url, behind);
    if (*rights) {
        char line[256];
        snprintf(line, sizeof line, "ACL SETUSER u on >p %s", rights);
        redis_server_do(scene->server, line);
        snprintf(url, sizeof url, "redis://u:p@127.0.0.1:%d%s", scene->server->port, behind);
    }
    stage_open_url(&scene->stage, &elect__redis_store, url, 2, ttl_ns);
}

static inline void scene_enter(struct scene *scene)
{
    actor_enter(&scene->a, &scene->stage, 0, "job", "a-1");
    actor_enter(&scene->b, &scene->stage, 1, "job", "b-2");
}

static inline void scene_open(struct scene *scene)
{
    scene_open_as(scene, "", "", LONG_NS);
    scene_enter(scene);
}

static inline void scene_leave(struct scene *scene)
{
    actor_leave(&scene->a);
    actor_leave(&scene->b);
}

static inline void scene_close(struct scene *scene)
{
    stage_close(&scene->stage);
    redis_server_stop(scene->server);
}

static inline void scene_end(struct scene *scene)
{
    scene_leave(scene);
    scene_close(scene);
}

/* So often is word in the log. */
static inline int logged(const struct scene *scene, const char *word)
{
    int count = 0;
    for (const char *at = scene->stage.log; (at = strstr(at, word)); at++)
        count++;
    return count;
}

/* The number behind key in a section of INFO. */
static inline long long info_number(struct redis_server *server, const char *section, const char *key)
{
    redisReply *reply = redis_server_ask(server, "INFO %s", section);
    const char *at = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, key) : NULL;
    long long number = at ? atoll(at + strlen(key)) : 0;
    freeReplyObject(reply);
    return number;
}
#endif
