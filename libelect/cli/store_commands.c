/* Commands that put one question to the store, without an election of their own. */
#include "cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ASK_MS = 5000, MS = 1000000 };

static const struct elect__flag no_flags[] = {{NULL, NULL, NULL, 0}};

static void close_client(elect_client_t *client)
{
    elect_client_close(client, ASK_MS);
    elect_client_free(client);
}

/* What the store had to say beside its answer: the files that it left out. */
static void warn(elect_client_t *client)
{
    elect_event_t *event;

    while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
        if (elect_event_kind(event) == ELECT_EVENT_LOG)
            elect__say("%s", elect_event_text(event));
        elect_event_free(event);
    }
}

static void print_list(const cJSON *elections)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, elections) {
        char left[ELECT__SPAN_SIZE];
        const char *state = elect__json_text(row, "state");

        if (strcmp(state, "led") == 0)
            printf("%-24s LED by %s   epoch %" PRId64 "   lease %s left\n", elect__json_text(row, "name"),
                   elect__json_text(row, "instance_id"), elect__json_int(row, "epoch", 0),
                   elect__span(elect__json_int(row, "lease_left_ms", 0) * MS, left));
        else if (strcmp(state, "nobody") == 0)
            printf("%-24s NOBODY LEADS\n", elect__json_text(row, "name"));
        else
            printf("%-24s UNKNOWN: the store does not say who leads\n", elect__json_text(row, "name"));
    }
}

static int list_main(struct elect__cli *cli)
{
    elect_client_t *client;
    elect_election_t *election;
    char *text = NULL;
    int code = elect__cli_observe(cli, &client, &election);

    if (code == ELECT__EXIT_OK) {
        int32_t failure = elect_client_report(client, "elections", ASK_MS, &text);

        if (failure != ELECT_OK) {
            code = elect__cli_refused(cli, client, failure);
        } else if (cli->json) {
            puts(text);
        } else {
            cJSON *elections = cJSON_Parse(text);

            print_list(elections);
            cJSON_Delete(elections);
        }
        if (failure == ELECT_OK)
            warn(client);
    }
    elect_string_free(text);
    close_client(client);
    return code;
}

const struct elect__command elect__command_list = {
    .name = "list",
    .usage = "list [OPTION...]",
    .summary = "the elections in a store",
    .more = "",
    .flags = no_flags,
    .takes = ELECT__TAKES_OPTIONS,
    .main = list_main,
};

/* One line for people, or {"name":..,"done":..,"code":..}. */
static int answer(const struct elect__cli *cli, elect_client_t *client, int32_t failure, const char *done,
                  const char *refused)
{
    if (cli->json) {
        cJSON *object = cJSON_CreateObject();
        char *text;

        cJSON_AddStringToObject(object, "name", cli->name);
        cJSON_AddBoolToObject(object, "done", failure == ELECT_OK);
        cJSON_AddStringToObject(object, "code", elect_code_name(failure));
        text = cJSON_PrintUnformatted(object);
        puts(text ? text : "{}");
        cJSON_free(text);
        cJSON_Delete(object);
    } else if (failure == ELECT_OK) {
        if (!cli->quiet)
            printf("%-9s %s\n", cli->name, done);
    } else if (elect__cli_exit(failure) == ELECT__EXIT_NO) {
        elect__say("%s: %s", cli->name, refused);
    } else {
        return elect__cli_refused(cli, client, failure);
    }
    return elect__cli_exit(failure);
}

static int step_down_main(struct elect__cli *cli)
{
    elect_client_t *client;
    elect_election_t *election;
    int code = elect__cli_observe(cli, &client, &election);

    if (code == ELECT__EXIT_OK)
        code = answer(cli, client, elect_election_depose(election, 0, ASK_MS), "the leader is asked to step down",
                      "nobody leads who can be asked to step down");
    elect_election_free(election);
    close_client(client);
    return code;
}

const struct elect__command elect__command_step_down = {
    .name = "step-down",
    .usage = "step-down [OPTION...] NAME",
    .summary = "ask the leader, through the store, to let another lead",
    .more = "It ends its work, releases, and stands again. Exit code 1: nobody leads.",
    .flags = no_flags,
    .takes = ELECT__TAKES_NAME | ELECT__TAKES_OPTIONS,
    .main = step_down_main,
};

static int forget_main(struct elect__cli *cli)
{
    elect_client_t *client;
    elect_election_t *election;
    int code = elect__cli_observe(cli, &client, &election);

    elect_election_free(election);
    if (code == ELECT__EXIT_OK)
        code = answer(cli, client, elect_client_forget(client, cli->name, ASK_MS), "forgotten, its epochs too",
                      "not forgotten: somebody leads or stands");
    close_client(client);
    return code;
}

const struct elect__command elect__command_forget = {
    .name = "forget",
    .usage = "forget [OPTION...] NAME",
    .summary = "remove what a store keeps of an election, its epochs too",
    .more = "Exit code 1: somebody leads or stands.",
    .flags = no_flags,
    .takes = ELECT__TAKES_NAME | ELECT__TAKES_OPTIONS,
    .main = forget_main,
};

static int version_main(struct elect__cli *cli)
{
    if (cli->json)
        printf("{\"version\":\"%s\",\"number\":%" PRId32 "}\n", elect_version(), elect_version_number());
    else
        printf("elect %s\n", elect_version());
    return ELECT__EXIT_OK;
}

const struct elect__command elect__command_version = {
    .name = "version",
    .usage = "version",
    .summary = "the version of this command and its library",
    .more = "",
    .flags = no_flags,
    .takes = 0,
    .main = version_main,
};
