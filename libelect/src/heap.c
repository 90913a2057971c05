#include "heap.h"
#include "env.h"
#include <stddef.h>

/* Two trees into one: the later becomes the first child of the earlier. */
static struct elect__timer *join(struct elect__timer *a, struct elect__timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->at_ns < a->at_ns) {
        struct elect__timer *swap = a;
        a = b;
        b = swap;
    }
    b->previous = a;
    b->next = a->child;
    if (a->child)
        a->child->previous = b;
    a->child = b;
    a->next = a->previous = NULL;
    return a;
}

/* The siblings from node on into one tree: in pairs from the left, then the pairs from the right. */
static struct elect__timer *join_siblings(struct elect__timer *node)
{
    struct elect__timer *pairs = NULL, *tree = NULL;
    while (node) {
        struct elect__timer *second = node->next, *rest = second ? second->next : NULL;
        node->next = node->previous = NULL;
        if (second)
            second->next = second->previous = NULL;
        struct elect__timer *pair = join(node, second);
        pair->next = pairs;
        pairs = pair;
        node = rest;
    }
    while (pairs) {
        struct elect__timer *rest = pairs->next;
        pairs->next = NULL;
        tree = join(tree, pairs);
        pairs = rest;
    }
    return tree;
}

static void take_out(struct elect__heap *heap, struct elect__timer *timer)
{
    struct elect__timer *children = join_siblings(timer->child);
    timer->child = NULL;
    timer->set = false;
    if (timer == heap->first) {
        heap->first = children;
        return;
    }
    if (timer->previous->child == timer)
        timer->previous->child = timer->next;
    else
        timer->previous->next = timer->next;
    if (timer->next)
        timer->next->previous = timer->previous;
    timer->next = timer->previous = NULL;
    heap->first = join(heap->first, children);
}

void elect__heap_set(struct elect__heap *heap, struct elect__timer *timer, int64_t at_ns)
{
    if (timer->set && timer->at_ns == at_ns)
        return;
    if (timer->set)
        take_out(heap, timer);
    if (at_ns == ELECT__NEVER)
        return;
    timer->at_ns = at_ns;
    timer->set = true;
    heap->first = join(heap->first, timer);
}
