/* The thread that runs callbacks, one at a time, in order. It exists once a callback was registered. */
#include "candidate.h"
#include <stdlib.h>

/* After elect_election_free no callback begins. */
static bool is_freed(elect_election_t *e)
{
    elect__gate_lock(&e->client->gate);
    bool freed = e->freed;
    elect__gate_unlock(&e->client->gate);
    return freed;
}

static void free_callbacks(struct elect__callback *callback)
{
    while (callback) {
        struct elect__callback *next = callback->next;
        if (callback->user_free)
            callback->user_free(callback->user);
        free(callback);
        callback = next;
    }
}

static void deliver(elect_client_t *client, elect_event_t *event)
{
    if (!event->receiver) {
        client->log_callbacks->call(NULL, event, client->log_callbacks->user);
        return;
    }
    elect_election_t *e = elect__election_of(event->receiver);
    for (struct elect__callback *callback = e->callbacks; callback && !is_freed(e); callback = callback->next)
        callback->call(e, event, callback->user);
    if (event->kind != ELECT_EVENT_CLOSED)
        return;
    free_callbacks(e->callbacks);
    e->callbacks = NULL;
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
    while (elect__queue_pop(&client->dispatch, ELECT__NEVER, &event) == ELECT_OK) {
        deliver(client, event);
        elect_event_free(event);
    }
    free_callbacks(client->log_callbacks);
    elect__gate_lock(&client->gate);
    client->log_callbacks = NULL;
    elect__worker_end(&client->dispatcher);
    elect__gate_wake_all(&client->gate);
    elect__gate_unlock(&client->gate);
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

bool elect__client_dispatching(elect_client_t *client)
{
    elect__gate_lock(&client->gate);
    const struct elect__worker *worker = &client->dispatcher;
    bool here = worker->running && !worker->ended && pthread_equal(worker->self, pthread_self());
    elect__gate_unlock(&client->gate);
    return here;
}
