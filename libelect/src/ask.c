#include "ask.h"
#include "duration.h"
#include "options.h"
#include <elect/store.h>
#include <stdlib.h>
#include <string.h>

#define ADVANCE "advance "

struct elect__ask {
    struct elect__call call;
    struct elect__query query;
    elect_client_t *client;
    struct elect__settings_share *share;
    struct elect__ask *previous, *next; /* in client->asks, while the store has it */
    _Atomic(int) refs;                  /* who asked, and the I/O thread */
    bool done;                          /* with code and json: of the client's gate */
    int32_t code;
    char *json;
    char name[];
};

static void unref(struct elect__ask *ask)
{
    if (atomic_fetch_sub_explicit(&ask->refs, 1, memory_order_acq_rel) != 1)
        return;
    elect__settings_share_unref(ask->share);
    elect__client_unref(ask->client);
    free(ask->json);
    free(ask);
}

static void on_done(struct elect__query *query, int32_t code, char *json, const char *text)
{
    struct elect__ask *ask = query->user;
    elect_client_t *client = ask->client;
    if (text)
        elect__log(client, ELECT_LOG_WARN, NULL, "%s", text);
    if (ask->previous)
        ask->previous->next = ask->next;
    else
        client->asks = ask->next;
    if (ask->next)
        ask->next->previous = ask->previous;
    elect__gate_lock(&client->gate);
    ask->done = true;
    ask->code = code;
    ask->json = json;
    elect__gate_wake_all(&client->gate);
    elect__gate_unlock(&client->gate);
    unref(ask);
}

static int32_t advance(elect_client_t *client, const char *text)
{
    char rule[ELECT__RULE_SIZE];
    int64_t by_ns;
    if (!client->loop.manual || elect__duration_parse(text, &by_ns, rule, sizeof rule) != ELECT_OK)
        return ELECT_EINVAL;
    if (client->env->real_us(client->env->ctx) + by_ns / 1000 >= (int64_t)ELECT__EPOCH_END)
        return ELECT_EINVAL;
    elect__loop_advance(&client->loop, by_ns);
    return ELECT_OK;
}

static int32_t command(elect_client_t *client, const char *line)
{
    if (!client->class_->command)
        return ELECT_EINVAL;
    if (strncmp(line, ADVANCE, strlen(ADVANCE)) == 0)
        return advance(client, line + strlen(ADVANCE));
    int32_t code = client->class_->command(client->store, line);
    elect__loop_settle(&client->loop);
    return code;
}

static void run_ask(struct elect__call *call)
{
    struct elect__ask *ask = (struct elect__ask *)(void *)((char *)call - offsetof(struct elect__ask, call));
    elect_client_t *client = ask->client;
    ask->next = client->asks;
    if (ask->next)
        ask->next->previous = ask;
    client->asks = ask;
    if (ask->query.kind == ELECT__QUERY_COMMAND)
        on_done(&ask->query, command(client, ask->name), NULL, NULL);
    else
        client->class_->query(client->store, &ask->query);
}

void elect__asks_end(elect_client_t *client)
{
    while (client->asks)
        on_done(&client->asks->query, ELECT_ECLOSED, NULL, NULL);
}

static struct elect__ask *new_ask(elect_client_t *client, struct elect__settings_share *share, const char *name)
{
    size_t size = strlen(name) + 1;
    struct elect__ask *ask = calloc(1, sizeof *ask + size);
    if (!ask)
        return NULL;
    memcpy(ask->name, name, size);
    atomic_init(&ask->refs, 2);
    ask->call.run = run_ask;
    ask->client = client;
    elect__client_ref(client);
    ask->share = share ? elect__settings_share_ref(share) : NULL;
    return ask;
}

static int32_t wait_for(struct elect__ask *ask, int64_t deadline_ns, char **json)
{
    struct elect__gate *gate = &ask->client->gate;
    elect__gate_lock(gate);
    while (!ask->done && elect__gate_wait(gate, deadline_ns))
        ;
    int32_t code = ask->done ? ask->code : ELECT_ETIMEOUT;
    if (ask->done && json) {
        *json = ask->json;
        ask->json = NULL;
    }
    elect__gate_unlock(gate);
    return code;
}

int32_t elect__ask(elect_client_t *client, struct elect__settings_share *share, enum elect__query_kind kind,
                   const char *name, uint64_t epoch, int64_t timeout_ms, char **json)
{
    struct elect__ask *ask = new_ask(client, share, name);
    if (!ask)
        return ELECT_ENOMEM;
    int64_t now_ns = elect__loop_now(&client->loop), deadline_ns = ELECT__NEVER;
    if (timeout_ms >= 0 && timeout_ms < (ELECT__NEVER - now_ns) / ELECT__MS)
        deadline_ns = now_ns + timeout_ms * ELECT__MS;
    ask->query = (struct elect__query){
        .kind = kind,
        .name = ask->name,
        .settings = share ? share->settings : client->settings,
        .epoch = epoch,
        .deadline_ns = deadline_ns,
        .done = on_done,
        .user = ask,
    };
    int32_t code = ELECT_ECLOSED;
    if (elect__loop_post(&client->loop, &ask->call))
        code = wait_for(ask, elect__gate_deadline(timeout_ms), json);
    else
        unref(ask);
    unref(ask);
    return code;
}

int32_t elect_memory_command(elect_client_t *client, const char *line)
{
    if (!client || !line)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    return elect__ask(client, NULL, ELECT__QUERY_COMMAND, line, 0, -1, NULL);
}
