/* The register that custom: is tested on: the example store, served by threads, honestly or with faults in between. */
#ifndef ELECT_TESTS_REGISTER_H
#define ELECT_TESTS_REGISTER_H
#include "../../examples/example_store.h"
#include "stores/custom.h"
#include <pthread.h>

enum { REGISTER_THREADS = 3 };

struct register_server {
    struct example_store *table;
    struct elect__ops *ops;
    bool faulty;
    pthread_t threads[REGISTER_THREADS];
};

/* Of a store that is open, until it is closed. faulty: answers are late, overtake each other, are lost, or untrue about
 * what was applied, by chance; reads and writes themselves are what they must be. Answers the number of failures. */
int register_serve(struct register_server *server, struct example_store *table, struct elect__store *store,
                   bool faulty);
void register_join(struct register_server *server);
#endif
