/* What stands in the way of a file, in words. */
#include "stores/local_path.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

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
