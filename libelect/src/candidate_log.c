/* What a candidate does, for the log: silence means that all is well, so heartbeats are DEBUG. */
#include "candidate.h"
#include "report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cJSON *elect__candidate_fields(elect_election_t *e)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "election", e->slot.settings->name);
    cJSON_AddStringToObject(fields, "id", e->slot.settings->instance_id);
    return fields;
}

static void add_seconds(cJSON *fields, const char *key, int64_t ns)
{
    char text[32];
    snprintf(text, sizeof text, "%.1fs", (double)ns / ELECT__S);
    cJSON_AddStringToObject(fields, key, text);
}

static void log_elected(elect_election_t *e, int64_t now_ns)
{
    cJSON *fields = elect__candidate_fields(e);
    elect__report_add_u64(fields, "epoch", e->fsm.lease.epoch);
    add_seconds(fields, "waited", now_ns - e->waiting_since_ns);
    elect__log(e->client, ELECT_LOG_INFO, fields, "Became the leader!");
}

static void log_lost(elect_election_t *e, const struct elect__before *before, int32_t reason, int64_t now_ns)
{
    bool silent = reason == ELECT_REASON_UNREACHABLE || reason == ELECT_REASON_EXPIRED;
    int64_t length_ns = e->fsm.config.ttl_ns - e->fsm.config.margin_ns;
    cJSON *fields = elect__candidate_fields(e);
    elect__report_add_u64(fields, "epoch", before->lease.epoch);
    cJSON_AddStringToObject(fields, "reason", elect_reason_name(reason));
    add_seconds(fields, "last_renewal", now_ns - (before->lease.lease_until_ns - length_ns));
    if (e->text)
        cJSON_AddStringToObject(fields, "error", e->text);
    elect__log(e->client, ELECT_LOG_ERROR, fields,
               silent ? "Failed to send heartbeat, lost leadership" : "Lost leadership");
}

static void log_renewal(elect_election_t *e, const struct elect__input *input, int64_t now_ns)
{
    bool failed = input->reply ? input->reply->outcome == ELECT__UNKNOWN || input->reply->outcome == ELECT__REFUSED
                               : true; /* its time was over */
    if (!failed) {
        e->failures = 0;
        if (elect__logs(e->client, ELECT_LOG_DEBUG))
            elect__log(e->client, ELECT_LOG_DEBUG, elect__candidate_fields(e), "Heartbeat sent");
        return;
    }
    cJSON *fields = elect__candidate_fields(e);
    cJSON_AddStringToObject(fields, "error", e->text ? e->text : "no answer");
    cJSON_AddNumberToObject(fields, "attempt", ++e->failures);
    elect__log(e->client, ELECT_LOG_WARN, fields, "renewal failed, %.1fs of lease left",
               (double)(e->fsm.lease.lease_until_ns - now_ns) / ELECT__S);
}

static void log_wait(elect_election_t *e, const struct elect__reply *reply, int64_t now_ns)
{
    const struct elect__fsm *f = &e->fsm;
    int64_t at_ns = f->stand_at_ns;
    if (f->loss_until_ns > at_ns)
        at_ns = f->loss_until_ns;
    if (f->grace_until_ns > at_ns)
        at_ns = f->grace_until_ns;
    if (reply->outcome == ELECT__WAIT && now_ns + reply->left_ns > at_ns)
        at_ns = now_ns + reply->left_ns; /* it looks again earlier where nobody tells it of changes */
    bool known = reply->outcome == e->waited_for || reply->outcome == ELECT__FREE; /* a look before the next try */
    if (!known)
        e->waited_for = reply->outcome;
    if (known || !e->text || at_ns - now_ns < f->config.retry_ns)
        return;
    elect__log(e->client, ELECT_LOG_WARN, elect__candidate_fields(e), "standing in %.1fs: %s",
               (double)(at_ns - now_ns) / ELECT__S, e->text);
}

static void log_release(elect_election_t *e, int64_t now_ns)
{
    cJSON *fields = elect__candidate_fields(e);
    add_seconds(fields, "drained", now_ns - e->drain_since_ns);
    cJSON_AddStringToObject(fields, "reason", elect_reason_name(e->fsm.reason));
    elect__log(e->client, ELECT_LOG_INFO, fields, "Releasing leadership voluntarily");
}

void elect__candidate_log(elect_election_t *e, const struct elect__before *before, const struct elect__input *input,
                          const struct elect__output *out, int64_t now_ns)
{
    enum elect__state state = e->fsm.state;
    bool in_term = state == ELECT__LEADING || state == ELECT__DRAINING;
    bool was_in_term = before->state == ELECT__LEADING || before->state == ELECT__DRAINING;
    const struct elect__reply *reply = input->kind == ELECT__IN_REPLY ? input->reply : NULL;
    if (before->state == ELECT__LEADING && state != ELECT__LEADING)
        e->drain_since_ns = e->waiting_since_ns = now_ns;
    if (!elect__logs(e->client, ELECT_LOG_ERROR))
        return;
    for (int i = 0; i < out->count; i++) {
        const struct elect__note *note = &out->notes[i];
        if (note->kind == ELECT__NOTE_ELECTED)
            log_elected(e, now_ns);
        else if (note->kind == ELECT__NOTE_LOST && note->reason > ELECT_REASON_RESIGNED)
            log_lost(e, before, note->reason, now_ns);
    }
    if (out->op.verb == ELECT__RELEASE && state == ELECT__RELEASING)
        log_release(e, now_ns);
    bool ended = reply || e->fsm.op.verb == ELECT__NO_OP || out->op.verb != ELECT__NO_OP;
    if (in_term && was_in_term && before->verb == ELECT__RENEW && ended)
        log_renewal(e, input, now_ns);
    if (reply && !in_term && reply->outcome >= ELECT__WON && reply->outcome <= ELECT__LOST_DATA)
        log_wait(e, reply, now_ns);
}
