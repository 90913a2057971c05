/* TLS against real servers: whom it trusts, what it says when it does not, and how connections end. */
#include "net_client.h"
#include "net_tls.h"

enum { PATIENT_MS = 50000 };

static char dir[64], ca[NET_PATH_SIZE], cert[NET_PATH_SIZE], key[NET_PATH_SIZE];
static struct net_cert authority, good;

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/elect-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    authority = net_cert_make("authority", NULL, NULL, -1, 1);
    good = net_cert_make("server", &authority, "DNS:localhost,IP:127.0.0.1", -1, 1);
    net_cert_write(&authority, ca, NULL, NULL);
}

static void tear_down(void)
{
    unlink(ca);
    unlink(cert);
    unlink(key);
    rmdir(dir);
    net_cert_free(&authority);
    net_cert_free(&good);
}

TestSuite(net_stream_tls, .init = set_up, .fini = tear_down);

static struct elect__tls trusting(const char *ca_file)
{
    return (struct elect__tls){.ca_file = ca_file,
                               .ca_dir = "",
                               .cert_file = "",
                               .key_file = "",
                               .server_name = "localhost",
                               .min_version = "1.2",
                               .verify = true};
}

/* A whole connection: up and an echo, or down with these words. */
static void expect_at(const char *port, const struct elect__tls *tls, const char *words, bool certificate)
{
    struct net_client client = {0};
    net_client_open(&client, "127.0.0.1", port, tls, PATIENT_MS);
    if (words) {
        net_until(client.base, &client.is_down);
        cr_assert_not_null(strstr(client.text, words), "%s", client.text);
        cr_assert_eq(strncmp(client.text, "127.0.0.1:", 10), 0, "%s", client.text);
        cr_assert_eq(client.certificate, certificate);
        cr_assert_eq(client.received, 0);
    } else {
        while (!client.is_up) {
            net_until(client.base, client.is_down ? &client.is_down : &client.is_up);
            cr_assert_not(client.is_down, "%s", client.text);
        }
        net_client_echo(&client, "PING\r\n", 6);
        cr_assert_eq(client.downs, 0);
    }
    net_client_free(&client);
}

/* The same against a server that has this certificate. */
static void expect(const struct net_cert *server_cert, const struct elect__tls *tls, const char *words)
{
    struct net_tls_server server;
    net_tls_start(&server, server_cert, net_tls_echo);
    net_tls_run(&server);
    expect_at(server.plain.port, tls, words, words != NULL);
    net_tls_end(&server);
}

/* ---- whom it trusts ---- */

Test(net_stream_tls, a_certificate_of_a_trusted_authority_for_the_right_name_is_good)
{
    struct elect__tls tls = trusting(ca);
    expect(&good, &tls, NULL);
    tls.min_version = "1.3";
    expect(&good, &tls, NULL);
}

Test(net_stream_tls, an_address_is_looked_for_in_the_certificate_as_an_address)
{
    struct elect__tls tls = trusting(ca);
    tls.server_name = "127.0.0.1";
    expect(&good, &tls, NULL);
    tls.server_name = "127.0.0.2";
    expect(&good, &tls, "the server's certificate is not for \"127.0.0.2\" (tls_server_name)");
}

Test(net_stream_tls, a_directory_of_authorities_is_as_good_as_a_file)
{
    struct elect__tls tls = trusting("");
    char hashed[NET_PATH_SIZE];
    snprintf(hashed, sizeof hashed, "%s/%08lx.0", dir, X509_subject_name_hash(authority.x509));
    cr_assert_eq(rename(ca, hashed), 0);
    tls.ca_dir = dir;
    expect(&good, &tls, NULL);
    unlink(hashed);
}

Test(net_stream_tls, by_default_the_authorities_of_the_system_are_trusted)
{
    struct elect__tls tls = trusting("");
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    expect(&good, &tls, "comes from an authority that is not trusted");
    setenv("SSL_CERT_FILE", ca, 1);
    expect(&good, &tls, NULL);
}

Test(net_stream_tls, a_certificate_of_somebody_elses_authority_is_refused)
{
    struct net_cert other = net_cert_make("other authority", NULL, NULL, -1, 1);
    struct net_cert server = net_cert_make("server", &other, "DNS:localhost", -1, 1);
    struct elect__tls tls = trusting(ca);
    expect(&server, &tls, "TLS: the server's certificate comes from an authority that is not trusted");
    net_cert_free(&server);
    net_cert_free(&other);
}

Test(net_stream_tls, an_expired_certificate_is_refused_and_one_of_tomorrow)
{
    struct net_cert expired = net_cert_make("server", &authority, "DNS:localhost", -2, -1);
    struct net_cert early = net_cert_make("server", &authority, "DNS:localhost", 1, 2);
    struct elect__tls tls = trusting(ca);
    expect(&expired, &tls, "has expired");
    expect(&early, &tls, "is not valid yet");
    net_cert_free(&expired);
    net_cert_free(&early);
}

Test(net_stream_tls, a_certificate_for_another_name_is_refused)
{
    struct net_cert other = net_cert_make("localhost", &authority, "DNS:db.example", -1, 1);
    struct elect__tls tls = trusting(ca);
    expect(&other, &tls, "the server's certificate is not for \"localhost\" (tls_server_name)");
    tls.server_name = "db.example";
    expect(&other, &tls, NULL);
    net_cert_free(&other);
}

Test(net_stream_tls, a_self_signed_certificate_is_trusted_when_it_is_named)
{
    struct net_cert self = net_cert_make("server", NULL, "DNS:localhost", -1, 1);
    struct elect__tls tls = trusting(ca);
    expect(&self, &tls, "the server's certificate is self-signed: to trust it, name it in tls_ca_file");
    net_cert_write(&self, cert, NULL, NULL);
    tls.ca_file = cert;
    expect(&self, &tls, NULL);
    net_cert_free(&self);
}

Test(net_stream_tls, without_verification_anybody_will_do)
{
    struct net_cert self = net_cert_make("server", NULL, "DNS:db.example", -2, -1);
    struct elect__tls tls = trusting("");
    tls.verify = false;
    expect(&self, &tls, NULL);
    net_cert_free(&self);
}

Test(net_stream_tls, the_name_is_sent_and_an_address_is_not)
{
    struct elect__tls tls = trusting(ca);
    struct net_tls_server server;
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_run(&server);
    expect_at(server.plain.port, &tls, NULL, false);
    cr_assert_str_eq(server.sni, "localhost");
    tls.server_name = "localhost.";
    expect_at(server.plain.port, &tls, NULL, false);
    cr_assert_str_eq(server.sni, "localhost", "as certificates bear it");
    tls.server_name = "127.0.0.1";
    expect_at(server.plain.port, &tls, NULL, false);
    net_tls_end(&server);
    cr_assert_str_eq(server.sni, "");
}

Test(net_stream_tls, the_zone_of_an_address_is_our_own_affair)
{
    struct net_cert link = net_cert_make("server", &authority, "IP:fe80::1", -1, 1);
    struct elect__tls tls = trusting(ca);
    tls.server_name = "fe80::1%eth0";
    expect(&link, &tls, NULL);
    net_cert_free(&link);
}

/* ---- who we are ---- */

static void expect_as_client(int max_version, const struct elect__tls *tls, const char *words)
{
    struct net_tls_server server;
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_ask_for_certificate(&server, &authority);
    SSL_CTX_set_max_proto_version(server.ctx, max_version);
    net_tls_run(&server);
    expect_at(server.plain.port, tls, words, words != NULL);
    net_tls_end(&server);
}

Test(net_stream_tls, a_server_that_asks_for_a_certificate_gets_ours)
{
    struct net_cert client = net_cert_make("client", &authority, "DNS:client", -1, 1);
    struct elect__tls tls = trusting(ca);
    expect_as_client(TLS1_3_VERSION, &tls, "the server asks for a client certificate: set tls_cert_file");
    expect_as_client(TLS1_2_VERSION, &tls, "it may ask for a client certificate (tls_cert_file)");
    net_cert_write(&client, cert, key, NULL);
    tls.cert_file = cert;
    tls.key_file = key;
    expect_as_client(TLS1_3_VERSION, &tls, NULL);
    expect_as_client(TLS1_2_VERSION, &tls, NULL);
    net_cert_free(&client);
}

Test(net_stream_tls, a_certificate_of_ours_that_the_server_refuses_is_told)
{
    struct net_cert other = net_cert_make("other authority", NULL, NULL, -1, 1);
    struct net_cert client = net_cert_make("client", &other, "DNS:client", -1, 1);
    struct elect__tls tls = trusting(ca);
    tls.cert_file = cert;
    tls.key_file = key;
    net_cert_write(&client, cert, key, NULL);
    expect_as_client(TLS1_3_VERSION, &tls, "the server does not know the authority of the client certificate");
    net_cert_free(&client);
    net_cert_free(&other);
    client = net_cert_make("client", &authority, "DNS:client", -2, -1);
    unlink(cert);
    unlink(key);
    net_cert_write(&client, cert, key, NULL);
    expect_as_client(TLS1_3_VERSION, &tls, "the server says that the client certificate has expired");
    net_cert_free(&client);
}

Test(net_stream_tls, a_file_that_is_not_there_ends_it_and_is_read_anew_at_the_next_connect)
{
    struct net_tls_server server;
    struct elect__tls tls = trusting(cert);
    net_tls_start(&server, &good, net_tls_echo);
    net_tls_run(&server);
    expect_at(server.plain.port, &tls, "tls_ca_file=\"", true);
    net_cert_write(&authority, cert, NULL, NULL);
    expect_at(server.plain.port, &tls, NULL, false);
    net_tls_end(&server);
}

/* ---- servers that do not do as they should ---- */

Test(net_stream_tls, a_server_of_old_versions_only_is_told)
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

Test(net_stream_tls, a_server_without_tls_is_told)
{
    struct elect__tls tls = trusting(ca);
    struct net_server server = {0};
    net_server_start(&server, serve_plain_words);
    expect_at(server.port, &tls, "it seems to speak without it on this port", false);
    net_server_end(&server);
}

Test(net_stream_tls, a_server_that_closes_in_the_handshake_is_told)
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

Test(net_stream_tls, a_server_that_is_silent_is_given_up_in_time)
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

Test(net_stream_tls, a_client_without_tls_gets_no_further_than_its_first_words)
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

Test(net_stream_tls, megabytes_arrive_whole_and_in_order)
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

Test(net_stream_tls, each_end_is_told_as_what_it_was)
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
Test(net_stream_tls, a_server_that_is_gone_raises_no_signal)
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

Test(net_stream_tls, the_end_is_said_to_the_server)
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

Test(net_stream_tls, it_may_be_closed_at_every_stage)
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

Test(net_stream_tls, it_may_be_closed_in_each_of_its_events)
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

Test(net_stream_tls, errors_that_others_left_in_openssls_queue_do_no_harm)
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
