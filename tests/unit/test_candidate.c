/* Candidates on a store that misbehaves: what no store of ours does by itself, but a network may make of any. */
#include "api.h"
#include "candidate.h"
#include "stores/memory.h"

static struct elect__store_class staged;
static struct elect__store *inner; /* memory:, that the staged class stands before */

/* Before the first start: nobody asks the store yet. */
static elect_client_t *open_staged(const char *pairs)
{
    elect_client_t *client = open_client(MANUAL, pairs);
    inner = client->store;
    staged = elect__memory_store;
    inner->class_ = client->class_ = &staged;
    return client;
}

/* ---- an acquire that arrives a term too late ---- */

static struct elect__op late;
static bool swallowed, deliver;

static void submit_late(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op)
{
    if (op->verb == ELECT__ACQUIRE && !swallowed) {
        swallowed = true;
        late = *op;
        return;
    }
    if (op->verb == ELECT__PROBE && deliver) {
        deliver = false;
        elect__memory_store.submit(store, slot, &late);
    }
    elect__memory_store.submit(store, slot, op);
}

Test(candidate, an_acquire_that_arrives_after_its_deadline_is_adopted_and_told)
{
    elect_client_t *client = open_staged("lock_ttl=10s");
    staged.submit = submit_late;
    deliver = true; /* with the probe that comes after the deadline */
    elect_election_t *election = start_queued(client, "name=a", 1);
    command(client, "advance 20s");
    expect_events(client, "1 error, 1 elected, 1 leader_changed");
    cr_assert_eq(elect_election_is_leader(election), 1);
    must(elect_election_stop(election));
    expect_events(client, "1 lost/stopped, 1 closed");
    elect_election_free(election);
    close_client(client);
}

/* ---- a store that can't be used at first ---- */

static int refusals;

static int32_t attach_refused(struct elect__store *store, struct elect__slot *slot, char *error, size_t error_size)
{
    if (refusals-- > 0) {
        snprintf(error, error_size, "not yet");
        return ELECT_ESTORE;
    }
    return elect__memory_store.attach(store, slot, error, error_size);
}

Test(candidate, a_store_that_refuses_is_tried_again_whatever_is_asked_meanwhile)
{
    elect_client_t *client = open_staged("lock_ttl=10s");
    elect_leader_t *leader;
    staged.attach = attach_refused;
    refusals = 3;
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_t *error = next_event(client, ELECT_EVENT_ERROR);
    cr_assert_eq(elect_event_code(error), ELECT_ESTORE);
    cr_assert_str_eq(elect_event_text(error), "not yet");
    elect_event_free(error);
    cr_assert_eq(elect_election_leader(election, 0, 0, &leader), ELECT_ETIMEOUT);
    command(client, "advance 30s");
    cr_assert_eq(elect_election_is_leader(election), 1);
    expect_events(client, "1 elected, 1 leader_changed");
    elect_election_free(election);
    close_client(client);
}

Test(candidate, one_that_no_store_took_can_be_stopped)
{
    elect_client_t *client = open_staged("");
    staged.attach = attach_refused;
    refusals = 1000;
    elect_election_t *election = start_queued(client, "name=a", 1);
    command(client, "advance 30s");
    must(elect_election_stop(election));
    must(elect_election_join(election, FOR_EVER));
    expect_events(client, "1 error, 1 closed");
    elect_election_free(election);
    close_client(client);
}

/* ---- answers that nobody waits for any more ---- */

static struct elect__slot *probed;
static struct elect__op probe;

static void submit_holding_probes(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op)
{
    if (op->verb == ELECT__PROBE) {
        probed = slot;
        probe = *op;
        return;
    }
    elect__memory_store.submit(store, slot, op);
}

static int32_t command_answer(struct elect__store *store, const char *line)
{
    struct elect__leader_view ghost = {
        .instance_id = "ghost", .hostname = "", .address = "", .metadata = "", .epoch = 1};
    struct elect__reply reply = {.outcome = ELECT__HELD, .seq = probe.seq, .epoch = 1, .attempt = 1};
    if (strcmp(line, "answer") != 0)
        return elect__memory_store.command(store, line);
    elect__candidate_host.reply(probed, &reply, &ghost, NULL);
    return ELECT_OK;
}

Test(candidate, an_answer_after_its_deadline_says_nothing_of_the_leader)
{
    elect_client_t *client = open_staged("lock_ttl=10s");
    elect_leader_t *leader;
    staged.submit = submit_holding_probes;
    staged.command = command_answer;
    elect_election_t *watcher = start_queued(client, "name=a role=observer", 1);
    settle(client);
    uint64_t seq = probe.seq;
    cr_assert_neq(seq, 0);
    command(client, "advance 5s"); /* it is given up, and the next one is not yet sent */
    cr_assert_eq(probe.seq, seq);
    command(client, "answer");
    cr_assert_eq(elect_election_leader(watcher, -1, 0, &leader), ELECT_ETIMEOUT);
    expect_events(client, "1 error");
    elect_election_free(watcher);
    close_client(client);
}

/* ---- lifetimes ---- */

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election;
    (void)event;
    (void)user;
}

Test(candidate, a_dispatcher_that_starts_after_the_client_was_freed_ends_by_itself)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    elect_client_free(client);
    must(elect_election_on_event(election, on_event, NULL, NULL)); /* the election keeps the client's memory */
    cr_assert(client->dispatcher.started);
    cr_assert(client->dispatcher.alone, "nobody is left who would join it");
    elect_election_free(election);
}

Test(candidate, a_freed_election_does_not_wait_for_its_lost_to_be_read)
{
    elect_client_t *client = open_client(MANUAL, "lock_ttl=10s");
    elect_election_t *election = start_queued(client, "name=a", 1);
    elect_event_free(next_event(client, ELECT_EVENT_ELECTED));
    command(client, "cut a"); /* the release gets no answer: only time ends it, and it must not stand still */
    elect_election_free(election);
    settle(client);
    close_client(client);
}
