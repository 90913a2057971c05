#include "url.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>

Test(url, parts_are_found_and_decoded)
{
    static const struct {
        const char *text, *scheme, *authority, *path;
        int params;
    } table[] = {
        {"local:/var/lib/elect", "local", "", "/var/lib/elect", 0},
        {"local:///var/lib/elect", "local", "", "/var/lib/elect", 0},
        {"local:relative", "local", "", "relative", 0},
        {"local:/a%20b%3Fc%25", "local", "", "/a b?c%", 0},
        {"local:/tmp/a@b:c", "local", "", "/tmp/a@b:c", 0},
        {"memory:", "memory", "", "", 0},
        {"MEMORY:?clock=manual", "memory", "", "", 1},
        {"memory:?", "memory", "", "", 0},
        {"redis://u:p@h:6379/0?lock_ttl=5s&name=x", "redis", "u:p@h:6379", "/0", 2},
        {"redis://u:p%40@h", "redis", "u:p%40@h", "", 0},
        {"redis+unix:/run/redis.sock", "redis+unix", "", "/run/redis.sock", 0},
        {"s3://bucket?x=%26%3D", "s3", "bucket", "", 1},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct elect__url url;
        char rule[200] = "";
        cr_assert_eq(elect__url_parse(table[i].text, &url, rule, sizeof(rule)), ELECT_OK, "%s: %s", table[i].text,
                     rule);
        cr_assert_str_eq(url.scheme, table[i].scheme);
        cr_assert_str_eq(url.authority, table[i].authority);
        cr_assert_str_eq(url.path, table[i].path);
        cr_assert_eq(url.param_count, table[i].params);
        elect__url_free(&url);
    }
}

Test(url, parameters_are_found_by_key)
{
    struct elect__url url;
    char rule[200];
    cr_assert_eq(elect__url_parse("x:?a=1&b=%26%3d+&c=&d=a=b", &url, rule, sizeof(rule)), ELECT_OK);
    cr_assert_str_eq(elect__url_param(&url, "a"), "1");
    cr_assert_str_eq(elect__url_param(&url, "b"), "&=+");
    cr_assert_str_eq(elect__url_param(&url, "c"), "");
    cr_assert_str_eq(elect__url_param(&url, "d"), "a=b");
    cr_assert_null(elect__url_param(&url, "e"));
    elect__url_free(&url);
}

Test(url, malformed_ones_are_refused_by_their_rule)
{
    static const struct {
        const char *text, *rule;
    } table[] = {
        {"", "scheme:path"},
        {":", "scheme:path"},
        {"/var/lib/elect", "scheme:path"},
        {"localhost", "scheme:path"},
        {"3s:/x", "scheme:path"},
        {"lo cal:/x", "scheme:path"},
        {"local:/x#y", "%23"},
        {"local:/x\n", "control characters"},
        {"local:/\xff", "UTF-8"},
        {"local:/%ff", "UTF-8"},
        {"local:/%0a", "control characters"},
        {"local:/%00", "%00"},
        {"local:/%", "hex digits"},
        {"local:/%4", "hex digits"},
        {"local:/%4g", "hex digits"},
        {"local:/%g4", "hex digits"},
        {"x:?a=%4", "hex digits"},
        {"x:?a=%4&41", "hex digits"},
        {"x:?a", "key=value"},
        {"x:?=a", "key=value"},
        {"x:?a=1&", "key=value"},
        {"x:?a=1&&b=2", "key=value"},
        {"x:?a=1&a=2", "once"},
        {"x:?a=1&%61=2", "once"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct elect__url url;
        char rule[200] = "";
        cr_assert_eq(elect__url_parse(table[i].text, &url, rule, sizeof(rule)), ELECT_EINVAL, "%s", table[i].text);
        cr_assert(strstr(rule, table[i].rule), "%s: %s", table[i].text, rule);
        cr_assert_null(url.memory);
    }
}

Test(url, parameters_are_bounded)
{
    char text[1000] = "x:?p=0", rule[200];
    struct elect__url url;
    for (int i = 1; i < ELECT__URL_PARAMS; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "&p%d=%d", i, i);
    cr_assert_eq(elect__url_parse(text, &url, rule, sizeof(rule)), ELECT_OK);
    elect__url_free(&url);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "&one=more");
    cr_assert_eq(elect__url_parse(text, &url, rule, sizeof(rule)), ELECT_EINVAL);
    cr_assert(strstr(rule, "32"));
}

static void shows(const char *text, const char *expected)
{
    char *shown = elect__url_redact(text);
    cr_assert_str_eq(shown, expected);
    free(shown);
}

Test(redact, what_is_harmless_stays)
{
    static const char *const table[] = {
        "",
        "local:/var/lib/elect",
        "local:/srv/a@b:c",
        "local:///srv/a@b",
        "/var/lib/elect",
        "memory:",
        "memory:?clock=manual",
        "local:/tmp?lock_ttl=5s&name=x@y",
        "redis://h:6379/0",
        "redis://h1:26379,h2:26379/main",
        "redis://[::1]:6379/0?lock_ttl=5s&address=a@b",
        "rediss://[fe80::1%25eth0]:6379/0",
        "valkey://h:7000/1",
#ifdef ELECT_REDIS
        "redis+unix:///run/redis.sock?db=1&lock_ttl=5s",
#endif
        "valkey+unix:/run/a@b:c",
        "s3://bucket/prefix",
        "mailbox",
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        shows(table[i], table[i]);
}

Test(redact, passwords_are_hidden)
{
    shows("redis://user:pw@h:6379/0", "redis://user:***@h:6379/0");
    shows("redis://:pw@h", "redis://:***@h");
    shows("redis://pw@h", "redis://***@h");
    shows("rediss://u:p%40w@h?lock_ttl=5s", "rediss://u:***@h?lock_ttl=5s");
    shows("redis://h/0?password=pw", "redis://h/0?password=***");
    shows("local:/x?pasword=pw&lock_ttl=5s&token=a=b", "local:/x?pasword=***&lock_ttl=5s&token=***");
    shows("local:/x?pw", "local:/x?***");
    shows("redis:///0?password=p@w", "redis:///0?password=***");
#ifdef ELECT_REDIS
    shows("redis+unix://u:pw@/run/redis.sock?db=1", "redis+unix://u:***@/run/redis.sock?db=1");
#endif
    shows("valkey+unix://:pw@/run/redis.sock?password=pw", "valkey+unix://:***@/run/redis.sock?password=***");
    shows("rediss://u:p%40w@[::1]:6380/0", "rediss://u:***@[::1]:6380/0");
    shows("valkeys://u:p@w@h/0", "valkeys://u:***@h/0");
    shows("redis+unix:///run/redis.sock?auth=pw", "redis+unix:///run/redis.sock?auth=***");
    shows("redis://h?clock=pw", "redis://h?clock=***");
    shows("local:/x?store=redis://u:pw@h", "local:/x?store=***");
    shows("redis:///user:pw@h:6379/0", "redis:///user:***@h:6379/0");
    shows("redis:/user:pw@h", "redis:/user:***@h");
}

Test(redact, malformed_urls_show_no_password_either)
{
    static const char secret[] = "hunter2";
    static const char *const table[] = {
        "redis://u:hunter2",
        "redis://u:hunter2/x@h",
        "redis://u:x/hunter2@h",
        "redis://u:x?hunter2@h",
        "redis://u:hunter2?x@h",
        "redis://u:x@hunter2@h",
        "redis:u:hunter2@h",
        "u:hunter2@h",
        "redis://u:1?hunter2=x@h",
        "redis://u:x#hunter2@h",
        "redis://u:%hunter2@h",
        "hunter2@h",
        "redis://h?password=hunter2@",
        "redis://h?a&hunter2",
        "redis://h?a=b?hunter2",
        "redis://h?&&hunter2",
        "redis+unix://u:hunter2/run/s",
        "redis+unix://u:hunter2@/run/s",
        "redis+unix:u:hunter2@/run/s",
        "valkeys://hunter2@h",
        "rediss://u:x@hunter2@[::1]:1/0",
        "redis://u:[hunter2]@h",
        "redis://u:x?lock=hunter2@h",
        "redis://u:x\nhunter2@h/",
        "redis://u:x@h?k=hunter2",
        "redis:///u:hunter2@h",
        "redis:/u:hunter2@h",
        "rediss:////u:hunter2@h:6380/0",
        "valkeys:///hunter2@h",
        "redis:///u:x?hunter2@h",
        "redis:///u:hunter2",
        "?hunter2",
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *shown = elect__url_redact(table[i]);
        cr_assert_null(strstr(shown, secret), "%s is shown as %s", table[i], shown);
        free(shown);
    }
}

Test(redact, any_text_is_redacted_within_its_memory)
{
    static const char letters[] = "aZ0:/?&=@#%[],.\xff";
    uint32_t random = 7;
    for (int i = 0; i < 20000; i++) {
        char text[40] = {0};
        int length = i % (int)sizeof(text);
        for (int j = 0; j < length; j++) {
            random = random * 1664525 + 1013904223;
            text[j] = letters[(random >> 16) % (sizeof(letters) - 1)];
        }
        char *shown = elect__url_redact(text);
        cr_assert_not_null(shown);
        free(shown);
        struct elect__url url;
        char rule[200];
        if (elect__url_parse(text, &url, rule, sizeof(rule)) == ELECT_OK)
            elect__url_free(&url);
    }
}
