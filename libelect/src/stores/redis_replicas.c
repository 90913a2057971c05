/* wait_replicas=all: a write counts once every replica has it, so that the one that is promoted knows the leader. WAIT counts
 * what its own connection has written before it. */
#include "redis_store.h"
#include <elect/elect.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* rule: a replica that is gone may be the one that is promoted, and a master that has none was perhaps left by all: so many
 * as were ever seen shall have it, and at least one. */
static int wanted(const struct elect__redis *redis)
{
    return redis->most_replicas > 1 ? redis->most_replicas : 1;
}

void elect__redis_replicas_seen(struct elect__redis *redis, int replicas)
{
    if (replicas > redis->most_replicas)
        redis->most_replicas = replicas;
}

/* Behind the script: so many replicas shall have it. WAIT is answered before the connection counts as silent, and leaves
 * time for another round. */
int elect__redis_replicas_add(struct elect__redis_seat *seat, struct elect__redis_command *commands, int count,
                              char number[2][24])
{
    int64_t part_ms = (seat->op.deadline_ns - elect__redis_now(seat->redis)) / ELECT__MS / 4;
    seat->waited_for = wanted(seat->redis);
    snprintf(number[0], sizeof number[0], "%d", seat->waited_for);
    snprintf(number[1], sizeof number[1], "%" PRId64, part_ms > 0 ? part_ms : 1);
    elect__redis_command(&commands[count++], "WAIT", number[0], number[1]);
    elect__redis_command(&commands[count++], "INFO", "replication", NULL);
    return count;
}

bool elect__redis_replicas_matter(const struct elect__redis_seat *seat)
{
    bool writes = seat->op.verb == ELECT__ACQUIRE || seat->op.verb == ELECT__RENEW;
    return writes && seat->slot->settings->wait_replicas;
}

static void grant(struct elect__redis_seat *seat)
{
    struct elect__reply reply = {
        .outcome = seat->op.verb == ELECT__ACQUIRE ? ELECT__WON : ELECT__RENEWED,
        .attempt = seat->op.attempt,
        .epoch = seat->granted_epoch,
    };
    elect__redis_seat_finish(seat, &reply, NULL, NULL);
}

static void fail(struct elect__redis_seat *seat, enum elect__outcome outcome)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    if (seat->acknowledged < 0)
        snprintf(text, sizeof text, "wait_replicas=all: the server refuses WAIT or INFO, which it needs: +wait +info");
    else
        snprintf(text, sizeof text,
                 "wait_replicas=all: %d of %d replicas have acknowledged the write in time; if there are fewer now on "
                 "purpose, restart, or set wait_replicas=off",
                 seat->acknowledged, wanted(seat->redis));
    elect__redis_seat_fail(seat, outcome, seat->acknowledged < 0 ? ELECT_ESTORE : ELECT_EUNKNOWN, text);
}

/* A release in place of the operation. It is sent as text, so that no script is missing, and tells nobody: candidates that
 * wake each other would lock and release without a pause for as long as a replica is gone. */
static bool send_release(struct elect__redis_seat *seat)
{
    struct elect__redis_keys keys = *seat->keys;
    struct elect__redis_party party = {
        .keys = &keys, .settings = seat->slot->settings, .incarnation = seat->slot->incarnation};
    struct elect__redis_scratch scratch;
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    struct elect__op op = {.verb = ELECT__RELEASE,
                           .attempt = seat->op.attempt,
                           .epoch = seat->granted_epoch,
                           .reason = ELECT_REASON_EXPIRED};
    keys.channel = "";
    int count = elect__redis_op_write(&party, &op, true, &scratch, commands);
    return elect__redis_seat_send(seat, ELECT__REDIS_ROUND_UNDO, commands, count);
}

/* rule: what elects nobody is released. A leader's own renewal is not: it leads until its lease ends. */
static void not_replicated(struct elect__redis_seat *seat, int acknowledged)
{
    bool led = seat->op.verb == ELECT__RENEW && seat->op.epoch == seat->own_epoch;
    seat->acknowledged = acknowledged;
    if (led || !send_release(seat))
        fail(seat, ELECT__UNKNOWN);
}

void elect__redis_replicas_undone(struct elect__redis_seat *seat, const redisReply *reply)
{
    fail(seat, reply && reply->type == REDIS_REPLY_INTEGER ? ELECT__REFUSED : ELECT__UNKNOWN);
}

/* Nothing is left that a write could wait for: whoever leads is not known to the one that was promoted, if one was. */
static void warn_of_none(struct elect__redis *redis)
{
    bool alone = redis->server.replicas == 0;
    if (alone && !redis->alone_told)
        elect__redis_log(redis, ELECT_LOG_WARN, "wait_replicas=all: no replica is online, so nobody can lead");
    redis->alone_told = alone;
}

static void ask_again(struct elect__redis_seat *seat)
{
    struct elect__redis_command commands[2];
    char numbers[2][24];
    int count = elect__redis_replicas_add(seat, commands, 0, numbers);
    if (!elect__redis_seat_send(seat, ELECT__REDIS_ROUND_REPLICAS, commands, count))
        elect__redis_seat_fail(seat, ELECT__UNKNOWN, ELECT_ENOMEM, NULL);
}

/* replies: of WAIT and of INFO, which tells of replicas that WAIT did not know of. */
void elect__redis_replicas_answered(struct elect__redis_seat *seat, redisReply *const *replies)
{
    struct elect__redis *redis = seat->redis;
    const redisReply *wait = replies[0], *info = replies[1];
    if (info->type != REDIS_REPLY_STRING || wait->type != REDIS_REPLY_INTEGER) {
        not_replicated(seat, -1);
        return;
    }
    int have = (int)wait->integer;
    bool more = have >= seat->waited_for || ELECT__PLANTED(REDIS_WAIT_ON_ANOTHER_CONNECTION);
    redis->server.replicas = elect__redis_check_replicas(info->str);
    elect__redis_replicas_seen(redis, redis->server.replicas);
    warn_of_none(redis);
    if (have >= wanted(redis) || ELECT__PLANTED(REDIS_REPLICAS_IGNORED))
        grant(seat);
    else if (!more || seat->round != ELECT__REDIS_ROUND_OP)
        not_replicated(seat, have);
    else
        ask_again(seat);
}
