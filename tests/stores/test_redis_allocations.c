/* Two clients of redis: from open to free, while every allocation of theirs fails in turn, once, and from then on. Whatever
 * fails says so, nothing crashes or is lost, nobody leads beside another; and when there is memory again, both lead. */
#include "redis/server.h"
#include "unit/api.h"
#include "unit/failing.h"
#include <sched.h>
#include <stdlib.h>

enum { SITES = 2, ROUNDS_MIN = 100, ROUNDS_MAX = 5000 };
#define QUICK "lock_ttl=1h heartbeat_interval=20ms retry_interval=10ms restart_grace=0s"

struct site {
    elect_options_t *options, *of_election;
    elect_client_t *client;
    elect_election_t *election;
    int32_t last; /* ELECTED or LOST */
};

/* ---- what may be seen ---- */

/* Without memory a connection ends, and what was sent on it may have been applied or not. */
static void may_fail(int32_t code)
{
    bool failed = code == ELECT_ENOMEM || code == ELECT_ESTORE || code == ELECT_EUNREACHABLE || code == ELECT_EUNKNOWN;
    cr_assert(code == ELECT_OK || (failed && failing_hit()), "%s", elect_code_name(code));
}

static void may_refuse(int32_t code)
{
    if (code != ELECT_ENOTLEADER)
        may_fail(code);
}

static void check_leaders(const struct site sites[SITES])
{
    uint64_t before, after;
    if (!sites[0].election || !sites[1].election)
        return;
    bool first = elect_election_check(sites[0].election, &before, NULL) == 1;
    bool second = elect_election_is_leader(sites[1].election) == 1;
    bool still = elect_election_check(sites[0].election, &after, NULL) == 1;
    cr_assert_not(first && second && still && before == after);
}

static void read_events(struct site *site)
{
    elect_event_t *event;
    while (site->client && elect_client_next_event(site->client, 0, &event) == ELECT_OK) {
        int32_t kind = elect_event_kind(event);
        if (kind == ELECT_EVENT_ERROR)
            may_fail(elect_event_code(event));
        if (kind == ELECT_EVENT_ELECTED || kind == ELECT_EVENT_LOST) {
            cr_assert_neq(site->last, kind);
            site->last = kind;
        }
        elect_event_free(event);
    }
}

static bool leads(const struct site *site)
{
    return site->election && elect_election_is_leader(site->election) == 1;
}

/* ---- a life ---- */

static void open_site(struct site *site, uint64_t tag)
{
    int32_t code = elect_client_open(site->options, &site->client);
    may_fail(code);
    if (code == ELECT_OK) {
        code = elect_election_new(site->client, site->of_election, &site->election);
        may_fail(code);
    }
    if (code != ELECT_OK)
        return;
    must(elect_election_queue_events(site->election, tag));
    must(elect_election_start(site->election));
}

/* A failure may keep everybody from leading for as long as it lasts. */
static void await_leader(struct site sites[SITES])
{
    while (!leads(&sites[0]) && !leads(&sites[1]) && !failing_hit()) {
        for (int i = 0; i < SITES; i++)
            read_events(&sites[i]);
        check_leaders(sites);
        sched_yield();
    }
}

static void ask(struct site *site)
{
    char *text;
    for (int i = 0; site->election && i < 2; i++) {
        int32_t code = elect_election_report(site->election, i == 0 ? "status" : "history", GUARD_MS, &text);
        may_fail(code);
        cr_assert_eq(text == NULL, code != ELECT_OK);
        elect_string_free(text);
    }
    if (site->client) {
        int32_t code = elect_client_report(site->client, "elections", GUARD_MS, &text);
        may_fail(code);
        elect_string_free(text);
    }
}

static void live(struct site sites[SITES])
{
    for (int i = 0; i < SITES; i++)
        open_site(&sites[i], (uint64_t)i + 1);
    await_leader(sites);
    for (int i = 0; i < SITES; i++)
        ask(&sites[i]);
    for (int i = 0; i < SITES; i++) { /* the follower's question, then the leader's own way */
        if (sites[i].election && !leads(&sites[i]))
            may_refuse(elect_election_depose(sites[i].election, 1, GUARD_MS));
        if (leads(&sites[i]))
            may_refuse(elect_election_resign(sites[i].election, 0, 0));
        read_events(&sites[i]);
        check_leaders(sites);
    }
    await_leader(sites);
}

/* There is memory again: both lead at last, each another election, for of this one a lease may be left that nobody could
 * release. */
static void recover(struct site *site, const char *pairs)
{
    read_events(site);
    if (!site->client)
        return;
    elect_election_t *election = make_election(site->client, pairs);
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    elect_election_free(election);
    elect_election_free(site->election);
    must(elect_client_close(site->client, GUARD_MS));
    read_events(site);
    cr_assert_neq(site->last, ELECT_EVENT_ELECTED);
    elect_client_free(site->client);
}

static void live_again_and_again(bool forever, int step)
{
    struct redis_server *server = redis_server_start(NULL);
    struct site like = {.options = make_options(QUICK), .of_election = make_options("name=a")};
    must(elect_options_set(like.options, "store", server->path_url));
    failing_hook();
    close_client(open_client(server->path_url, "")); /* what libevent keeps for good, it has then */
    long before = failing_live();
    int rounds = 0;
    bool hit = true;
    for (int at = 0; hit; at += step) {
        cr_assert_lt(at, ROUNDS_MAX);
        struct site sites[SITES] = {like, like};
        failing_begin(at, forever);
        live(sites);
        hit = failing_end();
        check_leaders(sites);
        recover(&sites[0], "name=b");
        recover(&sites[1], "name=c");
        redis_server_do(server, "FLUSHALL");
        cr_assert_eq(failing_live(), before, "%ld blocks were lost in round %d", failing_live() - before, at);
        rounds++;
    }
    cr_assert_gt(rounds * step, ROUNDS_MIN);
    elect_options_free(like.options);
    elect_options_free(like.of_election);
    redis_server_stop(server);
}

Test(redis_allocations, each_fails_once)
{
    live_again_and_again(false, 1);
}

Test(redis_allocations, all_fail_from_one_on)
{
    live_again_and_again(true, 7);
}
