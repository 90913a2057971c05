/* A connection to a server, from open to an answer, over and over: every allocation of the library and of libevent fails in
 * turn, once. Nothing crashes or is lost; each request is answered, and the connection is up when there is memory again. */
#include "failing.h"
#include "redis_rig.h"
#include <poll.h>

enum { ROUNDS_MIN = 20, ROUNDS_MAX = 2000, TURN_MS = 1, TURNS_MAX = 60000 };
#define STEP_NS (200 * ELECT__MS)

static struct rig rig;

/* Without the allocations that rig_until needs. */
static void run_until(const bool *answered)
{
    for (int turns = 0; !*answered; turns++) {
        cr_assert_lt(turns, TURNS_MAX, "it hangs; last: %s", rig.text);
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
        poll(NULL, 0, *answered ? 0 : TURN_MS);
    }
}

static bool send_incr(struct asked *asked)
{
    static const struct elect__redis_command incr = {.argc = 2, .argv = {"INCR", "n"}, .length = {4, 1}};
    *asked = (struct asked){.request = {.done = rig_answered}, .rig = &rig};
    bool sent = elect__redis_conn_send(rig.conn, &asked->request, &incr, 1, rig_now() + LONG);
    cr_assert_eq(sent, asked->request.sent != NULL);
    return sent;
}

/* Did an allocation fail? */
static bool play(const char *url, long at)
{
    static const char *const scripts[] = {"return 1", NULL};
    struct asked asked;
    long live = failing_live();
    rig_open(&rig, url);
    rig.args.scripts = scripts;
    rig.settings.password = SECRET;
    failing_begin(at, false);
    rig.conn = elect__redis_conn_open(&rig.args);
    if (rig.conn != NULL) {
        rig.conn->step_ns = STEP_NS; /* where libevent lost what was written, and did not say so */
        if (send_incr(&asked))
            run_until(&asked.answered);
    }
    bool hit = failing_end();
    if (rig.conn == NULL)
        rig.conn = elect__redis_conn_open(&rig.args);
    do {
        cr_assert(send_incr(&asked));
        run_until(&asked.answered);
    } while (asked.fate != ELECT__REDIS_ANSWERED);
    cr_assert_gt(asked.number, 0);
    rig_close(&rig);
    cr_assert_eq(failing_live(), live, "allocation %ld: blocks are lost", at);
    return hit;
}

Test(allocations_redis, each_failure_is_told_and_got_over)
{
    failing_hook();
    struct redis_server *server = redis_server_start((const char *const[]){"--requirepass", SECRET, NULL});
    const char *urls[] = {server->url, server->path_url};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        long at = 0;
        play(urls[i], ROUNDS_MAX); /* what is allocated once and kept */
        while (at < ROUNDS_MAX && play(urls[i], at))
            at++;
        cr_assert_geq(at, ROUNDS_MIN);
        cr_assert_lt(at, ROUNDS_MAX);
    }
    redis_server_stop(server);
}
