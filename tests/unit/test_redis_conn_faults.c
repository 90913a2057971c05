/* What no real server does: a false one, a thread that speaks by a script. */
#include "redis_rig.h"
#include <arpa/inet.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG (30 * ELECT__S)
#define INFO "$4\r\ninfo\r\n"

static struct rig rig;

/* ---- the false server ---- */

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
static redisReply *hear(struct peer *peer)
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

static bool says(struct peer *peer, const char *bytes, size_t length)
{
    size_t piece = fake.piece != 0 ? fake.piece : length;
    for (size_t at = 0; at < length; at += piece) {
        size_t left = length - at < piece ? length - at : piece;
        if (send(peer->fd, bytes + at, left, MSG_NOSIGNAL) != (ssize_t)left)
            return false;
    }
    return true;
}

static bool say(struct peer *peer, const char *text)
{
    return says(peer, text, strlen(text));
}

/* Answers a command as a server would: a name, INFO, AUTH, SELECT. */
static bool is_login(const redisReply *command)
{
    static const char *const words[] = {"AUTH", "SELECT", "CLIENT", "SCRIPT", "INFO"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(command->element[0]->str, words[i]) == 0)
            return true;
    }
    return false;
}

/* The first command that is none of the login's, which is answered; NULL: the other side has closed. */
static redisReply *log_in(struct peer *peer)
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

static void wait_for_end(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL)
        freeReplyObject(command);
}

static void *run_fake(void *unused)
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

static void begin(void (*serve)(struct peer *peer), const char *path)
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

static void end(void)
{
    rig_close(&rig);
    shutdown(fake.listener, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.listener);
}

/* ---- faults ---- */

static void answer_once(struct peer *peer)
{
    redisReply *command = log_in(peer);
    if (command != NULL && says(peer, fake.bytes, fake.length))
        wait_for_end(peer);
    freeReplyObject(command);
}

/* A server that answers a request with these bytes, and stays. */
static void ends_by(const char *bytes, size_t length, const char *text)
{
    struct asked asked[2];
    fake.bytes = bytes;
    fake.length = length;
    begin(answer_once, "");
    rig_ask(&rig, &asked[0], "GET a", LONG);
    rig_ask(&rig, &asked[1], "GET b", LONG);
    rig_until(&rig, rig.downs == 1);
    cr_assert_eq(rig.ups, 1);
    cr_assert(strstr(rig.text, text), "%s", rig.text);
    cr_assert_eq(rig.code, ELECT_EUNREACHABLE);
    cr_assert(asked[1].answered && asked[1].fate == ELECT__REDIS_LOST, "it may have been applied");
    rig_until(&rig, rig.ups == 2);
    end();
}

Test(redis_conn_faults, what_is_no_answer_of_redis_ends_the_connection)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n",
                      deep[] = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", wide[] = "*1000000000\r\n",
                      push[] = ">2\r\n+message\r\n+x\r\n";
    ends_by(http, sizeof http - 1, "not the answer of a Redis server");
    ends_by(deep, sizeof deep - 1, "nested");
    ends_by(wide, sizeof wide - 1, "4096 elements");
    ends_by(push, sizeof push - 1, "not the answer of a Redis server");
}

Test(redis_conn_faults, an_endless_bulk_ends_the_connection)
{
    enum { SIZE = 2 * 1024 * 1024 };
    char *bytes = malloc(SIZE);
    memset(bytes, 'x', SIZE);
    memcpy(bytes, "$536870912\r\n", 12);
    ends_by(bytes, SIZE, "1 MiB");
    free(bytes);
}

Test(redis_conn_faults, an_answer_to_nothing_ends_the_connection)
{
    static const char three[] = "+OK\r\n+OK\r\n+OK\r\n";
    struct asked asked[2];
    fake.bytes = three;
    fake.length = sizeof three - 1;
    begin(answer_once, "");
    rig_until(&rig, rig.ups == 1);
    rig_ask(&rig, &asked[0], "GET a", LONG);
    rig_ask(&rig, &asked[1], "GET b", LONG);
    rig_until(&rig, rig.downs == 1);
    cr_assert_eq(asked[0].fate, ELECT__REDIS_ANSWERED);
    cr_assert_eq(asked[1].fate, ELECT__REDIS_ANSWERED);
    cr_assert(strstr(rig.text, "answers nothing"), "%s", rig.text);
    end();
}

static const char two_replies[] = "*2\r\n$3\r\nabc\r\n:7\r\n:42\r\n";

static void answer_up_to(struct peer *peer)
{
    redisReply *command = log_in(peer);
    size_t length = (size_t)peer->nth < sizeof two_replies - 1 ? (size_t)peer->nth : sizeof two_replies - 1;
    if (command != NULL && says(peer, two_replies, length) && length == sizeof two_replies - 1)
        wait_for_end(peer);
    freeReplyObject(command);
}

/* Each connection sends one byte more before it closes. */
Test(redis_conn_faults, a_connection_that_ends_within_an_answer_loses_the_request)
{
    struct asked asked;
    begin(answer_up_to, "");
    rig.drawn = 1;
    int lost = 0;
    do {
        rig_ask(&rig, &asked, "GET a|GET b", LONG);
        rig_until(&rig, asked.answered);
        lost += asked.fate == ELECT__REDIS_LOST;
        cr_assert(asked.fate != ELECT__REDIS_NOT_SENT);
        elect__redis_conn_hurry(rig.conn);
    } while (asked.fate != ELECT__REDIS_ANSWERED);
    cr_assert_eq(lost, (int)sizeof two_replies - 2);
    cr_assert_eq(asked.number, 42);
    end();
}

Test(redis_conn_faults, answers_in_pieces_of_one_byte_are_answers)
{
    struct asked asked;
    fake.piece = 1;
    fake.bytes = two_replies;
    fake.length = sizeof two_replies - 1;
    begin(answer_once, "");
    rig_ask(&rig, &asked, "GET a|GET b", LONG);
    rig_until(&rig, asked.answered);
    cr_assert_eq(asked.fate, ELECT__REDIS_ANSWERED);
    cr_assert_eq(asked.number, 42);
    cr_assert_str_eq(rig.info, "info");
    end();
}

/* ---- faults of the login ---- */

static void silent(struct peer *peer)
{
    wait_for_end(peer);
}

Test(redis_conn_faults, a_server_that_is_silent_in_the_login_is_given_up)
{
    struct asked asked;
    begin(silent, "");
    rig.conn->step_ns = 20 * ELECT__MS;
    rig_ask(&rig, &asked, "GET a", LONG);
    rig_until(&rig, rig.downs == 2);
    cr_assert(asked.answered && asked.fate == ELECT__REDIS_NOT_SENT);
    cr_assert(strstr(rig.text, "no answer for "), "%s", rig.text);
    end();
}

static atomic_int others; /* commands that were heard though the login had failed */

static void refuse_select(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL) {
        const char *word = command->element[0]->str;
        bool select = strcmp(word, "SELECT") == 0;
        if (!is_login(command) || strcmp(word, "INFO") == 0)
            atomic_fetch_add(&others, 1);
        say(peer, select ? "-ERR DB index is out of range\r\n" : "+OK\r\n");
        freeReplyObject(command);
    }
}

Test(redis_conn_faults, nothing_is_sent_before_auth_and_select_were_answered)
{
    struct asked asked;
    begin(refuse_select, "/7");
    rig_ask(&rig, &asked, "SET a b", LONG);
    rig_until(&rig, rig.downs == 1);
    cr_assert(rig.lasting && rig.code == ELECT_ESTORE);
    end();
    cr_assert_eq(atomic_load(&others), 0);
}

static void answer_all(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL) {
        freeReplyObject(command);
        say(peer, fake.bytes);
    }
}

Test(redis_conn_faults, what_a_server_says_to_the_login_decides_who_must_act)
{
    static const struct {
        const char *bytes;
        int32_t code;
        bool lasting;
        const char *text;
    } table[] = {
        {"-NOAUTH Authentication required.\r\n", ELECT_EAUTH, true, "wants a password"},
        {"-WRONGPASS invalid username-password pair or user is disabled.\r\n", ELECT_EAUTH, true,
         "refuses the password"},
        {"-ERR invalid password\r\n", ELECT_EAUTH, true, "refuses the password"},
        {"-ERR Client sent AUTH, but no password is set\r\n", ELECT_EAUTH, true, "has none"},
        {"-ERR unknown command 'AUTH', with args beginning with: '" SECRET "'\r\n", ELECT_EAUTH, true, "refuses AUTH"},
        {"-" SECRET "\r\n", ELECT_EAUTH, true, "refuses AUTH"},
        {"-DENIED Redis is running in protected mode\r\n", ELECT_EAUTH, true, "protected mode"},
        {"-LOADING Redis is loading the dataset in memory\r\n", ELECT_ESTORE, false, "LOADING"},
        {"-MASTERDOWN Link with MASTER is down\r\n", ELECT_ESTORE, false, "MASTERDOWN"},
        {"-BUSY Redis is busy running a script.\r\n", ELECT_ESTORE, false, "BUSY"},
        {"-ERR max number of clients reached\r\n", ELECT_ESTORE, false, "maxclients"},
        {"+QUEUED\r\n", ELECT_EUNREACHABLE, false, "not the answer of a Redis server"},
        {"$7\r\n" SECRET "\r\n", ELECT_EUNREACHABLE, false, "not the answer of a Redis server"},
        {"_\r\n", ELECT_EUNREACHABLE, false, "not the answer of a Redis server"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        fake.bytes = table[i].bytes;
        begin(answer_all, "");
        rig_until(&rig, rig.downs == 1);
        cr_assert(strstr(rig.text, table[i].text), "%s", rig.text);
        cr_assert_eq(rig.code, table[i].code, "%s", rig.text);
        cr_assert_eq(rig.lasting, table[i].lasting, "%s", rig.text);
        end();
    }
}

static void is_loading(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL) {
        bool info = strcmp(command->element[0]->str, "INFO") == 0;
        say(peer, info ? "$28\r\n# Persistence\r\nloading:1\r\nx\r\n\r\n" : "+OK\r\n");
        freeReplyObject(command);
    }
}

Test(redis_conn_faults, a_server_that_loads_its_data_is_not_up)
{
    begin(is_loading, "");
    rig_until(&rig, rig.downs == 2);
    cr_assert_eq(rig.ups, 0);
    cr_assert_not(rig.lasting);
    cr_assert(strstr(rig.text, "loading"));
    end();
}

/* ---- never a busy loop ---- */

static void close_at_once(struct peer *peer)
{
    (void)peer;
}

static void close_when_up(struct peer *peer)
{
    redisReply *command;
    bool more = true;
    while (more && (command = hear(peer)) != NULL) {
        more = strcmp(command->element[0]->str, "INFO") != 0;
        say(peer, more ? "+OK\r\n" : INFO);
        freeReplyObject(command);
    }
}

/* Also where the dice always say "at once": each try rests longer than the one before, up to a bound. */
static void rests(void (*serve)(struct peer *peer), const char *bytes)
{
    static const int64_t least_ms[] = {1, 5, 10, 20, 40, 80};
    enum { TRIES = sizeof least_ms / sizeof least_ms[0] };
    fake.bytes = bytes;
    atomic_store(&fake.connects, 0);
    begin(serve, "");
    rig.drawn = 1;
    for (int i = 0; i < TRIES; i++) {
        int64_t before_ns = rig_now();
        int64_t from_ns = rig.conn->retry.set && i > 0 ? rig.conn->retry.at_ns : before_ns;
        rig_until(&rig, rig.downs == i + 1);
        int64_t rest_ns = rig.conn->retry.at_ns - from_ns;
        /* As far as the tries are counted: they begin anew where it stood for a while. */
        cr_assert_geq(rest_ns, least_ms[rig.conn->tries - 1] * ELECT__MS, "try %d", i);
        cr_assert(serve == close_when_up || rig.conn->tries == i + 1);
        cr_assert_leq(rig.conn->retry.at_ns, rig_now() + 5 * ELECT__S);
    }
    cr_assert_eq(atomic_load(&fake.connects), TRIES);
    end();
}

Test(redis_conn_faults, whatever_a_server_does_there_is_a_rest_between_tries)
{
    rests(close_at_once, NULL);
    rests(close_when_up, NULL);
    rests(answer_all, "-LOADING Redis is loading the dataset in memory\r\n");
    rests(answer_all, "-ERR max number of clients reached\r\n");
}

Test(redis_conn_faults, the_rests_have_a_bound)
{
    begin(close_at_once, "");
    rig.drawn = UINT32_MAX;
    rig.conn->tries = 29;
    for (int i = 1; i <= 3; i++) {
        rig_until(&rig, rig.downs == i);
        int64_t rest_ns = rig.conn->retry.at_ns - rig_now();
        cr_assert_leq(rest_ns, 2 * ELECT__S);
        rig.conn->tries = 29 + i;
        elect__redis_conn_timer(rig.conn, &rig.conn->retry, rig_now());
    }
    end();
}

static int agains;

static void ask_again(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    (void)answer;
    agains++;
    const struct elect__redis_command command = {.argc = 1, .argv = {"PING"}, .length = {4}};
    cr_assert(elect__redis_conn_send(rig.conn, request, &command, 1, rig_now() - ELECT__S));
}

Test(redis_conn_faults, who_asks_again_with_a_deadline_that_has_passed_does_not_hold_the_loop)
{
    struct asked first;
    begin(silent, "");
    rig_ask(&rig, &first, "PING", -1);
    first.request.done = ask_again;
    first.rig = &rig;
    for (int i = 0; i < 100; i++)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_geq(agains, 1);
    cr_assert_leq(agains, 100);
    end();
    cr_assert_null(first.request.sent);
}

/* ---- credentials that change in the middle ---- */

static void refuse_first(struct peer *peer)
{
    redisReply *command;
    while ((command = hear(peer)) != NULL) {
        bool info = strcmp(command->element[0]->str, "INFO") == 0;
        say(peer, peer->nth == 1 ? "-WRONGPASS no\r\n" : info ? INFO : "+OK\r\n");
        freeReplyObject(command);
    }
}

Test(redis_conn_faults, credentials_that_come_while_old_ones_are_refused_are_tried_at_once)
{
    begin(refuse_first, "");
    rig_until(&rig, rig.conn->state == ELECT__REDIS_PROVING);
    elect__redis_conn_hurry(rig.conn);
    rig_until(&rig, rig.downs == 1);
    cr_assert_leq(rig.conn->retry.at_ns, rig_now() + 100 * ELECT__MS);
    rig_until(&rig, rig.ups == 1);
    end();
}
