/* What users' threads ask the store about an election. */
#include "ask.h"
#include <stdlib.h>
#include <string.h>

/* With the gate held: is what is known no older than that? */
static bool is_fresh(const elect_election_t *e, int64_t since_ns)
{
    return e->leader_known && (e->leader_read_at_ns >= since_ns || elect_election_epoch(e) != 0);
}

static int32_t copy_leader(const elect_election_t *e, elect_leader_t **out)
{
    *out = e->leader ? elect__leader_copy(e->leader, e->env) : NULL;
    return e->leader && !*out ? ELECT_ENOMEM : ELECT_OK;
}

static int32_t wait_for_leader(elect_election_t *e, int64_t max_age_ms, int64_t timeout_ms, elect_leader_t **out)
{
    int64_t now_ns = elect__loop_now(&e->client->loop), deadline_ns = elect__gate_deadline(timeout_ms);
    int64_t since_ns = max_age_ms < 0 || max_age_ms > now_ns / ELECT__MS ? INT64_MIN : now_ns - max_age_ms * ELECT__MS;
    int32_t code = ELECT_OK;
    bool asked = false, over = false;
    elect__gate_lock(&e->client->gate);
    if (!e->started)
        code = ELECT_ESTATE;
    while (code == ELECT_OK && !is_fresh(e, since_ns)) {
        if (e->closed)
            code = ELECT_ECLOSED;
        else if (over)
            code = ELECT_ETIMEOUT;
        if (code == ELECT_OK && !asked)
            elect__candidate_wish(e, ELECT__WISH_LOOK);
        asked = true;
        if (code == ELECT_OK)
            over = !elect__gate_wait(&e->client->gate, deadline_ns);
    }
    if (code == ELECT_OK)
        code = copy_leader(e, out);
    elect__gate_unlock(&e->client->gate);
    return code;
}

int32_t elect_election_leader(elect_election_t *e, int64_t max_age_ms, int64_t timeout_ms, elect_leader_t **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    if (!e)
        return ELECT_EINVAL;
    if (elect__client_forked(e->client))
        return ELECT_EFORKED;
    elect__election_ref(e); /* the handle may be freed meanwhile */
    bool may_wait = timeout_ms == 0 || !elect__client_dispatching(e->client);
    int32_t code = may_wait ? wait_for_leader(e, max_age_ms, timeout_ms, out) : ELECT_ESTATE;
    elect__election_unref(e);
    return code;
}

static struct elect__settings_share *settings_of(elect_election_t *e)
{
    elect__gate_lock(&e->client->gate);
    struct elect__settings_share *share = elect__settings_share_ref(e->latest);
    elect__gate_unlock(&e->client->gate);
    return share;
}

static int32_t ask(elect_election_t *e, enum elect__query_kind kind, uint64_t epoch, int64_t timeout_ms, char **json)
{
    struct elect__settings_share *share = settings_of(e);
    int32_t code = elect__ask(e->client, share, kind, share->settings->name, epoch, timeout_ms, json);
    elect__settings_share_unref(share);
    return code;
}

int32_t elect_election_depose(elect_election_t *e, uint64_t epoch, int64_t timeout_ms)
{
    if (!e)
        return ELECT_EINVAL;
    if (elect__client_forked(e->client))
        return ELECT_EFORKED;
    return ask(e, ELECT__QUERY_DEPOSE, epoch, timeout_ms, NULL);
}

int32_t elect_election_report(elect_election_t *e, const char *what, int64_t timeout_ms, char **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    if (!e || !what)
        return ELECT_EINVAL;
    if (elect__client_forked(e->client))
        return ELECT_EFORKED;
    if (strcmp(what, "status") == 0)
        return ask(e, ELECT__QUERY_STATUS, 0, timeout_ms, out);
    if (strcmp(what, "history") == 0)
        return ask(e, ELECT__QUERY_HISTORY, 0, timeout_ms, out);
    return ELECT_EINVAL;
}
