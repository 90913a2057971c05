/* The long check of a Redis server: how it ends. What it finds, tests/cli shows. */
#include "redis/server.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdlib.h>
#include <string.h>

static struct redis_server *server;
static elect_client_t *client;

static void open_client(const char *url)
{
    elect_options_t *options = elect_options_new();
    cr_assert_eq(elect_options_set(options, "store", url), ELECT_OK);
    cr_assert_eq(elect_client_open(options, &client), ELECT_OK);
    elect_options_free(options);
}

static void close_client(void)
{
    cr_assert_eq(elect_client_close(client, -1), ELECT_OK);
    elect_client_free(client);
}

static void begin(void)
{
    server = redis_server_start(NULL);
    open_client(server->url);
}

static void end(void)
{
    redis_server_stop(server);
}

TestSuite(redis_doctor, .init = begin, .fini = end);

Test(redis_doctor, one_that_is_not_waited_for_ends_with_its_client)
{
    char *json;
    cr_assert_eq(elect_client_report(client, "doctor", 0, &json), ELECT_ETIMEOUT);
    cr_assert_eq(elect_client_report(client, "doctor", 300, &json), ELECT_ETIMEOUT);
    cr_assert_null(json);
    close_client();
}

Test(redis_doctor, a_server_that_dies_meanwhile_is_no_answer)
{
    char *json = NULL;
    cr_assert_eq(elect_client_report(client, "doctor", 300, &json), ELECT_ETIMEOUT);
    redis_server_kill(server);
    int32_t code = elect_client_report(client, "doctor", 5000, &json);
    cr_assert(code == ELECT_EUNREACHABLE || code == ELECT_ETIMEOUT, "%s", elect_code_name(code));
    cr_assert_null(json);
    close_client();
}

Test(redis_doctor, two_at_once_do_not_disturb_each_other)
{
    char *json;
    cr_assert_eq(elect_client_report(client, "doctor", 0, &json), ELECT_ETIMEOUT);
    cr_assert_eq(elect_client_report(client, "doctor", -1, &json), ELECT_OK);
    cr_assert_null(strstr(json, "\"fail\""), "%s", json);
    elect_string_free(json);
    close_client();
    cr_assert_eq(redis_server_ask_number(server, "DBSIZE"), 0);
}
