#include "stores/redis_resp.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 256 };

static void feed(struct elect__resp *resp, const char *bytes, size_t length)
{
    /* Of its own size, so that a sanitizer sees every byte behind it. */
    char *exact = malloc(length + 1);
    memcpy(exact, bytes, length);
    cr_assert(elect__resp_feed(resp, exact, length));
    free(exact);
}

static redisReply *next(struct elect__resp *resp)
{
    char error[ERROR_SIZE] = "";
    redisReply *reply = NULL;
    cr_assert_eq(elect__resp_next(resp, &reply, error, sizeof error), 1, "%s", error);
    return reply;
}

static void none(struct elect__resp *resp)
{
    char error[ERROR_SIZE] = "";
    redisReply *reply = NULL;
    cr_assert_eq(elect__resp_next(resp, &reply, error, sizeof error), 0, "%s", error);
}

/* It is refused, and stays so. */
static void refused(struct elect__resp *resp, const char *why)
{
    char error[ERROR_SIZE] = "";
    redisReply *reply = NULL;
    cr_assert_eq(elect__resp_next(resp, &reply, error, sizeof error), -1, "%s", why);
    cr_assert(strstr(error, why), "%s: %s", why, error);
    cr_assert_null(reply);
    elect__resp_free(resp);
}

static void is_refused(const char *bytes, const char *why)
{
    struct elect__resp *resp = elect__resp_new();
    feed(resp, bytes, strlen(bytes));
    refused(resp, why);
}

Test(redis_resp, replies_come_in_order_however_they_were_cut)
{
    static const char bytes[] =
        "+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\0b\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n$0\r\n\r\n*1\r\n:1\r\n";
    for (size_t piece = 1; piece <= sizeof bytes - 1; piece++) {
        static const int types[] = {REDIS_REPLY_STATUS, REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER, REDIS_REPLY_STRING,
                                    REDIS_REPLY_NIL,    REDIS_REPLY_NIL,   REDIS_REPLY_ARRAY,   REDIS_REPLY_ARRAY};
        struct elect__resp *resp = elect__resp_new();
        redisReply *replies[8];
        char error[ERROR_SIZE];
        int count = 0;
        for (size_t at = 0; at < sizeof bytes - 1; at += piece) {
            size_t left = sizeof bytes - 1 - at;
            feed(resp, bytes + at, left < piece ? left : piece);
            while (count < 8 && elect__resp_next(resp, &replies[count], error, sizeof error) == 1)
                count++;
        }
        cr_assert_eq(count, 8);
        none(resp);
        for (int i = 0; i < 8; i++)
            cr_assert_eq(replies[i]->type, types[i]);
        cr_assert_str_eq(replies[1]->str, "ERR no");
        cr_assert_eq(replies[2]->integer, -7);
        cr_assert_eq(replies[3]->len, 3, "a NUL is a byte like others");
        cr_assert_arr_eq(replies[3]->str, "a\0b", 4);
        cr_assert_eq(replies[6]->elements, 0);
        cr_assert_eq(replies[7]->element[1]->element[0]->integer, 1);
        for (int i = 0; i < 8; i++)
            freeReplyObject(replies[i]);
        elect__resp_free(resp);
    }
}

Test(redis_resp, what_is_no_resp2_is_refused)
{
    static const char *const table[] = {
        "HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x01",      "\r\n", "hello\r\n", "*1\r\nx\r\n", "*-2\r\n", "$-2\r\n",
        "$99999999999999999999\r\n",    "*9999999999999\r\n"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        is_refused(table[i], "not the answer of a Redis server");
}

/* hiredis 1.x reads them, and some as no reply at all. */
Test(redis_resp, the_types_of_resp3_are_refused)
{
    static const char *const table[] = {"_\r\n",           "#t\r\n",
                                        ",1.5\r\n",        "(12345678901234567890\r\n",
                                        "%0\r\n",          "%1\r\n+a\r\n+b\r\n",
                                        "~1\r\n+a\r\n",    ">1\r\n+a\r\n",
                                        "=5\r\ntxt:a\r\n", "*1\r\n_\r\n",
                                        "*1\r\n%0\r\n"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        is_refused(table[i], "not the answer of a Redis server");
}

/* A string of `length` in an array of one, so that the reply has length + 10 + digits bytes. */
static char *make_bulk(size_t length, size_t *total)
{
    char *bytes = malloc(length + 64);
    int head = sprintf(bytes, "*1\r\n$%zu\r\n", length);
    memset(bytes + head, 'x', length);
    memcpy(bytes + (size_t)head + length, "\r\n", 2);
    *total = (size_t)head + length + 2;
    return bytes;
}

Test(redis_resp, a_reply_has_at_most_a_mebibyte)
{
    size_t total;
    free(make_bulk(ELECT__RESP_REPLY_MAX - 64, &total));
    size_t around = total - (ELECT__RESP_REPLY_MAX - 64);
    for (size_t piece = 0; piece < 2; piece++) {
        size_t step = piece ? 65536 - 7 : SIZE_MAX;
        for (size_t over = 0; over < 2; over++) {
            struct elect__resp *resp = elect__resp_new();
            char error[ERROR_SIZE];
            redisReply *reply = NULL;
            int got = 0;
            char *bytes = make_bulk(ELECT__RESP_REPLY_MAX - around + over, &total);
            cr_assert_eq(total, ELECT__RESP_REPLY_MAX + over);
            feed(resp, ":1\r\n", 4); /* before it: not counted */
            freeReplyObject(next(resp));
            for (size_t at = 0; at < total && got == 0; at += step) {
                feed(resp, bytes + at, total - at < step ? total - at : step);
                if (total - at <= step && !over)
                    feed(resp, ":2\r\n", 4); /* behind it: not counted either */
                got = elect__resp_next(resp, &reply, error, sizeof error);
                if (step == SIZE_MAX)
                    break;
            }
            cr_assert_eq(got, over ? -1 : 1);
            if (got == 1) {
                freeReplyObject(reply);
                freeReplyObject(next(resp));
            } else {
                cr_assert(strstr(error, "1 MiB"));
            }
            elect__resp_free(resp);
            free(bytes);
        }
    }
}

Test(redis_resp, many_replies_in_one_piece_are_no_big_one)
{
    enum { REPLIES = 1100, SIZE = 1000, HEAD = 7 };
    struct elect__resp *resp = elect__resp_new();
    char *bytes = malloc((size_t)REPLIES * (HEAD + SIZE + 2) + 1), *next_byte = bytes;
    for (int i = 0; i < REPLIES; i++) {
        next_byte += sprintf(next_byte, "$%d\r\n", SIZE);
        memset(next_byte, 'x', SIZE);
        memcpy(next_byte + SIZE, "\r\n", 2);
        next_byte += SIZE + 2;
    }
    cr_assert_gt(next_byte - bytes, ELECT__RESP_REPLY_MAX);
    cr_assert(elect__resp_feed(resp, bytes, (size_t)(next_byte - bytes)));
    for (int i = 0; i < REPLIES; i++)
        freeReplyObject(next(resp));
    none(resp);
    free(bytes);
    elect__resp_free(resp);
}

Test(redis_resp, an_endless_bulk_ends_at_a_mebibyte)
{
    static char zeros[4096];
    struct elect__resp *resp = elect__resp_new();
    char error[ERROR_SIZE];
    redisReply *reply;
    int got = 0, fed = 0;
    feed(resp, "$536870912\r\n", 12);
    for (; got == 0; fed++) {
        feed(resp, zeros, sizeof zeros);
        got = elect__resp_next(resp, &reply, error, sizeof error);
    }
    cr_assert_eq(got, -1);
    cr_assert_eq(fed, ELECT__RESP_REPLY_MAX / 4096);
    elect__resp_free(resp);
}

/* A calloc of what a server announces would take 8 GB here. */
Test(redis_resp, an_announced_array_is_not_allocated_beyond_its_limit)
{
    char bytes[64];
    struct elect__resp *resp = elect__resp_new();
    sprintf(bytes, "*%d\r\n", ELECT__RESP_ELEMENTS_MAX);
    feed(resp, bytes, strlen(bytes));
    none(resp);
    elect__resp_free(resp);
    is_refused("*4097\r\n", "4096 elements");
    is_refused("*1000000000\r\n", "4096 elements");
    is_refused("*2\r\n:1\r\n*1000000000\r\n", "4096 elements");
}

static void nest(struct elect__resp *resp, int depth)
{
    for (int i = 0; i < depth; i++)
        feed(resp, "*1\r\n", 4);
}

Test(redis_resp, arrays_nest_to_a_depth_of_eight)
{
    struct elect__resp *resp = elect__resp_new();
    nest(resp, ELECT__RESP_DEPTH_MAX);
    feed(resp, ":1\r\n", 4);
    freeReplyObject(next(resp));
    elect__resp_free(resp);
    resp = elect__resp_new();
    nest(resp, ELECT__RESP_DEPTH_MAX + 1);
    refused(resp, "nested");
    resp = elect__resp_new();
    nest(resp, 10000);
    refused(resp, "nested");
}

Test(redis_resp, what_is_shown_of_a_reply_is_printable)
{
    struct elect__resp *resp = elect__resp_new();
    char error[ERROR_SIZE];
    redisReply *reply;
    feed(resp, "\x1b[31m\r\n", 7);
    cr_assert_eq(elect__resp_next(resp, &reply, error, sizeof error), -1);
    for (const char *c = error; *c; c++)
        cr_assert(*c >= ' ' && *c < 0x7f);
    elect__resp_free(resp);
}

Test(redis_resp, a_command_is_an_array_of_strings_with_their_lengths)
{
    const char *const argv[] = {"SET", "a\0b", "", "0123456789", NULL};
    const size_t length[] = {3, 3, 0, 10};
    static const char wanted[] = "*4\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n$10\r\n0123456789\r\n";
    size_t size = elect__resp_size(4, length);
    cr_assert_eq(size, sizeof wanted - 1);
    char *bytes = malloc(size);
    cr_assert_eq(elect__resp_write(bytes, 4, argv, length), bytes + size);
    cr_assert_arr_eq(bytes, wanted, size);
    free(bytes);
}

/* As hiredis writes it, of any length: a server takes no other. */
Test(redis_resp, a_command_is_what_hiredis_writes)
{
    static char long_one[100001];
    memset(long_one, 'x', sizeof long_one);
    for (size_t i = 0; i < sizeof long_one; i += i < 1100 ? 1 : 9890) {
        const char *argv[] = {"PUBLISH", long_one, "m"};
        const size_t length[] = {7, i, 1};
        char *wanted = NULL;
        long long size = redisFormatCommandArgv(&wanted, 3, argv, length);
        char *bytes = malloc((size_t)size);
        cr_assert_eq(elect__resp_size(3, length), (size_t)size);
        cr_assert_eq(elect__resp_write(bytes, 3, argv, length), bytes + size);
        cr_assert_eq(memcmp(bytes, wanted, (size_t)size), 0, "%zu", i);
        free(bytes);
        redisFreeCommand(wanted);
    }
}
