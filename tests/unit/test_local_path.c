/* From names to files. */
#include "stores/local_path.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *file_of(const char *name)
{
    static char file[ELECT__LOCAL_FILE_SIZE];
    elect__local_file_name(name, file);
    return file;
}

Test(local_path, plain_names_stay_as_they_are)
{
    cr_assert_str_eq(file_of("billing"), "billing");
    cr_assert_str_eq(file_of("Web-3_a.b"), "Web-3_a.b");
}

Test(local_path, everything_else_is_percent_encoded)
{
    cr_assert_str_eq(file_of("a/b"), "a%2Fb");
    cr_assert_str_eq(file_of(".."), "%2E.");
    cr_assert_str_eq(file_of("."), "%2E");
    cr_assert_str_eq(file_of("%"), "%25");
    cr_assert_str_eq(file_of("~"), "%7E");
    cr_assert_str_eq(file_of("\xc3\xa4 "), "%C3%A4%20");
}

Test(local_path, long_names_are_cut_and_told_apart)
{
    char name[201], first[ELECT__LOCAL_FILE_SIZE];
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

Test(local_path, a_shortage_is_named_with_its_limit)
{
    char error[256];
    const struct {
        int failure;
        const char *word;
    } rows[] = {{EMFILE, "RLIMIT_NOFILE"}, {ENFILE, "fs.file-max"}, {ENOSPC, "no space"},
                {EROFS, "read-only"},      {EDQUOT, "quota"},       {EIO, "error"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        elect__local_say(error, sizeof error, "can't open", "/some/file", rows[i].failure);
        cr_assert_not_null(strstr(error, rows[i].word), "%s", error);
        cr_assert_not_null(strstr(error, "/some/file"), "%s", error);
    }
}
