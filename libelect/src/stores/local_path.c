#include "local_path.h"
#include "../url.h"
#include <elect/elect.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- failures ---- */

void elect__local_say(char *error, size_t size, const char *what, const char *file, int failure)
{
    struct rlimit limit = {0};
    const char *why = strerrordesc_np(failure);
    if (failure == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        snprintf(error, size, "%s %s: out of descriptors: this process may have %llu (RLIMIT_NOFILE, ulimit -n)", what,
                 file, (unsigned long long)limit.rlim_cur);
    else if (failure == ENFILE)
        snprintf(error, size, "%s %s: out of descriptors: the system has no more (fs.file-max)", what, file);
    else if (failure == ENOSPC)
        snprintf(error, size, "%s %s: no space is left on its file system", what, file);
    else if (failure == EDQUOT)
        snprintf(error, size, "%s %s: the disk quota of this user is used up", what, file);
    else if (failure == EROFS)
        snprintf(error, size, "%s %s: its file system is read-only", what, file);
    else
        snprintf(error, size, "%s %s: %s", what, file, why != NULL ? why : "unknown error");
}

static bool is_passing(int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOSPC || failure == EDQUOT || failure == ENOMEM ||
           failure == EINTR;
}

/* ---- file systems ---- */

static const struct file_system {
    uint32_t magic;
    const char *name;
    bool allowed;
    const char *warning;
} file_systems[] = {
    {0xef53, "ext4", true, NULL},
    {0x58465342, "xfs", true, NULL},
    {0x9123683e, "btrfs", true, NULL},
    {0x794c7630, "overlayfs", true,
     "overlayfs is private to its container: candidates elsewhere do not see these elections"},
    {0x01021994, "tmpfs", true, "tmpfs forgets at a restart: epochs then rise by the clock only"},
    {0x6969, "nfs", false, NULL},
    {0x517b, "smb", false, NULL},
    {0xff534d42, "cifs", false, NULL},
    {0xfe534d42, "smb2", false, NULL},
    {0x65735546, "fuse", false, NULL},
    {0x01021997, "9p", false, NULL},
    {0x00c36400, "ceph", false, NULL},
    {0x2fc12fc1, "zfs", false, NULL},
    {0xf2f52010, "f2fs", false, NULL},
    {0xca451a4e, "bcachefs", false, NULL},
    {0x858458f6, "ramfs", false, NULL},
    {0x4d44, "vfat", false, NULL},
};

static const struct file_system *find_file_system(uint32_t magic)
{
    for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++) {
        if (file_systems[i].magic == magic)
            return &file_systems[i];
    }
    return NULL;
}

/* allow: names or 0x numbers, with commas or spaces between. */
static bool is_listed(const char *allow, const char *name, uint32_t magic)
{
    char number[16];
    snprintf(number, sizeof number, "0x%x", (unsigned)magic);
    for (const char *word = allow; *word != '\0';) {
        size_t length = strcspn(word, ", ");
        if ((length == strlen(name) && strncasecmp(word, name, length) == 0) ||
            (length == strlen(number) && strncasecmp(word, number, length) == 0))
            return true;
        word += length;
        word += strspn(word, ", ");
    }
    return false;
}

/* Locks and inotify are certain on the listed ones only. */
static int32_t check_file_system(struct elect__local_dir *dir, const char *allow, char *error, size_t size)
{
    struct statfs stat;
    if (fstatfs(dir->fd, &stat) != 0) {
        elect__local_say(error, size, "store=local: can't tell the file system of", dir->path, errno);
        return ELECT_ESTORE;
    }
    uint32_t magic = (uint32_t)stat.f_type;
    const struct file_system *found = find_file_system(magic);
    snprintf(dir->file_system, sizeof dir->file_system, "%s", found != NULL ? found->name : "");
    if (found == NULL)
        snprintf(dir->file_system, sizeof dir->file_system, "0x%x", (unsigned)magic);
    dir->warning = found != NULL ? found->warning : NULL;
    if (found != NULL && found->allowed)
        return ELECT_OK;
    dir->warning = "this file system was allowed by hand: whether its locks hold between processes is not known";
    if (is_listed(allow, dir->file_system, magic))
        return ELECT_OK;
    snprintf(
        error, size,
        "store=local:%s: file system %s (0x%x) is not one whose locks are known to hold: ext4, xfs, btrfs, overlayfs "
        "or tmpfs; allow_filesystem=%s if you know better",
        dir->path, dir->file_system, (unsigned)magic, dir->file_system);
    return ELECT_ESTORE;
}

/* ---- the directory ---- */

/* Without slashes at its end: with one, a symbolic link would be followed. */
static int32_t path_of(const char *store, char **path, char *error, size_t size)
{
    struct elect__url url;
    char rule[256];
    int32_t code = elect__url_parse(store, &url, rule, sizeof rule);
    *path = NULL;
    if (code != ELECT_OK) {
        snprintf(error, size, "store: %s", rule);
        return code;
    }
    size_t length = strlen(url.path);
    while (length > 1 && url.path[length - 1] == '/')
        length--;
    if (url.authority[0] != '\0' || url.path[0] != '/') {
        snprintf(error, size, "store=%s: local: needs the absolute path of a directory, as in local:/var/lib/elect",
                 store);
        code = ELECT_EINVAL;
    } else {
        *path = strndup(url.path, length);
        code = *path != NULL ? ELECT_OK : ELECT_ENOMEM;
    }
    elect__url_free(&url);
    return code;
}

static int32_t check_owner(struct elect__local_dir *dir, char *error, size_t size)
{
    struct stat stat;
    if (fstat(dir->fd, &stat) != 0) {
        elect__local_say(error, size, "store=local: can't examine", dir->path, errno);
        return ELECT_ESTORE;
    }
    dir->dev = stat.st_dev;
    dir->ino = stat.st_ino;
    if (stat.st_uid != geteuid()) {
        snprintf(error, size, "store=local:%s: belongs to user %u, this process runs as %u: it must be the same",
                 dir->path, (unsigned)stat.st_uid, (unsigned)geteuid());
        return ELECT_ESTORE;
    }
    if ((stat.st_mode & 022) != 0) {
        snprintf(error, size, "store=local:%s: mode %04o lets others write into it: chmod go-w (0700 is best)",
                 dir->path, (unsigned)stat.st_mode & 07777);
        return ELECT_ESTORE;
    }
    return ELECT_OK;
}

static int32_t refuse_open(const char *path, int failure, bool *passing, char *error, size_t size)
{
    *passing = is_passing(failure);
    if (failure == ELOOP || failure == ENOTDIR)
        snprintf(error, size, "store=local:%s: must be a directory, and not a symbolic link to one", path);
    else if (failure == ENOENT)
        snprintf(error, size, "store=local:%s: its parent directory does not exist; only the last component is made",
                 path);
    else
        elect__local_say(error, size, "store=local: can't open directory", path, failure);
    return ELECT_ESTORE;
}

static int32_t open_path(struct elect__local_dir *dir, const char *path, bool *passing, char *error, size_t size)
{
    char real[PATH_MAX];
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        int failure = errno;
        if (access(path, F_OK) != 0) { /* on a read-only file system one that exists will do so far */
            if (failure == ENOENT || failure == ENOTDIR || failure == ELOOP)
                return refuse_open(path, failure, passing, error, size);
            *passing = is_passing(failure);
            elect__local_say(error, size, "store=local: can't make directory", path, failure);
            return ELECT_ESTORE;
        }
    }
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir->fd < 0)
        return refuse_open(path, errno, passing, error, size);
    dir->path = strdup(realpath(path, real) != NULL ? real : path);
    dir->way = strdup(path);
    return dir->path != NULL && dir->way != NULL ? ELECT_OK : ELECT_ENOMEM;
}

int32_t elect__local_dir_open(struct elect__local_dir *dir, const char *store, const char *allow, bool *passing,
                              char *error, size_t size)
{
    char *path;
    *passing = false;
    *dir = (struct elect__local_dir){.fd = -1};
    int32_t code = path_of(store, &path, error, size);
    if (code == ELECT_OK)
        code = open_path(dir, path, passing, error, size);
    free(path);
    if (code == ELECT_OK)
        code = check_owner(dir, error, size);
    if (code == ELECT_OK)
        code = check_file_system(dir, allow, error, size);
    if (code != ELECT_OK)
        elect__local_dir_close(dir);
    return code;
}

void elect__local_dir_close(struct elect__local_dir *dir)
{
    struct stat stat;
    /* A number that was closed under us may be somebody else's by now. */
    if (dir->fd >= 0 && fstat(dir->fd, &stat) == 0 && (dir->ino == 0 || stat.st_ino == dir->ino))
        close(dir->fd);
    char *path = dir->path, *way = dir->way;
    *dir = (struct elect__local_dir){.fd = -1}; /* first: a child that is forked in between frees what it finds here */
    free(path);
    free(way);
}
