/* Two clients of one store, from open to free, while every allocation of theirs fails in turn, once, or from then on.
 * Whatever fails says so, nothing crashes or is lost, nobody leads beside another; and when there is memory again, both lead.
 * What a store has of its own beside, struct site_store says. */
#ifndef TESTS_UNIT_SITES_H
#define TESTS_UNIT_SITES_H
#include "api.h"
#include "failing.h"

enum { SITES = 2 };

struct site {
    int number; /* below SITES */
    elect_options_t *options, *of_election;
    elect_client_t *client;
    elect_election_t *election;
    int32_t last; /* ELECTED or LOST */
};

struct site_store {
    const char *url, *pairs;        /* of the clients' options */
    bool (*may_fail)(int32_t code); /* with this code, without memory */
    /* What else can be asked than reports of an election, of which there may be none; what it failed with. */
    int32_t (*ask)(const struct site *site);
    /* Around each round, while there is memory; begin may be NULL. */
    void (*begin)(void), (*end)(void);
    /* Its client is open, and is closed; may be NULL. */
    void (*opened)(const struct site *site), (*closed)(const struct site *site);
};

/* Every step-th allocation fails, until none does. */
void sites_live(const struct site_store *store, bool forever, int step);
#endif
