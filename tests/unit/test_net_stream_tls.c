/* TLS against real servers: whom it trusts, what it says when it does not, and who we are to them. */
#include "net_stream_tls.h"

TestSuite(net_stream_tls, .init = tls_set_up, .fini = tls_tear_down);

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
    struct net_cert stranger = net_cert_make("other authority", NULL, NULL, -1, 1);
    struct net_cert server = net_cert_make("server", &stranger, "DNS:localhost", -1, 1);
    struct elect__tls tls = trusting(ca);
    expect(&server, &tls, "TLS: the server's certificate comes from an authority that is not trusted");
    net_cert_free(&server);
    net_cert_free(&stranger);
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
    struct net_cert stranger = net_cert_make("localhost", &authority, "DNS:db.example", -1, 1);
    struct elect__tls tls = trusting(ca);
    expect(&stranger, &tls, "the server's certificate is not for \"localhost\" (tls_server_name)");
    tls.server_name = "db.example";
    expect(&stranger, &tls, NULL);
    net_cert_free(&stranger);
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
    struct net_cert stranger = net_cert_make("other authority", NULL, NULL, -1, 1);
    struct net_cert client = net_cert_make("client", &stranger, "DNS:client", -1, 1);
    struct elect__tls tls = trusting(ca);
    tls.cert_file = cert;
    tls.key_file = key;
    net_cert_write(&client, cert, key, NULL);
    expect_as_client(TLS1_3_VERSION, &tls, "the server does not know the authority of the client certificate");
    net_cert_free(&client);
    net_cert_free(&stranger);
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
