/* The thread that runs callbacks, one at a time, in order. It exists once a callback was registered. */
#include "candidate.h"
#include <stdlib.h>

/* May a callback begin? Here is where it does: after the free of its handle none comes here with success. In a child that
 * it forked, and from which it returned, nothing of ours goes on: locks may be held by threads that are not there. */
static bool may_begin(elect_client_t *client, const bool *freed)
{
    if (elect__client_forked(client))
        return false;
    elect__gate_lock(&client->gate);
    bool may = !*freed;
    elect__gate_unlock(&client->gate);
    return may;
}

static void free_callbacks(elect_client_t *client, struct elect__callback **list)
{
    struct elect__callback *callback;
    while (!elect__client_forked(client) && (callback = *list)) {
        *list = callback->next;
        if (callback->user_free)
            callback->user_free(callback->user);
        free(callback);
    }
}

static void deliver(elect_client_t *client, elect_event_t *event)
{
    struct elect__callback *callback = client->log_callbacks;
    if (!event->receiver) {
        if (may_begin(client, &client->freed))
            callback->call(NULL, event, callback->user);
        return;
    }
    elect_election_t *e = elect__election_of(event->receiver);
    for (callback = e->callbacks; callback && may_begin(client, &e->freed); callback = callback->next)
        callback->call(e, event, callback->user);
    if (event->kind == ELECT_EVENT_CLOSED)
        free_callbacks(client, &e->callbacks);
}

static void end(elect_client_t *client)
{
    free_callbacks(client, &client->log_callbacks);
    if (elect__client_forked(client))
        return;
    elect__gate_lock(&client->gate);
    elect__worker_end(&client->dispatcher);
    elect__gate_wake_all(&client->gate);
    elect__gate_unlock(&client->gate);
}

void *elect__dispatcher_main(void *argument)
{
    elect_client_t *client = argument;
    elect_event_t *event;
    pthread_setname_np(pthread_self(), "elect-events");
    elect__gate_lock(&client->gate);
    client->dispatcher.self = pthread_self();
    client->dispatcher.running = true;
    elect__gate_unlock(&client->gate);
    while (!elect__client_forked(client) && elect__queue_pop(&client->dispatch, ELECT__NEVER, &event) == ELECT_OK) {
        deliver(client, event);
        elect_event_free(event);
    }
    end(client);
    elect__client_unref(client);
    return NULL;
}

int32_t elect__dispatcher_start(elect_client_t *client)
{
    if (client->dispatcher.started)
        return ELECT_OK;
    client->dispatcher.alone = client->freed; /* nobody is left who would join it */
    return elect__worker_start(&client->dispatcher, elect__dispatcher_main, client) == 0 ? ELECT_OK : ELECT_ENOMEM;
}

bool elect__worker_is_here(const struct elect__worker *worker)
{
    return worker->running && !worker->ended && pthread_equal(worker->self, pthread_self());
}

bool elect__client_dispatching(elect_client_t *client)
{
    elect__gate_lock(&client->gate);
    bool here = elect__worker_is_here(&client->dispatcher);
    elect__gate_unlock(&client->gate);
    return here;
}
