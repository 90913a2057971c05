/* Two clients of custom: over one register, without memory (sites.h), the library's and the example store's. */
#include "../../examples/example_store.h"
#include "sites.h"
#include <pthread.h>
#include <stdlib.h>

static struct example_store *table;
static pthread_t servers[SITES];

/* ---- the register: without memory of its own, but for what the example takes ---- */

static void begin(void)
{
    table = example_store_new();
}

static void end(void)
{
    example_store_free(table);
}

static void *serve(void *client)
{
    char version[EXAMPLE_VERSION_SIZE];
    elect_op_t *op;
    while (elect_client_next_op(client, FOR_EVER, &op) == ELECT_OK) {
        if (elect_op_kind(op) == ELECT_OP_READ) {
            char *value = example_store_get(table, elect_op_key(op), version);
            elect_op_complete(op, value ? ELECT_OK : ELECT_ESTORE, version, value, "out of memory");
            free(value);
        } else {
            int32_t code =
                example_store_put(table, elect_op_key(op), elect_op_version(op), elect_op_value(op), version);
            elect_op_complete(op, code, version, NULL, code == ELECT_ESTORE ? "out of memory" : NULL);
        }
    }
    return NULL;
}

static void opened(const struct site *site)
{
    cr_assert_eq(pthread_create(&servers[site->number], NULL, serve, site->client), 0);
}

static void closed(const struct site *site)
{
    pthread_join(servers[site->number], NULL);
}

/* ---- what may be seen ---- */

static bool may_fail(int32_t code)
{
    return code == ELECT_ENOMEM || code == ELECT_ESTORE;
}

static int32_t ask(const struct site *site)
{
    elect_leader_t *leader;
    if (site->election && elect_election_leader(site->election, -1, 0, &leader) == ELECT_OK)
        elect_leader_free(leader);
    return elect_client_key_changed(site->client, "elect/a");
}

static const struct site_store custom = {
    .url = "custom:?bootstrap=now",
    .pairs = "lock_ttl=1h heartbeat_interval=20ms retry_interval=10ms",
    .may_fail = may_fail,
    .begin = begin,
    .end = end,
    .opened = opened,
    .closed = closed,
    .ask = ask,
};

Test(allocations_custom, each_fails_once)
{
    sites_live(&custom, false, 1);
}

Test(allocations_custom, all_fail_from_one_on)
{
    sites_live(&custom, true, 1);
}
