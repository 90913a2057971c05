/* Many elections, many threads, many times: nothing grows, nothing is forgotten. */
#include "api.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ELECTIONS = 1000, THREADS = 4, ROUNDS = 50 };

Test(api_many, a_thousand_elections_lead_and_end)
{
    elect_client_t *client = open_client("memory:", "");
    elect_election_t **elections = calloc(ELECTIONS, sizeof *elections);
    char name[32], *text;
    for (int i = 0; i < ELECTIONS; i++) {
        snprintf(name, sizeof name, "name=e%d", i);
        elections[i] = start_queued(client, name, (uint64_t)i + 1);
    }
    for (int i = 0; i < ELECTIONS; i++)
        must(elect_election_wait(elections[i], GUARD_MS));
    must(elect_client_report(client, "metrics", 0, &text));
    cr_assert_not_null(strstr(text, "\"elections\":1000,\"leading\":1000"), "%s", text);
    elect_string_free(text);
    for (int i = 0; i < ELECTIONS / 2; i++)
        must(elect_election_stop(elections[i]));
    must(elect_client_close(client, GUARD_MS));
    int *closed = calloc(ELECTIONS, sizeof *closed);
    elect_event_t *event;
    while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
        if (elect_event_kind(event) == ELECT_EVENT_CLOSED)
            closed[elect_event_tag(event) - 1]++;
        else
            cr_assert_eq(elect_event_kind(event), ELECT_EVENT_LEADER_CHANGED);
        elect_event_free(event);
    }
    for (int i = 0; i < ELECTIONS; i++) {
        cr_assert_eq(closed[i], 1);
        cr_assert_eq(elect_election_is_leader(elections[i]), 0);
        elect_election_free(elections[i]);
    }
    elect_client_free(client);
    free(closed);
    free(elections);
}

/* Of many candidates of one election one leads, and each has its turn. */
Test(api_many, candidates_of_one_election_take_turns)
{
    enum { CANDIDATES = 20 };
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *elections[CANDIDATES];
    char pairs[48];
    for (int i = 0; i < CANDIDATES; i++) {
        snprintf(pairs, sizeof pairs, "name=a instance_id=c%d", i);
        elections[i] = start_queued(client, pairs, (uint64_t)i + 1);
    }
    settle(client);
    for (int turn = 0; turn < CANDIDATES; turn++) {
        int leader = -1;
        for (int i = 0; i < CANDIDATES; i++) {
            if (!elections[i] || !elect_election_is_leader(elections[i]))
                continue;
            cr_assert_eq(leader, -1);
            leader = i;
        }
        cr_assert_neq(leader, -1);
        elect_election_free(elections[leader]);
        elections[leader] = NULL;
        settle(client);
    }
    close_client(client);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

Test(api_many, clients_leave_no_descriptors_behind)
{
    int before = count_descriptors();
    for (int i = 0; i < ROUNDS; i++) {
        elect_client_t *client = open_client("memory:", "");
        elect_election_t *election = start_queued(client, "name=a", 1);
        if (i % 2)
            elect_election_free(election);
        must(elect_client_close(client, GUARD_MS));
        if (i % 2 == 0)
            elect_election_free(election);
        elect_client_free(client);
    }
    cr_assert_eq(count_descriptors(), before);
}

struct crowd {
    elect_client_t *client;
    elect_election_t *election;
    atomic_bool over;
};

static void *ask(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t highest = 0, epoch;
    while (!atomic_load(&crowd->over)) {
        elect_leader_t *leader;
        char *text;
        if (elect_election_check(crowd->election, &epoch, NULL) != 0 && epoch != 0) {
            cr_assert_geq(epoch, highest);
            highest = epoch;
        }
        if (elect_election_leader(crowd->election, -1, 0, &leader) == ELECT_OK)
            elect_leader_free(leader);
        if (elect_client_report(crowd->client, "metrics", 0, &text) == ELECT_OK)
            elect_string_free(text);
        elect_election_resign(crowd->election, 0, 0);
    }
    return NULL;
}

Test(api_many, threads_may_do_everything_at_once)
{
    struct crowd crowd = {.client = open_client("memory:", "lock_ttl=100ms")};
    pthread_t threads[THREADS];
    elect_event_t *event;
    int32_t last = ELECT_EVENT_LOST;
    crowd.election = start_queued(crowd.client, "name=a", 1);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, ask, &crowd), 0);
    for (int terms = 0; terms < ROUNDS;) {
        must(elect_client_next_event(crowd.client, GUARD_MS, &event));
        int32_t kind = elect_event_kind(event);
        if (kind == ELECT_EVENT_ELECTED || kind == ELECT_EVENT_LOST) {
            cr_assert_neq(kind, last, "ELECTED and LOST alternate");
            last = kind;
            terms++;
        }
        elect_event_free(event);
    }
    must(elect_election_stop(crowd.election));
    atomic_store(&crowd.over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    elect_election_free(crowd.election);
    close_client(crowd.client);
}
