/* Authorities, certificates and servers in TLS, made anew for each test. */
#ifndef TESTS_UNIT_NET_TLS_H
#define TESTS_UNIT_NET_TLS_H
#include "net.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { NET_DAY_S = 86400, NET_PATH_SIZE = 128 };

struct net_cert {
    X509 *x509;
    EVP_PKEY *key;
};

static inline void net_cert_extend(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    cr_assert_not_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

/* issuer NULL: self-signed. names: as "DNS:localhost,IP:127.0.0.1"; NULL: an authority. Valid from one day to another,
 * counted from today. */
static inline struct net_cert net_cert_make(const char *subject, const struct net_cert *issuer, const char *names,
                                            int from_days, int until_days)
{
    static long serial;
    struct net_cert cert = {X509_new(), EVP_EC_gen("P-256")};
    X509_set_version(cert.x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert.x509), (long)from_days * NET_DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(cert.x509), (long)until_days * NET_DAY_S);
    X509_NAME *name = X509_get_subject_name(cert.x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1, -1, 0);
    X509_set_issuer_name(cert.x509, issuer ? X509_get_subject_name(issuer->x509) : name);
    X509_set_pubkey(cert.x509, cert.key);
    net_cert_extend(cert.x509, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
    if (names)
        net_cert_extend(cert.x509, NID_subject_alt_name, names);
    cr_assert_gt(X509_sign(cert.x509, issuer ? issuer->key : cert.key, EVP_sha256()), 0);
    return cert;
}

static inline void net_cert_free(struct net_cert *cert)
{
    X509_free(cert->x509);
    EVP_PKEY_free(cert->key);
}

/* ---- files ---- */

/* Appends, so that several things may stand in one file. */
static inline FILE *net_file_open(const char *path)
{
    FILE *file = fopen(path, "ae");
    cr_assert_not_null(file);
    return file;
}

static inline void net_file_write(const char *path, const char *text)
{
    FILE *file = net_file_open(path);
    fputs(text, file);
    fclose(file);
}

/* password NULL: the key is not encrypted. */
static inline void net_cert_write(const struct net_cert *cert, const char *cert_path, const char *key_path,
                                  const char *password)
{
    FILE *file = net_file_open(cert_path);
    cr_assert_eq(PEM_write_X509(file, cert->x509), 1);
    fclose(file);
    if (!key_path)
        return;
    file = net_file_open(key_path);
    PEM_write_PrivateKey(file, cert->key, password ? EVP_aes_128_cbc() : NULL, (const unsigned char *)password,
                         password ? (int)strlen(password) : 0, NULL, NULL);
    fclose(file);
}

/* ---- servers ---- */

struct net_tls_server {
    struct net_server plain; /* first: it is cast */
    SSL_CTX *ctx;
    void (*talk)(struct net_tls_server *server, SSL *ssl); /* after the handshake; may close the socket: sets closed */
    bool closed;
    atomic_int handshakes;
    char sni[64]; /* of the last client; "" none */
};

static inline void net_tls_serve(struct net_server *plain, int fd)
{
    struct net_tls_server *server = (struct net_tls_server *)plain;
    SSL *ssl = SSL_new(server->ctx);
    SSL_set_fd(ssl, fd);
    server->closed = false;
    if (SSL_accept(ssl) == 1) {
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        snprintf(server->sni, sizeof server->sni, "%s", name ? name : "");
        atomic_fetch_add(&server->handshakes, 1);
        server->talk(server, ssl);
    } else {
        char rest[4096]; /* of what the client said: else the alert that it is to read is lost in a reset */
        shutdown(fd, SHUT_WR);
        while (recv(fd, rest, sizeof rest, 0) > 0)
            continue;
    }
    SSL_free(ssl);
    ERR_clear_error();
    if (!server->closed)
        close(fd);
}

static inline void net_tls_echo(struct net_tls_server *server, SSL *ssl)
{
    char bytes[16384];
    int length;
    (void)server;
    while ((length = SSL_read(ssl, bytes, sizeof bytes)) > 0 && SSL_write(ssl, bytes, length) > 0)
        continue;
    SSL_shutdown(ssl);
}

static inline void net_tls_start(struct net_tls_server *server, const struct net_cert *cert,
                                 void (*talk)(struct net_tls_server *server, SSL *ssl))
{
    memset(server, 0, sizeof *server);
    server->ctx = SSL_CTX_new(TLS_server_method());
    server->talk = talk;
    cr_assert_eq(SSL_CTX_use_certificate(server->ctx, cert->x509), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(server->ctx, cert->key), 1);
}

/* Clients must have a certificate of this authority. */
static inline void net_tls_ask_for_certificate(struct net_tls_server *server, const struct net_cert *authority)
{
    X509_STORE_add_cert(SSL_CTX_get_cert_store(server->ctx), authority->x509);
    SSL_CTX_set_verify(server->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static inline void net_tls_run(struct net_tls_server *server)
{
    net_server_start(&server->plain, net_tls_serve);
}

static inline void net_tls_end(struct net_tls_server *server)
{
    net_server_end(&server->plain);
    SSL_CTX_free(server->ctx);
}
#endif
