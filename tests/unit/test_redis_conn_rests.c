/* How often a connection is tried, whatever a server does: never in a busy loop, and at once where there are new credentials. */
#include "redis_fake.h"

/* ---- never a busy loop ---- */

static void close_at_once(struct peer *peer)
{
    (void)peer;
}

static void close_when_up(struct peer *peer)
{
    redisReply *command;
    bool more = true;
    while (more && (command = hear(peer)) != NULL) {
        more = strcmp(command->element[0]->str, "INFO") != 0;
        say(peer, more ? "+OK\r\n" : INFO);
        freeReplyObject(command);
    }
}

/* Also where the dice always say "at once": each try rests longer than the one before, up to a bound. */
static void rests(void (*serve)(struct peer *peer), const char *bytes)
{
    static const int64_t least_ms[] = {1, 5, 10, 20, 40, 80};
    enum { TRIES = sizeof least_ms / sizeof least_ms[0] };
    fake.bytes = bytes;
    atomic_store(&fake.connects, 0);
    begin(serve, "");
    rig.drawn = 1;
    for (int i = 0; i < TRIES; i++) {
        int64_t before_ns = rig_now();
        int64_t from_ns = rig.conn->retry.set && i > 0 ? rig.conn->retry.at_ns : before_ns;
        rig_until(&rig, rig.downs == i + 1);
        int64_t rest_ns = rig.conn->retry.at_ns - from_ns;
        /* As far as the tries are counted: they begin anew where it stood for a while. */
        cr_assert_geq(rest_ns, least_ms[rig.conn->tries - 1] * ELECT__MS, "try %d", i);
        cr_assert(serve == close_when_up || rig.conn->tries == i + 1);
        cr_assert_leq(rig.conn->retry.at_ns, rig_now() + 5 * ELECT__S);
    }
    cr_assert_eq(atomic_load(&fake.connects), TRIES);
    end();
}

Test(redis_conn_rests, whatever_a_server_does_there_is_a_rest_between_tries)
{
    rests(close_at_once, NULL);
    rests(close_when_up, NULL);
    rests(answer_all, "-LOADING Redis is loading the dataset in memory\r\n");
    rests(answer_all, "-ERR max number of clients reached\r\n");
}

Test(redis_conn_rests, the_rests_have_a_bound)
{
    begin(close_at_once, "");
    rig.drawn = UINT32_MAX;
    rig.conn->tries = 29;
    for (int i = 1; i <= 3; i++) {
        rig_until(&rig, rig.downs == i);
        int64_t rest_ns = rig.conn->retry.at_ns - rig_now();
        cr_assert_leq(rest_ns, 2 * ELECT__S);
        rig.conn->tries = 29 + i;
        elect__redis_conn_timer(rig.conn, &rig.conn->retry, rig_now());
    }
    end();
}

static int agains;

static void ask_again(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    (void)answer;
    agains++;
    const struct elect__redis_command command = {.argc = 1, .argv = {"PING"}, .length = {4}};
    cr_assert(elect__redis_conn_send(rig.conn, request, &command, 1, rig_now() - ELECT__S));
}

Test(redis_conn_rests, who_asks_again_with_a_deadline_that_has_passed_does_not_hold_the_loop)
{
    struct asked first;
    begin(wait_for_end, "");
    rig_ask(&rig, &first, "PING", -1);
    first.request.done = ask_again;
    first.rig = &rig;
    for (int i = 0; i < 100; i++)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_geq(agains, 1);
    cr_assert_leq(agains, 100);
    end();
    cr_assert_null(first.request.sent);
}

/* ---- credentials that change in the middle ---- */

static void refuse_first(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL) {
        bool info = strcmp(command->element[0]->str, "INFO") == 0;
        say(peer, peer->nth == 1 ? "-WRONGPASS no\r\n" : info ? INFO : "+OK\r\n");
        freeReplyObject(command);
    }
}

Test(redis_conn_rests, credentials_that_come_while_old_ones_are_refused_are_tried_at_once)
{
    begin(refuse_first, "");
    rig_until(&rig, rig.conn->state == ELECT__REDIS_PROVING);
    elect__redis_conn_hurry(rig.conn);
    rig_until(&rig, rig.downs == 1);
    cr_assert_leq(rig.conn->retry.at_ns, rig_now() + 100 * ELECT__MS);
    rig_until(&rig, rig.ups == 1);
    end();
}
