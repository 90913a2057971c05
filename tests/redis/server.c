#include "server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_FIRST = 20000, PORT_END = 32000, STARTS = 5, ANSWER_TRIES = 3000, ANSWER_PAUSE_MS = 10 };

#define LEAST_USER "elect"
#define LEAST_PASSWORD "least"
#define OTHERS_PASSWORD "others"

static _Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void give_up(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "tests/redis/server: ");
    vfprintf(stderr, format, values);
    fprintf(stderr, "\n");
    va_end(values);
    abort();
}

/* ---- which program ---- */

/* A program of PATH; false: it has none of this name. */
static bool find_program(const char *name, char path[REDIS_SERVER_PATH])
{
    const char *folders = getenv("PATH");
    for (const char *next = folders != NULL ? folders : "/usr/bin"; *next != '\0';) {
        size_t length = strcspn(next, ":");
        snprintf(path, REDIS_SERVER_PATH, "%.*s/%s", (int)length, next, name);
        if (access(path, X_OK) == 0)
            return true;
        next += length + (next[length] == ':');
    }
    return false;
}

/* The distributions' servers are one program of several names, of which the package of tools has one, and the package
 * of the server, which also starts one for the host, another. */
static void link_program(const char *folder, char program[REDIS_SERVER_PATH])
{
    const char *kind = getenv("ELECT_TEST_SERVER");
    char name[64], found[REDIS_SERVER_PATH];
    kind = kind != NULL && *kind != '\0' ? kind : "redis";
    snprintf(program, REDIS_SERVER_PATH, "%.200s/%.20s-server", folder, kind);
    snprintf(name, sizeof name, "%.20s-server", kind);
    if (!find_program(name, found)) {
        snprintf(name, sizeof name, "%.20s-check-rdb", kind);
        if (!find_program(name, found))
            give_up("neither %.20s-server nor %s is in PATH: install the package %.20s-tools", kind, name, kind);
    }
    if (symlink(found, program) != 0 && errno != EEXIST)
        give_up("%s: %s", program, strerror(errno));
}

/* ---- its process ---- */

int redis_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int tries = 0; tries < 1000; tries++) {
        unsigned random = 0;
        if (getrandom(&random, sizeof random, 0) < 0)
            give_up("getrandom: %s", strerror(errno));
        int port = PORT_FIRST + (int)(random % (PORT_END - PORT_FIRST));
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address.sin_port = htons((uint16_t)port);
        bool free_ = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        if (fd >= 0)
            close(fd);
        if (free_)
            return port;
    }
    give_up("no port is free");
}

static _Noreturn void run(const char *program, const struct redis_server *server, pid_t parent)
{
    char port[16], *argv[REDIS_SERVER_ARGS + 32], log[REDIS_SERVER_PATH + 8], name[REDIS_SERVER_PATH];
    int count = 0;
    bool tls = strncmp(server->url, "rediss:", 7) == 0;
    snprintf(port, sizeof port, "%d", server->port);
    snprintf(name, sizeof name, "%s", program);
    const char *const fixed[] = {name,
                                 "--port",
                                 tls ? "0" : port,
                                 "--tls-port",
                                 tls ? port : "0",
                                 "--bind",
                                 "127.0.0.1",
                                 "--unixsocket",
                                 server->path,
                                 "--unixsocketperm",
                                 "700",
                                 "--dir",
                                 server->folder,
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "no",
                                 "--enable-debug-command",
                                 "yes",
                                 "--daemonize",
                                 "no"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        argv[count++] = (char *)fixed[i];
    for (int i = 0; server->args[i] != NULL; i++)
        argv[count++] = server->args[i];
    argv[count] = NULL;
    snprintf(log, sizeof log, "%s/log", server->folder);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (fd < 0 || getppid() != parent || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    execv(program, argv);
    _exit(127);
}

static void show_log(const struct redis_server *server)
{
    char path[REDIS_SERVER_PATH + 8], bytes[4096];
    snprintf(path, sizeof path, "%s/log", server->folder);
    FILE *log = fopen(path, "r");
    size_t got = log != NULL ? fread(bytes, 1, sizeof bytes, log) : 0;
    fwrite(bytes, 1, got, stderr);
    if (log != NULL)
        fclose(log);
}

static redisContext *connect_to(struct redis_server *server)
{
    struct timeval patience = {.tv_sec = 30};
    redisContext *context = redisConnectUnixWithTimeout(server->path, patience);
    if (context == NULL)
        give_up("out of memory");
    if (context->err != 0) {
        redisFree(context);
        return NULL;
    }
    redisSetTimeout(context, patience);
    if (server->password != NULL)
        freeReplyObject(redisCommand(context, "AUTH %s", server->password));
    return context;
}

/* An error is an answer too (NOAUTH), but for the one that says that it is not ready. */
static bool answers(struct redis_server *server)
{
    redisContext *context = connect_to(server);
    redisReply *reply = context != NULL ? redisCommand(context, "PING") : NULL;
    bool ready = reply != NULL && (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "LOADING", 7) != 0);
    freeReplyObject(reply);
    if (context != NULL)
        redisFree(context);
    return ready;
}

/* False: it ended instead. */
static bool spawn(struct redis_server *server)
{
    char program[REDIS_SERVER_PATH];
    pid_t parent = getpid();
    link_program(server->folder, program);
    unlink(server->path);
    server->pid = fork();
    if (server->pid < 0)
        give_up("fork: %s", strerror(errno));
    if (server->pid == 0)
        run(program, server, parent);
    for (int tries = 0; tries < ANSWER_TRIES; tries++) {
        if (answers(server))
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            return false;
        }
        poll(NULL, 0, ANSWER_PAUSE_MS);
    }
    show_log(server);
    give_up("the server in %s does not answer", server->folder);
}

/* False: the environment does not ask for it, or the arguments have users of their own. */
static bool limit_rights(struct redis_server *server)
{
    const char *rights = getenv("ELECT_TEST_ACL");
    char path[REDIS_SERVER_PATH + 16];
    int count = 0;
    if (rights == NULL || *rights == '\0')
        return false;
    for (; server->args[count] != NULL; count++) {
        const char *arg = server->args[count];
        if (strcmp(arg, "--requirepass") == 0 || strcmp(arg, "--user") == 0 || strcmp(arg, "--aclfile") == 0)
            return false;
    }
    snprintf(path, sizeof path, "%s/users.acl", server->folder);
    FILE *file = fopen(path, "w");
    if (file == NULL || fprintf(file, "user default on >" OTHERS_PASSWORD " ~* &* +@all\n") < 0 ||
        fprintf(file, "user " LEAST_USER " on >" LEAST_PASSWORD " %s\n", rights) < 0 || fclose(file) != 0)
        give_up("%s: %s", path, strerror(errno));
    const char *const more[] = {"--aclfile", path, "--masterauth", OTHERS_PASSWORD};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        if (count + 1 >= REDIS_SERVER_ARGS || (server->args[count++] = strdup(more[i])) == NULL)
            give_up("too many arguments");
    }
    server->password = OTHERS_PASSWORD;
    return true;
}

struct redis_server *redis_server_start(const char *const *args)
{
    const char *temporary = getenv("TMPDIR");
    struct redis_server *server = calloc(1, sizeof *server);
    bool tls = false;
    if (server == NULL)
        give_up("out of memory");
    snprintf(server->folder, sizeof server->folder, "%.80s/elect-redis-XXXXXX", temporary ? temporary : "/tmp");
    if (mkdtemp(server->folder) == NULL)
        give_up("%s: %s", server->folder, strerror(errno));
    snprintf(server->path, sizeof server->path, "%.100s/s", server->folder);
    for (int i = 0; args != NULL && args[i] != NULL; i++) {
        if (i + 1 == REDIS_SERVER_ARGS || (server->args[i] = strdup(args[i])) == NULL)
            give_up("too many arguments");
        tls = tls || strcmp(args[i], "--tls-cert-file") == 0;
        if (i > 0 && strcmp(args[i - 1], "--requirepass") == 0)
            server->password = server->args[i];
    }
    const char *user = limit_rights(server) ? LEAST_USER ":" LEAST_PASSWORD "@" : "";
    snprintf(server->path_url, sizeof server->path_url, "redis+unix://%s%s", user, server->path);
    for (int starts = 0; starts < STARTS; starts++) {
        server->port = redis_free_port();
        snprintf(server->url, sizeof server->url, "%s://%s127.0.0.1:%d", tls ? "rediss" : "redis", user, server->port);
        if (spawn(server))
            return server;
    }
    show_log(server);
    give_up("the server in %s does not start", server->folder);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
}

void redis_server_restart(struct redis_server *server)
{
    redis_server_kill(server);
    if (!spawn(server)) {
        show_log(server);
        give_up("the server in %s does not start again", server->folder);
    }
}

void redis_server_freeze(struct redis_server *server)
{
    int status = 0;
    if (kill(server->pid, SIGSTOP) != 0 || waitpid(server->pid, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
        give_up("the server in %s can't be stopped", server->folder);
}

void redis_server_thaw(struct redis_server *server)
{
    kill(server->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat;
    (void)kind;
    (void)where;
    return remove(path);
}

void redis_server_stop(struct redis_server *server)
{
    if (server == NULL)
        return;
    redis_server_kill(server);
    nftw(server->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    for (int i = 0; server->args[i] != NULL; i++)
        free(server->args[i]);
    free(server);
}

/* ---- asking it ---- */

static redisReply *ask(struct redis_server *server, const char *format, va_list values)
{
    redisContext *context = connect_to(server);
    redisReply *reply = context != NULL ? redisvCommand(context, format, values) : NULL;
    if (reply == NULL)
        give_up("\"%s\": no answer from the server in %s", format, server->folder);
    redisFree(context);
    return reply;
}

redisReply *redis_server_ask(struct redis_server *server, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    redisReply *reply = ask(server, format, values);
    va_end(values);
    return reply;
}

long long redis_server_ask_number(struct redis_server *server, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    redisReply *reply = ask(server, format, values);
    va_end(values);
    if (reply->type != REDIS_REPLY_INTEGER)
        give_up("\"%s\": answers %s", format, reply->str != NULL ? reply->str : "no number");
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

void redis_server_do(struct redis_server *server, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    redisReply *reply = ask(server, format, values);
    va_end(values);
    if (reply->type == REDIS_REPLY_ERROR)
        give_up("\"%s\": answers %s", format, reply->str);
    freeReplyObject(reply);
}
