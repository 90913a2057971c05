/* What users' threads ask of a client, but for its beginning and its end. */
#include "ask.h"
#include "options.h"
#include "report.h"
#include <stdlib.h>
#include <string.h>

int32_t elect_client_update(elect_client_t *client, elect_options_t *options)
{
    if (!client || !options)
        return ELECT_EINVAL;
    if (elect__client_forked(client)) {
        elect__options_fail(options, "%s", elect_code_text(ELECT_EFORKED));
        return ELECT_EFORKED;
    }
    struct elect__settings *settings, *old = NULL;
    elect__gate_lock(&client->gate);
    int32_t code =
        elect__settings_update(client->updated ? client->updated : client->settings, options, true, &settings);
    if (code == ELECT_OK) {
        old = client->updated;
        client->updated = settings;
        atomic_store(&client->log_level, settings->log_level);
        if (client->class_->updated && !client->update_posted)
            client->update_posted = elect__loop_post(&client->loop, &client->update_call);
    }
    elect__gate_unlock(&client->gate);
    elect__settings_free(old);
    return code;
}

int32_t elect_client_next_event(elect_client_t *client, int64_t timeout_ms, elect_event_t **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    if (!client)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    elect__client_ref(client); /* the handle may be freed meanwhile */
    int32_t code = elect__queue_pop(&client->queue, elect__gate_deadline(timeout_ms), out);
    elect__client_unref(client);
    return code;
}

int32_t elect_client_event_fd(const elect_client_t *client)
{
    if (!client)
        return ELECT_EINVAL;
    return elect__client_forked(client) ? ELECT_EFORKED : client->queue.fd;
}

static char *metrics(elect_client_t *client)
{
    elect__gate_lock(&client->gate);
    int elections = client->live, leading = client->leading;
    elect__gate_unlock(&client->gate);
    elect__gate_lock(&client->queue.gate);
    uint64_t queued = client->queue.count, dropped = client->queue.logs_dropped_ever;
    elect__gate_unlock(&client->queue.gate);
    elect__gate_lock(&client->dispatch.gate);
    queued += client->dispatch.count;
    dropped += client->dispatch.logs_dropped_ever;
    elect__gate_unlock(&client->dispatch.gate);
    cJSON *object = cJSON_CreateObject();
    bool whole = elect__report_add_i64(object, "elections", elections) &&
                 elect__report_add_i64(object, "leading", leading) &&
                 elect__report_add_u64(object, "operations", atomic_load(&client->operations)) &&
                 elect__report_add_u64(object, "events_queued", queued) &&
                 elect__report_add_u64(object, "events_dropped", dropped);
    return elect__report_end(object, whole);
}

int32_t elect_client_report(elect_client_t *client, const char *what, int64_t timeout_ms, char **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    if (!client || !what)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    if (strcmp(what, "store") == 0)
        return elect__ask(client, NULL, ELECT__QUERY_STORE, "", 0, timeout_ms, out);
    if (strcmp(what, "elections") == 0)
        return elect__ask(client, NULL, ELECT__QUERY_LIST, "", 0, timeout_ms, out);
    if (strcmp(what, "doctor") == 0)
        return elect__ask(client, NULL, ELECT__QUERY_DOCTOR, "", 0, timeout_ms, out);
    if (strcmp(what, "metrics") != 0)
        return ELECT_EINVAL;
    *out = metrics(client);
    return *out ? ELECT_OK : ELECT_ENOMEM;
}

int32_t elect_client_forget(elect_client_t *client, const char *name, int64_t timeout_ms)
{
    if (!client || !name || !*name || strlen(name) > ELECT__NAME_MAX)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    return elect__ask(client, NULL, ELECT__QUERY_FORGET, name, 0, timeout_ms, NULL);
}

void elect_string_free(char *string)
{
    free(string);
}
