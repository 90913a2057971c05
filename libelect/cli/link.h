/* Messages between processes of the command, over a SOCK_SEQPACKET pair: whole or not at all, and each side sees by its
 * end that the other has died. What the kinds mean is said where they are (guard.h, demo.h). */
#ifndef ELECT_CLI_LINK_H
#define ELECT_CLI_LINK_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { ELECT__LINK_TEXT = 512 };
struct elect__message {
    uint32_t kind;
    int32_t value;
    int64_t at_ns;
    char text[ELECT__LINK_TEXT];
};

/* Neither waits. False: it did not go (the other side is dead, or stopped and its buffer full). text: NULL for none. */
bool elect__link_send(int fd, uint32_t kind, int32_t value, int64_t at_ns, const char *text);
/* 1: a message; 0: none now; -1: the other side is dead. */
int elect__link_receive(int fd, struct elect__message *message);
/* Starts this program again with argv, in a process group of its own, with `theirs` kept open. 0, or errno. */
int elect__link_spawn(pid_t *pid, const int *theirs, int count, char *const *argv, char *const *env);
#endif
