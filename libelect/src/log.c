#include "client.h"
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 1024 };

bool elect__logs(const elect_client_t *client, int32_t level)
{
    return level <= atomic_load_explicit(&client->log_level, memory_order_relaxed);
}

/* Before somebody says where logs go, the first few are kept: they tell what opening the store found. */
static void send_on(elect_client_t *client, elect_event_t *event)
{
    elect__gate_lock(&client->gate);
    struct elect__queue *queue = client->log_queue;
    bool kept = !queue && client->early_count < ELECT__EARLY_LOGS;
    if (kept)
        client->early[client->early_count++] = event;
    elect__gate_unlock(&client->gate);
    if (queue)
        elect__queue_push(queue, NULL, event);
    else if (!kept)
        elect_event_free(event);
}

void elect__log(elect_client_t *client, int32_t level, cJSON *fields, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    elect_event_t *event = elect__logs(client, level) ? elect__event_new(ELECT_EVENT_LOG) : NULL;
    if (event) {
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        event->level = level;
        event->text = strdup(text);
        event->fields = fields ? cJSON_PrintUnformatted(fields) : NULL;
        send_on(client, event);
    }
    cJSON_Delete(fields);
}

int32_t elect_client_on_log(elect_client_t *client, elect_event_cb callback, void *user, elect_free_cb user_free)
{
    if (!client)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    struct elect__callback *node = callback ? malloc(sizeof *node) : NULL;
    if (callback && !node)
        return ELECT_ENOMEM;
    elect_event_t *early[ELECT__EARLY_LOGS];
    int count = 0;
    elect__client_ref(client); /* callback may free the handle as soon as it hears the first of them */
    elect__gate_lock(&client->gate);
    int32_t code = client->closing ? ELECT_ECLOSED : client->log_queue ? ELECT_ESTATE : ELECT_OK;
    if (code == ELECT_OK && callback)
        code = elect__dispatcher_start(client);
    if (code == ELECT_OK) {
        client->log_queue = callback ? &client->dispatch : &client->queue;
        if (node)
            *node = (struct elect__callback){callback, user, user_free, NULL};
        client->log_callbacks = node;
        count = client->early_count;
        client->early_count = 0;
        memcpy(early, client->early, sizeof early);
    }
    elect__gate_unlock(&client->gate);
    if (code != ELECT_OK)
        free(node);
    else if (!callback && user_free)
        user_free(user); /* the queue needs it no more */
    for (int i = 0; i < count; i++)
        elect__queue_push(client->log_queue, NULL, early[i]);
    elect__client_unref(client);
    return code;
}
