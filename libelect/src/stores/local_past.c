#include "local_term.h"
#include <stdio.h>
#include <string.h>

int elect__local_recall(const struct elect__local_seat *seat, const struct elect__local_record *top,
                        struct elect__local_memory *out)
{
    struct elect__local_past pasts[ELECT__LOCAL_PASTS];
    /* Of two that stood side by side the lower one may have led, with the higher epoch. */
    int failure = elect__local_past_read(seat->fd, top != NULL ? top->after_term + 1 : 1, pasts);
    memset(out, 0, sizeof *out);
    for (int i = 0; failure == 0 && i < ELECT__LOCAL_PASTS; i++) {
        if (pasts[i].term == 0)
            continue;
        if (pasts[i].term > out->term)
            out->term = pasts[i].term;
        if (pasts[i].epoch > out->epoch)
            out->epoch = pasts[i].epoch;
        if (top != NULL && pasts[i].term == top->term)
            out->last = pasts[i];
    }
    return failure;
}

int elect__local_past_note(const struct elect__local_seat *seat, const struct elect__local_record *record,
                           const char *hostname)
{
    struct elect__local_past past = {.term = record->term,
                                     .epoch = record->epoch,
                                     .started_at_ms = record->started_at_ms,
                                     .ended_at_ms = record->ended_at_ms,
                                     .reason = record->reason};
    snprintf(past.instance_id, sizeof past.instance_id, "%s", record->instance_id);
    snprintf(past.hostname, sizeof past.hostname, "%s", hostname);
    return elect__local_past_write(seat->fd, &past);
}

void elect__local_past_end(const struct elect__local_seat *seat, const struct elect__local_view *before,
                           struct elect__local_past *last)
{
    if (before->top == NULL || last->term == 0 || last->ended_at_ms != 0)
        return;
    int64_t now_ms = seat->env->real_us(seat->env->ctx) / 1000;
    last->ended_at_ms = elect__local_ended_at_ms(before, now_ms, now_ms, &last->reason);
    elect__local_past_write(seat->fd, last);
}
