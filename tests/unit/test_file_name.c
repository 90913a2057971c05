/* From names to files. */
#include "file_name.h"
#include <criterion/criterion.h>
#include <string.h>

static const char *file_of(const char *name)
{
    static char file[ELECT__FILE_NAME_SIZE];
    elect__file_name(name, file);
    return file;
}

Test(file_name, plain_names_stay_as_they_are)
{
    cr_assert_str_eq(file_of("billing"), "billing");
    cr_assert_str_eq(file_of("Web-3_a.b"), "Web-3_a.b");
}

Test(file_name, everything_else_is_percent_encoded)
{
    cr_assert_str_eq(file_of("a/b"), "a%2Fb");
    cr_assert_str_eq(file_of(".."), "%2E.");
    cr_assert_str_eq(file_of("."), "%2E");
    cr_assert_str_eq(file_of("%"), "%25");
    cr_assert_str_eq(file_of("~"), "%7E");
    cr_assert_str_eq(file_of("\xc3\xa4 "), "%C3%A4%20");
}

Test(file_name, long_names_are_cut_and_told_apart)
{
    char name[201], first[ELECT__FILE_NAME_SIZE];
    memset(name, 'x', 200);
    name[200] = '\0';
    cr_assert_str_eq(file_of(name), name, "200 bytes fit");
    memset(name, '/', 200);
    strcpy(first, file_of(name));
    cr_assert_eq(strlen(first), 177);
    cr_assert_eq(first[160], '~');
    name[199] = '.';
    cr_assert_eq(strlen(file_of(name)), 177);
    cr_assert_str_neq(file_of(name), first);
    for (size_t length = 60; length <= 200; length++) {
        memset(name, '/', length);
        name[length] = '\0';
        cr_assert_leq(strlen(file_of(name)), 200);
    }
}
