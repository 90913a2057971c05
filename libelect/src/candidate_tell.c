/* What the user hears of a candidate: its notes as events, and who leads. */
#include "candidate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool have(elect_event_t **spare, int32_t kind)
{
    if (!*spare)
        *spare = elect__event_new(kind);
    return *spare != NULL;
}

bool elect__candidate_prepare(elect_election_t *e)
{
    return have(&e->elected, ELECT_EVENT_ELECTED) && have(&e->lost, ELECT_EVENT_LOST) &&
           have(&e->closed_event, ELECT_EVENT_CLOSED);
}

void elect__candidate_push(elect_election_t *e, elect_event_t *event)
{
    if (!event)
        return;
    if (!e->receiver.queue) {
        elect_event_free(event);
        return;
    }
    elect__election_ref(e); /* until the event has gone */
    elect__queue_push(e->receiver.queue, &e->receiver, event);
}

void elect__candidate_error(elect_election_t *e, int32_t code, const char *text)
{
    elect_event_t *event = elect__event_new(ELECT_EVENT_ERROR);
    if (elect__logs(e->client, ELECT_LOG_WARN))
        elect__log(e->client, ELECT_LOG_WARN, elect__candidate_fields(e), "%s", text ? text : elect_code_text(code));
    if (!event)
        return;
    event->code = code;
    event->text = text ? strdup(text) : NULL;
    elect__candidate_push(e, event);
}

/* ---- who leads ---- */

elect_leader_t *elect__candidate_know(elect_election_t *e, elect_leader_t *leader, bool known)
{
    elect_leader_t *old = e->leader;
    e->leader = leader;
    e->leader_known = known;
    e->leader_read_at_ns = elect__loop_now(&e->client->loop);
    return old;
}

/* Takes leader; NULL: nobody. */
static void set_leader(elect_election_t *e, elect_leader_t *leader)
{
    elect__gate_lock(&e->client->gate);
    elect_leader_t *old = elect__candidate_know(e, leader, true);
    elect__gate_wake_all(&e->client->gate);
    elect__gate_unlock(&e->client->gate);
    elect_leader_free(old);
}

/* The same leader in the same term, as far as both are known. */
static bool was_told(const struct elect__told *told, const elect_leader_t *now)
{
    if (!now || !told->somebody)
        return !now && !told->somebody;
    uint64_t epoch = now->view.epoch;
    return elect__hash(0, now->view.instance_id) == told->id &&
           (epoch == told->epoch || epoch == 0 || told->epoch == 0);
}

/* told stays what the user last heard, also where nothing is known for a while in between. */
static void tell_leader(elect_election_t *e)
{
    const elect_leader_t *now = e->leader;
    if (was_told(&e->told, now))
        return;
    elect_event_t *event = elect__event_new(ELECT_EVENT_LEADER_CHANGED);
    elect_leader_t *copy = now ? elect__leader_copy(now, e->env) : NULL;
    if (!event || (now && !copy)) { /* out of memory: what is read next is compared with the old one again */
        elect_leader_free(copy);
        elect_event_free(event);
        return;
    }
    e->told = (struct elect__told){.somebody = now != NULL};
    if (now) {
        e->told.id = elect__hash(0, now->view.instance_id);
        event->epoch = e->told.epoch = now->view.epoch;
    }
    event->leader = copy;
    elect__candidate_push(e, event);
}

elect_leader_t *elect__candidate_self(elect_election_t *e, bool first)
{
    const struct elect__settings *settings = e->slot.settings;
    int64_t real_ms = e->env->real_us(e->env->ctx) / 1000;
    if (first)
        e->term_since_ms = real_ms;
    struct elect__leader_view view = {
        .instance_id = settings->instance_id,
        .hostname = settings->hostname,
        .address = settings->address,
        .metadata = settings->metadata,
        .epoch = e->fsm.lease.epoch,
        .started_at_ms = e->term_since_ms,
        .last_heartbeat_ms = real_ms,
    };
    return elect__leader_new(&view, elect__loop_now(&e->client->loop));
}

static void warn_of_shared_id(elect_election_t *e, const struct elect__reply *reply)
{
    if (!reply->own_id || e->shared_id || elect__tries_fate(&e->fsm.tries, reply->attempt) != ELECT__FATE_FOREIGN)
        return;
    e->shared_id = true;
    elect__log(e->client, ELECT_LOG_WARN, elect__candidate_fields(e),
               "instance_id=\"%s\" leads already: an earlier run of this candidate, or another one with the same id",
               e->slot.settings->instance_id);
}

void elect__candidate_learn(elect_election_t *e, struct elect__answer *answer)
{
    enum elect__state state = e->fsm.state;
    if (answer->reply.outcome == ELECT__RENEWED && (state == ELECT__LEADING || state == ELECT__DRAINING)) {
        elect_leader_t *self = elect__candidate_self(e, false);
        if (!self)
            return;
        set_leader(e, self);
        tell_leader(e);
    } else if (answer->reply.outcome == ELECT__HELD) {
        bool adopts = state == ELECT__FOLLOWING && e->fsm.op.verb == ELECT__RENEW;
        warn_of_shared_id(e, &answer->reply);
        if (!answer->leader || adopts) /* ELECTED comes first, if it is ours */
            return;
        set_leader(e, answer->leader);
        answer->leader = NULL;
        tell_leader(e);
    } else if (answer->nobody) {
        set_leader(e, NULL);
        tell_leader(e);
    }
}

/* ---- notes ---- */

static void tell_elected(elect_election_t *e, const struct elect__note *note)
{
    elect_event_t *event = e->elected;
    e->elected = NULL;
    event->epoch = note->epoch;
    elect__candidate_push(e, event);
    if (e->leader) /* there was memory for it */
        tell_leader(e);
}

/* Nobody holds a term of which nobody heard. */
static void tell_lost(elect_election_t *e, const struct elect__note *note)
{
    e->held_epoch = note->epoch;
    if (!e->receiver.queue || elect__queue_retract(&e->receiver)) {
        elect__gate_lock(&e->client->gate);
        e->done_epoch = note->epoch;
        elect__gate_unlock(&e->client->gate);
        e->inbox |= ELECT__WISH_WORK_DONE;
        return;
    }
    elect_event_t *event = e->lost;
    e->lost = NULL;
    event->epoch = note->epoch;
    event->reason = note->reason;
    e->holding = true;
    e->client->loop.held++;
    elect__candidate_push(e, event);
}

static void tell_error(elect_election_t *e, const struct elect__note *note)
{
    char text[200];
    if (note->cause == ELECT__CAUSE_DRAIN) {
        snprintf(text, sizeof text,
                 "drain_timeout is over (%.1fs) and the leader's work has not ended: nothing is released early, the "
                 "lease runs out",
                 (double)e->fsm.config.drain_ns / ELECT__S);
        elect__candidate_error(e, note->code, text);
    } else if (note->cause == ELECT__CAUSE_ANSWER) {
        elect__candidate_error(e, note->code, "the store gave an answer that does not fit the question");
    } else if (!e->text && note->code == ELECT_EUNREACHABLE) {
        elect__candidate_error(e, note->code, "the store did not answer in time");
    } else {
        elect__candidate_error(e, note->code, e->text);
    }
}

void elect__candidate_tell(elect_election_t *e, const struct elect__note *note)
{
    if (note->kind == ELECT__NOTE_ELECTED)
        tell_elected(e, note);
    else if (note->kind == ELECT__NOTE_LOST)
        tell_lost(e, note);
    else
        tell_error(e, note);
}
