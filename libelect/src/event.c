#include "event.h"
#include <stdlib.h>

elect_event_t *elect__event_new(int32_t kind)
{
    elect_event_t *event = calloc(1, sizeof *event);
    if (event) {
        atomic_init(&event->refs, 1);
        event->kind = kind;
    }
    return event;
}

int32_t elect_event_kind(const elect_event_t *event)
{
    return event ? event->kind : 0;
}

uint64_t elect_event_tag(const elect_event_t *event)
{
    return event ? event->tag : 0;
}

uint64_t elect_event_epoch(const elect_event_t *event)
{
    return event ? event->epoch : 0;
}

int32_t elect_event_reason(const elect_event_t *event)
{
    return event ? event->reason : 0;
}

int32_t elect_event_code(const elect_event_t *event)
{
    return event ? event->code : ELECT_EINVAL;
}

int32_t elect_event_level(const elect_event_t *event)
{
    return event ? event->level : 0;
}

const char *elect_event_text(const elect_event_t *event)
{
    if (!event)
        return "";
    if (event->text)
        return event->text;
    return event->kind == ELECT_EVENT_ERROR ? elect_code_text(event->code) : "";
}

const char *elect_event_fields(const elect_event_t *event)
{
    if (!event)
        return "";
    return event->fields ? event->fields : "{}";
}

const elect_leader_t *elect_event_leader(const elect_event_t *event)
{
    return event ? event->leader : NULL;
}

elect_event_t *elect_event_keep(const elect_event_t *event)
{
    elect_event_t *mine = (elect_event_t *)(uintptr_t)event; /* const says that its data does not change */
    if (mine)
        atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void elect_event_free(elect_event_t *event)
{
    if (!event || atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (event->receiver)
        event->gone(event);
    elect_leader_free(event->leader);
    free(event->text);
    free(event->fields);
    free(event);
}
