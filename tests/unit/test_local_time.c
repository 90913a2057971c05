/* Which boot, which namespaces, and who is dead: against a /proc made by the test, and against real processes. */
#include "stores/local_time.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char proc[64];

static const char *at(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", proc, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "we");
    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void put_link(const char *name, const char *text)
{
    unlink(at(name));
    cr_assert_eq(symlink(text, at(name)), 0);
}

static void make_proc(void)
{
    const char *folders[] = {"sys", "sys/kernel", "sys/kernel/random", "1", "1/ns"};
    char self[16], folder[32];
    strcpy(proc, "/tmp/elect-proc-XXXXXX");
    cr_assert_not_null(mkdtemp(proc));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        cr_assert_eq(mkdir(at(folders[i]), 0700), 0);
    snprintf(self, sizeof self, "%d", (int)getpid());
    cr_assert_eq(mkdir(at(self), 0700), 0);
    snprintf(folder, sizeof folder, "%d/ns", (int)getpid());
    cr_assert_eq(mkdir(at(folder), 0700), 0);
    put_link("self", self);
    put("sys/kernel/random/boot_id", "0920fdd0-1774-4fd1-beaa-4da666ee3feb\n");
    put_link("self/ns/pid", "pid:[4026531836]");
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_proc(void)
{
    nftw(proc, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_namespaces(const char *own, const char *children, const char *offsets)
{
    put_link("self/ns/time", own);
    put_link("self/ns/time_for_children", children);
    put("self/timens_offsets", offsets);
}

static struct elect__local_host host_of(void)
{
    struct elect__local_host host;
    char error[256] = "";
    cr_assert_eq(elect__local_host_read(&host, proc, error, sizeof error), 0, "%s", error);
    return host;
}

/* ---- the clock ---- */

static int64_t fixed_ns(void *ctx)
{
    return *(int64_t *)ctx;
}

Test(local_time, without_time_namespaces_the_clock_is_the_hosts, .init = make_proc, .fini = remove_proc)
{
    struct elect__local_host host = host_of();
    cr_assert(host.clock_known);
    cr_assert_eq(host.offset_ns, 0);
    cr_assert_str_eq(host.boot_id, "0920fdd0-1774-4fd1-beaa-4da666ee3feb");
}

Test(local_time, the_offset_of_our_own_namespace_is_taken_off, .init = make_proc, .fini = remove_proc)
{
    int64_t now_ns = 5000 * ELECT__S;
    struct elect__env env = {.boot_ns = fixed_ns, .ctx = &now_ns};
    put_namespaces("time:[1]", "time:[1]", "monotonic           7         0\nboottime         1000  500000000\n");
    struct elect__local_host host = host_of();
    cr_assert(host.clock_known);
    cr_assert_eq(elect__local_now_ns(&host, &env), 5000 * ELECT__S - 1000 * ELECT__S - 500 * ELECT__MS);
    put_namespaces("time:[1]", "time:[1]", "1 0 0\n7 -3 999999999\n"); /* as the first kernels wrote it */
    host = host_of();
    cr_assert(host.clock_known);
    cr_assert_eq(host.offset_ns, -3 * ELECT__S + 999999999);
}

Test(local_time, the_namespace_of_future_children_says_nothing_of_ours, .init = make_proc, .fini = remove_proc)
{
    put_namespaces("time:[1]", "time:[2]", "boottime 1000 0\n");
    cr_assert_not(host_of().clock_known);
}

Test(local_time, what_cannot_be_read_is_not_trusted, .init = make_proc, .fini = remove_proc)
{
    const char *wrong[] = {
        "", "boottime\n", "monotonic 0 0\n", "boottime x 0\n", "boottime 0 -1\n", "boottime 9223372036854775807 0\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_namespaces("time:[1]", "time:[1]", wrong[i]);
        cr_assert_not(host_of().clock_known, "%s", wrong[i]);
    }
    unlink(at("self/timens_offsets"));
    cr_assert_not(host_of().clock_known);
    put_namespaces("time:[1]", "time:[1]", "boottime 0 0\n");
    unlink(at("self/ns/time_for_children"));
    cr_assert_not(host_of().clock_known, "one of the two alone");
}

Test(local_time, without_proc_nothing_is_certain, .init = make_proc, .fini = remove_proc)
{
    struct elect__local_host host;
    char error[256];
    unlink(at("sys/kernel/random/boot_id"));
    cr_assert_eq(elect__local_host_read(&host, proc, error, sizeof error), -1);
    cr_assert_not_null(strstr(error, "boot_id"));
}

/* ---- death ---- */

static pid_t start_child(void)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        alarm(60);
        pause();
        _exit(0);
    }
    return pid;
}

static struct elect__local_record record_of(const struct elect__local_host *host, pid_t pid)
{
    return (struct elect__local_record){
        .pid = pid, .pid_start = elect__local_pid_start(host, pid), .pid_ns = host->pid_ns};
}

static struct elect__local_host real_host(void)
{
    struct elect__local_host host;
    char error[256] = "";
    cr_assert_eq(elect__local_host_read(&host, "/proc", error, sizeof error), 0, "%s", error);
    cr_assert(host.clock_known);
    cr_assert_neq(host.pid_ns, 0);
    return host;
}

Test(local_time, a_process_is_gone_when_it_is_killed_reaped_or_not)
{
    struct elect__local_host host = real_host();
    pid_t pid = start_child();
    struct elect__local_record record = record_of(&host, pid);
    siginfo_t info;
    cr_assert_geq(record.pid_start, 0);
    cr_assert_not(elect__local_gone(&host, &record));
    kill(pid, SIGSTOP);
    cr_assert_not(elect__local_gone(&host, &record), "stopped is not dead");
    kill(pid, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    cr_assert(elect__local_gone(&host, &record), "a zombie is dead");
    waitpid(pid, NULL, 0);
    cr_assert(elect__local_gone(&host, &record));
}

Test(local_time, a_pid_that_was_given_again_is_another_process)
{
    struct elect__local_host host = real_host();
    struct elect__local_record record = record_of(&host, getpid());
    cr_assert_not(elect__local_gone(&host, &record));
    record.pid_start += 1;
    cr_assert_not(elect__local_gone(&host, &record), "one tick may be an offset's");
    record.pid_start -= 3;
    cr_assert(elect__local_gone(&host, &record));
    record.pid_start = -1;
    cr_assert_not(elect__local_gone(&host, &record), "not known");
}

Test(local_time, nobody_is_proven_dead_from_another_pid_namespace)
{
    struct elect__local_host host = real_host();
    pid_t pid = start_child();
    struct elect__local_record record = record_of(&host, pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    record.pid_ns++;
    cr_assert_not(elect__local_gone(&host, &record));
    record.pid_ns--;
    cr_assert(elect__local_gone(&host, &record));
    host.pid_ns = 0;
    cr_assert_not(elect__local_gone(&host, &record));
}

Test(local_time, a_proc_of_another_pid_namespace_proves_nothing, .init = make_proc, .fini = remove_proc)
{
    put_link("self", "1");
    put_link("1/ns/pid", "pid:[4026531836]");
    cr_assert_eq(host_of().pid_ns, 0);
    char self[16];
    snprintf(self, sizeof self, "%d", (int)getpid());
    put_link("self", self);
    cr_assert_eq(host_of().pid_ns, 4026531836);
}

Test(local_time, a_process_that_proc_hides_is_not_dead, .init = make_proc, .fini = remove_proc)
{
    struct elect__local_host host = host_of();
    pid_t pid = start_child();
    struct elect__local_record record = {.pid = pid, .pid_ns = host.pid_ns, .pid_start = 1};
    cr_assert_not(elect__local_gone(&host, &record));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert(elect__local_gone(&host, &record));
}
