/* TLS against real servers: those that do not do as they should, and how connections live and end. */
#include "net_stream_tls.h"

TestSuite(net_stream_tls_servers, .init = tls_set_up, .fini = tls_tear_down);

/* ---- servers that do not do as they should ---- */

Test(net_stream_tls_servers, a_server_of_old_versions_only_is_told)
{
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    tls.min_version = "1.3";
    net_tls_start(&server, &good, net_tls_echo);
    SSL_CTX_set_max_proto_version(server.ctx, TLS1_2_VERSION);
    net_tls_run(&server);
    expect_at(server.plain.port, &tls, "the server speaks no version of TLS from tls_min_version on", false);
    net_tls_end(&server);
}

/* As Redis does with a command that it does not know. */
static void serve_plain_words(struct net_server *server, int fd)
{
    char bytes[4096];
    (void)server;
    if (recv(fd, bytes, sizeof bytes, 0) > 0)
        send(fd, "-ERR unknown command, with args beginning with: \r\n", 50, MSG_NOSIGNAL);
    net_serve_silence(server, fd);
}

Test(net_stream_tls_servers, a_server_without_tls_is_told)
{
    struct elect__tls tls = trusting(ca);
    struct net_server server = {0};
    net_server_start(&server, serve_plain_words);
    expect_at(server.port, &tls, "it seems to speak without it on this port", false);
    net_server_end(&server);
}

Test(net_stream_tls_servers, a_server_that_closes_in_the_handshake_is_told)
{
    struct elect__tls tls = trusting(ca);
    struct net_server server = {0};
    net_server_start(&server, net_serve_nothing);
    struct net_client client = {0};
    net_client_open(&client, "127.0.0.1", server.port, &tls, PATIENT_MS);
    net_until(client.base, &client.is_down);
    cr_assert(strstr(client.text, "closed the connection in the handshake") ||
                  strstr(client.text, "connection reset by peer") || strstr(client.text, "closed by the server"),
              "%s", client.text);
    cr_assert_eq(client.ups, 0);
    net_client_free(&client);
    net_server_end(&server);
}

Test(net_stream_tls_servers, a_server_that_is_silent_is_given_up_in_time)
{
    struct elect__tls tls = trusting(ca);
    struct net_server server = {0};
    struct net_client client = {0};
    char expected[128];
    net_server_start(&server, net_serve_silence);
    for (int ms = 50; !strstr(client.text, "TLS"); ms *= 2) { /* a slow tool needs more to get as far as that */
        net_client_open(&client, "127.0.0.1", server.port, &tls, ms);
        net_until(client.base, &client.is_down);
        net_client_close(&client);
        snprintf(expected, sizeof expected, "127.0.0.1:%s: TLS: the handshake was not over %d ms after", server.port,
                 ms);
    }
    cr_assert_eq(strncmp(client.text, expected, strlen(expected)), 0, "%s", client.text);
    cr_assert_eq(client.ups, 0);
    net_client_free(&client);
    net_server_end(&server);
}

Test(net_stream_tls_servers, a_client_without_tls_gets_no_further_than_its_first_words)
{
    struct net_tls_server server;
    struct net_client client = {0};
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_run(&server);
    net_client_open(&client, "127.0.0.1", server.plain.port, NULL, PATIENT_MS);
    net_until(client.base, &client.is_up);
    cr_assert(net_client_write(&client, "PING\r\n", 6));
    client.enough = 1;
    net_until(client.base, &client.is_down);
    cr_assert_eq(atomic_load(&server.handshakes), 0);
    net_client_free(&client);
    net_tls_end(&server);
}

/* ---- while it is up ---- */

Test(net_stream_tls_servers, megabytes_arrive_whole_and_in_order)
{
    size_t size = (size_t)4 << 20;
    char *bytes = malloc(size);
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    struct net_client client = {0};
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_run(&server);
    net_client_open(&client, "127.0.0.1", server.plain.port, &tls, PATIENT_MS);
    net_until(client.base, &client.is_up);
    net_client_echo(&client, bytes, size);
    cr_assert_eq(client.received, size);
    cr_assert_eq(client.sum, net_sum(0, bytes, size));
    net_client_free(&client);
    net_tls_end(&server);
    free(bytes);
}

static void talk_cut(struct net_tls_server *server, SSL *ssl)
{
    (void)server;
    SSL_write(ssl, "+OK\r\n", 5);
    shutdown(SSL_get_fd(ssl), SHUT_WR);
    net_serve_silence(NULL, SSL_get_fd(ssl));
    server->closed = true;
}

static void talk_goodbye(struct net_tls_server *server, SSL *ssl)
{
    (void)server;
    SSL_write(ssl, "+OK\r\n", 5);
    SSL_shutdown(ssl);
}

static void talk_reset(struct net_tls_server *server, SSL *ssl)
{
    SSL_write(ssl, "+OK\r\n", 5);
    net_reset(SSL_get_fd(ssl));
    server->closed = true;
}

Test(net_stream_tls_servers, each_end_is_told_as_what_it_was)
{
    const struct {
        void (*talk)(struct net_tls_server *server, SSL *ssl);
        const char *words;
    } ends[] = {{talk_cut, "TLS: the server closed the connection without ending TLS"},
                {talk_goodbye, ": closed by the server"},
                {talk_reset, ": connection reset by peer"}};
    for (int i = 0; i < 3; i++) {
        struct elect__tls tls = trusting(ca);
        struct net_tls_server server;
        struct net_client client = {0};
        net_tls_start(&server, &good, ends[i].talk);
        net_tls_run(&server);
        net_client_open(&client, "127.0.0.1", server.plain.port, &tls, PATIENT_MS);
        net_until(client.base, &client.is_down);
        cr_assert_not_null(strstr(client.text, ends[i].words), "%s", client.text);
        cr_assert_not(client.certificate);
        net_client_free(&client);
        net_tls_end(&server);
    }
}

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
    net_client_close(client);
    return NULL;
}

static void talk_nothing(struct net_tls_server *server, SSL *ssl)
{
    (void)server;
    (void)ssl;
}

/* On a thread as the library starts them: a SIGPIPE would end the process. */
Test(net_stream_tls_servers, a_server_that_is_gone_raises_no_signal)
{
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    struct net_client client = {.base = event_base_new()};
    pthread_t thread;
    net_tls_start(&server, &good, talk_nothing);
    net_tls_run(&server);
    signal(SIGPIPE, SIG_DFL);
    net_client_open(&client, "127.0.0.1", server.plain.port, &tls, PATIENT_MS);
    cr_assert_eq(elect__thread_start(&thread, write_to_the_gone, &client), 0);
    pthread_join(thread, NULL);
    net_client_free(&client);
    net_tls_end(&server);
}

Test(net_stream_tls_servers, the_end_is_said_to_the_server)
{
    struct elect__tls tls = trusting(ca);
    struct net_server server = {0};
    struct net_client client = {0};
    server.listener = net_listen("127.0.0.1", server.port, 8);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(ctx, good.x509);
    SSL_CTX_use_PrivateKey(ctx, good.key);
    net_client_open(&client, "127.0.0.1", server.port, &tls, PATIENT_MS);
    int fd = -1;
    SSL *ssl = SSL_new(ctx);
    while (!client.is_up) {
        net_turn(client.base);
        if (fd < 0 && (fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
            SSL_set_fd(ssl, fd);
        if (fd >= 0)
            SSL_accept(ssl);
    }
    while (SSL_accept(ssl) != 1)
        continue;
    net_client_close(&client);
    net_turn(client.base);
    char byte;
    int got = SSL_read(ssl, &byte, 1);
    cr_assert_eq(SSL_get_error(ssl, got), SSL_ERROR_ZERO_RETURN);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    close(server.listener);
    net_client_free(&client);
}

Test(net_stream_tls_servers, it_may_be_closed_at_every_stage)
{
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    struct net_client client = {.base = net_base()};
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_run(&server);
    net_turn(client.base);
    int before = net_count("/proc/self/fd");
    for (int i = 0; i < 24; i++) {
        net_client_open(&client, "127.0.0.1", server.plain.port, &tls, PATIENT_MS);
        for (int turns = 0; turns < i; turns++)
            net_turn(client.base);
        net_client_close(&client);
        net_turn(client.base);
    }
    net_tls_end(&server);
    cr_assert_eq(net_count("/proc/self/fd"), before - 1, "the server's listener is closed, and nothing is open");
    event_base_free(client.base);
}

Test(net_stream_tls_servers, it_may_be_closed_in_each_of_its_events)
{
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    net_tls_start(&server, &good, talk_goodbye);
    net_tls_run(&server);
    for (int i = 0; i < 3; i++) {
        struct net_client client = {.close_in_up = i == 0, .close_in_data = i == 1, .close_in_down = i == 2};
        const bool *until[] = {&client.is_up, &client.is_enough, &client.is_down};
        net_client_open(&client, "127.0.0.1", server.plain.port, &tls, PATIENT_MS);
        net_until(client.base, until[i]);
        for (int turns = 0; turns < 5; turns++)
            net_turn(client.base);
        cr_assert_null(client.stream);
        cr_assert_eq(client.downs, i == 2);
        net_client_free(&client);
    }
    net_tls_end(&server);
}

Test(net_stream_tls_servers, errors_that_others_left_in_openssls_queue_do_no_harm)
{
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    struct net_client client = {0};
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_run(&server);
    net_client_open(&client, "127.0.0.1", server.plain.port, &tls, PATIENT_MS);
    while (!client.is_up) {
        ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
        net_turn(client.base);
        cr_assert_not(client.is_down, "%s", client.text);
    }
    net_client_echo(&client, "PING\r\n", 6);
    ERR_clear_error();
    net_client_free(&client);
    net_tls_end(&server);
}
