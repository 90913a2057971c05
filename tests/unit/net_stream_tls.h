/* Connections in TLS to a server whose certificate an authority of the test's own has made. */
#ifndef TESTS_UNIT_NET_STREAM_TLS_H
#define TESTS_UNIT_NET_STREAM_TLS_H
#include "net_client.h"
#include "net_tls_folder.h"

enum { PATIENT_MS = 50000 };

static struct net_cert good;

static inline void tls_set_up(void)
{
    tls_folder_make();
    good = net_cert_make("server", &authority, "DNS:localhost,IP:127.0.0.1", -1, 1);
    net_cert_write(&authority, ca, NULL, NULL);
}

static inline void tls_tear_down(void)
{
    net_cert_free(&good);
    tls_folder_remove();
}

static inline struct elect__tls trusting(const char *ca_file)
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
static inline void expect_at(const char *port, const struct elect__tls *tls, const char *words, bool certificate)
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
#endif
