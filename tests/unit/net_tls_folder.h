/* A folder for the files of TLS, an authority, and a name for each file that a test may write; all of it ends with the test. */
#ifndef TESTS_UNIT_NET_TLS_FOLDER_H
#define TESTS_UNIT_NET_TLS_FOLDER_H
#include "net_tls.h"

static char dir[64], ca[NET_PATH_SIZE], cert[NET_PATH_SIZE], key[NET_PATH_SIZE], other[NET_PATH_SIZE];
static struct net_cert authority;

static inline void tls_folder_make(void)
{
    snprintf(dir, sizeof dir, "/tmp/elect-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(other, sizeof other, "%s/other.pem", dir);
    authority = net_cert_make("authority", NULL, NULL, -1, 1);
}

static inline void tls_folder_remove(void)
{
    const char *const paths[] = {ca, cert, key, other};
    for (int i = 0; i < 4; i++)
        unlink(paths[i]);
    rmdir(dir);
    net_cert_free(&authority);
}
#endif
