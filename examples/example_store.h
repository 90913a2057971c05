/* A store of one's own for libelect: a table in this process, with a version for each key. Copy it, put your database's
 * calls into example_store_get and example_store_put, and keep the rest as it is. */
#ifndef EXAMPLE_STORE_H
#define EXAMPLE_STORE_H
#include <elect/store.h>

enum { EXAMPLE_VERSION_SIZE = 24 };

struct example_store;
struct example_store *example_store_new(void); /* NULL: out of memory */
void example_store_free(struct example_store *store);

/* The value, which is the caller's to free, and its version; "" for a key that is not there. NULL: out of memory. */
char *example_store_get(struct example_store *store, const char *key, char version[EXAMPLE_VERSION_SIZE]);
/* Writes value if the key has this version ("": if it is not there). ELECT_OK with the new version; ELECT_ESTATE: it has
 * another one, and nothing was written; ELECT_ESTORE: out of memory. */
int32_t example_store_put(struct example_store *store, const char *key, const char *if_version, const char *value,
                          char version[EXAMPLE_VERSION_SIZE]);

/* Serves what one client asks of the store, by so many threads, until that client is closed. NULL: out of memory. */
struct example_server;
struct example_server *example_server_start(struct example_store *store, elect_client_t *client, int threads);
/* After elect_client_close: waits for the threads. */
void example_server_join(struct example_server *server);
#endif
