#include "sites.h"
#include <sched.h>

enum { ROUNDS_MIN = 100, ROUNDS_MAX = 5000 };

/* ---- what may be seen ---- */

static void may_fail(const struct site_store *store, int32_t code)
{
    cr_assert(code == ELECT_OK || (store->may_fail(code) && failing_hit()), "%s", elect_code_name(code));
}

static void may_refuse(const struct site_store *store, int32_t code)
{
    if (code != ELECT_ENOTLEADER)
        may_fail(store, code);
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

static void read_events(const struct site_store *store, struct site *site)
{
    elect_event_t *event;
    while (site->client && elect_client_next_event(site->client, 0, &event) == ELECT_OK) {
        int32_t kind = elect_event_kind(event);
        if (kind == ELECT_EVENT_ERROR)
            may_fail(store, elect_event_code(event));
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

static void open_site(const struct site_store *store, struct site *site)
{
    int32_t code = elect_client_open(site->options, &site->client);
    may_fail(store, code);
    if (code != ELECT_OK) {
        cr_assert_str_not_empty(elect_options_error(site->options));
        return;
    }
    if (store->opened)
        store->opened(site);
    code = elect_election_new(site->client, site->of_election, &site->election);
    may_fail(store, code);
    if (code != ELECT_OK)
        return;
    must(elect_election_queue_events(site->election, (uint64_t)site->number + 1));
    must(elect_election_start(site->election));
}

/* A failure may keep everybody from leading for as long as it lasts. */
static void await_leader(const struct site_store *store, struct site sites[SITES])
{
    while (!leads(&sites[0]) && !leads(&sites[1]) && !failing_hit()) {
        for (int i = 0; i < SITES; i++)
            read_events(store, &sites[i]);
        check_leaders(sites);
        sched_yield();
    }
}

static void ask(const struct site_store *store, const struct site *site)
{
    static const char *const reports[] = {"status", "history"};
    char *text;
    for (int i = 0; site->election && i < 2; i++) {
        int32_t code = elect_election_report(site->election, reports[i], GUARD_MS, &text);
        may_fail(store, code);
        cr_assert_eq(text == NULL, code != ELECT_OK);
        elect_string_free(text);
    }
    if (site->client)
        may_fail(store, store->ask(site));
}

static void live(const struct site_store *store, struct site sites[SITES])
{
    for (int i = 0; i < SITES; i++)
        open_site(store, &sites[i]);
    await_leader(store, sites);
    for (int i = 0; i < SITES; i++)
        ask(store, &sites[i]);
    for (int i = 0; i < SITES; i++) { /* the follower's question, then the leader's own way */
        if (sites[i].election && !leads(&sites[i]))
            may_refuse(store, elect_election_depose(sites[i].election, 1, GUARD_MS));
        if (leads(&sites[i]))
            may_refuse(store, elect_election_resign(sites[i].election, 0, 0));
        read_events(store, &sites[i]);
        check_leaders(sites);
    }
    await_leader(store, sites);
}

/* There is memory again: both lead at last, each another election, for of this one a lease may be left that nobody could
 * release. */
static void recover(const struct site_store *store, struct site *site, const char *pairs)
{
    read_events(store, site);
    if (!site->client)
        return;
    elect_election_t *election = make_election(site->client, pairs);
    must(elect_election_start(election));
    must(elect_election_wait(election, GUARD_MS));
    elect_election_free(election);
    elect_election_free(site->election);
    must(elect_client_close(site->client, GUARD_MS));
    if (store->closed)
        store->closed(site);
    read_events(store, site);
    cr_assert_neq(site->last, ELECT_EVENT_ELECTED);
    elect_client_free(site->client);
}

void sites_live(const struct site_store *store, bool forever, int step)
{
    elect_options_t *options = make_options(store->pairs), *of_election = make_options("name=a");
    must(elect_options_set(options, "store", store->url));
    failing_hook();
    close_client(open_client(store->url, "")); /* what libevent keeps for good, it has then */
    long before = failing_live();
    int at = 0;
    for (bool hit = true; hit; at += step) {
        cr_assert_lt(at, ROUNDS_MAX);
        struct site sites[SITES];
        for (int i = 0; i < SITES; i++)
            sites[i] = (struct site){.number = i, .options = options, .of_election = of_election};
        if (store->begin)
            store->begin();
        failing_begin(at, forever);
        live(store, sites);
        hit = failing_end();
        check_leaders(sites);
        recover(store, &sites[0], "name=b");
        recover(store, &sites[1], "name=c");
        store->end();
        cr_assert_eq(failing_live(), before, "%ld blocks were lost in round %d", failing_live() - before, at);
    }
    cr_assert_gt(at, ROUNDS_MIN);
    elect_options_free(options);
    elect_options_free(of_election);
}
