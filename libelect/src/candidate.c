#include "candidate.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_FAILED                                                                                                    \
    "the system refuses to wait for events (was a descriptor of the library closed?): the election has ended"
enum { ATTACH_ERROR_SIZE = 512 };

elect_election_t *elect__election_of(struct elect__receiver *receiver)
{
    return (elect_election_t *)(void *)((char *)receiver - offsetof(elect_election_t, receiver));
}

/* ---- what users' threads leave behind ---- */

void elect__candidate_wish(elect_election_t *e, unsigned wishes)
{
    e->wishes |= wishes;
    if (e->posted || e->closed)
        return;
    elect__election_ref(e);
    e->posted = elect__loop_post(&e->client->loop, &e->call);
    if (!e->posted)
        elect__election_unref(e); /* never the last: the caller has one */
}

uint64_t elect__candidate_deny(elect_election_t *e)
{
    struct elect__lease lease = elect__cell_read(e->cell);
    if (lease.lead_until_ns == 0)
        return 0;
    lease.lead_until_ns = 0;
    elect__cell_write(e->cell, &lease);
    e->denied_epoch = lease.epoch;
    return lease.epoch;
}

/* Assigned first: a child that is forked in between frees what it finds here. */
static void set_text(elect_election_t *e, char *text)
{
    char *old = e->text;
    e->text = text;
    free(old);
}

/* The lease as users may see it: what they ended stays ended, however the machine renews it. Who leads changes with it:
 * whoever finds that it leads finds itself as the leader too. */
static void publish(elect_election_t *e)
{
    struct elect__lease lease = e->fsm.lease;
    if (memcmp(&lease, &e->published, sizeof lease) == 0)
        return;
    bool leads = lease.lead_until_ns != 0, turned = leads != (e->published.lead_until_ns != 0);
    elect_leader_t *leader = leads && turned ? elect__candidate_self(e, true) : NULL;
    e->published = lease;
    elect__gate_lock(&e->client->gate);
    if (e->stopped || (lease.epoch != 0 && lease.epoch == e->denied_epoch))
        lease.lead_until_ns = 0;
    elect__cell_write(e->cell, &lease);
    if (turned) {
        e->client->leading += leads ? 1 : -1;
        leader = elect__candidate_know(e, leader, leader != NULL);
        elect__gate_wake_all(&e->client->gate);
    }
    elect__gate_unlock(&e->client->gate);
    elect_leader_free(leader);
}

/* ---- the end ---- */

static void detach(elect_election_t *e)
{
    struct elect__store *store = e->client->store;
    if (e->attached)
        store->class_->detach(store, &e->slot);
    e->attached = false;
}

static void let_go(elect_election_t *e)
{
    e->client->loop.held -= e->holding;
    e->holding = false;
}

static void close_candidate(elect_election_t *e)
{
    elect_client_t *client = e->client;
    elect_event_t *event = e->closed_event;
    detach(e);
    let_go(e);
    elect__loop_timer(&client->loop, &e->timer, ELECT__NEVER, true);
    e->inbox = 0;
    e->closed_event = NULL;
    if (client->loop.failed)
        elect__candidate_error(e, ELECT_ESTORE, LOOP_FAILED);
    elect__gate_lock(&client->gate);
    if (e->identified) /* who has read CLOSED may make another of this id */
        elect__table_remove(&client->ids, &e->id);
    e->identified = false;
    elect__gate_unlock(&client->gate);
    elect__candidate_push(e, event);
    elect__gate_lock(&client->gate);
    e->closed = true;
    if (e->previous)
        e->previous->next = e->next;
    else
        client->elections = e->next;
    if (e->next)
        e->next->previous = e->previous;
    if (--client->live == 0)
        elect__client_check_end(client);
    elect__gate_wake_all(&client->gate);
    elect__gate_unlock(&client->gate);
    if (atomic_exchange(&e->live, false))
        elect__election_unref(e); /* the caller of drive has another */
}

/* ---- steps ---- */

static void submit(elect_election_t *e, const struct elect__op *op)
{
    struct elect__store *store = e->client->store;
    bool may_elect = op->verb == ELECT__ACQUIRE || (op->verb == ELECT__RENEW && e->fsm.state == ELECT__FOLLOWING);
    if (may_elect && !elect__candidate_prepare(e)) {
        struct elect__reply refused = {.outcome = ELECT__REFUSED, .code = ELECT_ENOMEM, .seq = op->seq};
        elect__candidate_host.reply(&e->slot, &refused, NULL, NULL);
        return;
    }
    atomic_fetch_add_explicit(&e->client->operations, 1, memory_order_relaxed);
    store->class_->submit(store, &e->slot, op);
}

/* Notes first: an ELECTED comes before the LEADER_CHANGED that tells of it, a LOST before the ERROR that caused it. */
static void tell(elect_election_t *e, const struct elect__output *out, struct elect__answer *answer)
{
    bool ends = false;
    for (int i = 0; i < out->count; i++) {
        ends = ends || out->notes[i].kind == ELECT__NOTE_CLOSED;
        if (!ends)
            elect__candidate_tell(e, &out->notes[i]);
    }
    if (ends)
        close_candidate(e);
    else if (answer)
        elect__candidate_learn(e, answer);
}

static void step(elect_election_t *e, const struct elect__input *input, struct elect__answer *answer)
{
    struct elect__output out;
    const struct elect__fsm *fsm = &e->fsm;
    int64_t now_ns = elect__loop_now(&e->client->loop);
    struct elect__before before = {fsm->state, fsm->op.verb, fsm->lease};
    if (!answer && fsm->op.verb != ELECT__NO_OP && now_ns >= fsm->op.deadline_ns)
        set_text(e, NULL); /* what an earlier failure said is not why this one fails: nobody answered */
    elect__fsm_step(&e->fsm, input, now_ns, &out);
    publish(e);
    if (out.op.verb != ELECT__NO_OP)
        submit(e, &out.op);
    elect__loop_timer(&e->client->loop, &e->timer, fsm->wake_at_ns, fsm->wake_exact);
    elect__candidate_log(e, &before, input, &out, now_ns);
    tell(e, &out, answer);
}

static void take_reply(elect_election_t *e)
{
    struct elect__answer answer = e->answer;
    struct elect__input input = {.kind = ELECT__IN_REPLY, .reply = &answer.reply};
    memset(&e->answer, 0, sizeof e->answer);
    enum elect__outcome outcome = answer.reply.outcome;
    bool failed = outcome == ELECT__UNKNOWN || outcome == ELECT__REFUSED;
    bool granted = outcome == ELECT__WON || outcome == ELECT__RENEWED;
    if (answer.text || failed || granted)
        set_text(e, answer.text);
    step(e, &input, &answer);
    elect_leader_free(answer.leader);
}

static void take_update(elect_election_t *e)
{
    struct elect__settings_share *old = e->share;
    elect__gate_lock(&e->client->gate);
    e->share = elect__settings_share_ref(e->latest);
    elect__gate_unlock(&e->client->gate);
    e->slot.settings = e->share->settings;
    elect__settings_share_unref(old);
}

/* Again at each start: attempts and jitter come of its seed. */
static void init_machine(elect_election_t *e)
{
    const struct elect__settings *settings = e->first->settings;
    struct elect__fsm_config config = {
        .ttl_ns = settings->lock_ttl_ns,
        .margin_ns = settings->clock_margin_ns,
        .heartbeat_ns = settings->heartbeat_interval_ns,
        .retry_ns = settings->retry_interval_ns,
        .drain_ns = settings->drain_timeout_ns,
        .grace_ns = settings->restart_grace_ns,
        .seed = e->seed,
        .observer = settings->observer,
    };
    elect__fsm_init(&e->fsm, &config);
}

static void take_start(elect_election_t *e)
{
    struct elect__input input = {.kind = ELECT__IN_START};
    struct elect__store *store = e->client->store;
    char error[ATTACH_ERROR_SIZE] = "";
    init_machine(e);
    int32_t code = store->class_->attach(store, &e->slot, error, sizeof error);
    if (code == ELECT_OK) {
        e->attached = true;
        e->attach_fault = 0;
        e->waiting_since_ns = elect__loop_now(&e->client->loop);
        step(e, &input, NULL);
        return;
    }
    if (e->attach_fault != code)
        elect__candidate_error(e, code, *error ? error : NULL);
    e->attach_fault = code;
    int64_t again_ns = elect__loop_now(&e->client->loop) + e->fsm.config.retry_ns;
    elect__loop_timer(&e->client->loop, &e->timer, again_ns, false);
}

/* The others get as long as a lease to take over: so whoever asked for this sees a change. */
static void take_depose(elect_election_t *e)
{
    struct elect__input input = {
        .kind = ELECT__IN_RESIGN, .epoch = e->deposed_epoch, .backoff_ns = e->fsm.config.ttl_ns};
    step(e, &input, NULL);
}

static void take_resign(elect_election_t *e)
{
    struct elect__input input = {.kind = ELECT__IN_RESIGN};
    elect__gate_lock(&e->client->gate);
    input.epoch = e->resign_epoch;
    input.backoff_ns = e->backoff_ns;
    elect__gate_unlock(&e->client->gate);
    step(e, &input, NULL);
}

static void take_work_done(elect_election_t *e)
{
    struct elect__input input = {.kind = ELECT__IN_WORK_DONE};
    elect__gate_lock(&e->client->gate);
    bool last = e->done_epoch == e->held_epoch;
    elect__gate_unlock(&e->client->gate);
    if (!last)
        return;
    let_go(e);
    step(e, &input, NULL);
}

static void take_other(elect_election_t *e, unsigned wish)
{
    struct elect__input input = {.free = e->woken_free};
    bool ends = wish == ELECT__WISH_STOP || wish == ELECT__WISH_ABANDON;
    if (!e->attached && !ends) /* no store has taken it yet: the timer that tries again must stay as it is */
        return;
    switch (wish) {
    case ELECT__WISH_STOP:
        input.kind = ELECT__IN_STOP;
        break;
    case ELECT__WISH_ABANDON:
        input.kind = ELECT__IN_ABANDON;
        let_go(e);
        break;
    case ELECT__WISH_DOUBT:
        input.kind = ELECT__IN_DOUBT;
        break;
    case ELECT__WISH_WAKE:
        input.kind = ELECT__IN_WAKE;
        e->woken_free = false;
        break;
    case ELECT__WISH_LOOK:
        input.kind = ELECT__IN_LOOK;
        break;
    default:
        input.kind = ELECT__IN_TIMER;
        break;
    }
    step(e, &input, NULL);
    if (wish == ELECT__WISH_ABANDON && !e->closed) /* nobody is left who would end the work */
        let_go(e);
}

/* One wish after the other, the lowest bit first. What the store answers at once comes here as well: no recursion. */
static void drive(elect_election_t *e)
{
    e->driven = true;
    while (e->inbox != 0 && !e->closed) {
        unsigned wish = e->inbox & -e->inbox;
        e->inbox &= ~wish;
        if (wish == ELECT__WISH_REPLY)
            take_reply(e);
        else if (wish == ELECT__WISH_UPDATE)
            take_update(e);
        else if (wish == ELECT__WISH_START)
            take_start(e);
        else if (wish == ELECT__WISH_RESIGN)
            take_resign(e);
        else if (wish == ELECT__WISH_DEPOSE)
            take_depose(e);
        else if (wish == ELECT__WISH_WORK_DONE)
            take_work_done(e);
        else
            take_other(e, wish);
    }
    e->driven = false;
}

static void run_call(struct elect__call *call)
{
    elect_election_t *e = (elect_election_t *)(void *)((char *)call - offsetof(elect_election_t, call));
    elect__gate_lock(&e->client->gate);
    e->inbox |= e->wishes;
    e->wishes = 0;
    e->posted = false;
    elect__gate_unlock(&e->client->gate);
    drive(e);
    elect__election_unref(e);
}

static void run_soon(struct elect__call *call)
{
    elect_election_t *e = (elect_election_t *)(void *)((char *)call - offsetof(elect_election_t, soon));
    drive(e);
    elect__election_unref(e);
}

static void on_timer(struct elect__timer *timer)
{
    elect_election_t *e = (elect_election_t *)(void *)((char *)timer - offsetof(elect_election_t, timer));
    elect__election_ref(e);
    e->inbox |= e->attached ? ELECT__WISH_TIMER : ELECT__WISH_START;
    drive(e);
    elect__election_unref(e);
}

/* Nothing will be answered any more: releases what the store lets go at once, and waits for nothing. */
static void finish(elect_election_t *e)
{
    e->inbox |= ELECT__WISH_ABANDON;
    drive(e);
    while (!e->closed) {
        struct elect__reply refused = {.outcome = ELECT__REFUSED, .code = ELECT_ESTORE, .seq = e->fsm.op.seq};
        assert(e->fsm.op.verb != ELECT__NO_OP);
        elect__candidate_host.reply(&e->slot, &refused, NULL, NULL);
        drive(e);
    }
}

void elect__candidates_end(elect_client_t *client)
{
    elect_election_t *e;
    elect__gate_lock(&client->gate);
    client->closing = true;
    while ((e = client->elections)) {
        elect__election_ref(e);
        elect__election_stop(e);
        elect__gate_unlock(&client->gate);
        finish(e);
        elect__election_unref(e);
        elect__gate_lock(&client->gate);
    }
    elect__gate_unlock(&client->gate);
}

/* The last reference to an event has gone. A LOST held until then. */
static void on_gone(elect_event_t *event)
{
    elect_election_t *e = elect__election_of(event->receiver);
    if (event->kind == ELECT_EVENT_LOST && !elect__client_forked(e->client)) {
        elect__gate_lock(&e->client->gate);
        e->done_epoch = event->epoch;
        elect__candidate_wish(e, ELECT__WISH_WORK_DONE);
        elect__gate_unlock(&e->client->gate);
    }
    elect__election_unref(e);
}

void elect__candidate_init(elect_election_t *e)
{
    init_machine(e);
    e->share = elect__settings_share_ref(e->first);
    e->latest = elect__settings_share_ref(e->first);
    e->slot.settings = e->first->settings;
    e->slot.host = &elect__candidate_host;
    e->call.run = run_call;
    e->soon.run = run_soon;
    e->timer.fire = on_timer;
    e->receiver.gone = on_gone;
}
