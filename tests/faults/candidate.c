/* faults_candidate [--NAME=VALUE...] OPTION=VALUE...: stands in an election, asks all the time whether it leads, and writes
 * to a fenced register while it does. What happens comes as lines "NANOSECONDS WORD ..." on stdout; orders come by stdin, a
 * line each; its end ends the candidate.
 *
 *   --checks=FILE, --check-us=N          a history of its questions, one each N microseconds
 *   --writes=FILE, --register=PATH, --guard=SHA, --work-us=N   one of its writes, to a Redis server by a script
 *   --events=callbacks|queue|none        queue: nobody reads it
 *   --slow-ms=N                          the callback of ELECTED takes so long
 *   --idle                               does not start before it is told to
 *
 * Built on elect_planted it plants the bug that ELECT_PLANTED names. */
#include "candidate.h"
#include "planted.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int64_t true_ns(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void true_sleep_us(int64_t us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "faults_candidate: ");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(3);
}

/* One write, so that lines of threads never mix. */
static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    char line[2048];
    int length = snprintf(line, sizeof line, "%" PRId64 " ", true_ns());
    va_list arguments;
    va_start(arguments, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(4); /* nobody reads any more */
}

/* ---- events ---- */

static void on_event(elect_election_t *election, const elect_event_t *event, void *user)
{
    const struct candidate *c = user;
    const elect_leader_t *leader = elect_event_leader(event);
    (void)election;
    switch (elect_event_kind(event)) {
    case ELECT_EVENT_ELECTED:
        tell("elected %" PRIu64, elect_event_epoch(event));
        true_sleep_us(c->slow_ms * 1000);
        break;
    case ELECT_EVENT_LOST:
        tell("lost %" PRIu64 " %s", elect_event_epoch(event), elect_reason_name(elect_event_reason(event)));
        break;
    case ELECT_EVENT_ERROR:
        tell("error %s %s", elect_code_name(elect_event_code(event)), elect_event_text(event));
        break;
    case ELECT_EVENT_LEADER_CHANGED:
        tell("leader %s %" PRIu64, leader ? elect_leader_instance_id(leader) : "-", elect_leader_epoch(leader));
        break;
    case ELECT_EVENT_LOG:
        tell("log %" PRId32 " %s %s", elect_event_level(event), elect_event_text(event), elect_event_fields(event));
        break;
    default:
        tell("%s", elect_kind_name(elect_event_kind(event)));
        break;
    }
}

/* ---- orders ---- */

static elect_election_t *new_election(struct candidate *c)
{
    elect_election_t *election;
    if (elect_election_new(c->client, c->options, &election) != ELECT_OK)
        fail("%s", elect_options_error(c->options));
    if (c->on_events)
        elect_election_on_event(election, on_event, c, NULL);
    else if (c->on_queue)
        elect_election_queue_events(election, 1);
    return election;
}

/* Elections that are stopped as soon as they are started: how often did one lead after that? */
static void blink(struct candidate *c, int64_t times)
{
    int64_t led = 0;
    elect_election_free(c->election); /* it would be a second candidate of the same name */
    c->election = NULL;
    for (int64_t i = 0; i < times; i++) {
        elect_election_t *election = new_election(c);
        elect_election_start(election);
        elect_election_stop(election);
        led += elect_election_is_leader(election);
        if (elect_election_join(election, 10000) != ELECT_OK)
            fail("a stopped election does not end");
        led += elect_election_is_leader(election);
        elect_election_free(election);
    }
    tell("blink %" PRId64, led);
}

static void obey(struct candidate *c, const char *order, int64_t number)
{
    if (strcmp(order, "start") == 0) {
        tell("start %s", elect_code_name(elect_election_start(c->election)));
    } else if (strcmp(order, "stop") == 0) {
        int32_t code = elect_election_stop(c->election);
        tell("stop %s %" PRId32, elect_code_name(code), elect_election_is_leader(c->election));
    } else if (strcmp(order, "join") == 0) {
        tell("join %s", elect_code_name(elect_election_join(c->election, number)));
    } else if (strcmp(order, "close") == 0) {
        tell("close %s", elect_code_name(elect_client_close(c->client, number)));
    } else if (strcmp(order, "resign") == 0) {
        tell("resign %s", elect_code_name(elect_election_resign(c->election, 0, number)));
    } else if (strcmp(order, "wait") == 0) {
        tell("wait %s", elect_code_name(elect_election_wait(c->election, number)));
    } else if (strcmp(order, "blink") == 0) {
        blink(c, number);
    } else {
        fail("no such order: %s", order);
    }
}

static void obey_all(struct candidate *c)
{
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        char order[32] = "";
        int64_t number = 0;
        if (sscanf(line, "%31s %" SCNd64, order, &number) >= 1)
            obey(c, order, number);
    }
}

/* ---- life ---- */

/* The value of --name=value, or NULL. */
static const char *value_of(const char *argument, const char *name)
{
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static bool take_own(struct candidate *c, const char *argument)
{
    const char *value;
    if ((value = value_of(argument, "--checks")))
        c->check_file = value;
    else if ((value = value_of(argument, "--check-us")))
        c->check_us = strtoll(value, NULL, 10);
    else if ((value = value_of(argument, "--writes")))
        c->write_file = value;
    else if ((value = value_of(argument, "--register")))
        c->register_path = value;
    else if ((value = value_of(argument, "--guard")))
        c->guard = value;
    else if ((value = value_of(argument, "--work-us")))
        c->work_us = strtoll(value, NULL, 10);
    else if ((value = value_of(argument, "--slow-ms")))
        c->slow_ms = strtoll(value, NULL, 10);
    else if ((value = value_of(argument, "--events")))
        c->on_events = strcmp(value, "callbacks") == 0, c->on_queue = strcmp(value, "queue") == 0;
    else
        return false;
    return true;
}

static void take_option(const struct candidate *c, char *argument)
{
    char *value = strchr(argument, '=');
    if (!value)
        fail("%s: not understood", argument);
    *value++ = '\0';
    if (elect_options_set(c->options, argument, value) != ELECT_OK)
        fail("%s", elect_options_error(c->options));
}

static void plant(void)
{
#ifdef ELECT_TEST_PLANTED
    const char *name = getenv("ELECT_PLANTED");
    elect__planted_now = name && *name ? elect__planted_find(name) : ELECT__PLANTED_NONE;
    if (elect__planted_now == ELECT__PLANTED_COUNT)
        fail("no such planted bug: %s", name);
#endif
}

static void open_all(struct candidate *c)
{
    if (elect_client_open(c->options, &c->client) != ELECT_OK)
        fail("%s", elect_options_error(c->options));
    elect_options_free(c->options);
    c->options = elect_options_new(); /* the client has them all */
    elect_client_on_log(c->client, on_event, c, NULL);
    c->election = new_election(c);
}

int main(int argc, char **argv)
{
    struct candidate c = {.on_events = true, .check_us = 300, .work_us = 2000, .options = elect_options_new()};
    pthread_t threads[2];
    int started = 0;
    bool idle = false;
    plant();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--idle") == 0)
            idle = true;
        else if (!take_own(&c, argv[i]))
            take_option(&c, argv[i]);
    }
    open_all(&c);
    if (c.check_file && pthread_create(&threads[started++], NULL, check_thread, &c) != 0)
        fail("no thread");
    if (c.write_file && pthread_create(&threads[started++], NULL, write_thread, &c) != 0)
        fail("no thread");
    tell("ready");
    if (!idle)
        elect_election_start(c.election);
    obey_all(&c);
    atomic_store(&c.over, true);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    int32_t closed = elect_client_close(c.client, 20000);
    elect_election_free(c.election);
    elect_client_free(c.client);
    elect_options_free(c.options);
    return closed == ELECT_OK ? 0 : 1;
}
