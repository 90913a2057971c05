/* A socket that is connected, or why none is. */
#include "net.h"
#include "net/dial.h"
#include "net/lookup.h"
#include "resolver.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/wait.h>

struct dialled {
    struct event_base *base;
    bool starting, done;
    int answers, fd;
    char error[ELECT__DIAL_TEXT_SIZE];
};

static void answered(void *user, int fd, const char *error)
{
    struct dialled *d = user;
    cr_assert_not(d->starting, "an answer from within the call");
    cr_assert_eq(fd < 0, error != NULL);
    d->answers++;
    d->done = true;
    d->fd = fd;
    snprintf(d->error, sizeof d->error, "%s", error ? error : "");
}

static struct elect__dial *start(struct dialled *d, const char *path, const char *host, const char *port, int ms)
{
    struct elect__dial_target target = {path, host, port};
    d->starting = true;
    struct elect__dial *dial = elect__dial_start(d->base, &target, ms, answered, d);
    d->starting = false;
    cr_assert_not_null(dial);
    return dial;
}

static struct dialled dial(const char *path, const char *host, const char *port, int ms)
{
    struct dialled d = {.base = net_base(), .fd = -1};
    start(&d, path, host, port, ms);
    net_until(d.base, &d.done);
    net_turn(d.base);
    cr_assert_eq(d.answers, 1);
    event_base_free(d.base);
    return d;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    cr_assert_eq(getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

Test(net_dial, a_socket_does_not_block_is_closed_on_exec_and_notices_a_dead_peer)
{
    char port[8] = "";
    int listener = net_listen("127.0.0.1", port, 8);
    struct dialled d = dial("", "127.0.0.1", port, 10000);
    cr_assert_geq(d.fd, 0, "%s", d.error);
    cr_assert(fcntl(d.fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(d.fd, F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(option(d.fd, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_assert_eq(option(d.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_assert_leq(option(d.fd, IPPROTO_TCP, TCP_KEEPIDLE), 15);
    cr_assert_gt(option(d.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    close(d.fd);
    close(listener);
}

Test(net_dial, a_refusal_names_the_address)
{
    char port[8], expected[64];
    net_unused_port(port);
    snprintf(expected, sizeof expected, "127.0.0.1:%s: connection refused", port);
    struct dialled d = dial("", "127.0.0.1", port, 10000);
    cr_assert_str_eq(d.error, expected);
}

Test(net_dial, an_ipv6_address_is_shown_in_brackets)
{
    char port[8];
    net_unused_port(port);
    struct dialled d = dial("", "::1", port, 10000);
    cr_assert_eq(d.fd, -1);
    cr_assert_eq(strncmp(d.error, "[::1]:", 6), 0, "%s", d.error);
}

Test(net_dial, the_second_address_is_tried_when_the_first_refuses)
{
    char port[8] = "";
    int listener = net_listen("127.0.0.1", port, 8);
    struct dialled d = dial("", "two.test", port, 10000);
    cr_assert_geq(d.fd, 0, "%s", d.error);
    close(d.fd);
    close(listener);
}

/* A queue that is full lets connects hang. */
Test(net_dial, an_address_that_does_not_answer_leaves_the_next_one_its_share_of_the_time)
{
    char port[8] = "";
    int good = net_listen("127.0.0.1", port, 8), full = net_listen("127.0.0.2", port, 0), fillers[4];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
    inet_pton(AF_INET, "127.0.0.2", &at.sin_addr);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        cr_assert_geq(fillers[i], 0);
        cr_assert(connect(fillers[i], (struct sockaddr *)&at, sizeof at) == 0 || errno == EINPROGRESS);
    }
    struct dialled d = {.fd = -1};
    for (int ms = 200; d.fd < 0 && ms < NET_PATIENCE_S * 1000; ms *= 2) /* a slow tool needs more */
        d = dial("", "two.test", port, ms);
    cr_expect(d.fd >= 0, "%s", d.error);
    close(d.fd);
    d = dial("", "127.0.0.2", port, 50);
    cr_expect_eq(d.fd, -1);
    cr_expect(strstr(d.error, "connection timed out") != NULL, "%s", d.error);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(good);
    close(full);
}

Test(net_dial, every_address_that_was_tried_is_named_after_the_name)
{
    char port[8], expected[128];
    net_unused_port(port);
    snprintf(expected, sizeof expected, "two.test: 127.0.0.2:%s: connection refused; 127.0.0.1:%s: connection refused",
             port, port);
    struct dialled d = dial("", "two.test", port, 10000);
    cr_assert_str_eq(d.error, expected);
}

Test(net_dial, twenty_addresses_that_refuse_end_in_one_error)
{
    char port[8];
    net_unused_port(port);
    struct dialled d = dial("", "many.test", port, 10000);
    cr_assert_eq(d.fd, -1);
    cr_assert_eq(strlen(d.error), sizeof d.error - 1, "%s", d.error);
}

Test(net_dial, a_name_that_nobody_knows_is_named)
{
    struct dialled d = dial("", "none.test", "1", 10000);
    cr_assert_str_eq(d.error, "none.test: name or service not known");
    d = dial("", "broken.test", "1", 10000);
    cr_assert_str_eq(d.error, "broken.test: too many open files");
}

Test(net_dial, a_resolver_that_does_not_answer_is_given_up)
{
    struct dialled d = dial("", "slow.test", "1", 50);
    cr_assert_str_eq(d.error, "slow.test: no address for the name within 50 ms");
    resolver_let_go();
}

Test(net_dial, a_path_leads_to_a_socket_of_this_machine)
{
    char path[] = "/tmp/elect-dial-XXXXXX", at[64], expected[128];
    cr_assert_not_null(mkdtemp(path));
    snprintf(at, sizeof at, "%s/socket", path);
    snprintf(expected, sizeof expected, "%s: no such file or directory", at);
    struct dialled d = dial(at, "", "", 10000);
    cr_assert_str_eq(d.error, expected);
    int listener = net_listen_path(at);
    d = dial(at, "", "", 10000);
    cr_assert_geq(d.fd, 0, "%s", d.error);
    close(d.fd);
    close(listener);
    snprintf(expected, sizeof expected, "%s: connection refused", at);
    d = dial(at, "", "", 10000);
    cr_assert_str_eq(d.error, expected);
    unlink(at);
    rmdir(path);
}

Test(net_dial, a_path_has_the_length_that_the_system_takes)
{
    char path[120] = "/tmp/";
    memset(path + 5, 'x', 107 - 5);
    struct dialled d = dial(path, "", "", 10000);
    cr_assert_not_null(strstr(d.error, "no such file or directory"), "%s", d.error);
    path[107] = 'x';
    d = dial(path, "", "", 10000);
    cr_assert_not_null(strstr(d.error, "at most 107 bytes"), "%s", d.error);
}

Test(net_dial, what_was_cancelled_at_any_moment_does_not_answer_and_leaves_nothing)
{
    char port[8] = "", unused[8];
    int listener = net_listen("127.0.0.1", port, 64);
    net_unused_port(unused);
    struct dialled d = {.base = net_base()};
    int descriptors = net_count("/proc/self/fd");
    for (int i = 0; i < 40; i++) {
        const char *hosts[] = {"127.0.0.1", "two.test"};
        struct elect__dial *dial = start(&d, "", hosts[i % 2], i % 4 < 2 ? port : unused, 10000);
        d.done = false;
        for (int turns = i / 4; turns > 0 && !d.done; turns--)
            net_turn(d.base);
        if (!d.done)
            elect__dial_cancel(dial);
        else if (d.fd >= 0)
            close(d.fd);
    }
    while (net_count("/proc/self/fd") > descriptors) /* the resolvers' threads have one each */
        usleep(1000);
    event_base_free(d.base);
    close(listener);
}

Test(net_dial, a_forked_child_does_not_keep_the_socket)
{
    char port[8] = "";
    int listener = net_listen("127.0.0.1", port, 8), status = 0;
    struct dialled d = dial("", "127.0.0.1", port, 10000);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fcntl(d.fd, F_GETFD) >= 0 ? 1 : 0);
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    close(d.fd);
    close(listener);
}

/* ---- its own end ---- */

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_connect(int fd, const struct sockaddr *at, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *at, socklen_t length);
/* NOLINTEND(bugprone-reserved-identifier) */

static bool same_port; /* as the system chooses by chance, once in some ten thousand times */

int __wrap_connect(int fd, const struct sockaddr *at, socklen_t length)
{
    if (same_port)
        cr_assert_eq(bind(fd, at, length), 0);
    return __real_connect(fd, at, length);
}

Test(net_dial, a_socket_that_is_connected_to_itself_has_found_nobody)
{
    char port[8], expected[64];
    net_unused_port(port);
    same_port = true;
    snprintf(expected, sizeof expected, "127.0.0.1:%s: connection refused", port);
    struct dialled d = dial("", "127.0.0.1", port, 10000);
    cr_assert_str_eq(d.error, expected);
}

Test(net_dial, a_resolver_that_hangs_is_said)
{
    for (int i = 0; i < ELECT__LOOKUPS_LEFT; i++)
        dial("", "slow.test", "7", 1);
    struct dialled d = dial("", "slow.test", "7", 10000);
    cr_assert_str_eq(d.error, "slow.test: too many lookups of names have not ended yet");
    resolver_let_go();
}
