#include "stores/redis_rights.h"
#include <criterion/criterion.h>
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
