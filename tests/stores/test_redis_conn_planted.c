/* The tests of the connection would notice if one of its rules were not kept: each is broken here by its switch, and must
 * show. */
#include "planted.h"
#include "unit/redis_rig.h"

static struct rig rig;

/* ---- an election that runs in another database than its URL says ---- */

static bool written_elsewhere(void)
{
    char url[64];
    struct asked asked;
    struct redis_server *server = redis_server_start(NULL);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d/99", server->port);
    rig_open(&rig, url);
    rig_begin(&rig);
    rig_ask(&rig, &asked, "SET a b", LONG);
    rig_until(&rig, asked.answered);
    rig_close(&rig);
    bool written = redis_server_ask_number(server, "EXISTS a") == 1;
    redis_server_stop(server);
    return written;
}

Test(redis_conn_planted, nothing_is_written_to_a_database_that_was_not_chosen)
{
    elect__planted_now = ELECT__PLANTED_NONE;
    cr_assert_not(written_elsewhere());
    elect__planted_now = ELECT__PLANTED_REDIS_DATABASE_UNCHECKED;
    cr_assert(written_elsewhere(), "the planted bug does not show");
}

/* ---- a write that was applied, and is told not to have been sent ---- */

static bool applied_and_not_sent(void)
{
    struct asked asked;
    struct redis_server *server = redis_server_start(NULL);
    rig_open(&rig, server->path_url);
    rig_begin(&rig);
    rig_until(&rig, rig.ups == 1);
    rig_ask(&rig, &asked, "SET a b|SAVE|SHUTDOWN NOSAVE", LONG); /* which has no answer */
    rig_until(&rig, asked.answered);
    rig_close(&rig);
    redis_server_restart(server);
    bool applied = redis_server_ask_number(server, "EXISTS a") == 1;
    redis_server_stop(server);
    cr_assert(applied);
    cr_assert_neq(asked.fate, ELECT__REDIS_ANSWERED);
    return asked.fate == ELECT__REDIS_NOT_SENT;
}

Test(redis_conn_planted, what_may_have_been_applied_is_lost_not_unsent)
{
    elect__planted_now = ELECT__PLANTED_NONE;
    cr_assert_not(applied_and_not_sent());
    elect__planted_now = ELECT__PLANTED_REDIS_LOST_IS_NOT_SENT;
    cr_assert(applied_and_not_sent(), "the planted bug does not show");
}
