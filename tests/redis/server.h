/* A Redis or Valkey server of a test's own, on loopback and on a path, without persistence unless its arguments say
 * otherwise. It ends with the thread that started it. What fails here ends the test with a line that says why. */
#ifndef ELECT_TESTS_REDIS_SERVER_H
#define ELECT_TESTS_REDIS_SERVER_H
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

enum { REDIS_SERVER_ARGS = 48, REDIS_SERVER_PATH = 256 };

struct redis_server {
    char folder[REDIS_SERVER_PATH];        /* its working folder: 0700, removed by redis_server_stop */
    char path[REDIS_SERVER_PATH];          /* of its socket, which never speaks TLS */
    int port;                              /* of 127.0.0.1; speaks TLS when the arguments name --tls-cert-file */
    char url[64];                          /* redis://127.0.0.1:PORT, or rediss: */
    char path_url[REDIS_SERVER_PATH + 32]; /* redis+unix://PATH */
    pid_t pid;                             /* 0: it does not run */
    const char *password;                  /* that redis_server_ask gives: of --requirepass; NULL: none */
    char *args[REDIS_SERVER_ARGS];
};

/* args: of the command line, such as {"--requirepass", "secret", NULL}; NULL: none. Copied. It answers when this
 * returns. ELECT_TEST_SERVER=valkey in the environment: Valkey instead of Redis. ELECT_TEST_ACL=RULES there, as ACL
 * SETUSER takes them: the URLs bear a user with these rights and no more, but where args have users or a password of
 * their own. */
struct redis_server *redis_server_start(const char *const *args);
/* Ends it and removes its folder. NULL is none. */
void redis_server_stop(struct redis_server *server);

/* SIGKILL, and it is gone when this returns: what is not on disk is lost. */
void redis_server_kill(struct redis_server *server);
/* The same again, on the same port, with its folder as it is. Kills it first if it runs. */
void redis_server_restart(struct redis_server *server);
/* SIGSTOP, and it has stopped when this returns: connections stay, nothing is answered. */
void redis_server_freeze(struct redis_server *server);
void redis_server_thaw(struct redis_server *server);

/* One command over a connection of its own, as the default user: "SET %s %b" as hiredis has it. Never NULL; an error of
 * the server is a reply. To be freed by freeReplyObject. */
redisReply *redis_server_ask(struct redis_server *server, const char *format, ...);
/* The same where an integer is expected. */
long long redis_server_ask_number(struct redis_server *server, const char *format, ...);
/* The same where nothing is expected but success. */
void redis_server_do(struct redis_server *server, const char *format, ...);

/* A port of 127.0.0.1 that nobody has: below those that connections take, so that no client takes it by chance. */
int redis_free_port(void);
#endif
