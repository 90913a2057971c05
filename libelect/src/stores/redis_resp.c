#include "redis_resp.h"
#include "../text.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What hiredis' own functions lack: limits, and RESP2 only. Its version 0.14 counts elements as int, 1.x as size_t. */
#if HIREDIS_MAJOR >= 1
typedef size_t count_type;
#else
typedef int count_type;
#endif

#define RESP3 "a type of RESP3, which was not asked for"

struct elect__resp {
    redisReader *reader;
    redisReplyObjectFunctions ours, theirs;
    size_t pending;      /* bytes that were fed since the last whole reply */
    const char *refused; /* by one of our functions; NULL: nothing */
};

static void *refuse(const redisReadTask *task, const char *why)
{
    struct elect__resp *resp = task->privdata;
    resp->refused = why;
    return NULL;
}

static const struct elect__resp *of_task(const redisReadTask *task)
{
    return task->privdata;
}

/* An array is allocated when its length is announced: before a byte of it has come. */
static void *create_array(const redisReadTask *task, count_type count)
{
    int depth = 1;
    for (const redisReadTask *above = task->parent; above; above = above->parent)
        depth++;
    if (task->type != REDIS_REPLY_ARRAY)
        return refuse(task, RESP3);
    if (depth > ELECT__RESP_DEPTH_MAX)
        return refuse(task, "arrays nested deeper than 8");
    if (count > ELECT__RESP_ELEMENTS_MAX)
        return refuse(task, "an array of more than 4096 elements");
    return of_task(task)->theirs.createArray(task, count);
}

#if HIREDIS_MAJOR >= 1
static void *create_string(const redisReadTask *task, char *bytes, size_t length)
{
    bool known =
        task->type == REDIS_REPLY_STRING || task->type == REDIS_REPLY_STATUS || task->type == REDIS_REPLY_ERROR;
    return known ? of_task(task)->theirs.createString(task, bytes, length) : refuse(task, RESP3);
}

static void *create_nil(const redisReadTask *task)
{
    return task->type != REDIS_REPLY_NIL ? of_task(task)->theirs.createNil(task) : refuse(task, RESP3);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the signature is theirs */
static void *create_double(const redisReadTask *task, double value, char *text, size_t length)
{
    (void)value;
    (void)text;
    (void)length;
    return refuse(task, RESP3);
}

static void *create_bool(const redisReadTask *task, int value)
{
    (void)value;
    return refuse(task, RESP3);
}
#endif

struct elect__resp *elect__resp_new(void)
{
    struct elect__resp *resp = calloc(1, sizeof *resp);
    redisReader *reader = resp ? redisReaderCreate() : NULL;
    if (!reader) {
        free(resp);
        return NULL;
    }
    resp->reader = reader;
    resp->theirs = resp->ours = *reader->fn;
    resp->ours.createArray = create_array;
#if HIREDIS_MAJOR >= 1
    resp->ours.createString = create_string;
    resp->ours.createNil = create_nil;
    resp->ours.createDouble = create_double;
    resp->ours.createBool = create_bool;
#endif
    reader->fn = &resp->ours;
    reader->privdata = resp;
    return resp;
}

void elect__resp_free(struct elect__resp *resp)
{
    if (resp)
        redisReaderFree(resp->reader);
    free(resp);
}

bool elect__resp_feed(struct elect__resp *resp, const char *bytes, size_t length)
{
    if (length == 0)
        return true;
    resp->pending += length;
    return redisReaderFeed(resp->reader, bytes, length) == REDIS_OK;
}

int elect__resp_next(struct elect__resp *resp, redisReply **reply, char *error, size_t size)
{
    void *read = NULL;
    char shown[ELECT__SHOW_SIZE];
    if (redisReaderGetReply(resp->reader, &read) != REDIS_OK) {
        const char *why = resp->refused ? resp->refused : elect__text_show(resp->reader->errstr, shown);
        snprintf(error, size, "not the answer of a Redis server: %s", why);
        return -1;
    }
    /* Counted the same however the bytes were cut: what lies behind a whole reply is not of it. */
    size_t behind = read ? resp->reader->len - resp->reader->pos : 0;
    size_t of_this = resp->pending - behind;
    if (of_this > ELECT__RESP_REPLY_MAX) {
        if (read)
            freeReplyObject(read);
        snprintf(error, size, "not the answer of a Redis server: a reply of more than 1 MiB");
        return -1;
    }
    if (read)
        resp->pending = behind;
    *reply = read;
    return read != NULL;
}

/* ---- commands ---- */

#define END "\r\n"
enum { END_LENGTH = sizeof END - 1 };

static char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static size_t count_size(size_t count)
{
    char digits[ELECT__DIGITS_SIZE];
    return 1 + elect__text_digits(count, digits) + END_LENGTH;
}

static char *put_count(char *at, char kind, size_t count)
{
    char digits[ELECT__DIGITS_SIZE];
    size_t length = elect__text_digits(count, digits);
    *at = kind;
    return put(put(at + 1, digits, length), END, END_LENGTH);
}

size_t elect__resp_size(int argc, const size_t *length)
{
    size_t size = count_size((size_t)argc);
    for (int i = 0; i < argc; i++)
        size += count_size(length[i]) + length[i] + END_LENGTH;
    return size;
}

char *elect__resp_write(char *at, int argc, const char *const *argv, const size_t *length)
{
    at = put_count(at, '*', (size_t)argc);
    for (int i = 0; i < argc; i++) {
        at = put_count(at, '$', length[i]);
        at = put(put(at, argv[i], length[i]), END, END_LENGTH);
    }
    return at;
}
