/* wait_replicas=all: elections and renewals that count once every replica has them. */
#include "redis_stage.h"
#include <unistd.h>

enum { REPLICAS = 2 };

struct fleet {
    struct scene s;
    struct redis_server *replicas[REPLICAS];
    int count;
};

static void until_online(struct redis_server *master, int replicas)
{
    for (int i = 0; i < 3000; i++) {
        redisReply *reply = redis_server_ask(master, "INFO replication");
        int online = elect__redis_check_replicas(reply->str);
        freeReplyObject(reply);
        if (online == replicas)
            return;
        usleep(10000);
    }
    cr_assert_fail("the replica did not come");
}

/* A master with its replicas, and a and b, who wait for them; so long a TTL that a stall does not pass for silence. */
static void open_fleet(struct fleet *fleet, int replicas)
{
    char port[16];
    struct scene *s = &fleet->s;
    scene_open_as(s, "", "", 15 * ELECT__S);
    redis_server_do(s->server, "CONFIG SET repl-diskless-sync-delay 0");
    snprintf(port, sizeof port, "%d", s->server->port);
    fleet->count = replicas;
    for (int i = 0; i < replicas; i++)
        fleet->replicas[i] = redis_server_start((const char *[]){"--replicaof", "127.0.0.1", port, NULL});
    until_online(s->server, replicas);
    redis_server_do(s->server, "SET warm 1");
    for (int i = 0; i < replicas; i++) /* one that is online has not begun to listen yet */
        while (redis_server_ask_number(fleet->replicas[i], "EXISTS warm") == 0)
            usleep(10000);
    scene_enter(s);
    s->a.settings.wait_replicas = s->b.settings.wait_replicas = true;
}

static void close_fleet(struct fleet *fleet)
{
    scene_end(&fleet->s);
    for (int i = 0; i < fleet->count; i++)
        redis_server_stop(fleet->replicas[i]);
}

static bool locked(struct fleet *fleet)
{
    return redis_server_ask_number(fleet->s.server, "EXISTS elect:{job}:leader") == 1;
}

Test(redis_replicas, a_write_counts_once_all_replicas_have_it)
{
    struct fleet f;
    open_fleet(&f, 1);
    struct actor *a = &f.s.a;
    uint64_t epoch = win(a, 11);
    cr_assert_eq(redis_server_ask_number(f.replicas[0], "EXISTS elect:{job}:leader"), 1);
    cr_assert_eq(renew(a, 11, epoch), ELECT__RENEWED);
    redis_server_freeze(f.replicas[0]);
    cr_assert_eq(renew(a, 11, epoch), ELECT__UNKNOWN);
    cr_assert_eq(a->reply.code, ELECT_EUNKNOWN);
    cr_assert_not_null(strstr(a->text, "0 of 1 replicas"), "%s", a->text);
    cr_assert(locked(&f), "it leads until its lease ends");
    redis_server_thaw(f.replicas[0]);
    cr_assert_eq(renew(a, 11, epoch), ELECT__RENEWED);
    close_fleet(&f);
}

Test(redis_replicas, an_acquire_that_the_replicas_do_not_have_is_released)
{
    struct fleet f;
    open_fleet(&f, 1);
    redis_server_freeze(f.replicas[0]);
    cr_assert_eq(acquire(&f.s.a, 11), ELECT__REFUSED);
    cr_assert_not_null(strstr(f.s.a.text, "0 of 1 replicas"), "%s", f.s.a.text);
    cr_assert_not(locked(&f));
    redis_server_thaw(f.replicas[0]);
    win(&f.s.b, 12);
    close_fleet(&f);
}

/* The lock was acquired with an answer that came too late, and is found again. */
Test(redis_replicas, an_adoption_that_the_replicas_do_not_have_is_released)
{
    struct fleet f;
    open_fleet(&f, 1);
    uint64_t epoch = win(&f.s.a, 11);
    f.s.b.settings.instance_id = f.s.a.settings.instance_id;
    redis_server_freeze(f.replicas[0]);
    cr_assert_eq(renew(&f.s.b, 11, epoch), ELECT__REFUSED);
    cr_assert_not(locked(&f));
    redis_server_thaw(f.replicas[0]);
    close_fleet(&f);
}

/* The one that is gone may have been promoted. */
Test(redis_replicas, without_a_replica_nobody_is_elected)
{
    struct fleet f;
    open_fleet(&f, 0);
    cr_assert_eq(acquire(&f.s.a, 11), ELECT__REFUSED);
    cr_assert_not_null(strstr(f.s.a.text, "0 of 1 replicas"), "%s", f.s.a.text);
    cr_assert_not_null(strstr(f.s.a.text, "restart, or set wait_replicas=off"), "%s", f.s.a.text);
    cr_assert_not(locked(&f));
    cr_assert_eq(logged(&f.s, "no replica is online"), 1);
    close_fleet(&f);
}

Test(redis_replicas, a_replica_that_is_gone_is_waited_for_also_after_a_reconnect)
{
    struct fleet f;
    open_fleet(&f, 2);
    struct actor *a = &f.s.a;
    uint64_t epoch = win(a, 11);
    redis_server_kill(f.replicas[1]);
    until_online(f.s.server, 1);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(renew(a, 11, epoch), ELECT__UNKNOWN);
        cr_assert_not_null(strstr(a->text, "1 of 2 replicas"), "%s", a->text);
        redis_server_do(f.s.server, "CLIENT KILL TYPE normal");
        while (probe(a) != ELECT__HELD) {
        }
    }
    close_fleet(&f);
}

Test(redis_replicas, a_replica_that_connects_again_counts_once)
{
    cr_assert_eq(elect__redis_check_replicas("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"), 0);
    cr_assert_eq(elect__redis_check_replicas("role:master\r\n"
                                             "slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=30\r\n"
                                             "slave1:ip=10.0.0.2,port=6379,state=online,offset=9,lag=0\r\n"
                                             "slave2:ip=10.0.0.2,port=63,state=online,offset=9,lag=0\r\n"
                                             "slave3:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=9,lag=0\r\n"
                                             "slave4:ip=10.0.0.3,port=6379,state=online,offset=9,lag=0\r\n"
                                             "slave_read_only:1,state=online\r\n"),
                 3);
}

/* rule: WAIT counts its own connection's writes, and nobody else has to wait for it. */
Test(redis_replicas, wait_elections_have_a_connection_of_their_own)
{
    struct fleet f;
    struct actor c;
    open_fleet(&f, 1);
    actor_enter(&c, &f.s.stage, 0, "other", "c-3"); /* of a's client */
    uint64_t epoch = win(&c, 31);
    win(&f.s.a, 11);
    redis_server_freeze(f.replicas[0]);
    struct elect__op op = {.verb = ELECT__RENEW, .attempt = 11, .epoch = f.s.a.reply.epoch, .seq = 1000};
    op.sent_at_ns = stage_now(&f.s.stage);
    op.deadline_ns = op.sent_at_ns + 8 * ELECT__S;
    int answers = f.s.a.answers;
    f.s.a.answered = false;
    f.s.stage.class_->submit(f.s.a.store, &f.s.a.slot, &op);
    cr_assert_eq(renew(&c, 31, epoch), ELECT__RENEWED);
    cr_assert_eq(f.s.a.answers, answers, "it waits yet");
    redis_server_thaw(f.replicas[0]);
    stage_until(&f.s.stage, &f.s.a.answers, answers + 1);
    cr_assert_eq(f.s.a.reply.outcome, ELECT__RENEWED);
    actor_leave(&c);
    close_fleet(&f);
}
