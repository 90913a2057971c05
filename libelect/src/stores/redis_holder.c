/* Replies as reports: who holds the lock, and what became of a question. */
#include "redis_op.h"
#include "redis_reply.h"
#include <stdio.h>
#include <string.h>

enum { NS_OF_MS = 1000000 };

enum elect__redis_read elect__redis_query_read(const struct elect__query *query, const redisReply *reply, int32_t *code,
                                               char *text, size_t size)
{
    bool written, depose = query->kind == ELECT__QUERY_DEPOSE;
    text[0] = '\0';
    *code = ELECT_OK;
    if (elect__reply_lacks_script(reply))
        return ELECT__REDIS_READ_NO_SCRIPT;
    if (!reply || reply->type != REDIS_REPLY_INTEGER || (reply->integer != 0 && reply->integer != 1)) {
        *code = elect__redis_error(reply, &written, text, size);
    } else if (reply->integer == 0) {
        *code = depose ? ELECT_ENOTLEADER : ELECT_ESTATE;
        snprintf(text, size, "%s",
                 depose
                     ? "nobody leads by that epoch"
                     : "somebody leads, or may: a lease of this election lasts, or it was recorded on another server");
    }
    return ELECT__REDIS_READ_DONE;
}

/* Of HMGET: epoch, holder, until, released, server, ttl, info. */
static void read_record(const redisReply *record, struct elect__redis_holder *out)
{
    const redisReply *holder = record->element[1], *server = record->element[4], *info = record->element[6];
    uint64_t epoch = 0, until_us = 0, ttl_ms = 0;
    bool named = out->held && elect__reply_is_text(holder) && holder->len == out->found.value_length &&
                 memcmp(holder->str, out->found.value, holder->len) == 0;
    (void)elect__reply_number(record->element[0], &epoch);
    (void)elect__reply_number(record->element[2], &until_us);
    (void)elect__reply_number(record->element[5], &ttl_ms);
    out->last_epoch = epoch;
    out->lease_until_us = (int64_t)until_us;
    out->released = elect__reply_is_text(record->element[3]) && strcmp(record->element[3]->str, "1") == 0;
    out->found.lock_ttl_ms = (int64_t)ttl_ms;
    if (elect__reply_is_text(server) && server->len > 0) {
        out->server = server->str;
        out->server_length = server->len;
    }
    if (!named)
        return;
    out->epoch = out->last_epoch;
    out->heartbeat_us = out->lease_until_us - out->found.lock_ttl_ms * 1000;
    if (elect__reply_is_text(info) && info->len > 0) {
        out->found.info = info->str;
        out->found.info_length = info->len;
    }
}

static bool is_nil_or_text(const redisReply *reply)
{
    return elect__reply_is_text(reply) || (reply && reply->type == REDIS_REPLY_NIL);
}

/* The others' layouts: GET of the epoch, and of the info where there is one. Either may be missing, and is for
 * people. */
static void read_beside(const struct elect__redis_keys *keys, redisReply *const *replies,
                        struct elect__redis_holder *out)
{
    uint64_t epoch = 0;
    const redisReply *info = *keys->info ? replies[3] : NULL;
    (void)elect__reply_number(replies[2], &epoch);
    out->last_epoch = epoch;
    if (out->held && keys->layout->epoch_counts)
        out->epoch = out->last_epoch;
    if (out->held && elect__reply_is_text(info) && info->len > 0) {
        out->found.info = info->str;
        out->found.info_length = info->len;
    }
}

bool elect__redis_holder_read(const struct elect__redis_keys *keys, redisReply *const *replies,
                              struct elect__redis_holder *out, int32_t *code, char *text, size_t size)
{
    bool written, native = keys->layout->native;
    int64_t left_ns = 0;
    memset(out, 0, sizeof *out);
    text[0] = '\0';
    *code = ELECT_OK;
    int bad = !is_nil_or_text(replies[0])                                        ? 0
              : !elect__reply_left(replies[1], &left_ns)                         ? 1
              : native && !elect__reply_is_array(replies[2], 7)                  ? 2
              : native && !elect__reply_clock(replies[3], &out->found.server_us) ? 3
                                                                                 : -1;
    if (bad >= 0) {
        *code = elect__redis_error(replies[bad], &written, text, size);
        return false;
    }
    out->held = elect__reply_is_text(replies[0]);
    if (out->held) {
        out->found.value = replies[0]->str;
        out->found.value_length = replies[0]->len;
        out->left_ms = left_ns < 0 ? -1 : left_ns / NS_OF_MS;
    }
    if (native)
        read_record(replies[2], out);
    else
        read_beside(keys, replies, out);
    return true;
}
