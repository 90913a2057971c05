/* What the tests of net/ have in common: a base that is run until something has happened, and servers of this machine. */
#ifndef TESTS_UNIT_NET_H
#define TESTS_UNIT_NET_H
#include "loop.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NET_PATIENCE_S = 60 }; /* a hang guard, for the slowest tool */

/* As the thread of a client has it: no SIGPIPE. */
static inline struct event_base *net_base(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return event_base_new();
}

static inline void net_until(struct event_base *base, const bool *done)
{
    struct timeval patience = {.tv_sec = NET_PATIENCE_S};
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    while (!*done) {
        event_base_loopexit(base, &patience); /* so that it ends even where nothing happens */
        event_base_loop(base, EVLOOP_ONCE);
        clock_gettime(CLOCK_MONOTONIC, &now);
        cr_assert_lt(now.tv_sec - from.tv_sec, NET_PATIENCE_S, "nothing happened");
    }
}

/* One turn, without waiting. */
static inline void net_turn(struct event_base *base)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline int net_count(const char *path)
{
    int entries = 0;
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    while (readdir(dir))
        entries++;
    closedir(dir);
    return entries;
}

/* ---- servers ---- */

struct net_server {
    int listener;
    char port[8];
    void (*serve)(struct net_server *server, int fd); /* one connection after another; fd is closed by it */
    void *with;
    pthread_t thread;
};

static inline int net_listen(const char *host, char port[8], int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    cr_assert_geq(fd, 0);
    cr_assert_eq(inet_pton(AF_INET, host, &at.sin_addr), 1);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    snprintf(port, 8, "%u", ntohs(at.sin_port));
    return fd;
}

static inline int net_listen_path(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_lt(strlen(path), sizeof at.sun_path);
    memcpy(at.sun_path, path, strlen(path));
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static inline void *net_server_main(void *argument)
{
    struct net_server *server = argument;
    int fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        server->serve(server, fd);
    return NULL;
}

static inline void net_server_run(struct net_server *server, void (*serve)(struct net_server *server, int fd))
{
    server->serve = serve;
    cr_assert_eq(elect__thread_start(&server->thread, net_server_main, server), 0);
}

/* On 127.0.0.1, at a port that is free. */
static inline void net_server_start(struct net_server *server, void (*serve)(struct net_server *server, int fd))
{
    server->port[0] = '\0';
    server->listener = net_listen("127.0.0.1", server->port, 64);
    net_server_run(server, serve);
}

static inline void net_server_end(struct net_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

/* A port of 127.0.0.1 where nobody listens. */
static inline void net_unused_port(char port[8])
{
    port[0] = '\0';
    close(net_listen("127.0.0.1", port, 1));
}

/* ---- what servers do ---- */

static inline void net_serve_echo(struct net_server *server, int fd)
{
    char bytes[65536];
    ssize_t length, sent = 0;
    (void)server;
    while (sent >= 0 && (length = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        for (ssize_t at = 0; sent >= 0 && at < length; at += sent)
            sent = send(fd, bytes + at, (size_t)(length - at), MSG_NOSIGNAL);
    }
    close(fd);
}

/* Says nothing until the other side goes. */
static inline void net_serve_silence(struct net_server *server, int fd)
{
    char bytes[4096];
    (void)server;
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    close(fd);
}

static inline void net_serve_nothing(struct net_server *server, int fd)
{
    (void)server;
    close(fd);
}

static inline void net_reset(int fd)
{
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}
#endif
