/* The tests of the redis: store would notice if one of these rules were not kept: each is broken here by its switch. */
#include "planted.h"
#include "redis_stage.h"
#include <unistd.h>

/* wait_replicas=all: what a replica does not have elects nobody. */
static bool a_write_waits_for_its_replica(void)
{
    struct scene s;
    char port[16];
    int online = 0;
    scene_open_as(&s, "", "", 8 * ELECT__S);
    snprintf(port, sizeof port, "%d", s.server->port);
    struct redis_server *replica = redis_server_start((const char *[]){"--replicaof", "127.0.0.1", port, NULL});
    for (int i = 0; i < 3000 && online == 0; i++) {
        redisReply *reply = redis_server_ask(s.server, "INFO replication");
        online = elect__redis_check_replicas(reply->str);
        freeReplyObject(reply);
        usleep(10000);
    }
    cr_assert_eq(online, 1);
    scene_enter(&s);
    s.a.settings.wait_replicas = true;
    redis_server_freeze(replica);
    bool kept = acquire(&s.a, 11) == ELECT__REFUSED;
    scene_end(&s);
    redis_server_stop(replica);
    return kept;
}

/* Without INFO, nobody knows how long the server has been there. */
static bool a_grace_that_nobody_tells_of_is_waited_out(void)
{
    struct scene s;
    scene_open_as(&s, "~* &* +@all -info", "", LONG_NS);
    scene_enter(&s);
    s.a.settings.restart_grace_ns = s.stage.ttl_ns;
    bool kept = acquire(&s.a, 11) == ELECT__WAIT && acquire(&s.a, 12) == ELECT__WAIT;
    scene_end(&s);
    return kept;
}

#define NOTICED(name, bug)                                                                                             \
    Test(redis_store_planted, name)                                                                                    \
    {                                                                                                                  \
        cr_assert(name());                                                                                             \
        elect__planted_now = ELECT__PLANTED_##bug;                                                                     \
        cr_assert_not(name(), "the planted bug does not show");                                                        \
    }

NOTICED(a_write_waits_for_its_replica, REDIS_REPLICAS_IGNORED)
/* WAIT counts what its own connection has written. */
static bool a_write_waits_on_its_own_connection(void)
{
    return a_write_waits_for_its_replica();
}

NOTICED(a_write_waits_on_its_own_connection, REDIS_WAIT_ON_ANOTHER_CONNECTION)
NOTICED(a_grace_that_nobody_tells_of_is_waited_out, REDIS_DENIED_GRACE_SKIPPED)
