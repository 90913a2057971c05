/* What no real server does: a false one. How often it is tried: test_redis_conn_rests.c */
#include "redis_fake.h"

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

Test(redis_conn_faults, a_server_that_is_silent_in_the_login_is_given_up)
{
    struct asked asked;
    begin(wait_for_end, "");
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
