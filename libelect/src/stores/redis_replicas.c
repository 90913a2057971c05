/* wait_replicas=all: a write counts once every replica that is online has it, so that the one that is promoted knows the
 * leader. WAIT counts what its own connection has written before it. */
#include "redis_store.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Behind the script: so many replicas shall have it. A part of the time is kept for the answer to come in. */
int elect__redis_replicas_add(struct elect__redis_seat *seat, struct elect__redis_command *commands, int count,
                              char number[2][24])
{
    int64_t left_ms = (seat->op.deadline_ns - elect__redis_now(seat->redis)) / ELECT__MS * 3 / 4;
    seat->waited_for = seat->redis->server.replicas;
    if (seat->waited_for > 0) {
        snprintf(number[0], sizeof number[0], "%d", seat->waited_for);
        snprintf(number[1], sizeof number[1], "%" PRId64, left_ms > 0 ? left_ms : 1);
        elect__redis_command(&commands[count++], "WAIT", number[0], number[1]);
    }
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

static void not_replicated(struct elect__redis_seat *seat, int have, int want)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    snprintf(text, sizeof text, "wait_replicas=all: %d of %d replicas have acknowledged the write in time", have, want);
    elect__redis_seat_fail(seat, ELECT__UNKNOWN, ELECT_EUNKNOWN, text);
}

/* Nothing is left that a write could wait for, and nothing that could be promoted either. */
static void warn_of_none(struct elect__redis *redis)
{
    bool alone = redis->server.replicas == 0;
    if (alone && !redis->alone_told)
        elect__redis_log(redis, ELECT_LOG_WARN, "wait_replicas=all: no replica is online, so writes wait for none");
    redis->alone_told = alone;
}

/* replies: of WAIT, if there was one, and of INFO. The write counts once every replica that is online has it. */
void elect__redis_replicas_answered(struct elect__redis_seat *seat, redisReply *const *replies)
{
    struct elect__redis *redis = seat->redis;
    const redisReply *wait = seat->waited_for > 0 ? replies[0] : NULL;
    const redisReply *info = seat->waited_for > 0 ? replies[1] : replies[0];
    struct elect__redis_command commands[2];
    char numbers[2][24];
    bool again = seat->round == ELECT__REDIS_ROUND_OP;
    if (info->type != REDIS_REPLY_STRING || (wait && wait->type != REDIS_REPLY_INTEGER)) {
        elect__redis_seat_fail(seat, ELECT__UNKNOWN, ELECT_ESTORE,
                               "wait_replicas=all: the server refuses WAIT or INFO, which it needs: +wait +info");
        return;
    }
    int have = wait ? (int)wait->integer : 0;
    redis->server.replicas = elect__redis_check_replicas(info->str);
    warn_of_none(redis);
    if (have >= redis->server.replicas || ELECT__PLANTED(REDIS_REPLICAS_IGNORED))
        grant(seat);
    else if (!again || have < seat->waited_for)
        not_replicated(seat, have, redis->server.replicas);
    else if (!elect__redis_seat_send(seat, ELECT__REDIS_ROUND_REPLICAS, commands,
                                     elect__redis_replicas_add(seat, commands, 0, numbers)))
        elect__redis_seat_fail(seat, ELECT__UNKNOWN, ELECT_ENOMEM, NULL);
}
