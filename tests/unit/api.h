/* What the tests of the public interface share: clients on memory: with a clock that the test moves. */
#ifndef TESTS_UNIT_API_H
#define TESTS_UNIT_API_H
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <elect/store.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { FOR_EVER = -1, GUARD_MS = 60000, WORDS = 1024 };
#define MANUAL "memory:?clock=manual"

#define must(call) cr_assert_eq((call), ELECT_OK, "%s", #call)

/* "lock_ttl=10s drain_timeout=1m" over what every test uses. */
static inline elect_options_t *make_options(const char *pairs)
{
    char copy[256], *rest = copy, *pair;
    elect_options_t *options = elect_options_new();
    cr_assert_not_null(options);
    snprintf(copy, sizeof copy, "%s", pairs);
    while ((pair = strsep(&rest, " "))) {
        char *value = strchr(pair, '=');
        if (!value)
            continue;
        *value++ = '\0';
        cr_assert_eq(elect_options_set(options, pair, value), ELECT_OK, "%s", elect_options_error(options));
    }
    return options;
}

static inline elect_client_t *open_client(const char *store, const char *pairs)
{
    elect_client_t *client;
    elect_options_t *options = make_options(pairs);
    must(elect_options_set(options, "store", store));
    cr_assert_eq(elect_client_open(options, &client), ELECT_OK, "%s", elect_options_error(options));
    elect_options_free(options);
    return client;
}

static inline elect_election_t *make_election(elect_client_t *client, const char *pairs)
{
    elect_election_t *election;
    elect_options_t *options = make_options(pairs);
    cr_assert_eq(elect_election_new(client, options, &election), ELECT_OK, "%s", elect_options_error(options));
    elect_options_free(options);
    return election;
}

/* With its events in the queue. */
static inline elect_election_t *start_queued(elect_client_t *client, const char *pairs, uint64_t tag)
{
    elect_election_t *election = make_election(client, pairs);
    must(elect_election_queue_events(election, tag));
    must(elect_election_start(election));
    return election;
}

static inline void command(elect_client_t *client, const char *line)
{
    cr_assert_eq(elect_memory_command(client, line), ELECT_OK, "%s", line);
}

/* Until everything that was asked for so far has happened. */
static inline void settle(elect_client_t *client)
{
    command(client, "advance 0");
}

/* Must be of this kind; news of leaders that nobody asked for are skipped. */
static inline elect_event_t *next_event(elect_client_t *client, int32_t kind)
{
    elect_event_t *event;
    must(elect_client_next_event(client, GUARD_MS, &event));
    while (elect_event_kind(event) == ELECT_EVENT_LEADER_CHANGED && kind != ELECT_EVENT_LEADER_CHANGED) {
        elect_event_free(event);
        must(elect_client_next_event(client, GUARD_MS, &event));
    }
    cr_assert_eq(elect_event_kind(event), kind, "got %s, not %s", elect_kind_name(elect_event_kind(event)),
                 elect_kind_name(kind));
    return event;
}

/* Reads and frees all that waits; answers its kinds, as in "1 elected, 1 lost/stopped". Freeing a LOST may bring more. */
static inline const char *read_all(elect_client_t *client)
{
    static char words[WORDS];
    size_t length = 0;
    elect_event_t *event;
    words[0] = '\0';
    settle(client);
    while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
        const char *reason = elect_reason_name(elect_event_reason(event));
        length += (size_t)snprintf(words + length, sizeof words - length, "%s%d %s%s%s", length ? ", " : "",
                                   (int)elect_event_tag(event), elect_kind_name(elect_event_kind(event)),
                                   *reason ? "/" : "", reason);
        elect_event_free(event);
        settle(client);
    }
    return words;
}

#define expect_events(client, wanted)                                                                                  \
    do {                                                                                                               \
        const char *got_ = read_all(client);                                                                           \
        cr_assert_str_eq(got_, wanted, "got \"%s\", not \"%s\"", got_, wanted);                                        \
    } while (0)

static inline int is_readable(elect_client_t *client)
{
    struct pollfd poll_fd = {.fd = elect_client_event_fd(client), .events = POLLIN};
    return poll(&poll_fd, 1, 0);
}

static inline void close_client(elect_client_t *client)
{
    must(elect_client_close(client, GUARD_MS));
    elect_client_free(client);
}
#endif
