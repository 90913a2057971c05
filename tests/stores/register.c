#include "register.h"
#include "../sim/random.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOW_PPM = 200000, WRITE_FAULT_PPM = 200000, READ_FAULT_PPM = 100000, SLOW_NS = 300000 };

static void sleep_ns(uint64_t ns)
{
    struct timespec time = {.tv_nsec = (long)ns};
    nanosleep(&time, NULL);
}

static void read_key(struct register_server *server, elect_op_t *op)
{
    char version[EXAMPLE_VERSION_SIZE];
    char *value = example_store_get(server->table, elect_op_key(op), version);
    elect_op_complete(op, ELECT_OK, version, value, NULL);
    free(value);
}

static int32_t put(struct register_server *server, const elect_op_t *op, char version[EXAMPLE_VERSION_SIZE])
{
    return example_store_put(server->table, elect_op_key(op), elect_op_version(op), elect_op_value(op), version);
}

static void serve_honestly(struct register_server *server, elect_op_t *op)
{
    char version[EXAMPLE_VERSION_SIZE];
    if (elect_op_kind(op) == ELECT_OP_READ)
        read_key(server, op);
    else
        elect_op_complete(op, put(server, op, version), version, NULL, NULL);
}

/* The answer is there before the write is. */
static void write_late(struct register_server *server, elect_op_t *op)
{
    char version[EXAMPLE_VERSION_SIZE];
    char *key = strdup(elect_op_key(op)), *value = strdup(elect_op_value(op)),
         *if_version = strdup(elect_op_version(op));
    elect_op_complete(op, ELECT_EUNKNOWN, NULL, NULL, "fault: applied late");
    sleep_ns(SLOW_NS);
    example_store_put(server->table, key, if_version, value, version);
    free(key);
    free(value);
    free(if_version);
}

static void serve_badly(struct register_server *server, elect_op_t *op, struct sim_random *random)
{
    enum { APPLIED_UNKNOWN, UNKNOWN, REFUSED, RESENT, LATE, FAULTS };
    char version[EXAMPLE_VERSION_SIZE];
    bool reads = elect_op_kind(op) == ELECT_OP_READ;
    if (sim_chance(random, SLOW_PPM))
        sleep_ns(sim_below(random, SLOW_NS));
    if (!sim_chance(random, reads ? READ_FAULT_PPM : WRITE_FAULT_PPM)) {
        serve_honestly(server, op);
        return;
    }
    uint64_t fault = reads ? UNKNOWN + sim_below(random, 2) : sim_below(random, FAULTS);
    if (fault == APPLIED_UNKNOWN || fault == RESENT)
        put(server, op, version);
    if (fault == LATE)
        write_late(server, op);
    else if (fault == REFUSED)
        elect_op_complete(op, ELECT_EUNREACHABLE, NULL, NULL, "fault: refused");
    else if (fault == RESENT) /* sent twice by a client library: the second finds the first */
        elect_op_complete(op, ELECT_ESTATE, NULL, NULL, NULL);
    else
        elect_op_complete(op, ELECT_EUNKNOWN, NULL, NULL, "fault: no answer");
}

static void *serve(void *argument)
{
    struct register_server *server = argument;
    struct sim_random random = {(uint64_t)(uintptr_t)&random};
    elect_op_t *op;
    while (elect__ops_pop(server->ops, ELECT__NEVER, &op) == ELECT_OK) {
        if (server->faulty)
            serve_badly(server, op, &random);
        else
            serve_honestly(server, op);
    }
    return NULL;
}

int register_serve(struct register_server *server, struct example_store *table, struct elect__store *store, bool faulty)
{
    *server = (struct register_server){.table = table, .ops = elect__custom_ops(store), .faulty = faulty};
    int failures = 0;
    for (int i = 0; i < REGISTER_THREADS; i++)
        failures += pthread_create(&server->threads[i], NULL, serve, server) != 0;
    return failures;
}

void register_join(struct register_server *server)
{
    for (int i = 0; i < REGISTER_THREADS; i++)
        pthread_join(server->threads[i], NULL);
    elect__ops_unref(server->ops);
}
