/* The long check of a Redis server: how it ends. What it finds, tests/cli shows. */
#include "redis/server.h"
#include "unit/net_tls_folder.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <poll.h>
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

TestSuite(redis_doctor_real, .init = begin, .fini = end);

Test(redis_doctor_real, one_that_is_not_waited_for_ends_with_its_client)
{
    char *json;
    cr_assert_eq(elect_client_report(client, "doctor", 0, &json), ELECT_ETIMEOUT);
    cr_assert_eq(elect_client_report(client, "doctor", 300, &json), ELECT_ETIMEOUT);
    cr_assert_null(json);
    close_client();
}

Test(redis_doctor_real, a_server_that_dies_meanwhile_is_no_answer)
{
    char *json = NULL;
    cr_assert_eq(elect_client_report(client, "doctor", 300, &json), ELECT_ETIMEOUT);
    redis_server_kill(server);
    int32_t code = elect_client_report(client, "doctor", 5000, &json);
    cr_assert(code == ELECT_EUNREACHABLE || code == ELECT_ETIMEOUT, "%s", elect_code_name(code));
    cr_assert_null(json);
    close_client();
}

Test(redis_doctor_real, two_at_once_do_not_disturb_each_other)
{
    char *json;
    cr_assert_eq(elect_client_report(client, "doctor", 0, &json), ELECT_ETIMEOUT);
    cr_assert_eq(elect_client_report(client, "doctor", -1, &json), ELECT_OK);
    cr_assert_null(strstr(json, "\"fail\""), "%s", json);
    elect_string_free(json);
    close_client();
    cr_assert_eq(redis_server_ask_number(server, "DBSIZE"), 0);
}

/* ---- a server that says too much ---- */

static int join_server(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_lt(strlen(server->path), sizeof at.sun_path);
    memcpy(at.sun_path, server->path, strlen(server->path));
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Between a client and the server; what the server confirms, the client hears three times. */
static void *relay(void *client_fd)
{
    static const char confirmed[] = "$9\r\nsubscribe\r\n";
    struct pollfd ends[2] = {{.fd = (int)(intptr_t)client_fd, .events = POLLIN},
                             {.fd = join_server(), .events = POLLIN}};
    bool open = true;
    while (open && poll(ends, 2, -1) > 0) {
        for (int i = 0; open && i < 2; i++) {
            char bytes[65536];
            ssize_t length = ends[i].revents ? recv(ends[i].fd, bytes, sizeof bytes, 0) : 0;
            bool repeat = i == 1 && length > 0 && memmem(bytes, (size_t)length, confirmed, sizeof confirmed - 1);
            open = !ends[i].revents || length > 0;
            for (int times = 0; length > 0 && times < (repeat ? 3 : 1); times++)
                send(ends[1 - i].fd, bytes, (size_t)length, MSG_NOSIGNAL);
        }
    }
    close(ends[0].fd);
    close(ends[1].fd);
    return NULL;
}

static void serve_repeating(struct net_server *between, int fd)
{
    pthread_t thread;
    (void)between;
    cr_assert_eq(pthread_create(&thread, NULL, relay, (void *)(intptr_t)fd), 0);
    pthread_detach(thread);
}

Test(redis_doctor_real, a_channel_that_is_confirmed_again_and_again_is_tried_once)
{
    struct net_server between = {0};
    char url[64], *json;
    close_client(); /* this test's own comes from elsewhere */
    net_server_start(&between, serve_repeating);
    snprintf(url, sizeof url, "redis://127.0.0.1:%s", between.port);
    open_client(url);
    cr_assert_eq(elect_client_report(client, "doctor", -1, &json), ELECT_OK);
    cr_assert(strstr(json, "hears of a release at once"), "%s", json);
    elect_string_free(json);
    close_client();
    net_server_end(&between);
}

/* ---- TLS, as it is now ---- */

static void update(const char *const *pairs)
{
    elect_options_t *changes = elect_options_new();
    for (; *pairs; pairs += 2)
        cr_assert_eq(elect_options_set(changes, pairs[0], pairs[1]), ELECT_OK);
    cr_assert_eq(elect_client_update(client, changes), ELECT_OK, "%s", elect_options_error(changes));
    elect_options_free(changes);
}

Test(redis_doctor_tls, an_update_of_tls_is_what_is_judged)
{
    char *json;
    tls_folder_make();
    struct net_cert self = net_cert_make("server", NULL, "IP:127.0.0.1", -1, 1);
    net_cert_write(&self, cert, key, NULL);
    net_cert_free(&self);
    server = redis_server_start((const char *const[]){"--tls-cert-file", cert, "--tls-key-file", key,
                                                      "--tls-ca-cert-file", cert, "--tls-auth-clients", "no", NULL});
    open_client(server->url);
    update((const char *const[]){"tls_verify", "off", NULL});
    cr_assert_eq(elect_client_report(client, "doctor", -1, &json), ELECT_OK);
    cr_assert(strstr(json, "tls_verify=off"), "%s", json);
    elect_string_free(json);
    close_client();
    redis_server_stop(server);
    tls_folder_remove();
}
