#include "link.h"
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool elect__link_send(int fd, uint32_t kind, int32_t value, int64_t at_ns, const char *text)
{
    struct elect__message message;

    memset(&message, 0, sizeof(message));
    message.kind = kind;
    message.value = value;
    message.at_ns = at_ns;
    snprintf(message.text, sizeof(message.text), "%s", text ? text : "");
    return send(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(message);
}

int elect__link_receive(int fd, struct elect__message *message)
{
    ssize_t length = recv(fd, message, sizeof(*message), MSG_DONTWAIT);

    if (length == (ssize_t)sizeof(*message)) {
        message->text[sizeof(message->text) - 1] = '\0';
        return 1;
    }
    return length < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int elect__link_spawn(pid_t *pid, const int *theirs, int count, char *const *argv, char *const *env)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    /* Onto itself: drops CLOEXEC, in the new process alone. */
    for (int i = 0; i < count; i++)
        posix_spawn_file_actions_adddup2(&actions, theirs[i], theirs[i]);
    /* Neither a terminal's keys nor a kill of our group reach it. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    failure = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}
