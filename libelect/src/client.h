/* The client: what its elections share, and how long it lives. */
#ifndef ELECT_SRC_CLIENT_H
#define ELECT_SRC_CLIENT_H
#include "cell.h"
#include "gate.h"
#include "loop.h"
#include "manual.h"
#include "queue.h"
#include "settings.h"
#include "store.h"
#include "table.h"
#include <stdatomic.h>
#include <sys/types.h>

enum { ELECT__EARLY_LOGS = 16 };

/* A thread of ours: joined by close, or on its own when the client was freed without. */
struct elect__worker {
    pthread_t thread;
    pthread_t self; /* as the thread itself says, once it runs */
    bool started, running, ended, joined, alone;
};

/* Whom to call. */
struct elect__callback {
    elect_event_cb call;
    void *user;
    elect_free_cb user_free;
    struct elect__callback *next;
};

struct elect_client {
    /* All that needs this memory: the handle, elections, threads. And the user's handles, of the client and of its
     * elections: when none is left, the threads end by themselves. */
    _Atomic(int) refs, handles;
    pid_t pid;
    bool wiped; /* a forked child finds its cells wiped, so there is no need to ask for the pid */
    const struct elect__env *env;
    struct elect__manual manual;
    elect_options_t *options;
    struct elect__settings *settings; /* as opened; the store reads them */
    char instance_id[ELECT__INSTANCE_ID_MAX + 1];
    const struct elect__store_class *class_;
    struct elect__store *store; /* of the I/O thread */
    struct elect__ops *ops;     /* custom: what the application serves; NULL: another store */
    struct elect__ask *asks;    /* of the I/O thread: with the store */
    struct elect__loop loop;
    struct elect__queue queue;    /* the user's */
    struct elect__queue dispatch; /* the dispatcher's */
    _Atomic(int32_t) log_level;
    _Atomic(uint64_t) operations;

    struct elect__gate gate; /* of all that follows */
    struct elect__cells cells;
    struct elect__settings *updated; /* by elect_client_update; NULL: never */
    struct elect__table ids;         /* of the candidates that are not closed */
    elect_election_t *elections;     /* that are not closed, started or not */
    int live;                        /* their number */
    int leading;                     /* of these */
    bool freed, closing;
    bool posted; /* end_call is */
    struct elect__call end_call;
    bool update_posted; /* update_call is */
    struct elect__call update_call;
    struct elect__worker io, dispatcher;
    struct elect__callback *log_callbacks;
    struct elect__queue *log_queue; /* NULL: nobody has asked yet */
    elect_event_t *early[ELECT__EARLY_LOGS];
    int early_count;
};

/* Is this a forked child, where the client is dead? */
bool elect__client_forked(const elect_client_t *client);
/* On the dispatcher thread, that is in a callback? Takes the gate. */
bool elect__client_dispatching(elect_client_t *client);
void elect__client_ref(elect_client_t *client);
void elect__client_unref(elect_client_t *client);
/* A handle of the user's has gone. */
void elect__client_handle_gone(elect_client_t *client);
void elect__client_handle_gone_in_child(elect_client_t *client);
/* With the gate held, on any thread: if the user has ended it, the I/O thread shall see to its end. */
void elect__client_check_end(elect_client_t *client);
/* With the gate held: starts the dispatcher thread unless it runs. ELECT_OK or ELECT_ENOMEM. */
int32_t elect__dispatcher_start(elect_client_t *client);
void *elect__dispatcher_main(void *client);
/* With the gate held: a worker begins and ends. */
int elect__worker_start(struct elect__worker *worker, void *(*run)(void *), elect_client_t *client);
void elect__worker_end(struct elect__worker *worker);
/* Is this the worker's thread? With the gate held, or in a forked child. */
bool elect__worker_is_here(const struct elect__worker *worker);

/* ---- logs ---- */
bool elect__logs(const elect_client_t *client, int32_t level);
/* Takes fields, which may be NULL. Never with the gate held. */
struct cJSON;
void elect__log(elect_client_t *client, int32_t level, struct cJSON *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#endif
