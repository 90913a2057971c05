#include "queue.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int32_t elect__queue_open(struct elect__queue *queue, bool pollable)
{
    *queue = (struct elect__queue){.fd = -1};
    if (pollable && (queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        return ELECT_ESTORE;
    if (elect__gate_open(&queue->gate) == 0)
        return ELECT_OK;
    if (queue->fd >= 0)
        close(queue->fd);
    return ELECT_ENOMEM;
}

static elect_event_t **unread(struct elect__receiver *receiver, int32_t kind)
{
    if (kind == ELECT_EVENT_ELECTED)
        return &receiver->elected;
    if (kind == ELECT_EVENT_LEADER_CHANGED)
        return &receiver->leader;
    return kind == ELECT_EVENT_ERROR ? &receiver->error : NULL;
}

static bool is_readable(const struct elect__queue *queue)
{
    return queue->first || queue->closed;
}

/* After each change, with what was before it. */
static void show(struct elect__queue *queue, bool was_readable)
{
    eventfd_t count;
    if (queue->fd < 0 || is_readable(queue) == was_readable)
        return;
    if (was_readable)
        eventfd_read(queue->fd, &count);
    else
        eventfd_write(queue->fd, 1);
}

static void link_last(struct elect__queue *queue, elect_event_t *event)
{
    elect_event_t **slot = event->receiver ? unread(event->receiver, event->kind) : NULL;
    event->previous = queue->last;
    event->next = NULL;
    if (queue->last)
        queue->last->next = event;
    else
        queue->first = event;
    queue->last = event;
    queue->count++;
    queue->logs += event->kind == ELECT_EVENT_LOG;
    if (slot)
        *slot = event;
}

static elect_event_t *unlink_event(struct elect__queue *queue, elect_event_t *event)
{
    elect_event_t **slot = event->receiver ? unread(event->receiver, event->kind) : NULL;
    if (event->previous)
        event->previous->next = event->next;
    else
        queue->first = event->next;
    if (event->next)
        event->next->previous = event->previous;
    else
        queue->last = event->previous;
    event->previous = event->next = NULL;
    queue->count--;
    queue->logs -= event->kind == ELECT_EVENT_LOG;
    if (slot && *slot == event)
        *slot = NULL;
    return event;
}

static elect_event_t *oldest_log(const struct elect__queue *queue)
{
    elect_event_t *event = queue->first;
    while (event && event->kind != ELECT_EVENT_LOG)
        event = event->next;
    return event;
}

void elect__queue_push(struct elect__queue *queue, struct elect__receiver *receiver, elect_event_t *event)
{
    elect_event_t *merged = NULL;
    event->receiver = receiver;
    if (receiver) {
        event->tag = receiver->tag;
        event->gone = receiver->gone;
    }
    elect__gate_lock(&queue->gate);
    bool was_readable = is_readable(queue);
    bool taken = !queue->closed;
    if (taken) {
        elect_event_t **slot = receiver ? unread(receiver, event->kind) : NULL;
        if (slot && *slot) {
            merged = unlink_event(queue, *slot);
        } else if (event->kind == ELECT_EVENT_LOG && queue->logs == ELECT__LOGS) {
            merged = unlink_event(queue, oldest_log(queue));
            queue->logs_dropped++;
            queue->logs_dropped_ever++;
        }
        link_last(queue, event);
        show(queue, was_readable);
        elect__gate_wake_all(&queue->gate);
    }
    elect__gate_unlock(&queue->gate);
    elect_event_free(merged);
    if (!taken)
        elect_event_free(event);
}

bool elect__queue_retract(struct elect__receiver *receiver)
{
    struct elect__queue *queue = receiver->queue;
    elect__gate_lock(&queue->gate);
    bool was_readable = is_readable(queue);
    elect_event_t *elected = receiver->elected ? unlink_event(queue, receiver->elected) : NULL;
    show(queue, was_readable);
    elect__gate_unlock(&queue->gate);
    elect_event_free(elected);
    return elected != NULL;
}

/* Tells how many logs are missing, in the place of the first of them. */
static elect_event_t *say_dropped(struct elect__queue *queue)
{
    char text[80], fields[40];
    elect_event_t *event = elect__event_new(ELECT_EVENT_LOG);
    if (!event)
        return NULL;
    snprintf(text, sizeof text, "%" PRIu64 " logs before this were dropped: nobody read them", queue->logs_dropped);
    snprintf(fields, sizeof fields, "{\"dropped\":%" PRIu64 "}", queue->logs_dropped);
    event->level = ELECT_LOG_WARN;
    event->text = strdup(text);
    event->fields = strdup(fields);
    queue->logs_dropped = 0;
    return event;
}

int32_t elect__queue_pop(struct elect__queue *queue, int64_t deadline_ns, elect_event_t **out)
{
    int32_t code = ELECT_OK;
    *out = NULL;
    elect__gate_lock(&queue->gate);
    while (!queue->first && !queue->closed && elect__gate_wait(&queue->gate, deadline_ns))
        ;
    if (!queue->first)
        code = queue->closed ? ELECT_ECLOSED : ELECT_ETIMEOUT;
    else if (queue->first->kind == ELECT_EVENT_LOG && queue->logs_dropped > 0)
        *out = say_dropped(queue);
    if (code == ELECT_OK && !*out) {
        *out = unlink_event(queue, queue->first);
        show(queue, true);
    }
    elect__gate_unlock(&queue->gate);
    return code;
}

void elect__queue_close(struct elect__queue *queue)
{
    elect__gate_lock(&queue->gate);
    bool was_readable = is_readable(queue);
    queue->closed = true;
    show(queue, was_readable);
    elect__gate_wake_all(&queue->gate);
    elect__gate_unlock(&queue->gate);
}

void elect__queue_deafen(struct elect__queue *queue)
{
    elect_event_t *event;
    elect__gate_lock(&queue->gate);
    bool was_readable = is_readable(queue);
    queue->closed = true;
    elect_event_t *waiting = queue->first;
    for (event = waiting; event; event = event->next) {
        elect_event_t **slot = event->receiver ? unread(event->receiver, event->kind) : NULL;
        if (slot)
            *slot = NULL;
    }
    queue->first = queue->last = NULL;
    queue->count = queue->logs = 0;
    show(queue, was_readable);
    elect__gate_wake_all(&queue->gate);
    elect__gate_unlock(&queue->gate);
    while ((event = waiting)) {
        waiting = event->next;
        elect_event_free(event);
    }
}

void elect__queue_free(struct elect__queue *queue)
{
    elect_event_t *event;
    while ((event = queue->first)) {
        queue->first = event->next;
        elect_event_free(event);
    }
    if (queue->fd >= 0)
        close(queue->fd);
    elect__gate_close(&queue->gate);
}
