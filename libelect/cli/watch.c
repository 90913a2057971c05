#include "cli.h"
#include "settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TAG = 1, MS = 1000000 };

static const struct elect__flag no_flags[] = {{NULL, NULL, NULL, 0}};

/* What was last printed, so that a gap can be told and nothing is said twice. */
struct watch {
    const struct elect__cli *cli;
    bool begun, led;
    uint64_t epoch; /* 0: of another system, or nobody */
    char id[ELECT__INSTANCE_ID_MAX + 1];
    int64_t ended_at_ns; /* when the last leader was first missed; 0: not seen */
};

static void print_json(const struct watch *watch, const elect_leader_t *leader, const char *now, int64_t gap_ms)
{
    cJSON *object = cJSON_CreateObject();
    char epoch[24], *text;

    cJSON_AddStringToObject(object, "time", now);
    cJSON_AddStringToObject(object, "name", watch->cli->name);
    cJSON_AddStringToObject(object, "state", leader ? "led" : "nobody");
    if (leader) {
        snprintf(epoch, sizeof(epoch), "%" PRIu64, elect_leader_epoch(leader));
        cJSON_AddStringToObject(object, "instance_id", elect_leader_instance_id(leader));
        cJSON_AddStringToObject(object, "hostname", elect_leader_hostname(leader));
        cJSON_AddRawToObject(object, "epoch", epoch);
    }
    if (gap_ms >= 0)
        cJSON_AddNumberToObject(object, "gap_ms", (double)gap_ms);
    text = cJSON_PrintUnformatted(object);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(object);
}

static bool is_told(const struct watch *watch, const elect_leader_t *leader)
{
    return watch->begun && watch->led == (leader != NULL) && watch->epoch == elect_leader_epoch(leader) &&
           strcmp(watch->id, elect_leader_instance_id(leader)) == 0;
}

static void changed(struct watch *watch, const elect_leader_t *leader)
{
    uint64_t epoch = elect_leader_epoch(leader);
    int64_t gap_ms = -1, now_ns = elect__boot_ns();
    char now[ELECT__SPAN_SIZE];

    if (is_told(watch, leader))
        return;
    elect__clock_text(elect__real_ms(), now);
    if (leader && watch->begun)
        gap_ms = watch->ended_at_ns ? (now_ns - watch->ended_at_ns) / MS : 0;
    if (watch->cli->json) {
        print_json(watch, leader, now, gap_ms);
    } else if (leader) {
        printf("%s %s LEADER %s", now + 11, watch->cli->name, elect_leader_instance_id(leader));
        if (epoch > 0)
            printf(" epoch=%" PRIu64, epoch);
        if (gap_ms >= 0)
            printf(" gap=%" PRId64 "ms", gap_ms);
        putchar('\n');
    } else {
        printf("%s %s NOBODY\n", now + 11, watch->cli->name);
    }
    fflush(stdout);
    watch->ended_at_ns = leader ? 0 : now_ns;
    watch->led = leader != NULL;
    watch->epoch = epoch;
    snprintf(watch->id, sizeof(watch->id), "%s", elect_leader_instance_id(leader));
    watch->begun = true;
}

static int read_events(struct watch *watch, elect_client_t *client)
{
    elect_event_t *event;

    for (;;) {
        int32_t code = elect_client_next_event(client, -1, &event);
        int32_t failure = ELECT_OK;

        if (code != ELECT_OK)
            return elect__cli_fail(watch->cli, code, "");
        if (elect_event_kind(event) == ELECT_EVENT_LEADER_CHANGED)
            changed(watch, elect_event_leader(event));
        if (elect_event_kind(event) == ELECT_EVENT_ERROR) {
            failure = elect_event_code(event);
            elect__say("%s: %s", watch->cli->name, elect_event_text(event));
        }
        elect_event_free(event);
        if (failure == ELECT_EAUTH || failure == ELECT_EINVAL)
            return ELECT__EXIT_REFUSED;
    }
}

static int watch_main(struct elect__cli *cli)
{
    struct watch watch = {.cli = cli};
    elect_client_t *client;
    elect_election_t *election;
    elect_leader_t *leader = NULL;
    int code = elect__cli_observe(cli, &client, &election);

    if (code == ELECT__EXIT_OK) {
        int32_t failure = elect_election_queue_events(election, TAG);

        if (failure == ELECT_OK)
            failure = elect_election_start(election);
        code = failure == ELECT_OK ? ELECT__EXIT_OK : elect__cli_fail(cli, failure, cli->name);
    }
    /* The first line says how things stand; the events say what becomes of it. */
    if (code == ELECT__EXIT_OK && elect_election_leader(election, -1, 5000, &leader) == ELECT_OK)
        changed(&watch, leader);
    elect_leader_free(leader);
    if (code == ELECT__EXIT_OK)
        code = read_events(&watch, client);
    elect_election_free(election);
    elect_client_close(client, 5000);
    elect_client_free(client);
    return code;
}

const struct elect__command elect__command_watch = {
    .name = "watch",
    .usage = "watch [OPTION...] NAME",
    .summary = "a line for each change of leader, until interrupted",
    .more = "gap: how long nobody led, as seen from here.",
    .flags = no_flags,
    .takes = ELECT__TAKES_NAME | ELECT__TAKES_OPTIONS,
    .main = watch_main,
};
