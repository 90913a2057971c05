/* How an election comes into being, and how long it lives. */
#include "candidate.h"
#include "options.h"
#include <stdlib.h>
#include <string.h>

struct elect__settings_share *elect__settings_share_new(struct elect__settings *settings)
{
    struct elect__settings_share *share = malloc(sizeof *share);
    if (share) {
        atomic_init(&share->refs, 1);
        share->settings = settings;
    }
    return share;
}

struct elect__settings_share *elect__settings_share_ref(struct elect__settings_share *share)
{
    atomic_fetch_add_explicit(&share->refs, 1, memory_order_relaxed);
    return share;
}

void elect__settings_share_unref(struct elect__settings_share *share)
{
    if (!share || atomic_fetch_sub_explicit(&share->refs, 1, memory_order_acq_rel) != 1)
        return;
    elect__settings_free(share->settings);
    free(share);
}

void elect__election_ref(elect_election_t *election)
{
    atomic_fetch_add_explicit(&election->refs, 1, memory_order_relaxed);
}

static void destroy(elect_election_t *e)
{
    elect_client_t *client = e->client;
    if (e->cell && !elect__client_forked(client)) {
        elect__gate_lock(&client->gate);
        elect__cells_give(&client->cells, e->cell);
        elect__gate_unlock(&client->gate);
    }
    elect_event_free(e->elected);
    elect_event_free(e->lost);
    elect_event_free(e->closed_event);
    elect_leader_free(e->leader);
    elect_leader_free(e->answer.leader);
    free(e->answer.text);
    free(e->text);
    elect__settings_share_unref(e->first);
    elect__settings_share_unref(e->share);
    elect__settings_share_unref(e->latest);
    free(e);
    elect__client_unref(client);
}

void elect__election_unref(elect_election_t *election)
{
    if (atomic_fetch_sub_explicit(&election->refs, 1, memory_order_acq_rel) == 1)
        destroy(election);
}

/* ---- new ---- */

static uint64_t identity(const struct elect__settings *settings)
{
    uint64_t hash = elect__hash(elect__hash(0, settings->layout), settings->prefix);
    return elect__hash(elect__hash(hash, settings->name), settings->instance_id);
}

/* With the gate held. */
static bool is_taken(const elect_client_t *client, const struct elect__settings *mine)
{
    struct elect__entry *entry = NULL;
    while ((entry = elect__table_find(&client->ids, identity(mine), entry))) {
        const elect_election_t *e = (elect_election_t *)(void *)((char *)entry - offsetof(elect_election_t, id));
        const struct elect__settings *theirs = e->first->settings;
        if (strcmp(mine->layout, theirs->layout) == 0 && strcmp(mine->prefix, theirs->prefix) == 0 &&
            strcmp(mine->name, theirs->name) == 0 && strcmp(mine->instance_id, theirs->instance_id) == 0)
            return true;
    }
    return false;
}

static int32_t refuse(elect_options_t *options, int32_t code, const char *text)
{
    elect__options_fail(options, "%s", text);
    return code;
}

/* With the gate held. */
static int32_t join_client(elect_election_t *e, elect_options_t *options)
{
    elect_client_t *client = e->client;
    const struct elect__settings *settings = e->first->settings;
    if (client->closing)
        return refuse(options, ELECT_ECLOSED, "the client is closed");
    if (!settings->observer && is_taken(client, settings)) {
        elect__options_fail(options,
                            "instance_id=\"%s\": this client has a candidate with this id in the election \"%s\" "
                            "already; each candidate needs an id of its own",
                            settings->instance_id, settings->name);
        return ELECT_EINVAL;
    }
    e->cell = elect__cells_take(&client->cells);
    if (!e->cell || (!settings->observer && elect__table_add(&client->ids, &e->id, identity(settings)) != 0))
        return refuse(options, ELECT_ENOMEM, elect_code_text(ELECT_ENOMEM));
    e->identified = !settings->observer;
    e->pid = client->cells.wiped ? 0 : client->pid;
    e->next = client->elections;
    if (e->next)
        e->next->previous = e;
    client->elections = e;
    client->live++;
    atomic_store(&e->live, true);
    elect__election_ref(e); /* the I/O thread's, until CLOSED */
    atomic_fetch_add(&client->handles, 1);
    return ELECT_OK;
}

static int32_t make(elect_client_t *client, elect_options_t *options, elect_election_t *e)
{
    struct elect__settings *settings;
    int32_t code = elect__settings_resolve(client->options, options, client->instance_id, &settings);
    if (code != ELECT_OK)
        return code;
    e->first = elect__settings_share_new(settings);
    e->closed_event = elect__event_new(ELECT_EVENT_CLOSED);
    if (!e->first || !e->closed_event) {
        if (!e->first)
            elect__settings_free(settings);
        return refuse(options, ELECT_ENOMEM, elect_code_text(ELECT_ENOMEM));
    }
    elect__candidate_init(e);
    elect__gate_lock(&client->gate);
    code = join_client(e, options);
    elect__gate_unlock(&client->gate);
    return code;
}

int32_t elect_election_new(elect_client_t *client, elect_options_t *options, elect_election_t **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    if (!client || !options)
        return ELECT_EINVAL;
    elect__options_fail(options, "%s", "");
    if (elect__client_forked(client))
        return refuse(options, ELECT_EFORKED, elect_code_text(ELECT_EFORKED));
    elect_election_t *e = calloc(1, sizeof *e);
    if (!e)
        return refuse(options, ELECT_ENOMEM, elect_code_text(ELECT_ENOMEM));
    atomic_init(&e->refs, 1);
    e->client = client;
    e->env = client->env;
    elect__client_ref(client);
    int32_t code = make(client, options, e);
    if (code != ELECT_OK) {
        elect__election_unref(e);
        return code;
    }
    if (*e->first->settings->warning)
        elect__log(client, ELECT_LOG_WARN, NULL, "%s: %s", e->first->settings->name, e->first->settings->warning);
    *out = e;
    return ELECT_OK;
}

int32_t elect_election_update(elect_election_t *e, elect_options_t *options)
{
    if (!e || !options)
        return ELECT_EINVAL;
    if (elect__client_forked(e->client))
        return refuse(options, ELECT_EFORKED, elect_code_text(ELECT_EFORKED));
    for (;;) {
        struct elect__settings *settings;
        elect__gate_lock(&e->client->gate);
        struct elect__settings_share *before = elect__settings_share_ref(e->latest), *after = NULL;
        elect__gate_unlock(&e->client->gate);
        int32_t code = elect__settings_update(before->settings, options, false, &settings);
        if (code == ELECT_OK && !(after = elect__settings_share_new(settings))) {
            elect__settings_free(settings);
            code = refuse(options, ELECT_ENOMEM, elect_code_text(ELECT_ENOMEM));
        }
        elect__gate_lock(&e->client->gate);
        bool current = e->latest == before; /* else another update came between: put this one over it */
        if (code == ELECT_OK && current) {
            e->latest = after;
            after = before;
            elect__candidate_wish(e, ELECT__WISH_UPDATE);
        }
        elect__gate_unlock(&e->client->gate);
        elect__settings_share_unref(after);
        elect__settings_share_unref(before);
        if (code != ELECT_OK || current)
            return code;
    }
}

void elect_election_free(elect_election_t *e)
{
    if (!e)
        return;
    elect_client_t *client = e->client;
    elect__client_ref(client);
    if (elect__client_forked(client)) {
        if (atomic_exchange(&e->live, false))
            elect__election_unref(e); /* the thread that held it is not in this process */
        elect__election_unref(e);     /* NOLINT(clang-analyzer-unix.Malloc): the other reference was not the last one */
        elect__client_handle_gone_in_child(client);
        return;
    }
    elect__gate_lock(&client->gate);
    e->freed = e->stopped = true;
    elect__candidate_deny(e);
    if (e->identified)
        elect__table_remove(&client->ids, &e->id);
    e->identified = false;
    elect__candidate_wish(e, ELECT__WISH_ABANDON);
    elect__gate_wake_all(&client->gate);
    elect__gate_unlock(&client->gate);
    elect__election_unref(e);
    elect__client_handle_gone(client);
}
