/* A stage for stores: actors that hold slots, a host that writes down what it is told, and a clock that is real or
 * scripted. The stores are driven through their class, as the library does it. */
#ifndef ELECT_TESTS_STAGE_H
#define ELECT_TESTS_STAGE_H
#include "register.h"
#include "store.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum {
    STAGE_STORES = 2,
    STAGE_TEXT = 1024,
    STAGE_HANG_S = 60 /* a guard against hangs: nothing is measured by it */
};

struct stage {
    const struct elect__store_class *class_;
    struct event_base *base;
    struct elect__env env;
    struct stage_clock {
        int64_t boot_ns, real_us;
    } *clock; /* NULL: real time; else shared with the processes that are forked of this one */
    int64_t ttl_ns;
    char url[256], dir[240];
    struct elect__settings settings; /* the clients' */
    struct elect__store *stores[STAGE_STORES];
    struct example_store *table; /* custom: the register of all its stores; NULL: another class */
    struct redis_server *redis;  /* redis: a server of its own; NULL: another class, or that of another stage */
    struct register_server servers[STAGE_STORES];
    bool faulty;
    char log[4 * STAGE_TEXT];
};

struct actor {
    struct elect__slot slot; /* first: the host is given this */
    struct stage *stage;
    struct elect__store *store;
    struct elect__settings settings;
    struct elect__reply reply; /* the last answer */
    bool answered, has_leader;
    int answers;
    char id[64], hostname[64], address[64], metadata[256]; /* of the leader in it */
    uint64_t leader_epoch;
    int64_t started_at_ms;
    char text[STAGE_TEXT];
    int wakes, free_wakes, doubts;
    uint64_t deposed;
    int errors;
    char error[STAGE_TEXT]; /* the last one, its code first */
    uint64_t seq;
    struct elect__op op; /* the last one */
};

/* ---- the stage ---- */

/* What a client has set, and the host that writes down what actors are told. */
void stage_settings(struct elect__settings *settings, const struct stage *stage);
extern const struct elect__host stage_host;

/* A fresh directory of its own for local:, a register for custom:, a server for redis:. stores: 1, or 2 clients of one store. */
void stage_open(struct stage *stage, const struct elect__store_class *class_, int stores, bool scripted);
/* Of a server that the test has started; ttl_ns: of all that enter. */
void stage_open_url(struct stage *stage, const struct elect__store_class *class_, const char *url, int stores,
                    int64_t ttl_ns);
/* custom: over a register that fails by chance; then actors and questions try again, as candidates do. */
void stage_open_faulty(struct stage *stage, int stores, bool scripted);
/* Before anybody enters a play that lets leases end: so that it need not last for an hour of real time. */
void stage_shorten(struct stage *stage);
/* Another client over the directory and the clock of a stage, for a process of its own. */
void stage_join(struct stage *stage, const struct stage *other);
void stage_close(struct stage *stage);
void stage_remove(const char *dir);
int64_t stage_now(const struct stage *stage);
/* Time passes, and the stores are served. */
void stage_pass(struct stage *stage, int64_t ns);
/* Is the store a register with compare-and-set, which has no clock and wakes nobody? */
bool stage_is_register(const struct stage *stage);
/* custom: the application's own watch says that an election has changed. */
void stage_changed(struct stage *stage, const char *name);
/* Serves the stores until *flag is at least count; fails the test when that hangs. */
void stage_until(struct stage *stage, const int *flag, int count);
/* Serves what is ready. */
void stage_serve(struct stage *stage);

/* ---- actors ---- */

void actor_enter(struct actor *actor, struct stage *stage, int store, const char *name, const char *id);
void actor_observe(struct actor *actor, struct stage *stage, int store, const char *name, const char *id);
/* Attaches; the code, and the text in actor->text. */
int32_t actor_attach(struct actor *actor);
void actor_leave(struct actor *actor);
/* Looks until the store says that it tells of changes: over a network that takes a moment. */
void until_told(struct actor *actor);
/* The lease that is held now ends. The watcher looks first: over a register, only who has looked can see it end. */
void outwait(struct actor *watcher);
/* Each answers the outcome. */
enum elect__outcome probe(struct actor *actor);
enum elect__outcome acquire(struct actor *actor, uint64_t attempt);
enum elect__outcome acquire_after(struct actor *actor, uint64_t attempt, uint64_t highest_epoch, bool waited);
enum elect__outcome renew(struct actor *actor, uint64_t attempt, uint64_t epoch);
enum elect__outcome release(struct actor *actor, uint64_t attempt, uint64_t epoch, int32_t reason);
/* Acquires and demands WON; the epoch. */
uint64_t win(struct actor *actor, uint64_t attempt);

/* ---- questions ---- */

/* Runs play as a process of its own, which joins stage; play is given the end of a socket, the other one is
 * answered. */
int stage_fork(struct stage *stage, void (*play)(struct stage *stage, int socket), pid_t *pid);

/* The code; *json (freed by the caller) unless NULL. */
int32_t ask(struct stage *stage, int store, enum elect__query_kind kind, const char *name, uint64_t epoch, char **json);
#endif
