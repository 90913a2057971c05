/* Who we are: nothing else is sent before AUTH and SELECT were answered. What a server says in refusing is never shown:
 * it may repeat what it was sent. */
#include "../net/file.h"
#include "../planted.h"
#include "redis_conn_parts.h"
#include <elect/elect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_NAME "libelect"
enum { PASSWORD_MAX = 4096 };

/* ---- the password ---- */

static void scrub(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* The first line of fd. NULL, or what is wrong with it. */
static const char *read_line(int fd, char line[PASSWORD_MAX + 2])
{
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used <= PASSWORD_MAX) {
        got = read(fd, line + used, PASSWORD_MAX + 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        return strerrordesc_np(errno);
    size_t length = strcspn(line, "\n");
    if (length < used && line[length] == '\0')
        return "a password has no NUL";
    if (length > PASSWORD_MAX)
        return "its first line must have at most 4096 bytes";
    length -= length > 0 && line[length - 1] == '\r';
    line[length] = '\0';
    return length > 0 ? NULL : "its first line must be the password, and is empty";
}

/* NULL: error says why; "": out of memory. */
static char *read_file(const char *path, char *error, size_t size)
{
    char line[PASSWORD_MAX + 2] = "", fault[ELECT__SHOW_SIZE];
    int fd = elect__file_open(path, fault);
    const char *why = fd < 0 ? fault : read_line(fd, line);
    char *password = why ? NULL : strdup(line);
    explicit_bzero(line, sizeof line);
    if (fd >= 0)
        close(fd);
    if (why)
        snprintf(error, size, "password_file=\"%.300s\": %s", path, why);
    return password;
}

struct secrets {
    char *password, *file; /* of the options, as they are now; NULL: out of memory */
};

static void read_settings(const struct elect__settings *settings, void *user)
{
    struct secrets *secrets = user;
    secrets->password = strdup(settings->password);
    secrets->file = strdup(settings->password_file);
}

/* The newest: an option, which may have been updated, comes before the URL. "": there is none. NULL: error says why;
 * "": out of memory. */
static char *find_password(const struct elect__redis_conn *conn, char *error, size_t size)
{
    struct secrets secrets = {NULL, NULL};
    const struct elect__store_args *store = conn->args.store;
    char *found = NULL;
    *error = '\0';
    store->host->current(store->ctx, read_settings, &secrets);
    if (secrets.password && secrets.file) {
        if (*secrets.password)
            found = strdup(secrets.password);
        else if (*secrets.file)
            found = read_file(secrets.file, error, size);
        else
            found = strdup(conn->args.target->password);
    }
    scrub(secrets.password);
    free(secrets.file);
    return found;
}

/* ---- what is sent ---- */

static bool say(struct elect__redis_conn *conn, enum elect__redis_step step, int argc, const char *const *argv)
{
    struct elect__redis_command command;
    elect__redis_command_of(&command, argc, argv);
    struct elect__redis_sent *sent =
        elect__redis_sent_new(conn, &command, 1, elect__redis_conn_now(conn) + conn->step_ns);
    if (!sent)
        return false;
    sent->step = step;
    elect__redis_sent_fly(sent);
    return true;
}

static void out_of_memory(struct elect__redis_conn *conn)
{
    elect__redis_conn_fail(conn, ELECT_ENOMEM, false, "%s", elect_code_text(ELECT_ENOMEM));
}

/* What is good to have. The last of them is INFO, which may be refused too: any answer shows that the server is
 * there. */
static void ask(struct elect__redis_conn *conn)
{
    static const char *const name[] = {"CLIENT", "SETNAME", CLIENT_NAME}, *const info[] = {"INFO"},
                             *const ping[] = {"PING"};
    conn->state = ELECT__REDIS_ASKING;
    bool said = say(conn, ELECT__REDIS_EXTRA, 3, name);
    for (const char *const *script = conn->args.scripts; said && script && *script; script++) {
        const char *const load[] = {"SCRIPT", "LOAD", *script};
        said = say(conn, ELECT__REDIS_EXTRA, 3, load);
    }
    if (!said || !say(conn, ELECT__REDIS_LAST, 1, conn->args.subscriber ? ping : info))
        out_of_memory(conn);
}

static bool say_auth(struct elect__redis_conn *conn, const char *password)
{
    const char *user = conn->args.target->user;
    const char *const argv[] = {"AUTH", *user ? user : password, password};
    return say(conn, ELECT__REDIS_AUTH, *user ? 3 : 2, argv);
}

static bool say_select(struct elect__redis_conn *conn)
{
    char number[24];
    const char *const argv[] = {"SELECT", number};
    snprintf(number, sizeof number, "%lld", (long long)conn->args.target->database);
    return say(conn, ELECT__REDIS_SELECT, 2, argv);
}

void elect__redis_login_begin(struct elect__redis_conn *conn)
{
    char error[ELECT__REDIS_TEXT_SIZE];
    char *password = find_password(conn, error, sizeof error);
    if (!password && *error)
        elect__redis_conn_fail(conn, ELECT_EAUTH, true, "%s", error);
    else if (!password)
        out_of_memory(conn);
    if (!password)
        return;
    bool auth = *password || *conn->args.target->user;
    bool select = conn->args.target->database != 0;
    conn->state = ELECT__REDIS_PROVING;
    bool said = (!auth || say_auth(conn, password)) && (!select || say_select(conn));
    scrub(password);
    if (!said)
        out_of_memory(conn);
    else if (!auth && !select)
        ask(conn);
}

/* ---- what is answered ---- */

struct refusal {
    const char *begins; /* the server's text */
    int32_t code;
    bool lasting;
    const char *text;
};

/* Of any step. */
static const struct refusal of_all[] = {
    {"NOAUTH", ELECT_EAUTH, true, "the server wants a password: give password or password_file"},
    {"LOADING", ELECT_ESTORE, false, "the server is loading its data (LOADING)"},
    {"MASTERDOWN", ELECT_ESTORE, false, "a replica that has lost its master (MASTERDOWN)"},
    {"BUSY", ELECT_ESTORE, false, "the server is busy with somebody's script (BUSY)"},
    {"ERR max number of clients", ELECT_ESTORE, false, "the server has as many clients as it allows (maxclients)"},
    {"DENIED", ELECT_EAUTH, true, "the server takes no clients from other hosts (protected mode)"},
    {NULL, 0, false, NULL},
};

static const struct refusal of_auth[] = {
    {"WRONGPASS", ELECT_EAUTH, true, "the server refuses the password, or the user"},
    {"ERR invalid password", ELECT_EAUTH, true, "the server refuses the password"},
    {"ERR AUTH <password> called without any password", ELECT_EAUTH, true,
     "a password is given, and the server has none for its default user"},
    {"ERR Client sent AUTH, but no password", ELECT_EAUTH, true, "a password is given, and the server has none"},
    {"ERR wrong number of arguments", ELECT_EAUTH, true, "a user is given, and the server knows none (before 6.0)"},
    {"", ELECT_EAUTH, true, "the server refuses AUTH"},
};

static const struct refusal of_select[] = {
    {"NOPERM", ELECT_EAUTH, true, "the user may not choose a database (ACL: +select)"},
    {"ERR DB index is out of range", ELECT_ESTORE, true, "the server has no such database"},
    {"ERR invalid DB index", ELECT_ESTORE, true, "the server has no such database"},
    {"ERR SELECT is not allowed in cluster mode", ELECT_ESTORE, true, "a cluster has database 0 only"},
    {"", ELECT_ESTORE, true, "the server refuses to choose the database"},
};

static const struct refusal *find(const struct refusal *table, const char *text)
{
    while (table->begins && strncmp(text, table->begins, strlen(table->begins)) != 0)
        table++;
    return table->begins ? table : NULL;
}

static const struct refusal *judge(enum elect__redis_step step, const redisReply *reply)
{
    static const struct refusal no_answer = {"", ELECT_EUNREACHABLE, false, "not the answer of a Redis server"};
    static const struct refusal loading = {"", ELECT_ESTORE, false, "the server is loading its data"};
    bool proving = step == ELECT__REDIS_AUTH || step == ELECT__REDIS_SELECT;
    if (reply->type != REDIS_REPLY_ERROR) {
        bool ok = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
        bool info = step == ELECT__REDIS_LAST && reply->type == REDIS_REPLY_STRING;
        if (info && strstr(reply->str, "\nloading:1\r\n"))
            return &loading;
        return proving && !ok ? &no_answer : NULL;
    }
    if (ELECT__PLANTED(REDIS_DATABASE_UNCHECKED) && step == ELECT__REDIS_SELECT)
        return NULL;
    const struct refusal *refusal = find(of_all, reply->str);
    if (refusal || !proving)
        return refusal;
    return find(step == ELECT__REDIS_AUTH ? of_auth : of_select, reply->str);
}

void elect__redis_login_answer(struct elect__redis_conn *conn, enum elect__redis_step step, const redisReply *reply)
{
    const struct refusal *refusal = judge(step, reply);
    if (refusal && step == ELECT__REDIS_SELECT)
        elect__redis_conn_fail(conn, refusal->code, refusal->lasting, "database %lld: %s",
                               (long long)conn->args.target->database, refusal->text);
    else if (refusal)
        elect__redis_conn_fail(conn, refusal->code, refusal->lasting, "%s", refusal->text);
    else if (step == ELECT__REDIS_LAST)
        elect__redis_conn_arrive(conn, reply->type == REDIS_REPLY_STRING ? reply->str : "");
    else if (conn->state == ELECT__REDIS_PROVING && TAILQ_EMPTY(&conn->flying))
        ask(conn);
}
