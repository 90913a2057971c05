/* Bytes over TCP and over paths, without TLS; what holds for both is in test_net_stream_tls.c as well. */
#include "net_client.h"
#include <sys/wait.h>

enum { PATIENT_MS = 50000 };

Test(net_stream, bytes_go_both_ways)
{
    struct net_server server = {0};
    struct net_client client = {0};
    net_server_start(&server, net_serve_echo);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    net_client_echo(&client, "PING\r\n", 6);
    cr_assert_str_eq(client.first, "PING\r\n");
    net_client_free(&client);
    net_server_end(&server);
    cr_assert_eq(client.downs, 0);
}

Test(net_stream, a_path_is_as_good)
{
    char dir[] = "/tmp/elect-stream-XXXXXX", path[64];
    struct net_server server = {0};
    struct net_client client = {0};
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    server.listener = net_listen_path(path);
    net_server_run(&server, net_serve_echo);
    net_client_open(&client, path, "", NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    net_client_echo(&client, "PING\r\n", 6);
    net_client_free(&client);
    net_server_end(&server);
    unlink(path);
    rmdir(dir);
}

Test(net_stream, megabytes_arrive_whole_and_in_order)
{
    size_t size = (size_t)4 << 20;
    char *bytes = malloc(size);
    struct net_server server = {0};
    struct net_client client = {0};
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
    net_server_start(&server, net_serve_echo);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    net_client_echo(&client, bytes, size);
    cr_assert_eq(client.received, size);
    cr_assert_eq(client.sum, net_sum(0, bytes, size));
    net_client_free(&client);
    net_server_end(&server);
    free(bytes);
}

Test(net_stream, a_server_that_does_not_read_fails_the_write_at_16_mib)
{
    char port[8] = "";
    int listener = net_listen("127.0.0.1", port, 8);
    size_t part = (size_t)1 << 20;
    char *bytes = calloc(1, part);
    struct net_client client = {0};
    net_client_open(&client, "127.0.0.1", port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    for (int i = 0; i < 16; i++)
        cr_assert(net_client_write(&client, bytes, part));
    cr_assert_not(net_client_write(&client, bytes, 1));
    net_client_free(&client);
    close(listener);
    free(bytes);
}

Test(net_stream, what_is_written_in_one_turn_is_sent_at_the_next)
{
    char port[8] = "", bytes[64];
    int listener = net_listen("127.0.0.1", port, 8);
    struct net_client client = {0};
    net_client_open(&client, "127.0.0.1", port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert(net_client_write(&client, "one,", 4));
    cr_assert(net_client_write(&client, "two", 3));
    cr_assert_lt(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), 0);
    net_turn(client.base);
    cr_assert_eq(recv(fd, bytes, sizeof bytes, 0), 7);
    net_client_free(&client);
    close(fd);
    close(listener);
}

Test(net_stream, a_server_that_closes_at_once_is_down_after_up)
{
    struct net_server server = {0};
    struct net_client client = {0};
    char expected[64];
    net_server_start(&server, net_serve_nothing);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_down);
    snprintf(expected, sizeof expected, "127.0.0.1:%s: closed by the server", server.port);
    cr_assert_str_eq(client.text, expected);
    cr_assert_eq(client.ups, 1);
    cr_assert_not(client.certificate);
    net_turn(client.base);
    cr_assert_eq(client.downs, 1);
    net_client_free(&client);
    net_server_end(&server);
}

static void serve_last_words(struct net_server *server, int fd)
{
    (void)server;
    send(fd, "-ERR max number of clients reached\r\n", 36, MSG_NOSIGNAL);
    close(fd);
}

Test(net_stream, last_words_come_before_the_end)
{
    struct net_server server = {0};
    struct net_client client = {0};
    net_server_start(&server, serve_last_words);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_down);
    cr_assert_str_eq(client.first, "-ERR max number of clients reached\r\n");
    net_client_free(&client);
    net_server_end(&server);
}

static void serve_reset(struct net_server *server, int fd)
{
    char byte;
    (void)server;
    recv(fd, &byte, 1, 0);
    net_reset(fd);
}

Test(net_stream, a_reset_is_named)
{
    struct net_server server = {0};
    struct net_client client = {0};
    net_server_start(&server, serve_reset);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    net_client_write(&client, "x", 1);
    net_until(client.base, &client.is_down);
    cr_assert_not_null(strstr(client.text, ": connection reset by peer"), "%s", client.text);
    net_client_free(&client);
    net_server_end(&server);
}

Test(net_stream, a_refusal_is_told_in_the_words_of_the_dial)
{
    struct net_client client = {0};
    char port[8], expected[64];
    net_unused_port(port);
    net_client_open(&client, "127.0.0.1", port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_down);
    snprintf(expected, sizeof expected, "127.0.0.1:%s: connection refused", port);
    cr_assert_str_eq(client.text, expected);
    cr_assert_eq(client.ups, 0);
    net_client_free(&client);
}

/* ---- closing ---- */

Test(net_stream, it_may_be_closed_in_each_of_its_events)
{
    struct net_server server = {0};
    net_server_start(&server, serve_last_words);
    for (int i = 0; i < 3; i++) {
        struct net_client client = {.close_in_up = i == 0, .close_in_data = i == 1, .close_in_down = i == 2};
        const bool *until[] = {&client.is_up, &client.is_enough, &client.is_down};
        net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
        net_until(client.base, until[i]);
        for (int turns = 0; turns < 5; turns++)
            net_turn(client.base);
        cr_assert_null(client.stream);
        cr_assert_eq(client.downs, i == 2);
        net_client_free(&client);
    }
    net_server_end(&server);
}

Test(net_stream, a_thousand_of_them_leave_no_descriptor)
{
    struct net_server server = {0};
    struct net_client client = {.base = net_base()};
    net_server_start(&server, net_serve_nothing);
    net_turn(client.base);
    int before = net_count("/proc/self/fd");
    for (int i = 0; i < 1000; i++) {
        net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
        for (int turns = 0; turns < i % 4; turns++)
            net_turn(client.base);
        net_client_close(&client);
        net_turn(client.base);
    }
    net_server_end(&server);
    cr_assert_eq(net_count("/proc/self/fd"), before - 1, "the server's listener is closed, and nothing is open");
    event_base_free(client.base);
}

/* ---- signals and children ---- */

/* A thread as the library starts them writes to a server that is gone; SIGPIPE would end the process. */
static void *write_to_the_gone(void *argument)
{
    struct net_client *client = argument;
    net_until(client->base, &client->is_up);
    struct timeval soon = {.tv_usec = 1000};
    while (!client->is_down) {
        elect__stream_write(client->stream, "x", 1);
        event_base_loopexit(client->base, &soon);
        event_base_loop(client->base, EVLOOP_ONCE);
    }
    return NULL;
}

Test(net_stream, a_server_that_is_gone_raises_no_signal)
{
    struct net_server server = {0};
    struct net_client client = {.base = event_base_new()};
    pthread_t thread;
    net_server_start(&server, net_serve_nothing);
    signal(SIGPIPE, SIG_DFL);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    cr_assert_eq(elect__thread_start(&thread, write_to_the_gone, &client), 0);
    pthread_join(thread, NULL);
    net_client_free(&client);
    net_server_end(&server);
}

/* Is a connection to that port open here? */
static bool is_connected_to(const char *port)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in at = {0};
        socklen_t length = sizeof at;
        if (getpeername(fd, (struct sockaddr *)&at, &length) == 0 && ntohs(at.sin_port) == strtol(port, NULL, 10))
            return true;
    }
    return false;
}

Test(net_stream, a_forked_child_says_nothing_to_the_server_and_the_parent_goes_on)
{
    struct net_server server = {0};
    struct net_client client = {0};
    int status = -1;
    net_server_start(&server, net_serve_echo);
    net_client_open(&client, "127.0.0.1", server.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    net_client_echo(&client, "before", 6);
    cr_assert(is_connected_to(server.port));
    pid_t pid = fork();
    if (pid == 0)
        _exit(is_connected_to(server.port) ? 1 : 0);
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    net_client_echo(&client, "after", 5);
    cr_assert_str_eq(client.first, "beforeafter");
    net_client_free(&client);
    net_server_end(&server);
}
