/* The files and options of TLS: what is wrong with them is said with the option and the file. */
#include "net/tls.h"
#include "net_tls_folder.h"
#include <sys/stat.h>

static struct net_cert leaf, stranger;
static char error[512];

static void set_up(void)
{
    tls_folder_make();
    leaf = net_cert_make("client", &authority, "DNS:client", -1, 1);
    stranger = net_cert_make("stranger", NULL, NULL, -1, 1);
}

static void tear_down(void)
{
    net_cert_free(&leaf);
    net_cert_free(&stranger);
    tls_folder_remove();
}

TestSuite(net_tls, .init = set_up, .fini = tear_down);

static struct elect__tls plain(void)
{
    return (struct elect__tls){.ca_file = "",
                               .ca_dir = "",
                               .cert_file = "",
                               .key_file = "",
                               .server_name = "db",
                               .min_version = "1.2",
                               .verify = true};
}

/* expected: "option=\"path\": why"; NULL: it is good. */
static void expect(const struct elect__tls *tls, const char *option, const char *path, const char *why)
{
    char expected[512];
    SSL *ssl = elect__tls_session(tls, error, sizeof error);
    cr_assert_eq(ERR_peek_error(), 0, "an error is left in OpenSSL's queue");
    if (!option) {
        cr_assert_not_null(ssl, "%s", error);
        SSL_free(ssl);
        return;
    }
    cr_assert_null(ssl);
    snprintf(expected, sizeof expected, "%s=\"%s\": %s", option, path, why);
    cr_assert_str_eq(error, expected, "%s", error);
}

Test(net_tls, a_file_of_authorities_must_be_there_and_have_some)
{
    struct elect__tls tls = plain();
    tls.ca_file = ca;
    expect(&tls, "tls_ca_file", ca, "no such file or directory");
    net_file_write(ca, "nothing of the kind\n");
    expect(&tls, "tls_ca_file", ca, "no certificate in PEM form in it");
    net_cert_write(&authority, ca, NULL, NULL);
    net_cert_write(&stranger, ca, NULL, NULL);
    expect(&tls, NULL, NULL, NULL);
    net_file_write(ca, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n");
    expect(&tls, "tls_ca_file", ca, "one of the certificates in it is damaged");
    tls.ca_file = dir;
    expect(&tls, "tls_ca_file", dir, "not a regular file");
}

Test(net_tls, a_pipe_does_not_hold_up_the_thread)
{
    struct elect__tls tls = plain();
    tls.ca_file = other;
    cr_assert_eq(mkfifo(other, 0600), 0);
    expect(&tls, "tls_ca_file", other, "not a regular file");
}

Test(net_tls, a_directory_of_authorities_must_be_hashed)
{
    struct elect__tls tls = plain();
    char hashed[NET_PATH_SIZE];
    tls.ca_dir = other;
    expect(&tls, "tls_ca_dir", other, "no such file or directory");
    net_cert_write(&authority, ca, NULL, NULL);
    tls.ca_dir = dir;
    expect(&tls, "tls_ca_dir", dir, "no certificate with a hashed name in it: run \"openssl rehash\" on it");
    snprintf(hashed, sizeof hashed, "%s/%08lx.0", dir, X509_subject_name_hash(authority.x509));
    cr_assert_eq(rename(ca, hashed), 0);
    expect(&tls, NULL, NULL, NULL);
    unlink(hashed);
}

Test(net_tls, the_key_must_belong_to_the_certificate)
{
    struct elect__tls tls = plain();
    char why[256];
    snprintf(why, sizeof why, "the key does not belong to the certificate of tls_cert_file=\"%s\"", cert);
    net_cert_write(&leaf, cert, key, NULL);
    net_cert_write(&stranger, ca, other, NULL);
    tls.cert_file = cert;
    tls.key_file = key;
    expect(&tls, NULL, NULL, NULL);
    tls.key_file = other;
    expect(&tls, "tls_key_file", other, why);
    tls.key_file = ca;
    expect(&tls, "tls_key_file", ca, "no private key in PEM form in it");
    tls.cert_file = "";
    expect(&tls, "tls_key_file", ca, "needs tls_cert_file beside it");
}

Test(net_tls, certificate_and_key_may_share_a_file)
{
    struct elect__tls tls = plain();
    tls.cert_file = cert;
    net_cert_write(&leaf, cert, NULL, NULL);
    expect(&tls, "tls_cert_file", cert, "no private key in PEM form in it");
    net_cert_write(&leaf, other, cert, NULL);
    expect(&tls, NULL, NULL, NULL);
}

Test(net_tls, nobody_is_asked_for_a_password_at_the_terminal)
{
    struct elect__tls tls = plain();
    net_cert_write(&leaf, cert, key, "secret");
    tls.cert_file = cert;
    tls.key_file = key;
    expect(&tls, "tls_key_file", key, "the private key is encrypted: one without a password is needed");
}

Test(net_tls, a_certificate_brings_those_that_vouch_for_it)
{
    struct elect__tls tls = plain();
    STACK_OF(X509) *chain = NULL;
    net_cert_write(&leaf, cert, key, NULL);
    net_cert_write(&authority, cert, NULL, NULL);
    tls.cert_file = cert;
    tls.key_file = key;
    SSL *ssl = elect__tls_session(&tls, error, sizeof error);
    cr_assert_not_null(ssl, "%s", error);
    SSL_get0_chain_certs(ssl, &chain);
    cr_assert_eq(sk_X509_num(chain), 1);
    cr_assert_eq(X509_cmp(SSL_get_certificate(ssl), leaf.x509), 0);
    SSL_free(ssl);
}

Test(net_tls, chain_and_name_are_verified_unless_that_is_switched_off)
{
    struct elect__tls tls = plain();
    SSL *ssl = elect__tls_session(&tls, error, sizeof error);
    cr_assert_eq(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER);
    cr_assert_str_eq(X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0), "db");
    SSL_free(ssl);
    tls.server_name = "";
    expect(&tls, "tls_server_name", "", "there is no name to look for in the server's certificate");
    tls.verify = false;
    ssl = elect__tls_session(&tls, error, sizeof error);
    cr_assert_eq(SSL_get_verify_mode(ssl), SSL_VERIFY_NONE);
    SSL_free(ssl);
}

Test(net_tls, versions_before_the_least_one_are_not_spoken)
{
    const struct {
        const char *name;
        int version;
    } versions[] = {{"1.2", TLS1_2_VERSION}, {"1.3", TLS1_3_VERSION}};
    for (int i = 0; i < 2; i++) {
        struct elect__tls tls = plain();
        tls.min_version = versions[i].name;
        SSL *ssl = elect__tls_session(&tls, error, sizeof error);
        cr_assert_eq(SSL_get_min_proto_version(ssl), versions[i].version);
        SSL_free(ssl);
    }
}

Test(net_tls, errors_that_are_none_of_openssls_are_skipped)
{
    struct elect__tls tls = plain();
    const unsigned long nothing[] = {SSL_ERROR_SYSCALL, 0};
    const unsigned long alert[] = {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED), SSL_ERROR_SSL, 0};
    const unsigned long rare[] = {SSL_ERROR_SSL, ERR_PACK(ERR_LIB_SSL, 0, SSL_R_BAD_EXTENSION), 0};
    SSL *ssl = elect__tls_session(&tls, error, sizeof error);
    cr_assert_not(elect__tls_explain(ssl, nothing, error, sizeof error));
    cr_assert_str_eq(error, "");
    cr_assert(elect__tls_explain(ssl, alert, error, sizeof error));
    cr_assert_not_null(strstr(error, "asks for a client certificate"));
    cr_assert_not(elect__tls_explain(ssl, rare, error, sizeof error));
    cr_assert_not_null(strstr(error, ": bad extension"), "%s", error);
    SSL_free(ssl);
}
