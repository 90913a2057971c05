/* What a store tells a candidate. It is kept until the machine may be stepped: neither is ever entered twice. */
#include "candidate.h"
#include <string.h>

static elect_election_t *of_slot(struct elect__slot *slot)
{
    return (elect_election_t *)(void *)((char *)slot - offsetof(elect_election_t, slot));
}

static void come_back(elect_election_t *e, unsigned wishes)
{
    e->inbox |= wishes;
    if (e->driven || e->soon.listed)
        return;
    elect__election_ref(e); /* as long as it is listed */
    elect__loop_soon(&e->client->loop, &e->soon);
}

/* The seat of the next answer; what it says of the leader is learned after the notes that follow from it. */
static void on_reply(struct elect__slot *slot, const struct elect__reply *reply,
                     const struct elect__leader_view *leader, const char *text)
{
    elect_election_t *e = of_slot(slot);
    struct elect__answer *answer = &e->answer;
    bool awaited = e->fsm.op.verb != ELECT__NO_OP && reply->seq == e->fsm.op.seq;
    if (!awaited || e->inbox & ELECT__WISH_REPLY)
        return; /* the machine gave that operation up, or has its answer */
    answer->reply = *reply;
    answer->text = text ? strdup(text) : NULL;
    answer->leader = leader ? elect__leader_new(leader, elect__loop_now(&e->client->loop)) : NULL;
    answer->nobody = reply->outcome == ELECT__FREE || (reply->outcome == ELECT__WAIT && !leader);
    come_back(e, ELECT__WISH_REPLY);
}

static void on_wake(struct elect__slot *slot, bool free)
{
    elect_election_t *e = of_slot(slot);
    e->woken_free = free;
    come_back(e, ELECT__WISH_WAKE);
}

static void on_doubt(struct elect__slot *slot)
{
    come_back(of_slot(slot), ELECT__WISH_DOUBT);
}

static void on_depose(struct elect__slot *slot, uint64_t epoch)
{
    elect_election_t *e = of_slot(slot);
    e->deposed_epoch = epoch;
    come_back(e, ELECT__WISH_DEPOSE);
}

static void on_error(struct elect__slot *slot, int32_t code, const char *text)
{
    elect__candidate_error(of_slot(slot), code, text);
}

static void on_current(void *ctx, void (*read)(const struct elect__settings *settings, void *user), void *user)
{
    elect_client_t *client = ctx;
    elect__gate_lock(&client->gate);
    read(client->updated ? client->updated : client->settings, user);
    elect__gate_unlock(&client->gate);
}

static void on_log(void *ctx, int32_t level, const char *text)
{
    elect__log(ctx, level, NULL, "%s", text);
}

const struct elect__host elect__candidate_host = {.reply = on_reply,
                                                  .wake = on_wake,
                                                  .doubt = on_doubt,
                                                  .depose = on_depose,
                                                  .error = on_error,
                                                  .log = on_log,
                                                  .current = on_current};
