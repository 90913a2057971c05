#include "sim.h"

static bool before(const struct sim_due *a, const struct sim_due *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static int take_slot(struct sim_queue *q)
{
    if (q->unused > 0)
        return q->free_list[--q->unused];
    return q->count < SIM_MESSAGES ? q->count : -1; /* slots are given out in order until one comes back */
}

bool sim_push(struct sim_world *w, int64_t at_ns, const struct sim_message *message)
{
    struct sim_queue *q = &w->queue;
    int slot = take_slot(q);
    if (slot < 0)
        return false;
    q->messages[slot] = *message;
    /* What arrives at one instant arrives in any order. */
    struct sim_due due = {at_ns, (sim_bits(&w->random) >> 40 << 40) | (++q->order & 0xffffffffff), slot};
    int i = q->count++;
    while (i > 0 && before(&due, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = due;
    return true;
}

int64_t sim_next_message_ns(const struct sim_world *w)
{
    return w->queue.count == 0 ? ELECT__NEVER : w->queue.heap[0].at_ns;
}

void sim_pop(struct sim_world *w, struct sim_message *out)
{
    struct sim_queue *q = &w->queue;
    int slot = q->heap[0].index;
    *out = q->messages[slot];
    q->free_list[q->unused++] = slot;
    struct sim_due last = q->heap[--q->count];
    int i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= q->count)
            break;
        if (child + 1 < q->count && before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!before(&q->heap[child], &last))
            break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    if (q->count > 0)
        q->heap[i] = last;
}
