/* What every store is to the library: a class of functions, called on the client's I/O thread only. A store keeps the
 * rules of ledger.h (or is checked against them by tests/stores), knows keys, bytes and connections, and nothing of
 * states, events or users. */
#ifndef ELECT_SRC_STORE_H
#define ELECT_SRC_STORE_H
#include "election.h"
#include "leader.h"
#include "settings.h"
#include <stddef.h>

struct event_base;
struct elect__store;
struct elect__slot;

/* What a store may call back, on the I/O thread, also before the call that it answers has returned. */
struct elect__host {
    /* Answers an operation. leader: who leads, where the answer tells (HELD; also WAIT and FREE: NULL, nobody). text:
     * for UNKNOWN, REFUSED, WAIT, CHANGED, LOST_DATA what a person should read, else NULL. Unlike the machine, the store
     * need not keep deadlines; it answers each operation at most once, and none after detach. */
    void (*reply)(struct elect__slot *slot, const struct elect__reply *reply, const struct elect__leader_view *leader,
                  const char *text);
    void (*wake)(struct elect__slot *slot, bool free);        /* something changed; free: it was released */
    void (*doubt)(struct elect__slot *slot);                  /* the leader's lock may be gone: renew it now */
    void (*depose)(struct elect__slot *slot, uint64_t epoch); /* somebody asks the leader of epoch to step down */
    /* Something is amiss that no operation fails of: told as an ERROR. */
    void (*error)(struct elect__slot *slot, int32_t code, const char *text);
    void (*log)(void *ctx, int32_t level, const char *text);
    /* Reads the client's settings as they are now, with what elect_client_update changed; they last as long as the call.
     * read must not call back. */
    void (*current)(void *ctx, void (*read)(const struct elect__settings *settings, void *user), void *user);
};

/* One candidate as its store sees it: embedded in the candidate, filled before attach. */
struct elect__slot {
    const struct elect__settings *settings;
    const struct elect__host *host;
    char incarnation[33]; /* 128 random bits in hex, of this start; "" for an observer */
    void *data;           /* the store's own, from attach to detach */
};

/* Questions outside of any election. The store completes each exactly once by calling done, perhaps at once. */
enum elect__query_kind {
    ELECT__QUERY_STATUS = 1, /* name -> JSON object, see report.h */
    ELECT__QUERY_HISTORY,    /* name -> JSON array, newest first */
    ELECT__QUERY_LIST,       /* -> JSON array */
    ELECT__QUERY_STORE,      /* -> JSON object: tier, fitness */
    ELECT__QUERY_DOCTOR,     /* -> JSON object, see doctor.h; it may take some seconds */
    ELECT__QUERY_DEPOSE,     /* name, epoch (0: whoever leads); ELECT_ENOTLEADER: nobody, or not that epoch */
    ELECT__QUERY_FORGET      /* name; ELECT_ESTATE: somebody leads or stands */
};
struct elect__query {
    enum elect__query_kind kind;
    const char *name;
    const struct elect__settings *settings; /* the asking election's, or the client's */
    uint64_t epoch;
    int64_t deadline_ns;
    /* json: malloc'd, given away, NULL unless ELECT_OK and a kind that has one. text: of a failure, or NULL. */
    void (*done)(struct elect__query *query, int32_t code, char *json, const char *text);
    void *user;
};

struct elect__store_args {
    const struct elect__settings *settings; /* the client's; lives as long as the store */
    const struct elect__env *env;
    const struct elect__host *host;
    void *ctx; /* for log and current */
    struct event_base *base;
};

struct elect__store_class {
    const char *schemes; /* "local" of local:/path; several with "|" between */
    /* The layouts that it knows beside "elect", "|" between; NULL: none. Who knows some knows wait_replicas too. */
    const char *layouts;
    /* Its own query parameters, beside the options: names with "|" between, or NULL. None of them may be a secret. */
    const char *params;
    /* Opens what settings->store names. An unreachable store is no failure, an unfit one is: ELECT_EINVAL or ELECT_ESTORE
     * with a text in error that names the option, the value and the rule. */
    int32_t (*open)(const struct elect__store_args *args, struct elect__store **out, char *error, size_t error_size);
    /* ELECT_OK or a failure that the candidate reports as ERROR and retries by attaching again. */
    int32_t (*attach)(struct elect__store *store, struct elect__slot *slot, char *error, size_t error_size);
    void (*submit)(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op); /* copies op */
    void (*detach)(struct elect__store *store, struct elect__slot *slot);
    void (*query)(struct elect__store *store, struct elect__query *query);
    void (*updated)(struct elect__store *store); /* NULL, or: elect_client_update has changed what current reads */
    int32_t (*command)(struct elect__store *store, const char *line); /* NULL, or elect_memory_command's */
    void (*close)(struct elect__store *store);                        /* every slot is detached */
    void (*forked)(
        struct elect__store
            *store); /* in a forked child, instead of close: frees what memory it safely can, touches nothing else */
};

struct elect__store {
    const struct elect__store_class *class_;
};

/* The class for a store URL's scheme, or NULL. */
const struct elect__store_class *elect__store_find(const char *scheme, size_t length);
extern const struct elect__store_class elect__memory_store, elect__local_store, elect__custom_store, elect__redis_store;
extern const struct elect__store_class *const elect__store_classes[5]; /* all of this build; NULL ends it */
#endif
