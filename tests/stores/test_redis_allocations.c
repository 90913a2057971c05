/* Two clients of redis:, without memory (unit/sites.h). */
#include "redis/server.h"
#include "unit/sites.h"

static struct redis_server *server;

/* Without memory a connection ends, and what was sent on it may have been applied or not. */
static bool may_fail(int32_t code)
{
    return code == ELECT_ENOMEM || code == ELECT_ESTORE || code == ELECT_EUNREACHABLE || code == ELECT_EUNKNOWN;
}

static void forget(void)
{
    redis_server_do(server, "FLUSHALL");
}

static int32_t ask(const struct site *site)
{
    char *text;
    int32_t code = elect_client_report(site->client, "elections", GUARD_MS, &text);
    elect_string_free(text);
    return code;
}

static void live(bool forever, int step)
{
    server = redis_server_start(NULL);
    const struct site_store redis = {
        .url = server->path_url,
        .pairs = "lock_ttl=1h heartbeat_interval=20ms retry_interval=10ms restart_grace=0s",
        .may_fail = may_fail,
        .end = forget,
        .ask = ask,
    };
    sites_live(&redis, forever, step);
    redis_server_stop(server);
}

Test(redis_allocations, each_fails_once)
{
    live(false, 1);
}

Test(redis_allocations, all_fail_from_one_on)
{
    live(true, 7);
}
