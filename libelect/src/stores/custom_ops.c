/* The two sides of custom:'s operations meet here. */
#include "custom.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CHANGES_MAX = 1024 };

/* ---- lifetimes ---- */

struct elect__ops *elect__ops_new(const struct elect__env *env, int32_t *code)
{
    struct elect__ops *ops = calloc(1, sizeof *ops);
    *code = ELECT_ENOMEM;
    if (!ops)
        return NULL;
    atomic_init(&ops->refs, 1);
    ops->pid = getpid();
    ops->env = env;
    ops->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ops->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ops->fd < 0 || ops->wake_fd < 0)
        *code = ELECT_ESTORE;
    else if (elect__gate_open(&ops->gate) == 0)
        return ops;
    if (ops->fd >= 0)
        close(ops->fd);
    if (ops->wake_fd >= 0)
        close(ops->wake_fd);
    free(ops);
    return NULL;
}

void elect__ops_ref(struct elect__ops *ops)
{
    atomic_fetch_add_explicit(&ops->refs, 1, memory_order_relaxed);
}

void elect__ops_unref(struct elect__ops *ops)
{
    if (!ops || atomic_fetch_sub_explicit(&ops->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (getpid() == ops->pid) {
        struct elect__changed_key *change;
        while ((change = ops->changed)) { /* told when nobody was left to hear it */
            ops->changed = change->next;
            free(change);
        }
        close(ops->fd);
        elect__gate_close(&ops->gate);
    }
    free(ops);
}

void elect__op_free(elect_op_t *op)
{
    struct elect__ops *ops = op->ops;
    free(op->value);
    free(op->found);
    free(op);
    elect__ops_unref(ops);
}

/* ---- lists, with the gate held ---- */

static void append(struct elect__op_list *list, elect_op_t *op)
{
    op->previous = list->last;
    op->next = NULL;
    if (list->last)
        list->last->next = op;
    else
        list->first = op;
    list->last = op;
}

static void take_out(struct elect__op_list *list, elect_op_t *op)
{
    if (op->previous)
        op->previous->next = op->next;
    else
        list->first = op->next;
    if (op->next)
        op->next->previous = op->previous;
    else
        list->last = op->previous;
    op->previous = op->next = NULL;
}

/* After a change of what can be taken, with what was before it. */
static void show(struct elect__ops *ops, bool was_readable)
{
    eventfd_t count;
    bool is_readable = ops->queued.first || ops->closed;
    if (was_readable && !is_readable)
        eventfd_read(ops->fd, &count);
    else if (!was_readable && is_readable)
        eventfd_write(ops->fd, 1);
}

/* Once is enough until the I/O thread has heard of it. */
static void call_io(struct elect__ops *ops)
{
    if (!ops->called && !ops->closed)
        eventfd_write(ops->wake_fd, 1);
    ops->called = true;
}

/* ---- the I/O thread ---- */

void elect__ops_push(struct elect__ops *ops, elect_op_t *op)
{
    elect__gate_lock(&ops->gate);
    bool was_readable = ops->queued.first;
    append(&ops->queued, op);
    show(ops, was_readable);
    elect__gate_wake_all(&ops->gate);
    elect__gate_unlock(&ops->gate);
}

bool elect__ops_give_up(struct elect__ops *ops, elect_op_t *op)
{
    elect__gate_lock(&ops->gate);
    bool unseen = op->state == ELECT__OP_QUEUED, kept = op->state == ELECT__OP_TAKEN;
    if (unseen) {
        take_out(&ops->queued, op);
        show(ops, true);
    } else if (op->state == ELECT__OP_DONE) {
        take_out(&ops->done, op);
    }
    op->state = ELECT__OP_GIVEN_UP;
    atomic_store(&op->given_up, true);
    elect__gate_unlock(&ops->gate);
    if (!kept)
        elect__op_free(op);
    return unseen;
}

void elect__ops_hear(struct elect__ops *ops)
{
    eventfd_t count;
    elect__gate_lock(&ops->gate);
    ops->called = false;
    eventfd_read(ops->wake_fd, &count);
    elect__gate_unlock(&ops->gate);
}

elect_op_t *elect__ops_take_done(struct elect__ops *ops)
{
    elect__gate_lock(&ops->gate);
    elect_op_t *op = ops->done.first;
    if (op)
        take_out(&ops->done, op);
    elect__gate_unlock(&ops->gate);
    return op;
}

struct elect__changed_key *elect__ops_take_changed(struct elect__ops *ops, bool *any)
{
    elect__gate_lock(&ops->gate);
    struct elect__changed_key *changed = ops->changed;
    *any = ops->any_key;
    ops->changed = NULL;
    ops->changes = 0;
    ops->any_key = false;
    elect__gate_unlock(&ops->gate);
    return changed;
}

void elect__ops_close(struct elect__ops *ops)
{
    elect__gate_lock(&ops->gate);
    bool was_readable = ops->queued.first;
    ops->closed = true;
    close(ops->wake_fd);
    ops->wake_fd = -1;
    show(ops, was_readable);
    elect__gate_wake_all(&ops->gate);
    elect__gate_unlock(&ops->gate);
}

/* ---- the application's threads ---- */

int32_t elect__ops_pop(struct elect__ops *ops, int64_t deadline_ns, elect_op_t **out)
{
    elect__gate_lock(&ops->gate);
    while (!ops->queued.first && !ops->closed && !ops->deaf && elect__gate_wait(&ops->gate, deadline_ns))
        ;
    elect_op_t *op = ops->deaf ? NULL : ops->queued.first;
    int32_t code = op ? ELECT_OK : ops->closed || ops->deaf ? ELECT_ECLOSED : ELECT_ETIMEOUT;
    if (op) {
        take_out(&ops->queued, op);
        op->state = ELECT__OP_TAKEN;
        show(ops, true);
    }
    elect__gate_unlock(&ops->gate);
    *out = op;
    return code;
}

void elect__ops_deafen(struct elect__ops *ops)
{
    elect__gate_lock(&ops->gate);
    ops->deaf = true;
    elect__gate_wake_all(&ops->gate);
    elect__gate_unlock(&ops->gate);
}

int32_t elect__ops_change(struct elect__ops *ops, const char *key)
{
    size_t size = strlen(key) + 1;
    struct elect__changed_key *change = malloc(sizeof *change + size);
    if (!change)
        return ELECT_ENOMEM;
    memcpy(change->key, key, size);
    elect__gate_lock(&ops->gate);
    bool closed = ops->closed;
    bool keep = !closed && ops->changes < CHANGES_MAX;
    if (keep) {
        change->next = ops->changed;
        ops->changed = change;
        ops->changes++;
    } else {
        ops->any_key = !closed;
    }
    call_io(ops);
    elect__gate_unlock(&ops->gate);
    if (!keep)
        free(change);
    return closed ? ELECT_ECLOSED : ELECT_OK;
}

bool elect__ops_complete(struct elect__ops *ops, elect_op_t *op)
{
    elect__gate_lock(&ops->gate);
    bool awaited = op->state == ELECT__OP_TAKEN && !ops->closed;
    if (awaited) {
        op->state = ELECT__OP_DONE;
        append(&ops->done, op);
        call_io(ops);
    }
    elect__gate_unlock(&ops->gate);
    return awaited;
}
