/* custom: a register that the application serves. Its I/O thread leaves operations in a queue, the application's threads
 * take them, do what they say, and complete them. What both sides hold lives as long as the last of them: the store, the
 * client, each operation that somebody has taken. */
#ifndef ELECT_SRC_STORES_CUSTOM_H
#define ELECT_SRC_STORES_CUSTOM_H
#include "../gate.h"
#include "../heap.h"
#include "cas_store.h"
#include <elect/store.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { ELECT__OP_TEXT_SIZE = 512 };

enum elect__op_state {
    ELECT__OP_QUEUED,  /* nobody has seen it: surely not applied */
    ELECT__OP_TAKEN,   /* an application's thread has it */
    ELECT__OP_DONE,    /* completed, for the I/O thread to see */
    ELECT__OP_GIVEN_UP /* an application's thread has it, and nobody waits for it */
};

struct elect_op {
    struct elect__ops *ops;
    int32_t kind;
    char *value;
    char version[ELECT__VERSION_SIZE];
    int64_t deadline_ns;
    _Atomic(bool) given_up;

    /* of the gate */
    enum elect__op_state state;
    elect_op_t *previous, *next; /* QUEUED, DONE: in the list of these */

    /* of the I/O thread */
    struct elect__register_request *request;
    struct elect__timer timer;

    /* of whoever completes it, then of the I/O thread */
    struct elect__register_answer answer;
    char new_version[ELECT__VERSION_SIZE];
    char *found;
    char text[ELECT__OP_TEXT_SIZE];
    char key[];
};

struct elect__op_list {
    elect_op_t *first, *last;
};

struct elect__changed_key {
    struct elect__changed_key *next;
    char key[];
};

struct elect__ops {
    _Atomic(int) refs;
    pid_t pid; /* in another process, only memory is ours */
    const struct elect__env *env;
    int fd;                  /* readable while operations wait, and after the end */
    struct elect__gate gate; /* of all that follows */
    struct elect__op_list queued, done;
    struct elect__changed_key *changed;
    int changes;  /* their number */
    bool any_key; /* they were too many to be kept */
    bool closed, called;
    bool deaf;   /* the handle of who took operations is gone */
    int wake_fd; /* wakes the I/O thread, which closes it at the end */
};

/* NULL: no memory, or (*code) no descriptors. */
struct elect__ops *elect__ops_new(const struct elect__env *env, int32_t *code);
void elect__ops_ref(struct elect__ops *ops);
void elect__ops_unref(struct elect__ops *ops); /* takes NULL */
void elect__op_free(elect_op_t *op);

/* On the I/O thread. */
void elect__ops_push(struct elect__ops *ops, elect_op_t *op);
/* Nobody waits for op any more. True: no one has ever taken it. It is not the I/O thread's from here on. */
bool elect__ops_give_up(struct elect__ops *ops, elect_op_t *op);
/* Before it takes what is new. */
void elect__ops_hear(struct elect__ops *ops);
elect_op_t *elect__ops_take_done(struct elect__ops *ops); /* NULL: there is none */
/* The keys that have changed, for the caller to free; any: all of them. */
struct elect__changed_key *elect__ops_take_changed(struct elect__ops *ops, bool *any);
void elect__ops_close(struct elect__ops *ops);

/* From any thread. */
int32_t elect__ops_pop(struct elect__ops *ops, int64_t deadline_ns, elect_op_t **out);
/* Who waits in elect__ops_pop is told that it is over: the next call would be one on a freed handle. */
void elect__ops_deafen(struct elect__ops *ops);
/* With op->answer filled. False: nobody waits for it, and it is still the caller's. */
bool elect__ops_complete(struct elect__ops *ops, elect_op_t *op);
int32_t elect__ops_change(struct elect__ops *ops, const char *key);

/* What an open store of custom: hangs its operations on, with a reference for the caller; NULL: of another class. */
struct elect__ops *elect__custom_ops(const struct elect__store *store);
#endif
