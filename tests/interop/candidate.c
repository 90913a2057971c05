/* A candidate in a process of its own: candidate OPTION=VALUE... It tells what happens by lines of JSON, ends gracefully
 * when told "stop", and at once when its input ends. The peers in peer/ speak the same. */
#include <cjson/cJSON.h>
#include <elect/elect.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

/* When is_leader was called that answered true last: so two terms that overlap in what is told did overlap. */
static _Atomic int64_t last_true_ns;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void tell(const char *event, int64_t at_ns, uint64_t epoch, const char *text)
{
    char number[24];
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "event", event);
    snprintf(number, sizeof(number), "%" PRId64, at_ns);
    cJSON_AddRawToObject(line, "at", number);
    snprintf(number, sizeof(number), "%" PRIu64, epoch);
    cJSON_AddRawToObject(line, "epoch", number);
    cJSON_AddStringToObject(line, "text", text);
    char *out = cJSON_PrintUnformatted(line);
    if (!out || dprintf(STDOUT_FILENO, "%s\n", out) < 0)
        _exit(1); /* nobody reads any more */
    cJSON_free(out);
    cJSON_Delete(line);
}

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    (void)election, (void)user;
    int64_t at_ns = now_ns();
    const elect_leader_t *leader = elect_event_leader(event);
    switch (elect_event_kind(event)) {
    case ELECT_EVENT_ELECTED:
        atomic_store(&last_true_ns, at_ns);
        tell("elected", at_ns, elect_event_epoch(event), "");
        break;
    case ELECT_EVENT_LOST:
        tell("lost", atomic_load(&last_true_ns), elect_event_epoch(event),
             elect_reason_name(elect_event_reason(event)));
        break;
    case ELECT_EVENT_LEADER_CHANGED:
        tell("sees", at_ns, elect_leader_epoch(leader), elect_leader_instance_id(leader));
        break;
    case ELECT_EVENT_ERROR:
        tell("error", at_ns, 0, elect_event_text(event));
        break;
    case ELECT_EVENT_LOG:
        tell("log", at_ns, 0, elect_event_text(event));
        break;
    default:
        break;
    }
}

static int fail(const char *why)
{
    fprintf(stderr, "candidate: %s\n", why);
    return 1;
}

/* Until told to stop. */
static void lead(elect_election_t *election)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready;
    do {
        ready = poll(&input, 1, 1);
        int64_t called_ns = now_ns();
        if (elect_election_is_leader(election))
            atomic_store(&last_true_ns, called_ns);
    } while (ready == 0);
    char order[16];
    if (ready < 0 || read(STDIN_FILENO, order, sizeof(order)) <= 0)
        _exit(1); /* the parent has gone, or wants us dead */
}

int main(int argc, char **argv)
{
    elect_options_t *options = elect_options_new(), *none = elect_options_new();
    elect_client_t *client;
    elect_election_t *election;
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            return fail("usage: candidate OPTION=VALUE...");
        *equals = '\0';
        if (elect_options_set(options, argv[i], equals + 1) != ELECT_OK)
            return fail(elect_options_error(options));
    }
    if (elect_client_open(options, &client) != ELECT_OK)
        return fail(elect_options_error(options));
    if (elect_election_new(client, none, &election) != ELECT_OK)
        return fail(elect_options_error(none));
    elect_options_free(options);
    elect_options_free(none);
    elect_election_on_event(election, on_event, NULL, NULL);
    elect_client_on_log(client, on_event, NULL, NULL);
    tell("standing", now_ns(), 0, elect_election_instance_id(election));
    elect_election_start(election);
    lead(election);
    int64_t at_ns = now_ns();
    elect_election_stop(election);
    tell("stopping", at_ns, 0, "");
    if (elect_client_close(client, PATIENCE_MS) != ELECT_OK)
        return fail("the client did not close");
    tell("stopped", now_ns(), 0, "");
    elect_election_free(election);
    elect_client_free(client);
    return 0;
}
