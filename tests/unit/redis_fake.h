/* A false server: a thread that speaks by a script. */
#ifndef ELECT_TESTS_REDIS_FAKE_H
#define ELECT_TESTS_REDIS_FAKE_H
#include "redis_rig.h"
#include <arpa/inet.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define INFO "$4\r\ninfo\r\n"

static struct rig rig;

struct peer {
    int fd;
    int nth; /* connection, from 1 on */
    redisReader *reader;
};

static struct {
    int listener, port;
    pthread_t thread;
    atomic_int connects;
    void (*serve)(struct peer *peer);
    const char *bytes; /* that it says */
    size_t length, piece;
} fake;

/* The next command; NULL: the other side has closed. */
static inline redisReply *hear(struct peer *peer)
{
    char bytes[4096];
    void *command = NULL;
    while (redisReaderGetReply(peer->reader, &command) == REDIS_OK && command == NULL) {
        ssize_t got = recv(peer->fd, bytes, sizeof bytes, 0);
        if (got <= 0 || redisReaderFeed(peer->reader, bytes, (size_t)got) != REDIS_OK)
            return NULL;
    }
    return command;
}

static inline bool says(struct peer *peer, const char *bytes, size_t length)
{
    size_t piece = fake.piece != 0 ? fake.piece : length;
    for (size_t at = 0; at < length; at += piece) {
        size_t left = length - at < piece ? length - at : piece;
        if (send(peer->fd, bytes + at, left, MSG_NOSIGNAL) != (ssize_t)left)
            return false;
    }
    return true;
}

static inline bool say(struct peer *peer, const char *text)
{
    return says(peer, text, strlen(text));
}

/* A command of the login? */
static inline bool is_login(const redisReply *command)
{
    static const char *const words[] = {"AUTH", "SELECT", "CLIENT", "SCRIPT", "INFO"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(command->element[0]->str, words[i]) == 0)
            return true;
    }
    return false;
}

/* The first command that is none of the login's, which is answered; NULL: the other side has closed. */
static inline redisReply *log_in(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL && is_login(command)) {
        bool said = say(peer, strcmp(command->element[0]->str, "INFO") == 0 ? INFO : "+OK\r\n");
        freeReplyObject(command);
        if (!said)
            return NULL;
    }
    return command;
}

/* Hears all, and answers nothing. */
static inline void wait_for_end(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL)
        freeReplyObject(command);
}

static inline void *run_fake(void *unused)
{
    int fd;
    while ((fd = accept(fake.listener, NULL, NULL)) >= 0) {
        struct peer peer = {fd, atomic_fetch_add(&fake.connects, 1) + 1, redisReaderCreate()};
        fake.serve(&peer);
        redisReaderFree(peer.reader);
        close(fd);
    }
    return unused;
}

static inline void begin(void (*serve)(struct peer *peer), const char *path)
{
    char url[100];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    fake.serve = serve;
    fake.port = redis_free_port();
    fake.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fake.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    address.sin_port = htons((uint16_t)fake.port);
    cr_assert_eq(bind(fake.listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fake.listener, 16), 0);
    snprintf(url, sizeof url, "redis://:" SECRET "@127.0.0.1:%d%s", fake.port, path);
    rig_open(&rig, url);
    cr_assert_eq(pthread_create(&fake.thread, NULL, run_fake, NULL), 0);
    rig_begin(&rig);
}

static inline void end(void)
{
    rig_close(&rig);
    shutdown(fake.listener, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.listener);
}

/* Answers all with the same bytes. */
static inline void answer_all(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL) {
        freeReplyObject(command);
        say(peer, fake.bytes);
    }
}
#endif
