/* What only local: can be asked: files that go, odd directories, shortages. */
#include "local_play.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- files that go ---- */

Test(local, who_leads_finds_its_removed_file_and_who_followed_waits)
{
    struct play play;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    cr_assert_eq(acquire(&play.b, 2), ELECT__HELD);
    cr_assert_eq(unlink(play.file), 0);
    cr_assert_eq(acquire_after(&play.b, 3, epoch, false), ELECT__LOST_DATA);
    cr_assert_eq(renew(&play.a, 1, epoch), ELECT__DELETED);
    cr_assert_eq(acquire_after(&play.b, 4, epoch, true), ELECT__WON);
    cr_assert(play.b.reply.epoch > epoch);
    close_play(&play);
}

Test(local, a_removed_directory_is_made_again)
{
    struct play play;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    cr_assert_eq(unlink(play.file), 0);
    cr_assert_eq(rmdir(play.stage.dir), 0);
    cr_assert_eq(renew(&play.a, 1, epoch), ELECT__DELETED);
    cr_assert_eq(acquire_after(&play.b, 2, epoch, false), ELECT__LOST_DATA);
    cr_assert_eq(acquire_after(&play.b, 3, epoch, true), ELECT__WON);
    int before = play.a.free_wakes;
    cr_assert_eq(acquire(&play.a, 4), ELECT__HELD);
    release(&play.b, 3, play.b.reply.epoch, ELECT_REASON_STOPPED);
    stage_until(&play.stage, &play.a.free_wakes, before + 1);
    close_play(&play);
}

Test(local, who_leads_in_a_directory_that_was_moved_away_has_lost_it)
{
    struct play play;
    struct stage later;
    struct actor newcomer;
    char moved[512];
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    snprintf(moved, sizeof moved, "%s.moved", play.stage.dir);
    cr_assert_eq(rename(play.stage.dir, moved), 0);
    cr_assert_eq(renew(&play.a, 1, epoch), ELECT__RENEWED, "so far nobody else can lead");
    stage_join(&later, &play.stage);
    actor_enter(&newcomer, &later, 0, "job", "c-3");
    win(&newcomer, 2);
    cr_assert_eq(renew(&play.a, 1, epoch), ELECT__TAKEN, "whatever it finds is not where others look");
    cr_assert_eq(acquire(&play.b, 3), ELECT__HELD);
    cr_assert_str_eq(play.b.id, "c-3");
    actor_leave(&newcomer);
    stage_close(&later);
    stage_remove(moved);
    close_play(&play);
}

Test(local, a_leader_is_told_at_once_that_its_file_or_its_record_has_gone)
{
    struct play play;
    struct elect__local_page empty;
    open_play(&play);
    read_page(&play, &empty);
    uint64_t epoch = win(&play.a, 1);
    cr_assert_eq(unlink(play.file), 0);
    stage_until(&play.stage, &play.a.doubts, 1);
    cr_assert_eq(renew(&play.a, 1, epoch), ELECT__DELETED);
    epoch = win(&play.a, 2);
    int fd = open(play.file, O_RDWR | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, &empty, sizeof empty, ELECT__LOCAL_PAGE_AT), (ssize_t)sizeof empty);
    close(fd);
    stage_until(&play.stage, &play.a.doubts, 2);
    cr_assert_eq(renew(&play.a, 2, epoch), ELECT__DELETED);
    close_play(&play);
}

Test(local, an_updated_leader_tells_its_new_address)
{
    struct play play;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    struct elect__settings updated = play.a.settings;
    updated.address = "10.9.9.9:99";
    play.a.slot.settings = &updated;
    cr_assert_eq(renew(&play.a, 1, epoch), ELECT__RENEWED);
    cr_assert_eq(probe(&play.b), ELECT__HELD);
    cr_assert_str_eq(play.b.address, "10.9.9.9:99");
    close_play(&play);
}

Test(local, an_info_that_is_too_long_is_refused)
{
    struct play play;
    static char large[9000];
    memset(large, 'x', sizeof large - 1);
    open_play(&play);
    play.a.settings.metadata = large;
    cr_assert_eq(acquire(&play.a, 1), ELECT__REFUSED);
    cr_assert_not_null(strstr(play.a.text, "8192"), "%s", play.a.text);
    cr_assert_eq(probe(&play.b), ELECT__FREE);
    close_play(&play);
}

Test(local, another_lock_ttl_is_warned_of_once)
{
    struct play play;
    open_play(&play);
    win(&play.a, 1);
    actor_leave(&play.b);
    play.stage.ttl_ns *= 2;
    actor_enter(&play.b, &play.stage, 0, "job", "b-2");
    cr_assert_eq(acquire(&play.b, 2), ELECT__HELD);
    char *first = strstr(play.stage.log, "lock_ttl");
    cr_assert_not_null(first);
    cr_assert_eq(acquire(&play.b, 3), ELECT__HELD);
    cr_assert_null(strstr(first + strlen("lock_ttl 10000 ms, this candidate 20000 ms"), "has lock_ttl"));
    close_play(&play);
}

/* ---- directories ---- */

static int32_t open_url(const char *url, const char *allow, char *error, size_t size, struct stage *stage)
{
    struct elect__settings settings = stage->settings;
    struct elect__store *store = NULL;
    settings.store = url;
    settings.allow_filesystem = allow;
    struct actor quiet;
    actor_observe(&quiet, stage, 0, "quiet", "q");
    struct elect__store_args args = {
        .settings = &settings, .env = &stage->env, .host = quiet.slot.host, .ctx = stage, .base = stage->base};
    actor_leave(&quiet);
    error[0] = '\0';
    int32_t code = elect__local_store.open(&args, &store, error, size);
    cr_assert_eq(code == ELECT_OK, store != NULL);
    if (store != NULL)
        elect__local_store.close(store);
    return code;
}

static void expect_open(struct stage *stage, const char *path, const char *allow, int32_t code, const char *word)
{
    char url[600], error[STAGE_TEXT];
    snprintf(url, sizeof url, "local:%s", path);
    cr_assert_eq(open_url(url, allow, error, sizeof error, stage), code, "%s: %s", url, error);
    cr_assert_not_null(strstr(error, word), "%s: %s", url, error);
}

Test(local, a_directory_must_be_safe)
{
    struct stage stage;
    char path[512], other[512];
    struct stat stat_;
    stage_open(&stage, &elect__local_store, 1, true);
    expect_open(&stage, "", "", ELECT_EINVAL, "absolute path");
    expect_open(&stage, "relative", "", ELECT_EINVAL, "absolute path");
    expect_open(&stage, "//host/path", "", ELECT_EINVAL, "absolute path");
    snprintf(path, sizeof path, "%s/new/", stage.dir);
    expect_open(&stage, path, "", ELECT_OK, "");
    cr_assert_eq(stat(path, &stat_), 0);
    cr_assert_eq(stat_.st_mode & 07777, 0700);
    snprintf(path, sizeof path, "%s/a/b", stage.dir);
    expect_open(&stage, path, "", ELECT_ESTORE, "parent");
    snprintf(other, sizeof other, "%s/new", stage.dir);
    snprintf(path, sizeof path, "%s/link", stage.dir);
    cr_assert_eq(symlink(other, path), 0);
    expect_open(&stage, path, "", ELECT_ESTORE, "symbolic link");
    snprintf(path, sizeof path, "%s/link/", stage.dir);
    expect_open(&stage, path, "", ELECT_ESTORE, "symbolic link");
    cr_assert_eq(chmod(other, 0770), 0);
    expect_open(&stage, other, "", ELECT_ESTORE, "0770");
    cr_assert_eq(chmod(other, 0755), 0);
    expect_open(&stage, other, "", ELECT_OK, "");
    snprintf(path, sizeof path, "%s/file", stage.dir);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    expect_open(&stage, path, "", ELECT_ESTORE, "must be a directory");
    if (geteuid() == 0) {
        cr_assert_eq(chown(other, 12345, 12345), 0);
        expect_open(&stage, other, "", ELECT_ESTORE, "12345");
    } else {
        expect_open(&stage, "/", "", ELECT_ESTORE, "belongs to user 0");
    }
    stage_close(&stage);
}

Test(local, an_unknown_file_system_is_refused_and_may_be_allowed)
{
    struct stage stage;
    stage_open(&stage, &elect__local_store, 1, true);
    if (geteuid() == 0) {
        expect_open(&stage, "/proc", "", ELECT_ESTORE, "allow_filesystem=0x9fa0");
        expect_open(&stage, "/proc", "nfs", ELECT_ESTORE, "0x9fa0");
        expect_open(&stage, "/proc", "nfs,0x9FA0", ELECT_OK, "");
        cr_assert_not_null(strstr(stage.log, "allowed by hand"));
    }
    stage_close(&stage);
}

/* ---- shortages ---- */

static int lowest_free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

Test(local, without_descriptors_the_limit_is_named)
{
    struct play play;
    struct rlimit limit, low;
    struct actor c;
    open_play(&play);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    actor_enter(&c, &play.stage, 0, "job", "c-3");
    actor_leave(&c);
    low = (struct rlimit){.rlim_cur = (rlim_t)lowest_free_descriptor(), .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    int32_t code = actor_attach(&c);
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_eq(code, ELECT_ESTORE);
    cr_assert_not_null(strstr(c.text, "RLIMIT_NOFILE"), "%s", c.text);
    cr_assert_eq(actor_attach(&c), ELECT_OK, "and later it works");
    win(&c, 1);
    actor_leave(&c);
    close_play(&play);
}

Test(local, without_inotify_changes_are_found_by_looking)
{
    struct stage stage;
    struct rlimit limit, low;
    struct actor a, b;
    stage_open(&stage, &elect__local_store, 2, true);
    actor_enter(&a, &stage, 0, "job", "a-1");
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)lowest_free_descriptor() + 1, .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    actor_enter(&b, &stage, 1, "job", "b-2"); /* its file takes the last one */
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_not_null(strstr(stage.log, "no inotify"), "%s", stage.log);
    uint64_t epoch = win(&a, 1);
    cr_assert_eq(acquire(&b, 2), ELECT__HELD);
    release(&a, 1, epoch, ELECT_REASON_STOPPED);
    stage_until(&stage, &b.free_wakes, 1);
    win(&b, 3);
    actor_leave(&a);
    actor_leave(&b);
    stage_close(&stage);
}

/* A small file system at dir, for this process alone. */
static bool mount_small(const char *dir)
{
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", dir, "tmpfs", 0, "size=256k,mode=0700") == 0)
        return true;
    cr_skip_test("this process may not mount");
    return false;
}

static void fill(const char *dir)
{
    char path[512], bytes[4096] = {1};
    snprintf(path, sizeof path, "%s/.full", dir);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    close(fd);
}

Test(local, on_a_full_disk_elections_go_on_and_new_ones_are_refused)
{
    struct stage stage;
    struct actor a, b, c;
    stage_open(&stage, &elect__local_store, 0, true);
    if (!mount_small(stage.dir))
        return;
    struct stage small;
    stage_join(&small, &stage);
    cr_assert_not_null(strstr(small.log, "tmpfs"));
    actor_enter(&a, &small, 0, "led", "a-1");
    actor_enter(&b, &small, 0, "free", "b-2");
    uint64_t epoch = win(&a, 1);
    fill(stage.dir);
    static char large[6000];
    memset(large, 'x', sizeof large - 1);
    b.settings.metadata = large;
    cr_assert_eq(acquire(&b, 2), ELECT__REFUSED);
    cr_assert_eq(b.reply.code, ELECT_ESTORE);
    cr_assert_not_null(strstr(b.text, "no space"), "%s", b.text);
    cr_assert_eq(probe(&b), ELECT__FREE);
    b.settings.metadata = "";
    win(&b, 3);
    cr_assert_eq(renew(&a, 1, epoch), ELECT__RENEWED);
    memset(&c, 0, sizeof c);
    c = b;
    c.settings.name = "third";
    c.slot.settings = &c.settings;
    c.slot.data = NULL;
    cr_assert_eq(actor_attach(&c), ELECT_ESTORE);
    cr_assert_not_null(strstr(c.text, "no space"), "%s", c.text);
    cr_assert_eq(release(&a, 1, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    actor_leave(&a);
    actor_leave(&b);
    stage_close(&small);
    umount2(stage.dir, MNT_DETACH);
    stage_close(&stage);
}

Test(local, a_read_only_file_system_is_told)
{
    struct stage stage, small;
    struct actor a;
    stage_open(&stage, &elect__local_store, 0, true);
    if (!mount_small(stage.dir))
        return;
    stage_join(&small, &stage);
    cr_assert_eq(mount("none", stage.dir, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    actor_observe(&a, &small, 0, "job", "a-1");
    a.settings.observer = false;
    a.slot.incarnation[0] = 'x';
    actor_leave(&a);
    cr_assert_eq(actor_attach(&a), ELECT_ESTORE);
    cr_assert_not_null(strstr(a.text, "read-only"), "%s", a.text);
    stage_close(&small);
    umount2(stage.dir, MNT_DETACH);
    stage_close(&stage);
}
