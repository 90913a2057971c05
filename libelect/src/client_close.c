/* How a client ends: close waits, free does not. */
#include "candidate.h"
#include "stores/custom.h"
#include <stdlib.h>

/* With the gate held: who joins this thread? */
static bool take_join(struct elect__worker *worker)
{
    bool mine = worker->started && worker->ended && !worker->joined && !worker->alone;
    worker->joined = worker->joined || mine;
    return mine;
}

static bool is_over(const struct elect__worker *worker)
{
    return !worker->started || worker->ended;
}

/* A thread that has not ended ends by itself. */
static void leave_alone(struct elect__worker *worker)
{
    if (worker->started && !worker->ended)
        worker->alone = true;
}

static void stop_all(elect_client_t *client)
{
    client->closing = true;
    for (elect_election_t *e = client->elections; e; e = e->next)
        elect__election_stop(e);
    elect__client_check_end(client);
}

static int32_t close_by(elect_client_t *client, int64_t deadline_ns)
{
    elect__gate_lock(&client->gate);
    if (!client->closing)
        stop_all(client);
    bool over;
    do
        over = is_over(&client->io) && is_over(&client->dispatcher);
    while (!over && elect__gate_wait(&client->gate, deadline_ns));
    bool join_io = over && take_join(&client->io), join_dispatcher = over && take_join(&client->dispatcher);
    elect__gate_unlock(&client->gate);
    if (join_io)
        pthread_join(client->io.thread, NULL);
    if (join_dispatcher)
        pthread_join(client->dispatcher.thread, NULL);
    return over ? ELECT_OK : ELECT_ETIMEOUT;
}

int32_t elect_client_close(elect_client_t *client, int64_t timeout_ms)
{
    if (!client)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    elect__client_ref(client); /* the handle may be freed meanwhile */
    bool may_wait = !elect__client_dispatching(client);
    int32_t code = may_wait ? close_by(client, elect__gate_deadline(timeout_ms)) : ELECT_ESTATE;
    elect__client_unref(client);
    return code;
}

void elect__client_handle_gone(elect_client_t *client)
{
    elect__gate_lock(&client->gate);
    if (atomic_fetch_sub(&client->handles, 1) == 1)
        elect__client_check_end(client);
    elect__gate_unlock(&client->gate);
    elect__client_unref(client);
}

/* In a forked child: memory only, and of that only what no thread of the parent may have been changing. */
void elect__client_handle_gone_in_child(elect_client_t *client)
{
    if (atomic_fetch_sub(&client->handles, 1) == 1) {
        if (client->store)
            client->class_->forked(client->store);
        if (!is_over(&client->io))
            elect__client_unref(client); /* its thread is not in this process */
        if (!is_over(&client->dispatcher) && !elect__worker_is_here(&client->dispatcher))
            elect__client_unref(client); /* nor this one, unless a callback forked: then it has yet to return */
    }
    elect__client_unref(client);
}

void elect_client_free(elect_client_t *client)
{
    if (!client)
        return;
    if (elect__client_forked(client)) {
        elect__client_handle_gone_in_child(client);
        return;
    }
    elect__gate_lock(&client->gate);
    bool join_io = take_join(&client->io), join_dispatcher = take_join(&client->dispatcher);
    leave_alone(&client->io);
    leave_alone(&client->dispatcher);
    client->freed = true;
    elect__gate_unlock(&client->gate);
    if (join_io)
        pthread_join(client->io.thread, NULL);
    if (join_dispatcher)
        pthread_join(client->dispatcher.thread, NULL);
    elect__queue_deafen(&client->queue);
    if (client->ops)
        elect__ops_deafen(client->ops);
    elect__client_handle_gone(client);
}
