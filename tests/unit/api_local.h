/* A directory for local:, which goes when its test ends. */
#ifndef TESTS_UNIT_API_LOCAL_H
#define TESTS_UNIT_API_LOCAL_H
#include "api.h"
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

static char local_folder[256], local_url[272];

static inline int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat, (void)type, (void)walk;
    return remove(path);
}

static inline void remove_local(void)
{
    nftw(local_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The URL of an empty one, in place of the last one. */
static inline const char *make_local(void)
{
    if (*local_folder)
        remove_local();
    const char *parent =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* where syncing costs nothing, if it is there */
    snprintf(local_folder, sizeof local_folder, "%s/elect-test-XXXXXX", parent);
    cr_assert_not_null(mkdtemp(local_folder));
    snprintf(local_url, sizeof local_url, "local:%s", local_folder);
    return local_url;
}
#endif
