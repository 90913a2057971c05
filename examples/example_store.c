#include "example_store.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the register: this is where your database stands ---- */

enum { HEADS = 4096 };

struct entry {
    struct entry *next;
    char *value;
    uint64_t version;
    char key[];
};

struct example_store {
    pthread_mutex_t mutex; /* makes compare-and-set one step; a database does that by "update ... where version = ?" */
    uint64_t versions;     /* one count for all keys: a version never comes back, whatever is deleted */
    struct entry *heads[HEADS];
};

struct example_store *example_store_new(void)
{
    struct example_store *store = calloc(1, sizeof *store);
    if (store != NULL)
        pthread_mutex_init(&store->mutex, NULL);
    return store;
}

void example_store_free(struct example_store *store)
{
    for (int i = 0; store != NULL && i < HEADS; i++) {
        struct entry *entry;
        while ((entry = store->heads[i]) != NULL) {
            store->heads[i] = entry->next;
            free(entry->value);
            free(entry);
        }
    }
    if (store != NULL)
        pthread_mutex_destroy(&store->mutex);
    free(store);
}

static struct entry **find(struct example_store *store, const char *key)
{
    uint64_t hash = 5381;
    for (const char *c = key; *c != '\0'; c++)
        hash = hash * 33 + (unsigned char)*c;
    struct entry **at = &store->heads[hash % HEADS];
    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void show_version(const struct entry *entry, char version[EXAMPLE_VERSION_SIZE])
{
    version[0] = '\0';
    if (entry != NULL)
        snprintf(version, EXAMPLE_VERSION_SIZE, "%" PRIu64, entry->version);
}

char *example_store_get(struct example_store *store, const char *key, char version[EXAMPLE_VERSION_SIZE])
{
    pthread_mutex_lock(&store->mutex);
    const struct entry *entry = *find(store, key);
    show_version(entry, version);
    char *value = strdup(entry != NULL ? entry->value : "");
    pthread_mutex_unlock(&store->mutex);
    return value;
}

static struct entry *add(struct entry **at, const char *key)
{
    size_t size = strlen(key) + 1;
    struct entry *entry = calloc(1, sizeof *entry + size);
    if (entry != NULL) {
        memcpy(entry->key, key, size);
        *at = entry;
    }
    return entry;
}

int32_t example_store_put(struct example_store *store, const char *key, const char *if_version, const char *value,
                          char version[EXAMPLE_VERSION_SIZE])
{
    int32_t code = ELECT_ESTATE;
    char *copy = strdup(value);
    pthread_mutex_lock(&store->mutex);
    struct entry **at = find(store, key), *entry = *at;
    show_version(entry, version);
    if (strcmp(version, if_version) == 0) {
        if (copy != NULL && entry == NULL)
            entry = add(at, key);
        code = copy != NULL && entry != NULL ? ELECT_OK : ELECT_ESTORE;
    }
    if (code == ELECT_OK) {
        free(entry->value);
        entry->value = copy;
        copy = NULL;
        entry->version = ++store->versions;
        show_version(entry, version);
    }
    pthread_mutex_unlock(&store->mutex);
    free(copy);
    return code;
}

/* ---- serving: this stays as it is ---- */

struct example_server {
    struct example_store *store;
    elect_client_t *client;
    int started;
    pthread_t threads[];
};

/* A store that can fail answers ELECT_EUNKNOWN where a write may have been applied (no answer, a lost connection), and
 * ELECT_EUNREACHABLE or ELECT_ESTORE, with a text that says why, where it surely was not. */
static void serve_one(struct example_store *store, elect_op_t *op)
{
    char version[EXAMPLE_VERSION_SIZE];
    if (elect_op_kind(op) == ELECT_OP_READ) {
        char *value = example_store_get(store, elect_op_key(op), version);
        if (value != NULL)
            elect_op_complete(op, ELECT_OK, version, value, NULL);
        else
            elect_op_complete(op, ELECT_ESTORE, NULL, NULL, "out of memory");
        free(value);
        return;
    }
    int32_t code = example_store_put(store, elect_op_key(op), elect_op_version(op), elect_op_value(op), version);
    elect_op_complete(op, code, version, NULL, code == ELECT_ESTORE ? "out of memory" : NULL);
}

static void *serve(void *argument)
{
    struct example_server *server = argument;
    elect_op_t *op;
    while (elect_client_next_op(server->client, -1, &op) == ELECT_OK)
        serve_one(server->store, op);
    return NULL;
}

struct example_server *example_server_start(struct example_store *store, elect_client_t *client, int threads)
{
    struct example_server *server = calloc(1, sizeof *server + (size_t)threads * sizeof *server->threads);
    if (server == NULL)
        return NULL;
    server->store = store;
    server->client = client;
    while (server->started < threads && pthread_create(&server->threads[server->started], NULL, serve, server) == 0)
        server->started++;
    return server;
}

void example_server_join(struct example_server *server)
{
    for (int i = 0; server != NULL && i < server->started; i++)
        pthread_join(server->threads[i], NULL);
    free(server);
}
