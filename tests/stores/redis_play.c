#include "redis_play.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void play_open(struct play *play)
{
    memset(play, 0, sizeof *play);
    unsetenv("ELECT_TEST_ACL"); /* a test of rights gives them itself, and the others change the server */
    play->server = redis_server_start(NULL);
    play->link = redisConnectUnix(play->server->path);
    cr_assert(play->link && play->link->err == 0);
    play->settings = (struct elect__settings){
        .prefix = "elect",
        .name = "job",
        .layout = "elect",
        .lock_key = "",
        .info_key = "",
        .hostname = "host",
        .address = "",
        .metadata = "",
        .lock_ttl_ns = PLAY_TTL_NS,
    };
}

void play_close(struct play *play)
{
    redisFree(play->link);
    redis_server_stop(play->server);
}

void play_as(struct play *play, const char *user, const char *password)
{
    play_do(play, "AUTH %s %s", user, password);
}

void play_deny_info(struct play *play)
{
    play_do(play, "ACL SETUSER low on >pw ~* &* +@all -info");
    play_as(play, "low", "pw");
}

static redisReply *ask(struct play *play, const char *format, va_list args)
{
    redisReply *reply = redisvCommand(play->link, format, args);
    cr_assert_not_null(reply, "%s", play->link->errstr);
    return reply;
}

redisReply *play_ask(struct play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(play, format, args);
    va_end(args);
    return reply;
}

void play_do(struct play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(play, format, args);
    va_end(args);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    freeReplyObject(reply);
}

long long play_uptime_s(struct play *play)
{
    redisReply *reply = play_ask(play, "INFO server");
    const char *at = strstr(reply->str, "uptime_in_seconds:");
    cr_assert_not_null(at);
    long long uptime_s = strtoll(at + strlen("uptime_in_seconds:"), NULL, 10);
    freeReplyObject(reply);
    return uptime_s;
}

void play_age(struct play *play)
{
    while (play_uptime_s(play) < 2)
        usleep(20000);
}

int64_t play_now_us(struct play *play)
{
    redisReply *reply = play_ask(play, "TIME");
    cr_assert_eq(reply->elements, 2);
    int64_t now_us = strtoll(reply->element[0]->str, NULL, 10) * 1000000 + strtoll(reply->element[1]->str, NULL, 10);
    freeReplyObject(reply);
    return now_us;
}

void play_server_id(struct play *play, char id[ELECT__SERVER_SIZE])
{
    redisReply *reply = play_ask(play, "INFO replication");
    const char *at = strstr(reply->str, "master_replid:");
    cr_assert_not_null(at);
    snprintf(id, ELECT__SERVER_SIZE, "%.40s", at + strlen("master_replid:"));
    freeReplyObject(reply);
}

void play_promote(struct play *play, char id[ELECT__SERVER_SIZE])
{
    play_do(play, "DEBUG CHANGE-REPL-ID");
    play_server_id(play, id);
}

const char *play_get(struct play *play, const char *key, const char *field, char text[8192])
{
    redisReply *reply = field ? play_ask(play, "HMGET %s %s", key, field) : play_ask(play, "GET %s", key);
    const redisReply *value = reply->type == REDIS_REPLY_ARRAY ? reply->element[0] : reply;
    snprintf(text, 8192, "%s", value->type == REDIS_REPLY_STRING ? value->str : "(none)");
    freeReplyObject(reply);
    return text;
}

/* ---- candidates ---- */

void rival_enter(struct rival *rival, struct play *play, const char *id)
{
    char error[256] = "";
    static unsigned entered;
    memset(rival, 0, sizeof *rival);
    rival->play = play;
    rival->settings = play->settings;
    rival->settings.instance_id = id;
    snprintf(rival->incarnation, sizeof rival->incarnation, "%032x", ++entered);
    cr_assert_eq(elect__redis_keys_new(&rival->settings, rival->settings.name, &rival->keys, error, sizeof error),
                 ELECT_OK, "%s", error);
    rival->party = (struct elect__redis_party){
        .keys = rival->keys, .settings = &rival->settings, .incarnation = rival->incarnation};
}

static void forget_replies(struct rival *rival)
{
    for (int i = 0; i < ELECT__REDIS_COMMANDS; i++) {
        freeReplyObject(rival->replies[i]);
        rival->replies[i] = NULL;
    }
}

void rival_leave(struct rival *rival)
{
    forget_replies(rival);
    free(rival->keys);
}

static void send(struct rival *rival, const struct elect__redis_command *commands, int count)
{
    redisContext *link = rival->play->link;
    forget_replies(rival);
    for (int i = 0; i < count; i++) {
        const struct elect__redis_command *command = &commands[i];
        cr_assert_leq(command->argc, ELECT__REDIS_ARGS);
        cr_assert_eq(redisAppendCommandArgv(link, command->argc, (const char **)command->argv, command->length),
                     REDIS_OK);
    }
    for (int i = 0; i < count; i++)
        cr_assert_eq(redisGetReply(link, (void **)&rival->replies[i]), REDIS_OK, "%s", link->errstr);
}

enum elect__outcome rival_do(struct rival *rival, struct elect__op op)
{
    struct elect__redis_scratch scratch;
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    op.seq = ++rival->seq;
    for (int by_text = 0; by_text < 2; by_text++) {
        send(rival, commands, elect__redis_op_write(&rival->party, &op, by_text == 1, &scratch, commands));
        rival->read = elect__redis_op_read(&rival->party, &op, rival->replies, &rival->reply, &rival->found,
                                           rival->text, sizeof rival->text);
        if (rival->read != ELECT__REDIS_READ_NO_SCRIPT)
            break;
    }
    cr_assert_neq(rival->read, ELECT__REDIS_READ_NO_SCRIPT);
    cr_assert_eq(rival->reply.seq, op.seq);
    return rival->read == ELECT__REDIS_READ_NO_INFO ? 0 : rival->reply.outcome;
}

uint64_t rival_win(struct rival *rival, uint64_t attempt)
{
    cr_assert_eq(rival_acquire(rival, attempt), ELECT__WON, "%d: %s", rival->reply.outcome, rival->text);
    return rival->reply.epoch;
}

enum elect__outcome rival_acquire(struct rival *rival, uint64_t attempt)
{
    return DO(rival, .verb = ELECT__ACQUIRE, .attempt = attempt);
}

enum elect__outcome rival_renew(struct rival *rival, uint64_t attempt, uint64_t epoch)
{
    return DO(rival, .verb = ELECT__RENEW, .attempt = attempt, .epoch = epoch);
}

enum elect__outcome rival_release(struct rival *rival, uint64_t attempt, uint64_t epoch)
{
    return DO(rival, .verb = ELECT__RELEASE, .attempt = attempt, .epoch = epoch, .reason = ELECT_REASON_RESIGNED);
}

int32_t rival_ask(struct rival *rival, enum elect__query_kind kind, uint64_t epoch)
{
    struct elect__redis_scratch scratch;
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    struct elect__query query = {.kind = kind, .name = rival->settings.name, .epoch = epoch};
    int32_t code = 0;
    send(rival, commands, elect__redis_query_write(rival->keys, &query, true, &scratch, commands));
    cr_assert_eq(elect__redis_query_read(&query, rival->replies[0], &code, rival->text, sizeof rival->text),
                 ELECT__REDIS_READ_DONE);
    return code;
}

struct elect__redis_holder rival_holder(struct rival *rival)
{
    struct elect__redis_holder holder;
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    int32_t code;
    send(rival, commands, elect__redis_holder_write(rival->keys, commands));
    bool read = elect__redis_holder_read(rival->keys, rival->replies, &holder, &code, rival->text, sizeof rival->text);
    cr_assert(read, "%s", rival->text);
    return holder;
}

/* ---- two of them ---- */

void pair_open(struct pair *pair, const char *layout)
{
    play_open(&pair->play);
    pair->play.settings.layout = layout;
    pair->play.settings.lock_key = strcmp(layout, "plain") == 0 ? PLAIN_LOCK : "";
    rival_enter(&pair->a, &pair->play, "a");
    rival_enter(&pair->b, &pair->play, "b");
}

void pair_close(struct pair *pair)
{
    rival_leave(&pair->a);
    rival_leave(&pair->b);
    play_close(&pair->play);
}

const char *pair_get(struct pair *pair, const char *key, const char *field)
{
    return play_get(&pair->play, key, field, pair->text);
}

long long pair_number(struct pair *pair, const char *format, const char *key)
{
    redisReply *reply = play_ask(&pair->play, format, key);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}
