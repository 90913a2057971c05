/* libFuzzer: a client of memory: with a clock that is moved, three candidates, and lines of commands. At most one of a
 * name leads, ELECTED and LOST alternate with rising epochs, and reports and events tell what each said of itself. Lines
 * that are not one of these go to elect_memory_command as they are:
 *
 *     start N NAME METADATA     stop N     free N     resign N     depose N     report N WHAT     client WHAT
 *     forget NAME
 */
#include "duration.h"
#include "env.h"
#include "fuzz.h"
#include "text.h"
#include <cjson/cJSON.h>
#include <elect/elect.h>
#include <elect/store.h>
#include <stdbool.h>

enum { CANDIDATES = 3, LINES = 60, GUARD_MS = 20000, METADATA_SIZE = 8192 };
#define ADVANCE_MAX_NS (1800 * ELECT__S)

struct candidate {
    elect_election_t *election;
    char name[256], metadata[METADATA_SIZE];
    uint64_t tag; /* 0: it was never started */
    uint64_t epoch;
    bool led, closed;
};

struct world {
    elect_client_t *client;
    struct candidate candidates[CANDIDATES];
    uint64_t tags;
    int64_t advanced_ns;
    bool wiped; /* a store that forgets its leader has two until the first one asks again */
};

/* ---- events ---- */

static struct candidate *by_id(struct world *w, const char *id)
{
    for (int i = 0; i < CANDIDATES; i++) {
        if (id[0] == 'n' && id[1] == '0' + i && !id[2])
            return &w->candidates[i];
    }
    return NULL;
}

/* Told of a leader that is a candidate of ours by this name: what it said of itself. */
static void check_told(struct world *w, const char *id, const char *hostname, const char *metadata)
{
    const struct candidate *c = by_id(w, id);
    require(c || strcmp(id, "rival") == 0);
    require(strcmp(hostname, c ? "h" : "rival") == 0);
    /* A candidate may have been replaced by a new one of its id since. */
    require(elect__utf8_valid(metadata) && (c || !*metadata));
}

static void check_fields(const elect_event_t *event)
{
    cJSON *fields = cJSON_Parse(elect_event_fields(event));
    require(cJSON_IsObject(fields) && elect__utf8_valid(elect_event_fields(event)));
    require(elect__utf8_line(elect_event_text(event)));
    cJSON_Delete(fields);
}

static void hear(struct world *w, const elect_event_t *event)
{
    struct candidate *c = NULL;
    int32_t kind = elect_event_kind(event);
    const elect_leader_t *leader = elect_event_leader(event);
    for (int i = 0; i < CANDIDATES; i++) {
        if (elect_event_tag(event) != 0 && w->candidates[i].tag == elect_event_tag(event))
            c = &w->candidates[i];
    }
    check_fields(event);
    if (leader)
        check_told(w, elect_leader_instance_id(leader), elect_leader_hostname(leader), elect_leader_metadata(leader));
    if (!c)
        return;
    require(!c->closed);
    if (kind == ELECT_EVENT_ELECTED) {
        require(!c->led && elect_event_epoch(event) > c->epoch);
        c->led = true;
        c->epoch = elect_event_epoch(event);
    } else if (kind == ELECT_EVENT_LOST) {
        require(c->led && elect_event_epoch(event) == c->epoch && *elect_reason_name(elect_event_reason(event)));
        c->led = false;
    } else if (kind == ELECT_EVENT_CLOSED) {
        require(!c->led);
        c->closed = true;
    } else if (kind == ELECT_EVENT_ERROR) {
        require(elect_event_code(event) < 0 && *elect_event_text(event));
    }
}

/* All that follows from what was asked so far, and from the end of the work of those that lost. */
static void hear_all(struct world *w)
{
    elect_event_t *event;
    require(elect_memory_command(w->client, "advance 0") == ELECT_OK);
    while (elect_client_next_event(w->client, 0, &event) == ELECT_OK) {
        hear(w, event);
        elect_event_free(event);
        require(elect_memory_command(w->client, "advance 0") == ELECT_OK);
    }
}

static void check_leaders(const struct world *w)
{
    for (int i = 0; i < CANDIDATES; i++) {
        const struct candidate *c = &w->candidates[i];
        uint64_t epoch;
        int64_t lease_ms;
        if (!c->election)
            continue;
        int32_t leads = elect_election_check(c->election, &epoch, &lease_ms);
        require(leads != 1 || (c->led && epoch == c->epoch && lease_ms >= 0 && !c->closed));
        require(leads != 0 || (epoch == 0 && lease_ms == 0));
        require(elect_election_is_leader(c->election) == (leads == 1));
        for (int j = 0; j < i && leads && !w->wiped; j++) {
            const struct candidate *other = &w->candidates[j];
            if (other->election && strcmp(other->name, c->name) == 0)
                require(elect_election_is_leader(other->election) == 0);
        }
    }
}

/* ---- reports ---- */

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static void check_report(struct world *w, const struct candidate *of, const char *what, int32_t code, char *json)
{
    require((code == ELECT_OK) == (json != NULL));
    if (!json)
        return;
    cJSON *report = cJSON_Parse(json);
    require(report && elect__utf8_valid(json));
    const cJSON *leader = cJSON_GetObjectItem(report, "leader");
    if (of && strcmp(what, "status") == 0)
        require(strcmp(text_of(report, "name"), of->name) == 0);
    if (cJSON_IsObject(leader)) {
        const char *id = text_of(leader, "instance_id"), *metadata = text_of(leader, "metadata");
        const struct candidate *c = by_id(w, id);
        check_told(w, id, text_of(leader, "hostname"), metadata);
        if (c && c->led && c->election && strcmp(c->name, of->name) == 0)
            require(strcmp(metadata, c->metadata) == 0);
    }
    cJSON_Delete(report);
    elect_string_free(json);
}

/* ---- lines ---- */

static void start(struct world *w, struct candidate *c, const char *id, char *rest)
{
    char *name = strsep(&rest, " ");
    elect_options_t *options = elect_options_new();
    require(options != NULL);
    if (!c->election && name && elect_options_set(options, "name", name) == ELECT_OK &&
        elect_options_set(options, "metadata", rest ? rest : "") == ELECT_OK) {
        require(elect_options_set(options, "instance_id", id) == ELECT_OK);
        int32_t code = elect_election_new(w->client, options, &c->election);
        require((code == ELECT_OK) == (c->election != NULL));
        require((code == ELECT_OK) == (*elect_options_error(options) == '\0'));
    }
    if (c->election && !c->tag) {
        c->led = c->closed = false;
        c->tag = ++w->tags;
        c->epoch = 0;
        snprintf(c->name, sizeof c->name, "%s", name);
        snprintf(c->metadata, sizeof c->metadata, "%s", rest ? rest : "");
        require(elect_election_queue_events(c->election, c->tag) == ELECT_OK);
        require(elect_election_start(c->election) == ELECT_OK);
    }
    elect_options_free(options);
}

static void of_candidate(struct world *w, const char *verb, struct candidate *c, const char *id, char *rest)
{
    char *json = NULL;
    if (strcmp(verb, "start") == 0) {
        start(w, c, id, rest);
    } else if (!c->election) {
        return;
    } else if (strcmp(verb, "stop") == 0) {
        require(elect_election_stop(c->election) == ELECT_OK);
    } else if (strcmp(verb, "free") == 0) {
        elect_election_free(c->election);
        c->election = NULL;
        c->tag = 0;
    } else if (strcmp(verb, "resign") == 0) {
        int32_t code = elect_election_resign(c->election, 0, 0);
        require(code == ELECT_OK || code == ELECT_ENOTLEADER || code == ELECT_ECLOSED || code == ELECT_ESTATE);
    } else if (strcmp(verb, "depose") == 0) {
        require(elect_election_depose(c->election, 0, GUARD_MS) != ELECT_ETIMEOUT);
    } else {
        const char *what = rest ? rest : "";
        int32_t code = elect_election_report(c->election, what, GUARD_MS, &json);
        require(code != ELECT_ETIMEOUT);
        check_report(w, c, what, code, json);
    }
}

static void command(struct world *w, const char *line)
{
    char rule[200];
    int64_t ns = 0;
    if (strncmp(line, "advance ", 8) == 0 && elect__duration_parse(line + 8, &ns, rule, sizeof rule) == ELECT_OK) {
        if (ns > ADVANCE_MAX_NS - w->advanced_ns)
            return;
        w->advanced_ns += ns;
    }
    int32_t code = elect_memory_command(w->client, line);
    w->wiped = w->wiped || strcmp(line, "wipe") == 0;
    require(code == ELECT_OK || code == ELECT_EINVAL);
}

static void take_line(struct world *w, char *line)
{
    static const char *const verbs[] = {"start", "stop", "free", "resign", "depose", "report"};
    char *rest, *json = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if ((rest = fuzz_after(line, verbs[i])) && *rest >= '0' && *rest < '0' + CANDIDATES) {
            char id[] = {'n', *rest, '\0'};
            of_candidate(w, verbs[i], &w->candidates[*rest - '0'], id, rest[1] ? rest + 2 : NULL);
            return;
        }
    }
    if ((rest = fuzz_after(line, "client"))) {
        int32_t code = elect_client_report(w->client, rest, GUARD_MS, &json);
        check_report(w, NULL, rest, code, json);
    } else if ((rest = fuzz_after(line, "forget"))) {
        int32_t code = elect_client_forget(w->client, rest, GUARD_MS);
        require(code == ELECT_OK || code == ELECT_ESTATE || code == ELECT_EINVAL || code == ELECT_EUNREACHABLE);
    } else {
        command(w, line);
    }
}

static elect_client_t *open_client(void)
{
    static const char *const pairs[][2] = {
        {"store", "memory:?clock=manual"}, {"hostname", "h"}, {"log_level", "debug"}};
    elect_client_t *client;
    elect_options_t *options = elect_options_new();
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        require(elect_options_set(options, pairs[i][0], pairs[i][1]) == ELECT_OK);
    require(elect_client_open(options, &client) == ELECT_OK);
    require(elect_client_on_log(client, NULL, NULL, NULL) == ELECT_OK);
    elect_options_free(options);
    return client;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    char *text = fuzz_text(data, size), *rest = text, *line;
    elect_event_t *event;
    memset(&w, 0, sizeof w);
    w.client = open_client();
    for (int i = 0; i < LINES && (line = fuzz_line(&rest)); i++) {
        take_line(&w, line);
        hear_all(&w);
        check_leaders(&w);
    }
    for (int i = 0; i < CANDIDATES; i++)
        elect_election_free(w.candidates[i].election);
    require(elect_client_close(w.client, GUARD_MS) == ELECT_OK);
    while (elect_client_next_event(w.client, 0, &event) == ELECT_OK) {
        hear(&w, event);
        elect_event_free(event);
    }
    for (int i = 0; i < CANDIDATES; i++)
        require(!w.candidates[i].tag || (!w.candidates[i].led && w.candidates[i].closed));
    elect_client_free(w.client);
    free(text);
    return 0;
}
