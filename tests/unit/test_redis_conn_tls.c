/* The connection in TLS, to a real server. What is wrong with which certificate: test_net_stream_tls.c */
#include "net_tls_folder.h"
#include "redis_rig.h"

static struct redis_server *server;
static struct rig rig;

static void set_up(void)
{
    tls_folder_make();
    struct net_cert stranger = net_cert_make("stranger", NULL, NULL, -1, 1);
    struct net_cert good = net_cert_make("server", &authority, "IP:127.0.0.1", -1, 1);
    net_cert_write(&authority, ca, NULL, NULL);
    net_cert_write(&stranger, other, NULL, NULL);
    net_cert_write(&good, cert, key, NULL);
    net_cert_free(&stranger);
    net_cert_free(&good);
    server =
        redis_server_start((const char *const[]){"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file",
                                                 ca, "--tls-auth-clients", "no", "--requirepass", SECRET, NULL});
    rig_open(&rig, server->url);
    rig.settings.password = SECRET;
}

static void tear_down(void)
{
    rig_leave(&rig, server);
    tls_folder_remove();
}

TestSuite(redis_conn_tls, .init = set_up, .fini = tear_down);

Test(redis_conn_tls, a_server_is_trusted_by_its_authority_and_its_address)
{
    struct asked asked;
    rig.settings.tls_ca_file = ca;
    rig_begin(&rig);
    rig_ask(&rig, &asked, "INCR n", LONG);
    rig_until(&rig, asked.answered);
    cr_assert_eq(asked.number, 1);
    cr_assert_eq(rig.warnings, 0);
}

Test(redis_conn_tls, a_certificate_that_is_refused_waits_for_an_operator_or_new_options)
{
    int64_t before_ns = rig_now();
    rig.settings.tls_ca_file = other;
    rig_begin(&rig);
    rig_until(&rig, rig.downs == 1);
    cr_assert(rig.lasting && rig.code == ELECT_EAUTH, "%s", rig.text);
    cr_assert_geq(rig.conn->retry.at_ns, before_ns + 2 * ELECT__S);
    rig.settings.tls_ca_file = ca;
    elect__redis_conn_hurry(rig.conn);
    rig_until(&rig, rig.ups == 1);
    cr_assert_eq(rig.downs, 1);
}

Test(redis_conn_tls, to_trust_anybody_is_warned_of_once)
{
    rig.settings.tls_verify = false;
    rig.settings.tls_ca_file = other;
    rig_begin(&rig);
    rig_until(&rig, rig.ups == 1);
    cr_assert_eq(rig.warnings, 1);
    redis_server_restart(server);
    rig_until(&rig, rig.ups == 2);
    cr_assert_eq(rig.warnings, 1);
}

Test(redis_conn_tls, plain_speech_to_a_server_of_tls_gets_no_answer_and_is_tried_again)
{
    rig.target.tls = false;
    rig_begin(&rig);
    rig_until(&rig, rig.downs == 2);
    cr_assert_eq(rig.ups, 0);
    cr_assert_not(rig.lasting);
    cr_assert_str_not_empty(rig.text);
}
