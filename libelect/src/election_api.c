/* What users' threads ask of an election. */
#include "ask.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ELECT_OK: the handle may be used here. */
static int32_t check_handle(const elect_election_t *e)
{
    if (!e)
        return ELECT_EINVAL;
    return elect__client_forked(e->client) ? ELECT_EFORKED : ELECT_OK;
}

/* ---- where events go ---- */

/* With the gate held: may the receiver still be chosen, and is it not the other kind already? */
static int32_t check_receiver(const elect_election_t *e, const struct elect__queue *queue)
{
    bool chosen = e->receiver.queue != NULL && (e->receiver.queue != queue || queue == &e->client->queue);
    return e->started || e->stopped || chosen ? ELECT_ESTATE : ELECT_OK;
}

int32_t elect_election_on_event(elect_election_t *e, elect_event_cb callback, void *user, elect_free_cb user_free)
{
    int32_t code = check_handle(e);
    if (code != ELECT_OK || !callback)
        return code != ELECT_OK ? code : ELECT_EINVAL;
    struct elect__callback *node = malloc(sizeof *node);
    if (!node)
        return ELECT_ENOMEM;
    *node = (struct elect__callback){callback, user, user_free, NULL};
    elect__gate_lock(&e->client->gate);
    code = check_receiver(e, &e->client->dispatch);
    if (code == ELECT_OK)
        code = elect__dispatcher_start(e->client);
    if (code == ELECT_OK) {
        struct elect__callback **last = &e->callbacks;
        while (*last)
            last = &(*last)->next;
        *last = node;
        e->receiver.queue = &e->client->dispatch;
    }
    elect__gate_unlock(&e->client->gate);
    if (code != ELECT_OK)
        free(node);
    return code;
}

int32_t elect_election_queue_events(elect_election_t *e, uint64_t tag)
{
    int32_t code = check_handle(e);
    if (code != ELECT_OK || tag == 0)
        return code != ELECT_OK ? code : ELECT_EINVAL;
    elect__gate_lock(&e->client->gate);
    code = check_receiver(e, &e->client->queue);
    if (code == ELECT_OK) {
        e->receiver.queue = &e->client->queue;
        e->receiver.tag = tag;
    }
    elect__gate_unlock(&e->client->gate);
    return code;
}

/* ---- start, stop, wait ---- */

static int32_t draw(elect_election_t *e, uint64_t *seed, char incarnation[33])
{
    unsigned char bytes[16];
    if (e->env->random(e->env->ctx, seed, sizeof *seed) != 0 || e->env->random(e->env->ctx, bytes, sizeof bytes) != 0)
        return ELECT_ESTORE;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(incarnation + 2 * i, 3, "%02x", bytes[i]);
    return ELECT_OK;
}

int32_t elect_election_start(elect_election_t *e)
{
    char incarnation[33] = "";
    uint64_t seed = 0;
    int32_t code = check_handle(e);
    if (code == ELECT_OK)
        code = draw(e, &seed, incarnation);
    if (code != ELECT_OK)
        return code;
    elect__election_ref(e); /* a callback may free the handle as soon as the gate is open */
    elect__gate_lock(&e->client->gate);
    if (e->started || e->stopped) {
        code = ELECT_ESTATE;
    } else {
        e->started = true;
        e->seed = seed;
        if (!e->first->settings->observer)
            memcpy(e->slot.incarnation, incarnation, sizeof incarnation);
        elect__candidate_wish(e, ELECT__WISH_START);
    }
    elect__gate_unlock(&e->client->gate);
    elect__election_unref(e);
    return code;
}

void elect__election_stop(elect_election_t *e)
{
    e->stopped = true;
    elect__candidate_deny(e);
    elect__candidate_wish(e, ELECT__WISH_STOP);
    elect__gate_wake_all(&e->client->gate);
}

int32_t elect_election_stop(elect_election_t *e)
{
    int32_t code = check_handle(e);
    if (code != ELECT_OK)
        return code;
    elect__election_ref(e); /* as in start */
    elect__gate_lock(&e->client->gate);
    elect__election_stop(e);
    elect__gate_unlock(&e->client->gate);
    elect__election_unref(e);
    return ELECT_OK;
}

static int32_t join(elect_election_t *e, int64_t deadline_ns)
{
    int32_t code = ELECT_ESTATE;
    elect__gate_lock(&e->client->gate);
    if (e->started || e->stopped) {
        while (!e->closed && elect__gate_wait(&e->client->gate, deadline_ns))
            ;
        code = e->closed ? ELECT_OK : ELECT_ETIMEOUT;
    }
    elect__gate_unlock(&e->client->gate);
    return code;
}

int32_t elect_election_join(elect_election_t *e, int64_t timeout_ms)
{
    int32_t code = check_handle(e);
    if (code != ELECT_OK)
        return code;
    elect__election_ref(e); /* the handle may be freed meanwhile */
    code = elect__client_dispatching(e->client) ? ELECT_ESTATE : join(e, elect__gate_deadline(timeout_ms));
    elect__election_unref(e);
    return code;
}

int32_t elect_election_resign(elect_election_t *e, uint64_t epoch, int64_t backoff_ms)
{
    int32_t code = check_handle(e);
    if (code != ELECT_OK)
        return code;
    if (backoff_ms < 0)
        return ELECT_EINVAL;
    elect__election_ref(e); /* as in start */
    elect__gate_lock(&e->client->gate);
    struct elect__lease lease = elect__cell_read(e->cell);
    if (!elect__lasts(lease.lead_until_ns, elect__loop_now(&e->client->loop)) || (epoch != 0 && epoch != lease.epoch)) {
        code = ELECT_ENOTLEADER;
    } else {
        e->resign_epoch = elect__candidate_deny(e);
        e->backoff_ns = backoff_ms < INT64_MAX / ELECT__MS ? backoff_ms * ELECT__MS : INT64_MAX;
        elect__candidate_wish(e, ELECT__WISH_RESIGN);
    }
    elect__gate_unlock(&e->client->gate);
    elect__election_unref(e);
    return code;
}

static int32_t wait_to_lead(elect_election_t *e, int64_t deadline_ns)
{
    int32_t code = ELECT_OK;
    bool over = false;
    elect__gate_lock(&e->client->gate);
    if (!e->started && !e->stopped)
        code = ELECT_ESTATE;
    while (code == ELECT_OK && !elect_election_is_leader(e)) {
        if (e->stopped)
            code = ELECT_ECLOSED;
        else if (over)
            code = ELECT_ETIMEOUT;
        else
            over = !elect__gate_wait(&e->client->gate, deadline_ns);
    }
    elect__gate_unlock(&e->client->gate);
    return code;
}

int32_t elect_election_wait(elect_election_t *e, int64_t timeout_ms)
{
    int32_t code = check_handle(e);
    if (code != ELECT_OK)
        return code;
    elect__election_ref(e); /* the handle may be freed meanwhile */
    bool may_wait = !e->first->settings->observer && !elect__client_dispatching(e->client);
    code = may_wait ? wait_to_lead(e, elect__gate_deadline(timeout_ms)) : ELECT_ESTATE;
    elect__election_unref(e);
    return code;
}

/* ---- the lease ---- */

int32_t elect_election_is_leader(const elect_election_t *e)
{
    if (!e)
        return 0;
    int64_t until_ns = elect__cell_lead_until(e->cell); /* before the clock: true at this load, if at all */
    if (until_ns == 0 || !elect__lasts(until_ns, e->env->boot_ns(e->env->ctx)))
        return 0;
    return e->pid == 0 || e->pid == getpid();
}

int32_t elect_election_check(const elect_election_t *e, uint64_t *epoch, int64_t *lease_ms)
{
    struct elect__lease lease = {0};
    int64_t now_ns = 0;
    if (e && (e->pid == 0 || e->pid == getpid())) {
        lease = elect__cell_read(e->cell);
        now_ns = e->env->boot_ns(e->env->ctx);
    }
    bool lasts = elect__lasts(lease.lease_until_ns, now_ns);
    if (epoch)
        *epoch = lasts ? lease.epoch : 0;
    if (lease_ms)
        *lease_ms = lasts ? (lease.lease_until_ns - now_ns) / ELECT__MS : 0;
    if (!lasts)
        return 0;
    return elect__lasts(lease.lead_until_ns, now_ns) ? 1 : 2;
}

uint64_t elect_election_epoch(const elect_election_t *e)
{
    uint64_t epoch;
    elect_election_check(e, &epoch, NULL);
    return epoch;
}

int64_t elect_election_lease_ms(const elect_election_t *e)
{
    int64_t lease_ms;
    elect_election_check(e, NULL, &lease_ms);
    return lease_ms;
}

const char *elect_election_name(const elect_election_t *e)
{
    return e ? e->first->settings->name : "";
}

const char *elect_election_instance_id(const elect_election_t *e)
{
    return e ? e->first->settings->instance_id : "";
}

int32_t elect_election_observes(const elect_election_t *e)
{
    return e && e->first->settings->observer;
}

int64_t elect_election_time_ms(const elect_election_t *e, const char *option)
{
    int64_t ns = e && option ? elect__settings_time_ns(e->first->settings, option) : -1;
    return ns < 0 ? -1 : ns / ELECT__MS;
}
