/* libFuzzer: any bytes as what a server sends. Fed at once and in pieces they are the same replies, up to the same
 * verdict; each reply is within the limits, and whole. The first byte is the size of the pieces. */
#include "fuzz.h"
#include "stores/redis_resp.h"
#include "text.h"

enum { REPLIES = 4096 };

struct seen {
    redisReply *replies[REPLIES];
    int count;
    bool refused;
};

static void check(const redisReply *reply, int depth)
{
    require(reply != NULL);
    require(reply->type >= REDIS_REPLY_STRING && reply->type <= REDIS_REPLY_ERROR);
    if (reply->type == REDIS_REPLY_ARRAY) {
        require(depth < ELECT__RESP_DEPTH_MAX);
        require(reply->elements <= ELECT__RESP_ELEMENTS_MAX);
        for (size_t i = 0; i < reply->elements; i++)
            check(reply->element[i], depth + 1);
    } else if (reply->type != REDIS_REPLY_INTEGER && reply->type != REDIS_REPLY_NIL) {
        require(reply->str != NULL && reply->str[reply->len] == '\0');
        require(reply->len < ELECT__RESP_REPLY_MAX);
    }
}

static void same(const redisReply *a, const redisReply *b)
{
    require(a->type == b->type);
    if (a->type == REDIS_REPLY_ARRAY) {
        require(a->elements == b->elements);
        for (size_t i = 0; i < a->elements; i++)
            same(a->element[i], b->element[i]);
    } else if (a->type == REDIS_REPLY_INTEGER) {
        require(a->integer == b->integer);
    } else if (a->type != REDIS_REPLY_NIL) {
        require(a->len == b->len && memcmp(a->str, b->str, a->len) == 0);
    }
}

static void read_all(const uint8_t *data, size_t size, size_t step, struct seen *seen)
{
    struct elect__resp *resp = elect__resp_new();
    require(resp != NULL);
    seen->count = 0;
    seen->refused = false;
    for (size_t at = 0; at < size && !seen->refused; at += step) {
        char error[256] = "";
        redisReply *reply = NULL;
        int got;
        require(elect__resp_feed(resp, (const char *)data + at, size - at < step ? size - at : step));
        while ((got = elect__resp_next(resp, &reply, error, sizeof error)) == 1) {
            check(reply, 0);
            require(seen->count < REPLIES);
            seen->replies[seen->count++] = reply;
        }
        require(got == 0 || (*error != '\0' && elect__utf8_line(error)));
        seen->refused = got < 0;
    }
    elect__resp_free(resp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seen at_once, in_pieces;
    if (size < 2 || size > REPLIES)
        return 0;
    size_t step = data[0] % 16 + 1;
    read_all(data + 1, size - 1, size, &at_once);
    read_all(data + 1, size - 1, step, &in_pieces);
    require(at_once.refused == in_pieces.refused);
    require(at_once.count == in_pieces.count);
    for (int i = 0; i < at_once.count; i++) {
        same(at_once.replies[i], in_pieces.replies[i]);
        freeReplyObject(at_once.replies[i]);
        freeReplyObject(in_pieces.replies[i]);
    }
    return 0;
}
