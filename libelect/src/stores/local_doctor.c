/* The long check of local:. It runs on the I/O thread as every operation of local: does, for about 200 ms at most. */
#include "../doctor.h"
#include "local_lock.h"
#include "local_store.h"
#include <elect/elect.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { WRITES = 64, BLOCK = 512 };
#define WRITING_NS (200 * ELECT__MS)
#define LITTLE_SPACE (64 << 20)
#define NO_SPACE (1 << 20)

struct visit {
    struct elect__local_store *store;
    struct elect__doctor doctor;
    char file[32];
    int fd; /* of a file of our own there; -1: none */
};

static void find_directory(struct visit *v)
{
    struct stat stat;
    const struct elect__local_dir *dir = &v->store->dir;
    if (fstat(dir->fd, &stat) != 0)
        elect__doctor_find(&v->doctor, "directory", ELECT__FINDING_FAIL, "", "%s: %s", dir->path,
                           strerrordesc_np(errno));
    else
        elect__doctor_find(&v->doctor, "directory", ELECT__FINDING_OK, "",
                           "%s belongs to user %u, mode %04o: nobody else may write there", dir->path,
                           (unsigned)stat.st_uid, (unsigned)stat.st_mode & 07777);
}

static void find_file_system(struct visit *v)
{
    const struct elect__local_dir *dir = &v->store->dir;
    if (dir->warning != NULL)
        elect__doctor_find(&v->doctor, "file system", ELECT__FINDING_WARN,
                           "put the directory on ext4, xfs or btrfs of the host", "%s: %s", dir->file_system,
                           dir->warning);
    else
        elect__doctor_find(&v->doctor, "file system", ELECT__FINDING_OK, "", "%s, whose locks are known to hold",
                           dir->file_system);
}

static void find_space(struct visit *v)
{
    struct statvfs stat;
    if (fstatvfs(v->store->dir.fd, &stat) != 0) {
        elect__doctor_find(&v->doctor, "space", ELECT__FINDING_SKIP, "", "can't be told: %s", strerrordesc_np(errno));
        return;
    }
    uint64_t bytes = (uint64_t)stat.f_bavail * stat.f_frsize;
    bool no_files = stat.f_files > 0 && stat.f_favail == 0; /* btrfs says 0 of 0 */
    enum elect__finding finding = bytes < NO_SPACE || no_files ? ELECT__FINDING_FAIL
                                  : bytes < LITTLE_SPACE       ? ELECT__FINDING_WARN
                                                               : ELECT__FINDING_OK;
    elect__doctor_find(&v->doctor, "space", finding,
                       finding == ELECT__FINDING_OK ? "" : "make room: without it nobody new is elected",
                       "%" PRIu64 " MiB are left%s", bytes >> 20, no_files ? ", and no file can be made" : "");
}

/* Locks belong to open file descriptions: two of them in one process are to the kernel what two processes are. */
static void find_locks(struct visit *v)
{
    int other = openat(v->store->dir.fd, v->file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int first = elect__local_lock(v->fd, F_WRLCK, ELECT__LOCAL_TERM_AT, 1);
    int second = other >= 0 ? elect__local_lock(other, F_WRLCK, ELECT__LOCAL_TERM_AT, 1) : -errno;
    bool seen = other >= 0 && elect__local_locked(other, ELECT__LOCAL_TERM_AT, 1);
    int freed = elect__local_lock(v->fd, F_UNLCK, ELECT__LOCAL_TERM_AT, 1);
    int third = other >= 0 ? elect__local_lock(other, F_WRLCK, ELECT__LOCAL_TERM_AT, 1) : -errno;
    if (other >= 0)
        close(other);
    if (first == 0 && second == -EAGAIN && seen && freed == 0 && third == 0)
        elect__doctor_find(&v->doctor, "locks", ELECT__FINDING_OK, "",
                           "a lock keeps out everybody else, and is free once it is let go");
    else
        elect__doctor_find(
            &v->doctor, "locks", ELECT__FINDING_FAIL, "use another directory: on this file system two may lead",
            "locks of open file descriptions do not hold here (%d, %d, %d, %d)", first, second, freed, third);
}

/* What an election writes: its record, through to the disk. */
static void find_writes(struct visit *v)
{
    const struct elect__env *env = v->store->args.env;
    char block[BLOCK];
    int64_t began_ns = env->boot_ns(env->ctx), before_ns = began_ns;
    int failure = 0;
    memset(block, 'x', sizeof block);
    for (int i = 0; failure == 0 && i < WRITES && before_ns - began_ns < WRITING_NS; i++) {
        if (pwrite(v->fd, block, sizeof block, 0) != (ssize_t)sizeof block || fdatasync(v->fd) != 0)
            failure = errno;
        int64_t after_ns = env->boot_ns(env->ctx);
        elect__doctor_sample(&v->doctor, (after_ns - before_ns) / 1000);
        before_ns = after_ns;
    }
    if (failure != 0)
        elect__doctor_find(&v->doctor, "writes", ELECT__FINDING_FAIL, "", "a record can't be written: %s",
                           strerrordesc_np(failure));
    else
        elect__doctor_find(&v->doctor, "writes", ELECT__FINDING_OK, "", "%d records were written through to the disk",
                           v->doctor.samples);
}

static void find_file(struct visit *v)
{
    uint64_t bits = 0;
    const struct elect__env *env = v->store->args.env;
    env->random(env->ctx, &bits, sizeof bits);
    snprintf(v->file, sizeof v->file, ".doctor-%016" PRIx64, bits);
    v->fd = openat(v->store->dir.fd, v->file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (v->fd < 0) {
        elect__doctor_find(&v->doctor, "writes", ELECT__FINDING_FAIL, "", "no file can be made: %s",
                           strerrordesc_np(errno));
        return;
    }
    find_locks(v);
    unlinkat(v->store->dir.fd, v->file, 0);
    find_writes(v);
    close(v->fd);
}

static void find_clock(struct visit *v)
{
    if (v->store->host.clock_known)
        elect__doctor_find(&v->doctor, "clock", ELECT__FINDING_OK, "",
                           "all candidates of this host read one clock, which runs in suspend");
    else
        elect__doctor_find(&v->doctor, "clock", ELECT__FINDING_WARN, "run it outside of a time namespace",
                           "the offset of this process's time namespace is not known: it deposes no hung leader, and "
                           "is not deposed");
}

static void find_inotify(struct visit *v)
{
    char self[48];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), failure = fd < 0 ? errno : 0;
    snprintf(self, sizeof self, "/proc/self/fd/%d", v->store->dir.fd);
    if (fd >= 0 && inotify_add_watch(fd, self, IN_MODIFY) < 0)
        failure = errno;
    if (fd >= 0)
        close(fd);
    if (failure != 0)
        elect__doctor_find(&v->doctor, "inotify", ELECT__FINDING_WARN,
                           "raise fs.inotify.max_user_instances and fs.inotify.max_user_watches",
                           "%s: a change of leader is noticed by looking, later", strerrordesc_np(failure));
    else
        elect__doctor_find(&v->doctor, "inotify", ELECT__FINDING_OK, "", "a change of leader is noticed at once");
}

void elect__local_doctor(struct elect__local_store *store, struct elect__query *query)
{
    struct visit v = {.store = store, .fd = -1};
    find_directory(&v);
    find_file_system(&v);
    find_space(&v);
    find_file(&v);
    find_clock(&v);
    find_inotify(&v);
    char *json = elect__doctor_end(&v.doctor, query->settings, "single host");
    query->done(query, json ? ELECT_OK : ELECT_ENOMEM, json, NULL);
}
