/* Clients of custom: through the public interface, on one register. */
#ifndef ELECT_TESTS_STORES_CUSTOM_API_H
#define ELECT_TESTS_STORES_CUSTOM_API_H
#include "../../examples/example_store.h"
#include "../unit/api.h"
#include <stdlib.h>

enum { SERVERS = 2 };
#define SHORT "lock_ttl=1s heartbeat_interval=200ms retry_interval=50ms "

struct site {
    struct example_store *table;
    elect_client_t *client;
    struct example_server *server;
};

static inline struct site open_site(struct example_store *table, const char *url, const char *pairs)
{
    struct site site = {.table = table, .client = open_client(url, pairs)};
    site.server = example_server_start(table, site.client, SERVERS);
    cr_assert_not_null(site.server);
    return site;
}

static inline void close_site(struct site *site)
{
    must(elect_client_close(site->client, GUARD_MS));
    example_server_join(site->server);
    elect_client_free(site->client);
}

/* Its events go nowhere, so that no LOST holds its release. */
static inline elect_election_t *start_leading(elect_client_t *client, const char *pairs)
{
    elect_election_t *election = make_election(client, pairs);
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    return election;
}

static inline elect_op_t *next_op(elect_client_t *client, int32_t kind)
{
    elect_op_t *op;
    must(elect_client_next_op(client, GUARD_MS, &op));
    cr_assert_eq(elect_op_kind(op), kind);
    return op;
}

/* Reads events until one of this kind; frees them. */
static inline void skip_to(elect_client_t *client, int32_t kind, int32_t *code_or_reason, uint64_t *epoch,
                           char text[WORDS])
{
    elect_event_t *event = NULL;
    int32_t got = 0;
    while (got != kind) {
        must(elect_client_next_event(client, GUARD_MS, &event));
        got = elect_event_kind(event);
        if (got == kind && code_or_reason)
            *code_or_reason = kind == ELECT_EVENT_LOST ? elect_event_reason(event) : elect_event_code(event);
        if (got == kind && epoch)
            *epoch = elect_event_epoch(event);
        if (got == kind && text)
            snprintf(text, WORDS, "%s", elect_event_text(event));
        elect_event_free(event);
    }
}
#endif
