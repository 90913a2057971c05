/* A life of a client from open to free: every allocation on the way fails in turn, once, and from then on. Whatever fails
 * says so, nothing crashes or is lost, nobody leads beside another; and when there is memory again, somebody leads. */
#include "api_local.h"
#include "failing.h"
#include <sched.h>

enum { ROUNDS_MIN = 50, ROUNDS_MAX = 5000 };

struct life {
    enum part { ALL, OPENING, OPENED } part; /* on local: apart, for the kernel takes its time to end a client there */
    bool manual;
    uint64_t tag;
    elect_options_t *client_options, *options[2], *changes, *changes_of_client;
    elect_client_t *client;
    elect_election_t *elections[2]; /* the first has a queue, the second callbacks */
    int32_t last[2];                /* ELECTED or LOST, by which of them */
    int closed[2];
    atomic_int user_frees;
    int expected_frees;
};

/* It did its work, or there was no memory for it. */
static int32_t check_code(const char *call, int32_t code)
{
    cr_assert(code == ELECT_OK || (code == ELECT_ENOMEM && failing_hit()), "%s: %s", call, elect_code_name(code));
    return code;
}

/* Or what failed before leaves nothing to do it with: nobody leads, nothing is known, the store still answers nothing. */
static void check_refusal(const char *call, int32_t code)
{
    if (code != ELECT_ENOTLEADER && code != ELECT_ETIMEOUT && code != ELECT_ECLOSED && code != ELECT_EUNREACHABLE)
        check_code(call, code);
}

#define may_fail(call) check_code(#call, (call))
#define may_refuse(call) check_refusal(#call, (call))

/* Two leaders at one instant? */
static void check_leaders(const struct life *life)
{
    uint64_t before, after;
    if (!life->elections[0] || !life->elections[1])
        return;
    bool first = elect_election_check(life->elections[0], &before, NULL) == 1;
    bool second = elect_election_is_leader(life->elections[1]) == 1;
    bool still = elect_election_check(life->elections[0], &after, NULL) == 1;
    cr_assert_not(first && second && still && before == after);
}

/* Of one election they alternate, and CLOSED is the last. */
static void take(struct life *life, int of, const elect_event_t *event)
{
    int32_t kind = elect_event_kind(event);
    cr_assert_eq(life->closed[of], 0);
    life->closed[of] += kind == ELECT_EVENT_CLOSED;
    if (kind != ELECT_EVENT_ELECTED && kind != ELECT_EVENT_LOST)
        return;
    cr_assert_neq(life->last[of], kind, "%s twice", elect_kind_name(kind));
    cr_assert(kind == ELECT_EVENT_ELECTED || life->last[of] == ELECT_EVENT_ELECTED);
    life->last[of] = kind;
}

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election;
    take(user, 1, event);
}

static void on_free(void *user)
{
    atomic_fetch_add(&((struct life *)user)->user_frees, 1);
}

static void read_events(struct life *life)
{
    elect_event_t *event;
    int32_t code;
    while ((code = elect_client_next_event(life->client, 0, &event)) == ELECT_OK) {
        cr_assert_not_null(elect_event_text(event));
        cr_assert_not_null(elect_event_fields(event));
        if (elect_event_tag(event) == life->tag) /* not those of earlier lives, or a log */
            take(life, 0, event);
        elect_event_free(event);
    }
    cr_assert(code == ELECT_ETIMEOUT || code == ELECT_ECLOSED);
    check_leaders(life);
}

/* A line for memory:; on local: any question. When it is answered, the I/O thread has done what came before it. */
static void play(struct life *life, const char *line)
{
    may_fail(life->manual ? elect_memory_command(life->client, line)
                          : elect_client_forget(life->client, "nobody", FOR_EVER));
    read_events(life);
}

/* ---- the life ---- */

static void open_one(struct life *life)
{
    int32_t code = may_fail(elect_client_open(life->client_options, &life->client));
    cr_assert_eq(life->client == NULL, code != ELECT_OK);
    if (code == ELECT_OK)
        may_fail(elect_client_on_log(life->client, NULL, NULL, NULL));
    else
        cr_assert_str_not_empty(elect_options_error(life->client_options));
}

static void start_all(struct life *life)
{
    for (int i = 0; i < 2; i++) {
        int32_t code = may_fail(elect_election_new(life->client, life->options[i], &life->elections[i]));
        cr_assert_eq(life->elections[i] == NULL, code != ELECT_OK);
        if (code != ELECT_OK)
            cr_assert_str_not_empty(elect_options_error(life->options[i]));
    }
    if (life->elections[0]) {
        must(elect_election_queue_events(life->elections[0], life->tag));
        must(elect_election_start(life->elections[0]));
    }
    if (life->elections[1]) {
        if (may_fail(elect_election_on_event(life->elections[1], on_event, life, on_free)) == ELECT_OK)
            life->expected_frees++;
        must(elect_election_start(life->elections[1]));
    }
}

/* Who leads does not hear that nobody does. */
static void ask_leader(elect_election_t *election)
{
    elect_leader_t *leader;
    uint64_t before, after;
    elect_election_check(election, &before, NULL);
    int32_t code = elect_election_leader(election, -1, 0, &leader);
    check_refusal("elect_election_leader", code);
    elect_election_check(election, &after, NULL);
    cr_assert(code != ELECT_OK || before == 0 || after != before || leader);
    elect_leader_free(leader);
}

static void ask_all(struct life *life)
{
    static const char *const of_client[] = {"store", "elections", "metrics", "doctor"};
    static const char *const of_one[] = {"status", "history"};
    char *text;
    for (int i = 0; i < 4; i++) {
        int32_t code = may_fail(elect_client_report(life->client, of_client[i], FOR_EVER, &text));
        cr_assert_eq(text == NULL, code != ELECT_OK);
        elect_string_free(text);
    }
    for (int i = 0; i < 2; i++) {
        if (!life->elections[i])
            continue;
        ask_leader(life->elections[i]);
        for (int j = 0; j < 2; j++) {
            may_refuse(elect_election_report(life->elections[i], of_one[j], FOR_EVER, &text));
            elect_string_free(text);
        }
    }
    may_fail(elect_client_forget(life->client, "nobody", FOR_EVER));
}

static void update_all(struct life *life)
{
    for (int i = 0; i < 2; i++) {
        if (life->elections[i])
            may_fail(elect_election_update(life->elections[i], life->changes));
    }
    may_fail(elect_client_update(life->client, life->changes_of_client));
}

static void live(struct life *life)
{
    const uint64_t epoch =
        life->manual ? 0 : 1; /* who is deposed stays away for a lease, and nobody waits for an hour */
    if (life->part != OPENED)
        open_one(life);
    if (!life->client)
        return;
    start_all(life);
    play(life, "advance 0");
    if (life->part == OPENING)
        return;
    ask_all(life);
    if (life->manual) /* nothing of it is the store's */
        update_all(life);
    play(life, "advance 5s");
    for (int i = 0; i < 2; i++) {
        if (life->elections[i])
            may_refuse(elect_election_resign(life->elections[i], 0, 0));
        play(life, "advance 5s");
    }
    for (int i = 0; i < 2; i++) {
        if (life->elections[i])
            may_refuse(elect_election_depose(life->elections[i], epoch, FOR_EVER));
        play(life, "advance 5s");
    }
    play(life, "rival a");
    play(life, "lose a");
    play(life, "advance 20s");
    play(life, "retire a");
    play(life, "wipe");
    play(life, "advance 1m");
    play(life, "cut a");
    play(life, "advance 20s");
    if (life->elections[0])
        must(elect_election_stop(life->elections[0]));
    play(life, "heal a");
    if (life->manual)
        ask_all(life);
    play(life, "advance 5s");
}

/* There is memory again: the second leads at last, and all ends. */
static void recover(struct life *life)
{
    elect_election_free(life->elections[0]);
    life->elections[0] = NULL;
    if (life->manual) {
        command(life->client, "retire a");
        command(life->client, "heal a");
    }
    if (!life->elections[1]) {
        must(elect_election_new(life->client, life->options[1], &life->elections[1]));
        must(elect_election_start(life->elections[1]));
    }
    while (life->manual && !elect_election_is_leader(life->elections[1])) /* its callbacks may yet hold a LOST */
        command(life->client, "advance 1s");
    must(elect_election_wait(life->elections[1], GUARD_MS));
    elect_election_free(life->elections[1]);
    life->elections[1] = NULL;
}

static void end(struct life *life)
{
    if (!life->client)
        return;
    recover(life);
    while (life->part == OPENED && atomic_load(&life->user_frees) != life->expected_frees)
        sched_yield(); /* its callbacks are given this life until then */
    if (life->part == OPENED)
        return;
    must(elect_client_close(life->client, GUARD_MS));
    read_events(life);
    cr_assert_neq(life->last[0], ELECT_EVENT_ELECTED);
    elect_client_free(life->client);
    cr_assert_eq(atomic_load(&life->user_frees), life->expected_frees);
}

static void live_again_and_again(const char *store, const char *pairs, enum part part, bool forever)
{
    struct life like = {.manual = strcmp(store, MANUAL) == 0, .part = part};
    failing_hook();
    like.client_options = make_options(pairs);
    must(elect_options_set(like.client_options, "store", store));
    like.options[0] = make_options("name=a instance_id=x");
    like.options[1] = make_options("name=a instance_id=y metadata=m");
    like.changes = make_options("address=there");
    like.changes_of_client = make_options("log_level=debug");
    close_client(open_client(store, "")); /* what libevent keeps for good, it has then */
    long before = failing_live();
    if (part == OPENED)
        open_one(&like);
    int rounds = 0;
    bool hit = true;
    while (hit) {
        cr_assert_lt(rounds, ROUNDS_MAX);
        struct life life = like;
        failing_begin(rounds++, forever);
        life.tag = (uint64_t)rounds;
        live(&life);
        hit = failing_end();
        end(&life);
        cr_assert(part == OPENED || failing_live() == before, "%ld blocks were lost in round %d",
                  failing_live() - before, rounds);
    }
    cr_assert_gt(rounds, ROUNDS_MIN);
    if (part == OPENED) {
        must(elect_client_close(like.client, GUARD_MS));
        elect_client_free(like.client); /* with the events that nobody read */
        cr_assert_eq(failing_live(), before, "%ld blocks were lost", failing_live() - before);
    }
    elect_options_free(like.client_options);
    elect_options_free(like.options[0]);
    elect_options_free(like.options[1]);
    elect_options_free(like.changes);
    elect_options_free(like.changes_of_client);
}

#define OF_MEMORY "log_level=debug lock_ttl=10s"
#define OF_LOCAL "log_level=warn lock_ttl=1h heartbeat_interval=20ms retry_interval=10ms"

Test(allocations_api, memory_each_fails_once)
{
    live_again_and_again(MANUAL, OF_MEMORY, ALL, false);
}

Test(allocations_api, memory_all_fail_from_one_on)
{
    live_again_and_again(MANUAL, OF_MEMORY, ALL, true);
}

Test(allocations_api, local_each_fails_once_while_it_opens)
{
    live_again_and_again(make_local(), OF_LOCAL, OPENING, false);
    remove_local();
}

Test(allocations_api, local_all_fail_from_one_on_while_it_opens)
{
    live_again_and_again(make_local(), OF_LOCAL, OPENING, true);
    remove_local();
}

Test(allocations_api, local_each_fails_once)
{
    live_again_and_again(make_local(), OF_LOCAL, OPENED, false);
    remove_local();
}

Test(allocations_api, local_all_fail_from_one_on)
{
    live_again_and_again(make_local(), OF_LOCAL, OPENED, true);
    remove_local();
}
