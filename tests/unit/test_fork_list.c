/* What a forked child must not keep. */
#include "fork_list.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The answer of a forked child: is fd open there? */
static bool open_in_child(int fd)
{
    int status = 0;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        _exit(fcntl(fd, F_GETFD) >= 0 ? 1 : 0);
    waitpid(pid, &status, 0);
    return status != 0;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

Test(fork_list, a_listed_descriptor_is_closed_in_the_child_only)
{
    int fds[40];
    for (int i = 0; i < 40; i++) {
        fds[i] = open_null();
        cr_assert_eq(elect__fork_list_add(fds[i]), 0);
    }
    for (int i = 0; i < 40; i++)
        cr_assert_not(open_in_child(fds[i]));
    for (int i = 0; i < 40; i++) {
        cr_assert_geq(fcntl(fds[i], F_GETFD), 0);
        elect__fork_list_remove(fds[i]);
        cr_assert(open_in_child(fds[i]));
        close(fds[i]);
    }
}

Test(fork_list, a_number_that_is_somebody_elses_by_now_is_left_alone)
{
    int fd = open_null(), other = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(elect__fork_list_add(fd), 0);
    cr_assert_eq(dup3(other, fd, O_CLOEXEC), fd);
    cr_assert(open_in_child(fd));
    elect__fork_list_remove(fd);
    close(fd);
    close(other);
}

Test(fork_list, a_closed_descriptor_is_not_listed)
{
    int fd = open_null();
    close(fd);
    cr_assert_lt(elect__fork_list_add(fd), 0);
    elect__fork_list_remove(fd);
}
