/* redis: a candidate's operations over the library's own connection: what the contract cannot ask of every store. */
#include "redis_stage.h"
#include <unistd.h>

/* ---- what is sent ---- */

Test(redis_store, who_leads_is_read_once_a_term)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    until_told(&s.b);
    probe(&s.b);
    long long before = info_number(s.server, "commandstats", "cmdstat_hmget:calls=");
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(probe(&s.b), ELECT__HELD);
        cr_assert_eq(s.b.reply.epoch, epoch);
        cr_assert_str_eq(s.b.id, "a-1");
        cr_assert_eq(s.b.leader_epoch, epoch);
    }
    cr_assert_eq(info_number(s.server, "commandstats", "cmdstat_hmget:calls="), before);
    release(&s.a, 11, epoch, ELECT_REASON_STOPPED);
    uint64_t next = win(&s.a, 12);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    cr_assert_eq(s.b.reply.epoch, next);
    scene_end(&s);
}

Test(redis_store, what_a_leader_changes_is_seen)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    until_told(&s.b);
    probe(&s.b);
    s.a.settings.address = "10.0.0.2:81";
    s.a.settings.told++;
    int wakes = s.b.wakes;
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    stage_until(&s.stage, &s.b.wakes, wakes + 1);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    cr_assert_str_eq(s.b.address, "10.0.0.2:81");
    wakes = s.b.wakes;
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    cr_assert_eq(s.b.wakes, wakes, "nothing has changed");
    scene_end(&s);
}

Test(redis_store, flushed_scripts_are_sent_as_text)
{
    struct scene s;
    scene_open(&s);
    probe(&s.a);
    probe(&s.b);
    redis_server_do(s.server, "SCRIPT FLUSH");
    uint64_t epoch = win(&s.a, 11);
    redis_server_do(s.server, "SCRIPT FLUSH");
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    redis_server_do(s.server, "SCRIPT FLUSH");
    cr_assert_eq(ask(&s.stage, 1, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_OK);
    redis_server_do(s.server, "SCRIPT FLUSH");
    cr_assert_eq(release(&s.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(probe(&s.b), ELECT__FREE);
    scene_end(&s);
}

Test(redis_store, a_newer_operation_takes_the_place_of_the_older)
{
    struct scene s;
    scene_open(&s);
    probe(&s.a); /* it is connected */
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 11, .seq = 1000};
    op.sent_at_ns = stage_now(&s.stage);
    op.deadline_ns = op.sent_at_ns + s.stage.ttl_ns;
    s.stage.class_->submit(s.a.store, &s.a.slot, &op);
    cr_assert_eq(probe(&s.a), ELECT__HELD, "outcome %d", (int)s.a.reply.outcome);
    cr_assert_eq(s.a.reply.attempt, 11, "the acquire was sent, and its answer is nobody's");
    scene_end(&s);
}

Test(redis_store, a_database_of_its_own)
{
    struct scene s;
    scene_open_as(&s, "", "/3", LONG_NS);
    scene_enter(&s);
    win(&s.a, 11);
    cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    cr_assert_eq(info_number(s.server, "keyspace", "db3:keys="), 3, "lock, record, history");
    cr_assert_eq(info_number(s.server, "keyspace", "db0:keys="), 0);
    scene_end(&s);
}

/* ---- what is found ---- */

Test(redis_store, another_lock_ttl_is_told_once)
{
    struct scene s;
    scene_open(&s);
    s.b.settings.lock_ttl_ns = LONG_NS / 2;
    win(&s.a, 11);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(probe(&s.b), ELECT__HELD);
        cr_assert_eq(acquire(&s.b, 12), ELECT__HELD);
    }
    cr_assert_eq(s.b.errors, 1);
    cr_assert_not_null(strstr(s.b.error, "lock_ttl"), "%s", s.b.error);
    cr_assert_eq(s.a.errors, 0);
    scene_end(&s);
}

Test(redis_store, a_lock_without_ttl_is_told_once)
{
    struct scene s;
    scene_open(&s);
    redis_server_do(s.server, "SET elect:{job}:leader somebody");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(probe(&s.b), ELECT__HELD);
        cr_assert_eq(s.b.reply.left_ns, -1);
        cr_assert_eq(s.b.reply.epoch, 0);
        cr_assert_str_eq(s.b.id, "somebody");
    }
    cr_assert_eq(s.b.errors, 1);
    cr_assert_not_null(strstr(s.b.error, "no TTL"), "%s", s.b.error);
    scene_end(&s);
}

Test(redis_store, a_key_of_another_type_is_refused)
{
    struct scene s;
    scene_open(&s);
    redis_server_do(s.server, "LPUSH elect:{job}:leader somebody");
    cr_assert_eq(probe(&s.a), ELECT__REFUSED);
    cr_assert_eq(acquire(&s.a, 11), ELECT__REFUSED);
    cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(s.a.text, "another kind"), "%s", s.a.text);
    redis_server_do(s.server, "DEL elect:{job}:leader");
    win(&s.a, 12);
    scene_end(&s);
}

Test(redis_store, a_vanished_lock_is_waited_for)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    redis_server_do(s.server, "DEL elect:{job}:leader");
    cr_assert_eq(acquire(&s.b, 12), ELECT__WAIT);
    cr_assert(s.b.reply.left_ns > 0 && s.b.reply.left_ns <= s.stage.ttl_ns);
    cr_assert_not_null(strstr(s.b.text, "vanished"), "%s", s.b.text);
    char *json;
    cr_assert_eq(ask(&s.stage, 1, ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "\"wait_why\":\"the lock has vanished"), "%s", json);
    free(json);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__DELETED);
    scene_end(&s);
}

Test(redis_store, a_full_memory_refuses_elections_and_no_renewal)
{
    struct scene s;
    scene_open(&s);
    uint64_t epoch = win(&s.a, 11);
    redis_server_do(s.server, "CONFIG SET maxmemory 1");
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    cr_assert_eq(release(&s.a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(acquire(&s.b, 12), ELECT__REFUSED);
    cr_assert_not_null(strstr(s.b.text, "maxmemory"), "%s", s.b.text);
    redis_server_do(s.server, "CONFIG SET maxmemory 0");
    win(&s.b, 13);
    scene_end(&s);
}

Test(redis_store, a_replica_elects_nobody_even_if_it_takes_writes)
{
    struct scene s;
    scene_open(&s);
    redis_server_do(s.server, "REPLICAOF 127.0.0.1 %d", redis_free_port());
    for (int writes = 0; writes < 2; writes++) {
        cr_assert_eq(acquire(&s.a, 11), ELECT__REFUSED);
        cr_assert_eq(s.a.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
        redis_server_do(s.server, "CONFIG SET replica-read-only no");
    }
    cr_assert_eq(redis_server_ask_number(s.server, "DBSIZE"), 0);
    redis_server_do(s.server, "REPLICAOF NO ONE");
    win(&s.a, 12);
    scene_end(&s);
}

/* A grace that INFO would tell of is waited out by the client, once for each term. */
static void open_denied(struct scene *s)
{
    scene_open_as(s, "~* &* +@all -info", "", 300 * ELECT__MS);
    scene_enter(s);
    while (probe(&s->a) == ELECT__REFUSED) /* a lease is short beside the time that a slow machine takes to connect */
        ;
    s->a.settings.restart_grace_ns = s->b.settings.restart_grace_ns = s->stage.ttl_ns;
}

static void denied(struct actor *actor, uint64_t attempt)
{
    enum elect__outcome outcome = acquire(actor, attempt);
    cr_assert_eq(outcome, ELECT__WAIT, "outcome %d: %s", (int)outcome, actor->text);
    cr_assert_not_null(strstr(actor->text, "INFO is denied"), "%s", actor->text);
    cr_assert(actor->reply.left_ns > 0 && actor->reply.left_ns <= actor->stage->ttl_ns * 11 / 10);
}

Test(redis_store, without_info_a_grace_is_waited_for_each_term)
{
    struct scene s;
    open_denied(&s);
    probe(&s.a);
    stage_pass(&s.stage, 2 * s.stage.ttl_ns); /* to be connected is not to wait */
    denied(&s.a, 11);
    stage_pass(&s.stage, s.a.reply.left_ns + 1);
    uint64_t epoch = win(&s.a, 12);
    cr_assert_eq(release(&s.a, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    denied(&s.a, 14);
    char *json;
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_STORE, NULL, 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "unverified"), "%s", json);
    cr_assert_not_null(strstr(json, "INFO is denied"), "%s", json);
    free(json);
    cr_assert(logged(&s, "INFO is denied") > 0);
    scene_end(&s);
}

Test(redis_store, info_that_is_granted_later_is_noticed)
{
    struct scene s;
    open_denied(&s);
    denied(&s.a, 11);
    stage_pass(&s.stage, s.a.reply.left_ns + 1);
    uint64_t epoch = win(&s.a, 12);
    cr_assert_eq(release(&s.a, 12, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    redis_server_do(s.server, "ACL SETUSER u +info");
    acquire(&s.a, 13); /* the record is of no server: it is another one to who can see */
    cr_assert_null(strstr(s.a.text, "denied"), "%s", s.a.text);
    scene_end(&s);
}

/* Who has been connected to a replica for long has waited for nothing: its promotion is when the grace begins. */
Test(redis_store, without_info_what_was_waited_on_a_replica_does_not_count)
{
    struct scene s;
    open_denied(&s);
    redis_server_do(s.server, "REPLICAOF 127.0.0.1 %d", redis_free_port());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(acquire(&s.a, 11), ELECT__REFUSED);
        cr_assert_not_null(strstr(s.a.text, "replica"), "%s", s.a.text);
        stage_pass(&s.stage, 2 * s.stage.ttl_ns);
    }
    redis_server_do(s.server, "REPLICAOF NO ONE");
    denied(&s.a, 12);
    stage_pass(&s.stage, s.a.reply.left_ns + 1);
    redis_server_do(s.server, "REPLICAOF 127.0.0.1 %d", redis_free_port());
    cr_assert_eq(acquire(&s.a, 13), ELECT__REFUSED);
    redis_server_do(s.server, "REPLICAOF NO ONE");
    denied(&s.a, 14);
    scene_end(&s);
}

/* The machine has given it up by then: nobody leads by it. */
Test(redis_store, an_answer_after_its_deadline_makes_nobody_lead)
{
    struct scene s;
    scene_open(&s);
    probe(&s.a);
    struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = 11, .seq = 1000};
    op.sent_at_ns = stage_now(&s.stage);
    op.deadline_ns = op.sent_at_ns + 50 * ELECT__MS;
    int answers = s.a.answers;
    s.a.answered = false;
    redis_server_freeze(s.server);
    s.stage.class_->submit(s.a.store, &s.a.slot, &op);
    stage_pass(&s.stage, 60 * ELECT__MS);
    redis_server_thaw(s.server);
    stage_until(&s.stage, &s.a.answers, answers + 1);
    const struct elect__redis_seat *seat = s.a.slot.data;
    cr_assert_not(seat->leading);
    cr_assert_eq(seat->own_epoch, 0);
    scene_end(&s);
}

static int64_t later(void *ctx)
{
    (void)ctx;
    return elect__system_env.boot_ns(NULL) + 30 * ELECT__S;
}

Test(redis_store, a_step_of_the_servers_clock_is_told_to_all)
{
    struct scene s;
    char *json;
    scene_open_as(&s, "", "", 100 * ELECT__S);
    scene_enter(&s);
    s.a.settings.clock_margin_ns = ELECT__S;
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    struct actor c; /* whose margin is wider than the step */
    actor_enter(&c, &s.stage, 0, "other", "c-3");
    c.settings.clock_margin_ns = 40 * ELECT__S;
    s.stage.env.boot_ns = later; /* ours is stepped by as much, which looks the same */
    cr_assert_eq(renew(&s.a, 11, epoch), ELECT__RENEWED);
    cr_assert_eq(s.a.errors, 1);
    cr_assert_not_null(strstr(s.a.error, "clock stepped"), "%s", s.a.error);
    cr_assert_eq(c.errors, 0);
    actor_leave(&c);
    cr_assert_eq(ask(&s.stage, 0, ELECT__QUERY_STORE, NULL, 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "unverified"), "%s", json);
    free(json);
    scene_end(&s);
}

Test(redis_store, who_only_follows_notices_a_step_too)
{
    struct scene s;
    scene_open_as(&s, "", "", 100 * ELECT__S);
    scene_enter(&s);
    s.b.settings.clock_margin_ns = ELECT__S;
    uint64_t epoch = win(&s.a, 11);
    cr_assert_eq(probe(&s.b), ELECT__HELD);
    s.stage.env.boot_ns = later;
    cr_assert_eq(release(&s.a, 11, epoch, ELECT_REASON_RESIGNED), ELECT__RELEASED);
    win(&s.b, 12);
    cr_assert_eq(s.b.errors, 1);
    cr_assert_not_null(strstr(s.b.error, "clock stepped"), "%s", s.b.error);
    scene_end(&s);
}

/* ---- keys ---- */

Test(redis_store, two_elections_with_one_lock_are_refused)
{
    struct scene s;
    struct actor c;
    scene_open_as(&s, "", "", LONG_NS);
    actor_enter(&s.a, &s.stage, 0, "job", "a-1");
    actor_enter(&s.b, &s.stage, 0, "job", "b-2");
    actor_enter(&c, &s.stage, 0, "other", "c-3");
    actor_leave(&c);
    c.settings.layout = "plain";
    c.settings.lock_key = "elect:{job}:leader";
    cr_assert_eq(actor_attach(&c), ELECT_EINVAL);
    cr_assert_not_null(strstr(c.text, "\"elect:{job}:leader\""), "%s", c.text);
    c.settings.name = "job";
    cr_assert_eq(actor_attach(&c), ELECT_EINVAL, "the same election, and another layout");
    c.settings.lock_key = "elsewhere";
    cr_assert_eq(actor_attach(&c), ELECT_OK);
    actor_leave(&c);
    scene_end(&s);
}
