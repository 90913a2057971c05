/* Replies as answers. */
#include "redis_op.h"
#include "redis_reply.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { US_OF_S = 1000000, NS_OF_US = 1000 };

/* Is it an array that begins with that word? */
static bool begins(const redisReply *reply, const char *word, size_t elements)
{
    return elect__reply_is_array(reply, elements) && elect__reply_is_text(reply->element[0]) &&
           strcmp(reply->element[0]->str, word) == 0;
}

struct answer {
    const struct elect__redis_party *party;
    const struct elect__op *op;
    struct elect__reply *reply;
    struct elect__redis_found *found;
    char *text;
    size_t size;
};

static void say(const struct answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct answer *answer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(answer->text, answer->size, format, args);
    va_end(args);
}

/* What is not understood may have been applied, unless it only looked. */
static enum elect__redis_read fail(const struct answer *answer, const redisReply *reply)
{
    bool written;
    answer->reply->code = elect__redis_error(reply, &written, answer->text, answer->size);
    answer->reply->outcome = written && answer->op->verb != ELECT__PROBE ? ELECT__UNKNOWN : ELECT__REFUSED;
    return ELECT__REDIS_READ_DONE;
}

void elect__redis_owner_read(const struct elect__redis_keys *keys, const struct elect__settings *settings,
                             const struct elect__redis_found *found, struct elect__reply *reply)
{
    const struct elect__redis_layout *layout = keys->layout;
    const char *id = settings->instance_id;
    if (strlen(found->value) != found->value_length) /* bytes that we never write */
        return;
    size_t length = elect__redis_value_read(layout, found->value, &reply->attempt);
    bool foreign = layout->native && reply->attempt == 0;
    reply->own_id = !layout->value_is_random && !foreign && strlen(id) == length && !memcmp(found->value, id, length);
}

static void take_value(const struct answer *answer, const redisReply *value)
{
    answer->found->value = value->str;
    answer->found->value_length = value->len;
    elect__redis_owner_read(answer->party->keys, answer->party->settings, answer->found, answer->reply);
}

/* {'held', value, pttl, epoch, info, ttl, now} */
static bool read_held(const struct answer *answer, const redisReply *reply)
{
    uint64_t ttl_ms;
    if (!begins(reply, "held", 7) || !elect__reply_is_text(reply->element[1]) ||
        !elect__reply_is_text(reply->element[4]))
        return false;
    if (!elect__reply_left(reply->element[2], &answer->reply->left_ns) ||
        !elect__reply_time(reply->element[6], &answer->found->server_us))
        return false;
    /* What the record says besides is told to people: a damaged one keeps nobody from following. */
    (void)elect__reply_number(reply->element[3], &answer->reply->epoch);
    if (elect__reply_number(reply->element[5], &ttl_ms))
        answer->found->lock_ttl_ms = (int64_t)ttl_ms;
    if (reply->element[4]->len > 0) {
        answer->found->info = reply->element[4]->str;
        answer->found->info_length = reply->element[4]->len;
    }
    take_value(answer, reply->element[1]);
    answer->reply->outcome = ELECT__HELD;
    return true;
}

/* {'won', epoch, now} */
static bool read_won(const struct answer *answer, const redisReply *reply)
{
    if (!begins(reply, "won", 3) || !elect__reply_number(reply->element[1], &answer->reply->epoch) ||
        answer->reply->epoch <= answer->op->highest_epoch ||
        !elect__reply_time(reply->element[2], &answer->found->server_us))
        return false;
    answer->reply->attempt = answer->op->attempt;
    answer->reply->outcome = ELECT__WON;
    return true;
}

/* "" or a server's id. */
static bool take_server(const struct answer *answer, const redisReply *server)
{
    char *out = answer->reply->server;
    if (!elect__reply_is_text(server) || server->len >= sizeof answer->reply->server ||
        strlen(server->str) != server->len)
        return false;
    snprintf(out, sizeof answer->reply->server, "%s", server->str);
    return true;
}

/* {'wait', us, 'uptime' or 'lease', uptime in s, server or ''} */
static bool read_wait(const struct answer *answer, const redisReply *reply)
{
    int64_t wait_us, uptime_s;
    if (!begins(reply, "wait", 5) || !elect__reply_time(reply->element[1], &wait_us) ||
        !elect__reply_is_text(reply->element[2]) || !elect__reply_time(reply->element[3], &uptime_s) ||
        !take_server(answer, reply->element[4]))
        return false;
    double wait_s = (double)wait_us / US_OF_S;
    answer->reply->outcome = ELECT__WAIT;
    answer->reply->left_ns = wait_us * NS_OF_US;
    if (strcmp(reply->element[2]->str, "uptime") == 0)
        say(answer, "redis started %" PRId64 "s ago and may have forgotten a leader: nobody is elected for %.1fs yet",
            uptime_s, wait_s);
    else
        say(answer, "the lock vanished, and its lease may last for %.1fs yet", wait_s);
    return true;
}

/* {'lost', stored epoch, server or ''} */
static bool read_lost(const struct answer *answer, const redisReply *reply)
{
    uint64_t stored;
    if (!begins(reply, "lost", 3) || !elect__reply_number(reply->element[1], &stored) ||
        !take_server(answer, reply->element[2]))
        return false;
    answer->reply->outcome = ELECT__LOST_DATA;
    if (stored >= answer->op->highest_epoch)
        say(answer,
            "the lease of epoch %" PRIu64 " would end later than any does: the server's clock was stepped back, and "
            "perhaps a leader's lock is lost",
            stored);
    else if (stored == 0)
        say(answer, "redis lost the record of epoch %" PRIu64 ", and perhaps a leader's lock with it",
            answer->op->highest_epoch);
    else
        say(answer,
            "redis lost the record of epoch %" PRIu64 " (it has %" PRIu64 "), and perhaps a leader's lock with it",
            answer->op->highest_epoch, stored);
    return true;
}

static bool read_changed(const struct answer *answer, const redisReply *reply)
{
    if (!begins(reply, "changed", 2) || !take_server(answer, reply->element[1]) || !*answer->reply->server)
        return false;
    answer->reply->outcome = ELECT__CHANGED;
    say(answer, "another redis than that of the last term answers: it may lack a leader's lock");
    return true;
}

static enum elect__redis_read read_acquire(const struct answer *answer, const redisReply *reply)
{
    struct elect__reply fresh = *answer->reply;
    if (begins(reply, "noinfo", 1))
        return ELECT__REDIS_READ_NO_INFO;
    if (read_won(answer, reply) || read_held(answer, reply) || read_wait(answer, reply) || read_lost(answer, reply) ||
        read_changed(answer, reply))
        return ELECT__REDIS_READ_DONE;
    *answer->reply = fresh;
    memset(answer->found, 0, sizeof *answer->found);
    return fail(answer, reply);
}

/* {epoch, now, depose} | 0 | -1 */
static enum elect__redis_read read_renew(const struct answer *answer, const redisReply *reply)
{
    uint64_t epoch = 0, deposed = 0;
    if (reply && reply->type == REDIS_REPLY_INTEGER && (reply->integer == 0 || reply->integer == -1)) {
        answer->reply->outcome = reply->integer == 0 ? ELECT__DELETED : ELECT__TAKEN;
        return ELECT__REDIS_READ_DONE;
    }
    if (!elect__reply_is_array(reply, 3) || !elect__reply_number(reply->element[0], &epoch) ||
        epoch != answer->op->epoch || !elect__reply_time(reply->element[1], &answer->found->server_us))
        return fail(answer, reply);
    (void)elect__reply_number(reply->element[2], &deposed);
    answer->found->deposed = deposed;
    answer->reply->outcome = ELECT__RENEWED;
    answer->reply->attempt = answer->op->attempt;
    answer->reply->epoch = epoch;
    return ELECT__REDIS_READ_DONE;
}

static enum elect__redis_read read_release(const struct answer *answer, const redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_INTEGER || (reply->integer != 0 && reply->integer != 1))
        return fail(answer, reply);
    answer->reply->outcome = ELECT__RELEASED;
    return ELECT__REDIS_READ_DONE;
}

static enum elect__redis_read read_probe(const struct answer *answer, redisReply *const *replies)
{
    const redisReply *value = replies[0], *left = replies[1];
    if (value && value->type == REDIS_REPLY_NIL) {
        answer->reply->outcome = ELECT__FREE;
        return ELECT__REDIS_READ_DONE;
    }
    if (!elect__reply_is_text(value) || !elect__reply_left(left, &answer->reply->left_ns))
        return fail(answer, elect__reply_is_text(value) ? left : value);
    answer->reply->outcome = ELECT__HELD;
    take_value(answer, value);
    return ELECT__REDIS_READ_HOLDER;
}

enum elect__redis_read elect__redis_op_read(const struct elect__redis_party *party, const struct elect__op *op,
                                            redisReply *const *replies, struct elect__reply *reply,
                                            struct elect__redis_found *found, char *text, size_t size)
{
    struct answer answer = {party, op, reply, found, text, size};
    memset(reply, 0, sizeof *reply);
    memset(found, 0, sizeof *found);
    text[0] = '\0';
    reply->seq = op->seq;
    if (op->verb == ELECT__PROBE)
        return read_probe(&answer, replies);
    if (elect__reply_lacks_script(replies[0]))
        return ELECT__REDIS_READ_NO_SCRIPT;
    if (op->verb == ELECT__ACQUIRE)
        return read_acquire(&answer, replies[0]);
    if (op->verb == ELECT__RENEW)
        return read_renew(&answer, replies[0]);
    return read_release(&answer, replies[0]);
}
