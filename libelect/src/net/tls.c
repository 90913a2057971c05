#include "tls.h"
#include "file.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 256 };

struct loading {
    const struct elect__tls *tls;
    SSL_CTX *ctx;
    char *error;
    size_t size;
};

static bool refuse(const struct loading *l, const char *option, const char *value, const char *why)
{
    snprintf(l->error, l->size, "%s=\"%s\": %s", option, value, why);
    return false;
}

static bool refuse_errno(const struct loading *l, const char *option, const char *path, int error)
{
    char why[ELECT__SHOW_SIZE];
    return refuse(l, option, path, elect__text_within(strerrordesc_np(error), why));
}

/* What OpenSSL says itself, where we know no better. */
static bool refuse_openssl(const struct loading *l, const char *option, const char *path)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    return refuse(l, option, path, why ? why : "OpenSSL does not take it");
}

/* ---- files ---- */

/* NULL: said why. */
static BIO *open_file(const struct loading *l, const char *option, const char *path)
{
    char why[ELECT__SHOW_SIZE];
    int fd = elect__file_open(path, why);
    if (fd < 0) {
        refuse(l, option, path, why);
        return NULL;
    }
    FILE *file = fdopen(fd, "r");
    BIO *bio = file ? BIO_new_fp(file, BIO_CLOSE) : NULL;
    if (bio)
        return bio; /* NOLINT(clang-analyzer-unix.Stream): it closes file */
    refuse_errno(l, option, path, ENOMEM);
    if (file)
        fclose(file);
    else
        close(fd); /* cppcheck-suppress doubleFree ; an fdopen that failed has not taken it */
    return NULL;
}

/* Without it OpenSSL would ask at the terminal. NOLINTNEXTLINE(readability-non-const-parameter) */
static int no_password(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* All that are in the file, in their order; at least one. NULL: said why. */
static STACK_OF(X509) * read_certificates(const struct loading *l, const char *option, const char *path)
{
    bool asked = false;
    X509 *certificate;
    BIO *bio = open_file(l, option, path);
    if (!bio)
        return NULL;
    STACK_OF(X509) *list = sk_X509_new_null();
    while (list && (certificate = PEM_read_bio_X509_AUX(bio, NULL, no_password, &asked))) {
        if (sk_X509_push(list, certificate) == 0) {
            X509_free(certificate);
            break;
        }
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (list && at_end && sk_X509_num(list) > 0) {
        ERR_clear_error();
        BIO_free(bio);
        return list;
    }
    if (at_end)
        refuse(l, option, path, "no certificate in PEM form in it");
    else
        refuse(l, option, path, "one of the certificates in it is damaged");
    sk_X509_pop_free(list, X509_free);
    BIO_free(bio);
    return NULL;
}

/* NULL: said why. */
static EVP_PKEY *read_key(const struct loading *l, const char *option, const char *path)
{
    bool asked = false;
    BIO *bio = open_file(l, option, path);
    if (!bio)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
    BIO_free(bio);
    if (!key)
        refuse(l, option, path,
               asked ? "the private key is encrypted: one without a password is needed"
                     : "no private key in PEM form in it");
    return key;
}

/* ---- whom to trust ---- */

static bool trust_file(const struct loading *l)
{
    const char *path = l->tls->ca_file;
    STACK_OF(X509) *list = read_certificates(l, "tls_ca_file", path);
    if (!list)
        return false;
    bool ok = true;
    for (int i = 0; ok && i < sk_X509_num(list); i++)
        ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(l->ctx), sk_X509_value(list, i)) == 1;
    sk_X509_pop_free(list, X509_free);
    return ok || refuse_openssl(l, "tls_ca_file", path);
}

/* OpenSSL finds an authority by the hash of its name, as in 5ad8a5d6.0, and nothing by any other. */
static bool is_hashed(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool trust_dir(const struct loading *l)
{
    const char *path = l->tls->ca_dir;
    bool any = false;
    DIR *dir = opendir(path);
    if (!dir)
        return refuse_errno(l, "tls_ca_dir", path, errno);
    for (struct dirent *entry; !any && (entry = readdir(dir));)
        any = is_hashed(entry->d_name);
    closedir(dir);
    if (!any)
        return refuse(l, "tls_ca_dir", path, "no certificate with a hashed name in it: run \"openssl rehash\" on it");
    return SSL_CTX_load_verify_dir(l->ctx, path) == 1 || refuse_openssl(l, "tls_ca_dir", path);
}

static bool load_trust(const struct loading *l)
{
    if (*l->tls->ca_file && !trust_file(l))
        return false;
    if (*l->tls->ca_dir && !trust_dir(l))
        return false;
    if (*l->tls->ca_file || *l->tls->ca_dir)
        return true;
    return SSL_CTX_set_default_verify_paths(l->ctx) == 1 || refuse_openssl(l, "tls_ca_file", "");
}

/* ---- who we are ---- */

static bool load_key(const struct loading *l, X509 *certificate)
{
    const char *option = *l->tls->key_file ? "tls_key_file" : "tls_cert_file";
    const char *path = *l->tls->key_file ? l->tls->key_file : l->tls->cert_file;
    char why[512];
    EVP_PKEY *key = read_key(l, option, path);
    if (!key)
        return false;
    snprintf(why, sizeof why, "the key does not belong to the certificate of tls_cert_file=\"%s\"", l->tls->cert_file);
    bool ok = X509_check_private_key(certificate, key) == 1 || refuse(l, option, path, why);
    ok = ok && (SSL_CTX_use_PrivateKey(l->ctx, key) == 1 || refuse_openssl(l, option, path));
    EVP_PKEY_free(key);
    return ok;
}

static bool load_identity(const struct loading *l)
{
    const char *path = l->tls->cert_file;
    if (!*path)
        return !*l->tls->key_file || refuse(l, "tls_key_file", l->tls->key_file, "needs tls_cert_file beside it");
    STACK_OF(X509) *chain = read_certificates(l, "tls_cert_file", path);
    if (!chain)
        return false;
    X509 *certificate = sk_X509_shift(chain);
    bool ok = (SSL_CTX_use_certificate(l->ctx, certificate) == 1 && SSL_CTX_set1_chain(l->ctx, chain) == 1) ||
              refuse_openssl(l, "tls_cert_file", path);
    ok = ok && load_key(l, certificate);
    X509_free(certificate);
    sk_X509_pop_free(chain, X509_free);
    return ok;
}

/* ---- the session ---- */

/* As a certificate bears it: an address without its zone, a name without its last dot. */
static bool peer_name(const struct loading *l, char name[NAME_SIZE])
{
    size_t length = elect__text_address(l->tls->server_name);
    if (length == 0)
        length = strlen(l->tls->server_name);
    if (length > 1 && l->tls->server_name[length - 1] == '.')
        length--;
    if (length >= NAME_SIZE)
        return refuse(l, "tls_server_name", l->tls->server_name, "no name or address is as long as that");
    memcpy(name, l->tls->server_name, length);
    name[length] = '\0';
    return true;
}

static bool set_peer(const struct loading *l, SSL *ssl)
{
    char name[NAME_SIZE];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (!peer_name(l, name))
        return false;
    if (l->tls->verify && !*name)
        return refuse(l, "tls_server_name", "", "there is no name to look for in the server's certificate");
    SSL_set_verify(ssl, l->tls->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (elect__text_address(name) > 0) /* which SNI does not carry */
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 || refuse_openssl(l, "tls_server_name", name);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (*name && (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1))
        return refuse_openssl(l, "tls_server_name", name);
    return true;
}

static bool configure(const struct loading *l)
{
    int version = strcmp(l->tls->min_version, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_session_cache_mode(l->ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(l->ctx, version) != 1)
        return refuse_openssl(l, "tls_min_version", l->tls->min_version);
    return (!l->tls->verify || load_trust(l)) && load_identity(l);
}

bool elect__tls_begin(void)
{
    return OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
}

SSL *elect__tls_session(const struct elect__tls *tls, char *error, size_t size)
{
    struct loading l = {.tls = tls, .error = error, .size = size};
    SSL *ssl = NULL;
    ERR_clear_error();
    snprintf(error, size, "TLS: out of memory");
    l.ctx = SSL_CTX_new(TLS_client_method());
    if (l.ctx && configure(&l))
        ssl = SSL_new(l.ctx);
    if (ssl && !set_peer(&l, ssl)) {
        SSL_free(ssl);
        ssl = NULL;
    }
    SSL_CTX_free(l.ctx);
    ERR_clear_error();
    return ssl;
}

/* ---- errors ---- */

struct words {
    long code;
    bool certificate;
    const char *text;
};

static const struct words reasons[] = {
    {SSL_R_WRONG_VERSION_NUMBER, false, "what the server says is not TLS: it seems to speak without it on this port"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, false, "what the server says is not TLS: it seems to speak without it on this port"},
    {SSL_R_UNSUPPORTED_PROTOCOL, false, "the server speaks no version of TLS from tls_min_version on"},
    {SSL_R_VERSION_TOO_LOW, false, "the server speaks no version of TLS from tls_min_version on"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, false, "the server speaks no version of TLS from tls_min_version on"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, false, "the server closed the connection without ending TLS"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, true,
     "the server asks for a client certificate: set tls_cert_file and tls_key_file"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, true,
     "the server broke off the handshake: it may ask for a client certificate (tls_cert_file), or no cipher is common"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, true, "the server does not know the authority of the client certificate"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, true, "the server refuses the client certificate as bad"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, true, "the server does not take client certificates of this kind"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, true, "the server says that the client certificate was revoked"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, true, "the server says that the client certificate has expired"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, true, "the server refuses the client certificate"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, true, "the server denies this client certificate access"},
};

static const struct words verdicts[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, true, "the server's certificate, or one of its authorities, has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, true,
     "the server's certificate, or one of its authorities, is not valid yet: is a clock wrong?"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, true,
     "the server's certificate is self-signed: to trust it, name it in tls_ca_file"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, true,
     "the server's certificate comes from an authority that is not trusted (tls_ca_file, tls_ca_dir)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, true,
     "the server's certificate comes from an authority that is not trusted (tls_ca_file, tls_ca_dir)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true,
     "the server's certificate comes from an authority that is not trusted (tls_ca_file, tls_ca_dir)"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, true,
     "the server's certificate comes from an authority that is not trusted (tls_ca_file, tls_ca_dir)"},
    {X509_V_ERR_INVALID_PURPOSE, true, "the server's certificate is not made for a server"},
};

static const struct words *find(const struct words *words, size_t count, long code)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].code == code)
            return &words[i];
    }
    return NULL;
}

static const struct words closed_in_handshake = {
    SSL_R_UNEXPECTED_EOF_WHILE_READING, false,
    "the server closed the connection in the handshake: it may not speak TLS on this port"};

/* After an error SSL_is_init_finished says no whatever there was. */
static bool was_up(const SSL *ssl)
{
    char byte;
    return SSL_get_peer_finished(ssl, &byte, sizeof byte) > 0;
}

static void explain_name(SSL *ssl, char *text, size_t size)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char *address = X509_VERIFY_PARAM_get1_ip_asc(param);
    const char *name = address ? address : X509_VERIFY_PARAM_get0_host(param, 0);
    snprintf(text, size, "the server's certificate is not for \"%s\" (tls_server_name)", name ? name : "");
    OPENSSL_free(address);
}

static void explain_verdict(SSL *ssl, char *text, size_t size)
{
    long verdict = SSL_get_verify_result(ssl);
    const struct words *words = find(verdicts, sizeof verdicts / sizeof verdicts[0], verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        explain_name(ssl, text, size);
    else if (words)
        snprintf(text, size, "%s", words->text);
    else
        snprintf(text, size, "the server's certificate is refused: %s", X509_verify_cert_error_string(verdict));
}

bool elect__tls_explain(SSL *ssl, const unsigned long *errors, char *text, size_t size)
{
    bool certificate = false, known = false;
    *text = '\0';
    for (; *errors && !known; errors++) {
        if (ERR_GET_LIB(*errors) == 0) /* libevent puts SSL_get_error's answer among them */
            continue;
        const struct words *words = NULL;
        int reason = ERR_GET_LIB(*errors) == ERR_LIB_SSL ? ERR_GET_REASON(*errors) : 0;
        const char *other = ERR_reason_error_string(*errors);
        known = certificate = reason == SSL_R_CERTIFICATE_VERIFY_FAILED;
        if (certificate)
            explain_verdict(ssl, text, size);
        else if (reason == closed_in_handshake.code && !was_up(ssl))
            words = &closed_in_handshake;
        else if (reason != 0)
            words = find(reasons, sizeof reasons / sizeof reasons[0], reason);
        if (words) {
            known = true;
            certificate = words->certificate;
            snprintf(text, size, "%s", words->text);
        } else if (!certificate) {
            snprintf(text, size, "error %lx: %s", *errors, other ? other : "unknown");
        }
    }
    ERR_clear_error();
    return certificate;
}
