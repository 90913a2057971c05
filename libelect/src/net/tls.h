/* What TLS is to be: whom to trust, who we are, which version. OpenSSL's contexts and sessions, and its errors as
 * text. No error is left in OpenSSL's queue. */
#ifndef ELECT_SRC_NET_TLS_H
#define ELECT_SRC_NET_TLS_H
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct elect__tls {
    const char *ca_file, *ca_dir;     /* both "": the authorities that the system trusts */
    const char *cert_file, *key_file; /* "": none; key_file "": the key is in cert_file */
    const char *server_name;          /* a name or an address that the certificate must bear; sent as SNI when a name */
    const char *min_version;          /* "1.2" or "1.3" */
    bool verify;                      /* chain and name; false: anybody may stand in between */
};

/* Before OpenSSL is used first, by whatever part of the library; any thread, and again is harmless. A program may call
 * exit while the I/O thread is in OpenSSL: so OpenSSL is told not to clean up there, which would free what that thread
 * reads. This holds for the whole process, and comes too late where the program itself has used OpenSSL before: it
 * should close its clients before it ends. Nothing else of OpenSSL that belongs to the whole process is changed. False:
 * OpenSSL does not start. */
bool elect__tls_begin(void);

/* A client's session on a new context: files are read at each connect, so that a renewed certificate counts from the
 * next one on. NULL: error names the option, the file and what is wrong with it. */
SSL *elect__tls_session(const struct elect__tls *tls, char *error, size_t size);

/* Why the handshake, or what came after it, failed, as a person should read it: what is wrong with the certificate, or
 * that the other side does not speak TLS. errors: as bufferevent_get_openssl_error gives them, one after the other, 0
 * ends them. "" where they say nothing: it was the connection that failed. True: it was the other's certificate or ours
 * that was refused, which trying again does not change. */
bool elect__tls_explain(SSL *ssl, const unsigned long *errors, char *text, size_t size);
#endif
