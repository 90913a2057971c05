/* From a parsed command line to an open store. */
#include "cli.h"
#include "settings.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 1024, ASK_MS = 5000 };

static bool default_folder(char out[PATH])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const struct passwd *user;

    if (geteuid() == 0)
        return snprintf(out, PATH, "/var/lib/elect") < PATH;
    if (state && *state == '/')
        return snprintf(out, PATH, "%s/elect", state) < PATH;
    if (!home || *home != '/') {
        user = getpwuid(geteuid());
        home = user ? user->pw_dir : "";
    }
    return *home == '/' && snprintf(out, PATH, "%s/.local/state/elect", home) < PATH;
}

/* The folders above it; the store makes the last one, and says what is wrong with any. */
static void make_parents(const char *path)
{
    char part[PATH];

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        (void)mkdir(part, 0700);
    }
}

static void local_url(const char *path, char *out, size_t size)
{
    size_t length = (size_t)snprintf(out, size, "local:");

    for (; *path && length + 4 < size; path++) {
        bool plain = !strchr("%?#", *path);

        length += (size_t)snprintf(out + length, size - length, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
}

static int default_store(struct elect__cli *cli)
{
    char path[PATH], url[PATH * 3];

    if (getenv("KUBERNETES_SERVICE_HOST")) {
        elect__say("store: not set, and in Kubernetes each pod would elect itself in a store of its own: give "
                   "--store or LEADER_ELECTION_STORE the URL of one that all pods share");
        return ELECT__EXIT_REFUSED;
    }
    if (!default_folder(path)) {
        elect__say("store: not set, and this user has no home folder for the default: give --store local:/folder");
        return ELECT__EXIT_REFUSED;
    }
    make_parents(path);
    local_url(path, url, sizeof(url));
    if (elect_options_set(cli->options, "store", url) != ELECT_OK) {
        elect__say("%s", elect_options_error(cli->options));
        return ELECT__EXIT_REFUSED;
    }
    cli->default_store = true;
    return ELECT__EXIT_OK;
}

static int refused(const elect_options_t *options)
{
    elect__say("%s", elect_options_error(options));
    return ELECT__EXIT_REFUSED;
}

int elect__cli_defaults(struct elect__cli *cli, const char *role)
{
    const char *store;
    int code = ELECT__EXIT_OK;

    if ((role && elect_options_set(cli->options, "role", role) != ELECT_OK) ||
        elect_options_load_env(cli->options) != ELECT_OK)
        return refused(cli->options);
    store = elect_options_get(cli->options, "store");
    if (!store || !*store)
        code = default_store(cli);
    if (code != ELECT__EXIT_OK)
        return code;
    elect__settings_free(cli->settings);
    if (elect__settings_resolve(cli->options, NULL, NULL, &cli->settings) != ELECT_OK)
        return refused(cli->options);
    if (strncasecmp(cli->settings->store, "custom:", strlen("custom:")) == 0) {
        elect__say("store=\"custom:\": must be another one: this store is served by the program that opens it, and a "
                   "command serves none");
        return ELECT__EXIT_REFUSED;
    }
    if (cli->default_store && !cli->quiet && !cli->json)
        elect__say("store %s (this host only)", cli->settings->store);
    return ELECT__EXIT_OK;
}

int elect__cli_exit(int32_t code)
{
    switch (code) {
    case ELECT_OK:
        return ELECT__EXIT_OK;
    case ELECT_EINVAL:
    case ELECT_ESTORE:
    case ELECT_EAUTH:
        return ELECT__EXIT_REFUSED;
    case ELECT_ENOTLEADER:
    case ELECT_ESTATE:
        return ELECT__EXIT_NO;
    default:
        return ELECT__EXIT_UNREACHABLE;
    }
}

int elect__cli_fail(const struct elect__cli *cli, int32_t code, const char *what)
{
    const char *text = elect_options_error(cli->options);

    elect__say("%s%s%s", what, *what ? ": " : "", *text ? text : elect_code_text(code));
    return elect__cli_exit(code);
}

int elect__cli_open(struct elect__cli *cli, elect_client_t **out)
{
    int32_t failure = elect_client_open(cli->options, out);

    return failure == ELECT_OK ? ELECT__EXIT_OK : elect__cli_fail(cli, failure, "");
}

int elect__cli_election(elect_client_t *client, elect_election_t **out)
{
    /* The client's options say it all; what the client alone may be told, an election refuses. */
    elect_options_t *none = elect_options_new();
    int32_t failure = elect_election_new(client, none, out);
    const char *text = elect_options_error(none);

    if (failure != ELECT_OK)
        elect__say("%s", *text ? text : elect_code_text(failure));
    elect_options_free(none);
    return elect__cli_exit(failure);
}

int elect__cli_observe(struct elect__cli *cli, elect_client_t **client, elect_election_t **out)
{
    int code = elect__cli_defaults(cli, "observer");

    *client = NULL;
    *out = NULL;
    /* Why a question fails, the library says in its log only. */
    if (code == ELECT__EXIT_OK && cli->settings->log_level < ELECT_LOG_WARN)
        (void)elect_options_set(cli->options, "log_level", "warn");
    if (code == ELECT__EXIT_OK)
        code = elect__cli_open(cli, client);
    if (code == ELECT__EXIT_OK)
        elect_client_on_log(*client, NULL, NULL, NULL);
    if (code == ELECT__EXIT_OK && cli->name)
        code = elect__cli_election(*client, out);
    return code;
}

int elect__cli_refused(const struct elect__cli *cli, elect_client_t *client, int32_t failure)
{
    char text[1024];
    elect_event_t *event;

    snprintf(text, sizeof(text), "%s", elect_code_text(failure));
    while (elect_client_next_event(client, 0, &event) == ELECT_OK) {
        if (elect_event_kind(event) == ELECT_EVENT_LOG)
            snprintf(text, sizeof(text), "%s", elect_event_text(event));
        elect_event_free(event);
    }
    elect__say("%s%s%s", cli->name ? cli->name : "", cli->name ? ": " : "", text);
    return elect__cli_exit(failure);
}

int elect__cli_report(struct elect__cli *cli, const char *what, char **text, cJSON **json)
{
    elect_client_t *client;
    elect_election_t *election;
    int code = elect__cli_observe(cli, &client, &election);

    *text = NULL;
    *json = NULL;
    if (code == ELECT__EXIT_OK) {
        int32_t failure = elect_election_report(election, what, ASK_MS, text);

        if (failure != ELECT_OK) {
            code = elect__cli_refused(cli, client, failure);
        } else if (!(*json = cJSON_Parse(*text))) {
            elect__say("%s: the store's answer is no JSON", cli->name);
            code = ELECT__EXIT_UNREACHABLE;
        }
    }
    elect_election_free(election);
    elect_client_close(client, ASK_MS);
    elect_client_free(client);
    if (code != ELECT__EXIT_OK) {
        elect_string_free(*text);
        cJSON_Delete(*json);
        *text = NULL;
        *json = NULL;
    }
    return code;
}
