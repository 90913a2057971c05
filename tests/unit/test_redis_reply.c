/* What a server says is not to be trusted, be it for people only. */
#include "stores/redis_reply.h"
#include "stores/redis_store.h"
#include <criterion/criterion.h>
#include <string.h>

static bool reads_clock(const char *seconds, const char *microseconds, int64_t *server_us)
{
    redisReply numbers[2] = {{.type = REDIS_REPLY_STRING, .str = (char *)seconds, .len = strlen(seconds)},
                             {.type = REDIS_REPLY_STRING, .str = (char *)microseconds, .len = strlen(microseconds)}};
    redisReply *elements[2] = {&numbers[0], &numbers[1]};
    redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = elements};
    return elect__reply_clock(&reply, server_us);
}

Test(redis_reply, a_clock_is_seconds_and_microseconds)
{
    int64_t server_us = 0;
    cr_assert(reads_clock("1700000000", "999999", &server_us));
    cr_assert_eq(server_us, INT64_C(1700000000999999));
    cr_assert_not(reads_clock("1700000000", "1000000", &server_us));
    cr_assert_not(reads_clock("9007199254740991", "0", &server_us), "it would not fit");
    cr_assert_not(reads_clock("-1", "0", &server_us));
    cr_assert_not(reads_clock("", "0", &server_us));
    cr_assert_not(elect__reply_clock(NULL, &server_us));
}

Test(redis_reply, what_info_says_can_be_shown)
{
    static const char info[] = "# Server\r\nredis_version:7\x1b[2J\r\nmaxmemory_policy:no\teviction\r\nrole:master";
    char out[64], small[8];
    cr_assert_str_eq(elect__redis_info_field(info, "redis_version", out, sizeof out), "7\\x1b[2J");
    cr_assert_str_eq(elect__redis_info_field(info, "maxmemory_policy", out, sizeof out), "no\\x09eviction");
    cr_assert_str_eq(elect__redis_info_field(info, "role", out, sizeof out), "master");
    cr_assert_str_eq(elect__redis_info_field(info, "maxmemory_policy", small, sizeof small), "no\\x09e");
    cr_assert_str_eq(elect__redis_info_field(info, "absent", out, sizeof out), "");
}
