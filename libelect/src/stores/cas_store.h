/* A store made of a register that knows compare-and-set and nothing else: cas.h holds the rules, cas_record.h the record,
 * a register's own code brings reads and writes of keys to where it is. */
#ifndef ELECT_SRC_STORES_CAS_STORE_H
#define ELECT_SRC_STORES_CAS_STORE_H
#include "../store.h"
#include "../table.h"
#include "cas_record.h"

enum { ELECT__KEY_SIZE = 513 }; /* a key, a C string */

/* What a register answered. */
struct elect__register_answer {
    /* ELECT_OK. ELECT_ESTATE: WRITE, the version is another one. ELECT_EUNKNOWN: it may have been applied; READ: no answer.
     * Anything else: not applied. */
    int32_t code;
    bool broken;         /* the register does not keep to its contract: somebody should hear of it */
    const char *version; /* READ: "": absent; WRITE: the new one; shorter than ELECT__VERSION_SIZE */
    const char *value;   /* READ: length bytes and a NUL */
    size_t length;
    const char *text; /* of a failure: why, or NULL */
};

/* A read or write under way; lies in what asks for it. */
struct elect__register_request {
    const char *key;
    const char *value;   /* WRITE; NULL: READ */
    const char *version; /* WRITE: only if it is this one; "": only if absent */
    int64_t deadline_ns; /* by then it is answered, by the register if by nobody else */
    void (*done)(struct elect__register_request *request, const struct elect__register_answer *answer);
    void *operation; /* the register's; NULL: not under way */
};

struct elect__cas_store;
struct elect__register_class {
    const char *tier;
    /* Copies what it is given. ELECT_OK, or a failure: not applied, and done is not called. Nor is it before this has
     * returned. */
    int32_t (*submit)(struct elect__cas_store *store, struct elect__register_request *request);
    void (*cancel)(struct elect__cas_store *store, struct elect__register_request *request);
};

/* First part of a store over a register. */
struct elect__cas_store {
    struct elect__store store;
    struct elect__store_args args;
    const struct elect__register_class *register_;
    bool bootstrap;            /* an absent record is a new election: don't wait */
    struct elect__table seats; /* by key */
    struct elect__cas_question *questions;
};

/* Functions of elect__store_class. */
int32_t elect__cas_attach(struct elect__store *store, struct elect__slot *slot, char *error, size_t error_size);
void elect__cas_store_submit(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op);
void elect__cas_detach(struct elect__store *store, struct elect__slot *slot);
void elect__cas_query(struct elect__store *store, struct elect__query *query);
/* Every slot is detached. Questions under way are dropped without an answer. */
void elect__cas_store_end(struct elect__cas_store *store);

/* Somebody saw this key change: candidates that wait look at once. key NULL: any key. */
void elect__cas_changed(struct elect__cas_store *store, const char *key);

/* ---- between cas_store.c and cas_ask.c ---- */

/* <prefix>/<name>, the name encoded as elect__file_name does it. False: it would be too long. */
bool elect__cas_key(const struct elect__settings *settings, char key[ELECT__KEY_SIZE]);
/* A try of its own, so that a lost answer leaves time for another one. */
int64_t elect__cas_deadline(const struct elect__cas_store *store, const struct elect__settings *settings,
                            int64_t deadline_ns);
/* How long nobody may follow the record of this version, as a candidate of this client has seen it; false: none has. */
bool elect__cas_watched(const struct elect__cas_store *store, const char *key, const char *version, int64_t *left_ns);
/* The leader of this key, if it is one of this client, shall look at its record. */
void elect__cas_doubt(struct elect__cas_store *store, const char *key);
#endif
