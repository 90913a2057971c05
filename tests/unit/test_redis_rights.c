#include "stores/redis_rights.h"
#include "stores/redis_script.h"
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BEFORE "    ACL SETUSER elect on >PASSWORD ~elect:* &elect:* "

Test(redis_rights, the_line_of_the_page_is_the_table)
{
    FILE *page = fopen(ELECT_SOURCE "/docs/redis.md", "r");
    char line[2000];
    int found = 0;
    cr_assert_not_null(page);
    while (fgets(line, sizeof line, page)) {
        if (strncmp(line, BEFORE, strlen(BEFORE)) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        cr_assert_str_eq(line + strlen(BEFORE), elect__redis_rights);
        found++;
    }
    fclose(page);
    cr_assert_eq(found, 1);
}

/* What is sent beside the scripts. */
static const char *const sent[] = {"EVAL",   "EVALSHA", "SCRIPT",  "GET",       "PTTL",        "HMGET",
                                   "LRANGE", "SCAN",    "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE", "INFO",
                                   "PING",   "SELECT",  "WAIT",    "TIME",      "CLIENT"};

static bool is_sent(const char *name)
{
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        if (strcmp(sent[i], name) == 0)
            return true;
    }
    return false;
}

static void is_in_table(const char *command, size_t length)
{
    char right[40] = " +";
    for (size_t i = 0; i < length; i++)
        right[2 + i] = (char)tolower((unsigned char)command[i]);
    const char *found = strstr(elect__redis_rights, right);
    cr_assert(found && (found[strlen(right)] == ' ' || !found[strlen(right)]), "%s is missing", right + 1);
}

static bool is_called(const char *name)
{
    char call[64];
    snprintf(call, sizeof call, "call('%s'", name);
    for (size_t i = 0; i < ELECT__REDIS_SCRIPTS; i++) {
        if (strstr(elect__redis_scripts[i], call))
            return true;
    }
    return false;
}

Test(redis_rights, the_table_has_what_the_scripts_call)
{
    for (size_t i = 0; i < ELECT__REDIS_SCRIPTS; i++) {
        const char *text = elect__redis_scripts[i];
        while ((text = strstr(text, "call('"))) {
            text += strlen("call('");
            is_in_table(text, strcspn(text, "'"));
        }
    }
}

Test(redis_rights, the_table_has_nothing_that_is_not_used)
{
#define NAME(NAME, right) right,
    static const char *const rights[] = {ELECT__REDIS_RIGHTS(NAME)};
#undef NAME
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        char name[40] = "";
        for (size_t c = 0; rights[i][c] && rights[i][c] != '|'; c++)
            name[c] = (char)toupper((unsigned char)rights[i][c]);
        cr_assert(is_sent(name) || is_called(name), "%s", rights[i]);
    }
}
