/* A program as the header wants it, in the language that C90 and C++98 share: reads its events from the queue, skips those of
 * a kind it does not know, takes any code but ELECT_OK for a failure. Compiled with -include baseline.h it is an old program.
 * consumer: elects once on memory:, says how many events it skipped. */
#ifndef ELECT_VERSION_NUMBER
#include <elect/elect.h>
#include <elect/store.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define expect(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #condition);                                                \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static elect_options_t *options_of(const char *name, const char *value)
{
    elect_options_t *options = elect_options_new();

    expect(options != NULL);
    expect(elect_options_set(options, name, value) == ELECT_OK);
    return options;
}

/* A failure is one whatever its number, and has words. */
static void refused(void)
{
    elect_options_t *options = elect_options_new();
    int32_t code = elect_options_set(options, "lock_ttl", "10");

    expect(code != ELECT_OK);
    expect(elect_code_name(code) != NULL);
    expect(elect_code_text(code) != NULL && *elect_code_text(code) != '\0');
    expect(strstr(elect_options_error(options), "lock_ttl") != NULL);
    elect_options_free(options);
}

static int lead(elect_client_t *client, elect_election_t *election)
{
    int elected = 0, lost = 0, closed = 0, skipped = 0;
    elect_event_t *event;

    while (!closed) {
        expect(elect_client_next_event(client, 60000, &event) == ELECT_OK);
        expect(elect_event_tag(event) == 7);
        expect(elect_kind_name(elect_event_kind(event)) != NULL);
        expect(elect_reason_name(elect_event_reason(event)) != NULL);
        expect(elect_event_text(event) != NULL && elect_event_fields(event) != NULL);
        switch (elect_event_kind(event)) {
        case ELECT_EVENT_ELECTED:
            elected++;
            expect(elect_election_is_leader(election) == 1);
            expect(elect_event_epoch(event) == elect_election_epoch(election));
            expect(elect_election_stop(election) == ELECT_OK);
            break;
        case ELECT_EVENT_LOST:
            lost++;
            break;
        case ELECT_EVENT_CLOSED:
            closed++;
            break;
        case ELECT_EVENT_LEADER_CHANGED:
        case ELECT_EVENT_ERROR:
        case ELECT_EVENT_LOG:
            break;
        default:
            skipped++;
        }
        elect_event_free(event);
    }
    expect(elected == 1 && lost == 1);
    return skipped;
}

int main(void)
{
    elect_options_t *options = options_of("store", "memory:");
    elect_client_t *client;
    elect_election_t *election;
    int skipped;

    /* A program may be older than its library, never younger. */
    expect(elect_version_number() >= ELECT_VERSION_NUMBER);
    refused();
    expect(elect_client_open(options, &client) == ELECT_OK);
    elect_options_free(options);
    options = options_of("name", "consumer");
    expect(elect_election_new(client, options, &election) == ELECT_OK);
    elect_options_free(options);
    expect(elect_election_queue_events(election, 7) == ELECT_OK);
    expect(elect_election_start(election) == ELECT_OK);
    skipped = lead(client, election);
    expect(elect_client_close(client, 60000) == ELECT_OK);
    elect_election_free(election);
    elect_client_free(client);
    printf("%d\n", skipped);
    return 0;
}
