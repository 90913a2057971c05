/* What the tests of local: share: a process of its own that plays one candidate, told by its socket what to do. */
#ifndef ELECT_TESTS_PLAYER_H
#define ELECT_TESTS_PLAYER_H
#include "stage.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Orders beside the verbs. */
enum { FORK_ONE = 100, CLOSE_ALL };

struct order { /* without padding, for it is sent as it lies there; so is what is told */
    int64_t verb;
    uint64_t attempt, epoch;
};
struct told {
    int64_t outcome;
    uint64_t epoch;
    int64_t sent_at_ns, answered_at_ns;
};

struct player {
    pid_t pid;
    int socket;
};

/* An operation of a player lies between two of these calls; nothing else in the library makes it. */
static inline void mark(void)
{
    (void)getppid();
}

static inline void play_orders(struct stage *stage, int socket)
{
    struct actor actor;
    struct order order;
    actor_enter(&actor, stage, 0, "job", "player");
    if (send(socket, &actor.seq, sizeof actor.seq, 0) < 0)
        return;
    while (recv(socket, &order, sizeof order, 0) == (ssize_t)sizeof order) {
        if (order.verb == FORK_ONE && fork() == 0) {
            alarm(60); /* should the test not come to its end */
            pause();
        }
        for (int fd = 3; order.verb == CLOSE_ALL && fd < 64; fd++) { /* as a careless program does */
            if (fd != socket)
                close(fd);
        }
        mark();
        if (order.verb == ELECT__ACQUIRE)
            acquire(&actor, order.attempt);
        else if (order.verb == ELECT__RENEW)
            renew(&actor, order.attempt, order.epoch);
        else if (order.verb == ELECT__RELEASE)
            release(&actor, order.attempt, order.epoch, ELECT_REASON_STOPPED);
        mark();
        struct told told = {actor.reply.outcome, actor.reply.epoch, actor.op.sent_at_ns, stage_now(stage)};
        if (send(socket, &told, sizeof told, 0) < 0)
            return;
    }
}

static inline struct player player_start(struct stage *stage)
{
    struct player player;
    uint64_t ready;
    player.socket = stage_fork(stage, play_orders, &player.pid);
    cr_assert_eq(recv(player.socket, &ready, sizeof ready, 0), (ssize_t)sizeof ready);
    return player;
}

static inline void player_order(const struct player *player, int verb, uint64_t attempt, uint64_t epoch)
{
    struct order order = {verb, attempt, epoch};
    cr_assert_eq(send(player->socket, &order, sizeof order, 0), (ssize_t)sizeof order);
}

static inline struct told player_answer(const struct player *player)
{
    struct told told;
    cr_assert_eq(recv(player->socket, &told, sizeof told, 0), (ssize_t)sizeof told);
    return told;
}

static inline struct told player_do(const struct player *player, int verb, uint64_t attempt, uint64_t epoch)
{
    player_order(player, verb, attempt, epoch);
    return player_answer(player);
}

/* Killed, and not yet reaped: a zombie is dead enough. */
static inline void player_kill(const struct player *player)
{
    kill(player->pid, SIGKILL);
}

static inline void player_end(const struct player *player)
{
    kill(-player->pid, SIGKILL); /* and whom it forked */
    close(player->socket);
    waitpid(player->pid, NULL, 0);
}
#endif
