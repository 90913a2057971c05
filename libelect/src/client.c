/* How a client comes into being, and how long it lives. */
#include "client.h"
#include "ask.h"
#include "options.h"
#include "stores/custom.h"
#include "stores/memory.h"
#include "text.h"
#include "url.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_ERROR_SIZE = 768 };

bool elect__client_forked(const elect_client_t *client)
{
    return client->wiped ? elect__cells_are_wiped(&client->cells) : getpid() != client->pid;
}

void elect__client_ref(elect_client_t *client)
{
    atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
}

static void free_memory(elect_client_t *client)
{
    for (int i = 0; i < client->early_count; i++)
        elect_event_free(client->early[i]);
    elect__ops_unref(client->ops);
    elect__table_free(&client->ids);
    elect__cells_close(&client->cells);
    elect__settings_free(client->updated);
    elect__settings_free(client->settings);
    elect_options_free(client->options);
    free(client);
}

void elect__client_unref(elect_client_t *client)
{
    if (atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (!elect__client_forked(client)) { /* a child has none of this: it leaves the parent's descriptors alone */
        elect__queue_free(&client->queue);
        elect__queue_free(&client->dispatch);
        elect__loop_free(&client->loop);
        elect__gate_close(&client->gate);
    }
    free_memory(client);
}

/* ---- threads ---- */

int elect__worker_start(struct elect__worker *worker, void *(*run)(void *), elect_client_t *client)
{
    elect__client_ref(client);
    worker->started = elect__thread_start(&worker->thread, run, client) == 0;
    if (!worker->started)
        elect__client_unref(client);
    return worker->started ? 0 : -1;
}

void elect__worker_end(struct elect__worker *worker)
{
    worker->ended = true;
    if (worker->alone)
        pthread_detach(worker->thread);
}

static void *io_main(void *argument)
{
    elect_client_t *client = argument;
    pthread_setname_np(pthread_self(), "elect-io");
    elect__loop_run(&client->loop);
    elect__candidates_end(client);
    elect__loop_drain(&client->loop);
    struct elect__store *store = client->store;
    client->store = NULL;
    client->class_->close(store);
    elect__asks_end(client);
    elect__loop_close(&client->loop);
    elect__queue_close(&client->queue);
    elect__queue_close(&client->dispatch);
    elect__gate_lock(&client->gate);
    elect__worker_end(&client->io);
    elect__gate_wake_all(&client->gate);
    elect__gate_unlock(&client->gate);
    elect__client_unref(client);
    return NULL;
}

static void run_end_call(struct elect__call *call)
{
    elect_client_t *client = (elect_client_t *)(void *)((char *)call - offsetof(elect_client_t, end_call));
    elect__gate_lock(&client->gate);
    client->posted = false;
    if (client->live == 0)
        elect__loop_end(&client->loop);
    else
        elect__loop_let_run(&client->loop); /* nobody will move a manual clock for what still has to end */
    elect__gate_unlock(&client->gate);
}

static void run_update_call(struct elect__call *call)
{
    elect_client_t *client = (elect_client_t *)(void *)((char *)call - offsetof(elect_client_t, update_call));
    elect__gate_lock(&client->gate);
    client->update_posted = false;
    elect__gate_unlock(&client->gate);
    client->class_->updated(client->store);
}

void elect__client_check_end(elect_client_t *client)
{
    if (!client->posted && (client->closing || atomic_load(&client->handles) == 0))
        client->posted = elect__loop_post(&client->loop, &client->end_call);
}

/* ---- open ---- */

static void log_early(elect_client_t *client)
{
    if (!client->wiped)
        elect__log(client, ELECT_LOG_WARN, NULL,
                   "the kernel cannot wipe memory in forked children (MADV_WIPEONFORK): is_leader asks for the pid");
    if (*client->settings->warning)
        elect__log(client, ELECT_LOG_WARN, NULL, "%s", client->settings->warning);
}

static int32_t read_options(elect_client_t *client, elect_options_t *options)
{
    struct elect__url url;
    char host[ELECT__HOST_NAME_SIZE], rule[ELECT__RULE_SIZE];
    int32_t code = elect__settings_resolve(options, NULL, NULL, &client->settings);
    if (code != ELECT_OK)
        return code;
    code = elect__url_parse(client->settings->store, &url, rule, sizeof rule);
    if (code != ELECT_OK) {
        elect__options_fail(options, "store: %s", rule);
        return code;
    }
    client->class_ = elect__store_find(url.scheme, strlen(url.scheme));
    client->env = &elect__system_env;
    if (client->class_ == &elect__memory_store && elect__memory_is_manual(&url)) {
        elect__manual_open(&client->manual);
        client->env = &client->manual.env;
    }
    elect__url_free(&url);
    client->options = elect__options_copy(options);
    if (!client->class_ || !client->options) {
        code = client->class_ ? ELECT_ENOMEM : ELECT_EINVAL;
        elect__options_fail(options, "store: %s", elect_code_text(code));
        return code;
    }
    atomic_init(&client->log_level, client->settings->log_level);
    elect__host_name(host);
    code = elect__instance_id_draw(client->env, host, client->instance_id);
    if (code != ELECT_OK)
        elect__options_fail(options, "instance_id: this machine has no random numbers to give");
    return code;
}

/* Each step undoes itself; what was opened before it is undone by the caller's steps, last first. */
static int32_t open_store(elect_client_t *client, elect_options_t *options)
{
    char error[OPEN_ERROR_SIZE] = "";
    struct elect__store_args args = {
        .settings = client->settings,
        .env = client->env,
        .host = &elect__candidate_host,
        .ctx = client,
        .base = client->loop.base,
    };
    int32_t code = client->class_->open(&args, &client->store, error, sizeof error);
    if (code != ELECT_OK) {
        elect__options_fail(options, "%s", *error ? error : elect_code_text(code));
        return code;
    }
    client->ops = elect__custom_ops(client->store);
    elect__gate_lock(&client->gate);
    bool running = elect__worker_start(&client->io, io_main, client) == 0;
    elect__gate_unlock(&client->gate);
    if (running)
        return ELECT_OK;
    client->class_->close(client->store);
    elect__options_fail(options, "no thread can be started: %s", elect_code_text(ELECT_ENOMEM));
    return ELECT_ENOMEM;
}

static int32_t open_loop(elect_client_t *client, elect_options_t *options)
{
    bool manual = client->env != &elect__system_env;
    int32_t code = elect__loop_open(&client->loop, client->env, manual ? &client->manual : NULL);
    if (code == ELECT_OK) {
        code = open_store(client, options);
        if (code == ELECT_OK)
            return code;
        elect__loop_close(&client->loop);
        elect__loop_free(&client->loop);
        return code;
    }
    elect__options_fail(options, "store: %s",
                        code == ELECT_ENOMEM ? elect_code_text(code)
                                             : "the client needs descriptors of its own, and the limit of open files "
                                               "(ulimit -n) is reached");
    return code;
}

static int32_t open_queues(elect_client_t *client, elect_options_t *options)
{
    int32_t code = elect__queue_open(&client->queue, true);
    if (code == ELECT_OK) {
        code = elect__queue_open(&client->dispatch, false);
        if (code == ELECT_OK) {
            code = open_loop(client, options);
            if (code == ELECT_OK)
                return code;
            elect__queue_free(&client->dispatch);
        }
        elect__queue_free(&client->queue);
    }
    if (!*elect_options_error(options))
        elect__options_fail(options, "the client's queue: %s",
                            code == ELECT_ENOMEM ? elect_code_text(code) : "the limit of open files is reached");
    return code;
}

static int32_t open_client(elect_client_t *client, elect_options_t *options)
{
    int32_t code = read_options(client, options);
    if (code != ELECT_OK)
        return code;
    if (elect__cells_open(&client->cells, true) != 0 || elect__gate_open(&client->gate) != 0) {
        elect__options_fail(options, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    client->wiped = client->cells.wiped;
    log_early(client);
    code = open_queues(client, options);
    if (code != ELECT_OK)
        elect__gate_close(&client->gate);
    return code;
}

int32_t elect_client_open(elect_options_t *options, elect_client_t **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    if (!options)
        return ELECT_EINVAL;
    elect__options_fail(options, "%s", "");
    elect_client_t *client = calloc(1, sizeof *client);
    if (!client) {
        elect__options_fail(options, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    atomic_init(&client->refs, 1);
    atomic_init(&client->handles, 1);
    client->pid = getpid();
    client->end_call.run = run_end_call;
    client->update_call.run = run_update_call;
    int32_t code = open_client(client, options);
    if (code == ELECT_OK)
        *out = client;
    else
        free_memory(client);
    return code;
}
