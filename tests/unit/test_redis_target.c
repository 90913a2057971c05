#include "option_table.h"
#include "stores/redis_target.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(redis_target, a_server_is_what_its_url_says)
{
    static const struct {
        const char *url, *host, *port, *user, *password;
        int64_t database;
        bool tls;
    } table[] = {
        {"redis://h", "h", "6379", "", "", 0, false},
        {"redis://h/", "h", "6379", "", "", 0, false},
        {"redis://h:1/3", "h", "1", "", "", 3, false},
        {"redis://h:65535/2147483647", "h", "65535", "", "", 2147483647, false},
        {"redis://h:06379/007", "h", "6379", "", "", 7, false},
        {"valkey://cache-1.example_x:7000", "cache-1.example_x", "7000", "", "", 0, false},
        {"REDISS://10.0.0.1:1", "10.0.0.1", "1", "", "", 0, true},
        {"valkeys://h", "h", "6379", "", "", 0, true},
        {"redis://[::1]", "::1", "6379", "", "", 0, false},
        {"redis://[fe80::1%25eth0]:7/1", "fe80::1%eth0", "7", "", "", 1, false},
        {"redis://u:p@h", "h", "6379", "u", "p", 0, false},
        {"redis://:p@h", "h", "6379", "", "p", 0, false},
        {"redis://u@h", "h", "6379", "u", "", 0, false},
        {"redis://u:@[::1]:2", "::1", "2", "u", "", 0, false},
        {"redis://a%3Ab:p%40%2f%3A%3f:x@h", "h", "6379", "a:b", "p@/:?:x", 0, false},
        {"redis://h?lock_ttl=5s", "h", "6379", "", "", 0, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct elect__redis_target target;
        char rule[ELECT__RULE_SIZE] = "";
        cr_assert_eq(elect__redis_target_parse(table[i].url, &target, rule, sizeof rule), ELECT_OK, "%s: %s",
                     table[i].url, rule);
        cr_assert_str_eq(target.host, table[i].host);
        cr_assert_str_eq(target.port, table[i].port);
        cr_assert_str_eq(target.user, table[i].user);
        cr_assert_str_eq(target.password, table[i].password);
        cr_assert_str_eq(target.path, "");
        cr_assert_eq(target.database, table[i].database, "%s", table[i].url);
        cr_assert_eq(target.tls, table[i].tls, "%s", table[i].url);
        elect__redis_target_free(&target);
    }
}

Test(redis_target, a_socket_of_this_host_is_a_path)
{
    static const struct {
        const char *url, *path, *user, *password;
        int64_t database;
    } table[] = {
        {"redis+unix:///run/redis.sock", "/run/redis.sock", "", "", 0},
        {"redis+unix:/run/redis.sock?db=15", "/run/redis.sock", "", "", 15},
        {"valkey+unix://u:p%25@/a%20b?db=1&lock_ttl=5s", "/a b", "u", "p%", 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct elect__redis_target target;
        char rule[ELECT__RULE_SIZE] = "";
        cr_assert_eq(elect__redis_target_parse(table[i].url, &target, rule, sizeof rule), ELECT_OK, "%s: %s",
                     table[i].url, rule);
        cr_assert_str_eq(target.path, table[i].path);
        cr_assert_str_eq(target.host, "");
        cr_assert_str_eq(target.user, table[i].user);
        cr_assert_str_eq(target.password, table[i].password);
        cr_assert_eq(target.database, table[i].database);
        cr_assert_not(target.tls);
        elect__redis_target_free(&target);
    }
}

/* hunter2 stands where somebody may have put a password that is not encoded. */
Test(redis_target, what_is_wrong_is_said_by_its_rule_and_shows_nothing_secret)
{
    static const struct {
        const char *url, *rule;
    } table[] = {
        {"redis:", "no host"},
        {"redis:///0", "no host"},
        {"redis:hunter2", "no host"},
        {"redis://u:hunter2@/0", "no host"},
        {"redis://u:hunter2@:6379", "no host"},
        {"redis://u:hunter2", "65535"},
        {"redis://h:", "65535"},
        {"redis://h:0", "65535"},
        {"redis://h:65536", "65535"},
        {"redis://h:99999999999999999999", "65535"},
        {"redis://h:+1", "65535"},
        {"redis://::1:6379", "brackets"},
        {"redis://::1", "brackets"},
        {"redis://[::1", "brackets"},
        {"redis://[::1]6379", "brackets"},
        {"redis://[h]", "brackets"},
        {"redis://[1.2.3.4]:1", "brackets"},
        {"redis://[::1%25]", "brackets"},
        {"redis://[::1]:hunter2", "65535"},
        {"redis://h1,h2", "one name"},
        {"redis://h%41", "one name"},
        {"redis://u:hunter2@x@h", "%40"},
        {"redis://u:x/hunter2@h", "65535"},
        {"redis://h/x", "database's number"},
        {"redis://h/0/1", "database's number"},
        {"redis://h//", "database's number"},
        {"redis://h/-1", "database's number"},
        {"redis://h/2147483648", "2147483647"},
        {"redis://h/99999999999", "2147483647"},
        {"redis://h?db=1", "not as a parameter"},
        {"redis://u:hunter2%@h", "hex digits"},
        {"redis://u:hunter2%00@h", "%00"},
        {"redis://u:hunter2%ff@h", "UTF-8"},
        {"redis+unix://run/redis.sock", "no host"},
        {"redis+unix:run/redis.sock", "absolute"},
        {"redis+unix:///", "absolute"},
        {"redis+unix:///s?db=", "2147483647"},
        {"redis+unix:///s?db=x", "2147483647"},
        {"redis+unix:///s?db=1 ", "2147483647"},
        {"redis+unix:///0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
         "0123456789/12345678",
         "107 bytes"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct elect__redis_target target;
        char rule[ELECT__RULE_SIZE] = "";
        cr_assert_eq(elect__redis_target_parse(table[i].url, &target, rule, sizeof rule), ELECT_EINVAL, "%s",
                     table[i].url);
        cr_assert(strstr(rule, table[i].rule), "%s: %s", table[i].url, rule);
        cr_assert_null(strstr(rule, "hunter2"), "%s: %s", table[i].url, rule);
        cr_assert_null(target.memory);
        cr_assert_lt(strlen(rule), sizeof rule - 1, "it is cut");
    }
}

Test(redis_target, any_authority_is_read_within_its_memory)
{
    static const char letters[] = "a:@[]%41/?1.";
    uint32_t random = 11;
    for (int i = 0; i < 10000; i++) {
        char text[40] = "redis://", rule[ELECT__RULE_SIZE];
        for (size_t j = 8; j < 8 + (size_t)(i % 30); j++) {
            random = random * 1664525 + 1013904223;
            text[j] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        struct elect__redis_target target;
        char *exact = strdup(text);
        if (elect__redis_target_parse(exact, &target, rule, sizeof rule) == ELECT_OK)
            elect__redis_target_free(&target);
        free(exact);
    }
}
