/* One candidate of the demo: elect candidate LABEL LIFE MEMORY LINK. Its options come by the environment. */
#include "demo.h"
#include "settings.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { TAG = 1, ASK_NS = 500000, ASKS_PER_TTL = 20000, CLOSE_MS = 2000 };

struct candidate {
    struct elect__cli *cli;
    struct elect__demo_life *life;
    elect_client_t *client;
    elect_election_t *election;
    int link;
    int64_t ask_ns; /* between two questions */
    uint64_t epoch; /* the last one that was seen */
    bool announced; /* ELECTED was read and not told yet */
    bool over;
};

/* Asks, and writes down what was said, and when. */
static void ask(struct candidate *c)
{
    uint32_t count = atomic_load_explicit(&c->life->count, memory_order_relaxed);
    struct elect__demo_answer answer = {.called_ns = elect__boot_ns()};
    bool leads = elect_election_is_leader(c->election) == 1;

    answer.returned_ns = elect__boot_ns();
    if (leads) {
        uint64_t epoch = elect_election_epoch(c->election);

        c->epoch = epoch ? epoch : c->epoch; /* 0: its lease ended just now */
        answer.epoch = c->epoch;
    }
    if (count < ELECT__DEMO_ANSWERS) {
        c->life->answers[count] = answer;
        atomic_store_explicit(&c->life->count, count + 1, memory_order_release);
    }
    if (leads && c->announced) {
        char digits[24];

        snprintf(digits, sizeof(digits), "%" PRIu64, answer.epoch);
        elect__link_send(c->link, ELECT__DEMO_ELECTED, 0, answer.returned_ns, digits);
        c->announced = false;
    }
}

static void hear(struct candidate *c, elect_event_t *event)
{
    switch (elect_event_kind(event)) {
    case ELECT_EVENT_ELECTED:
        c->epoch = elect_event_epoch(event);
        c->announced = true;
        ask(c);
        break;
    case ELECT_EVENT_LOST:
        c->announced = false;
        elect__link_send(c->link, ELECT__DEMO_LOST, 0, elect__boot_ns(), elect_reason_name(elect_event_reason(event)));
        break;
    case ELECT_EVENT_ERROR:
        if (elect_event_code(event) == ELECT_EAUTH || elect_event_code(event) == ELECT_EINVAL)
            elect__link_send(c->link, ELECT__DEMO_FAILED, ELECT__EXIT_REFUSED, 0, elect_event_text(event));
        break;
    case ELECT_EVENT_CLOSED:
        c->over = true;
        break;
    default:
        break;
    }
    elect_event_free(event); /* there is no work to end first */
}

static void obey(struct candidate *c)
{
    struct elect__message message;
    int got;

    while ((got = elect__link_receive(c->link, &message)) > 0) {
        if (message.kind == ELECT__DEMO_START && elect_election_start(c->election) != ELECT_OK)
            c->over = true;
        if (message.kind == ELECT__DEMO_STOP) {
            elect__link_send(c->link, ELECT__DEMO_STOPPING, 0, elect__boot_ns(), NULL);
            elect_election_stop(c->election);
        }
    }
    if (got < 0)
        c->over = true;
}

static void live(struct candidate *c)
{
    struct pollfd fds[] = {{.fd = elect_client_event_fd(c->client), .events = POLLIN},
                           {.fd = c->link, .events = POLLIN}};
    struct timespec pause = {.tv_sec = c->ask_ns / 1000000000, .tv_nsec = c->ask_ns % 1000000000};
    elect_event_t *event;

    while (!c->over) {
        (void)ppoll(fds, sizeof(fds) / sizeof(fds[0]), &pause, NULL);
        ask(c);
        while (!c->over && elect_client_next_event(c->client, 0, &event) == ELECT_OK)
            hear(c, event);
        obey(c);
    }
}

/* 0, or the exit code, with the reason told to the parent. */
static int prepare(struct candidate *c)
{
    elect_options_t *options = elect_options_new();
    elect_options_t *own = elect_options_new();
    struct elect__settings *settings = NULL;
    int32_t failure = elect_options_load_env(options);

    if (failure == ELECT_OK)
        failure = elect__settings_resolve(options, NULL, NULL, &settings);
    if (failure == ELECT_OK)
        c->ask_ns = settings->lock_ttl_ns / ASKS_PER_TTL > ASK_NS ? settings->lock_ttl_ns / ASKS_PER_TTL : ASK_NS;
    if (failure == ELECT_OK)
        failure = elect_client_open(options, &c->client);
    if (failure == ELECT_OK)
        failure = elect_election_new(c->client, own, &c->election);
    if (failure == ELECT_OK)
        failure = elect_election_queue_events(c->election, TAG);
    if (failure != ELECT_OK) {
        const char *text = *elect_options_error(own) ? elect_options_error(own) : elect_options_error(options);

        elect__link_send(c->link, ELECT__DEMO_FAILED, elect__cli_exit(failure), 0,
                         *text ? text : elect_code_text(failure));
    }
    elect__settings_free(settings);
    elect_options_free(options);
    elect_options_free(own);
    return elect__cli_exit(failure);
}

static int candidate_main(struct elect__cli *cli)
{
    struct candidate c = {.cli = cli};
    char **argv = cli->argv;
    pid_t parent = getppid();
    void *memory;
    int life, code;

    for (int i = 1; i <= 4; i++)
        if (!argv[i])
            return ELECT__EXIT_USAGE;
    life = atoi(argv[2]);
    c.link = atoi(argv[4]);
    fcntl(c.link, F_SETFD, FD_CLOEXEC);
    /* A frozen candidate would never see that the link has ended. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || life < 0 || life >= ELECT__DEMO_LIVES)
        return ELECT__EXIT_USAGE;
    memory = mmap(NULL, ELECT__DEMO_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
    if (memory == MAP_FAILED) {
        elect__say("\"elect candidate\" is started by \"elect demo\" only");
        return ELECT__EXIT_USAGE;
    }
    c.life = &((struct elect__demo_life *)memory)[life];
    code = prepare(&c);
    if (code == ELECT__EXIT_OK) {
        elect__link_send(c.link, ELECT__DEMO_READY, 0, 0, NULL);
        live(&c);
    }
    elect_client_close(c.client, CLOSE_MS);
    elect_election_free(c.election);
    elect_client_free(c.client);
    return code;
}

const struct elect__command elect__command_candidate = {
    .name = "candidate",
    .usage = "candidate",
    .summary = "a candidate of the demo",
    .more = "",
    .flags = NULL,
    .takes = ELECT__TAKES_RAW,
    .main = candidate_main,
};
