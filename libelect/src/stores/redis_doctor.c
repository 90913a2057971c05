#include "redis_doctor.h"
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS (10 * ELECT__S) /* of one round, the first one's connecting included */
#define PROBE "doctor"
enum { PAUSE_US = 50000, LISTEN_US = 10000000, ANSWER_US = 1000, TRIES = 3 };

/* ---- the life of a visit ---- */

static void drop(struct elect__redis_visit *visit)
{
    if (visit->previous)
        visit->previous->next = visit->next;
    else
        visit->redis->visits = visit->next;
    if (visit->next)
        visit->next->previous = visit->previous;
    if (visit->conn)
        elect__redis_conn_cancel(visit->conn, &visit->request);
    if (visit->timed)
        event_del(&visit->timer);
    if (visit->listener)
        elect__redis_conn_close(visit->listener);
    cJSON_Delete(visit->doctor.checks);
    free(visit->keys);
    free(visit);
}

static void finish(struct elect__redis_visit *visit, int32_t code, char *json, const char *text)
{
    struct elect__query *query = visit->query;
    char *kept = text ? strdup(text) : NULL;
    drop(visit);
    query->done(query, code, json, kept);
    free(kept);
}

static void tell(struct elect__redis_visit *visit)
{
    char tier[ELECT__REDIS_TIER_SIZE];
    char *json = elect__doctor_end(&visit->doctor, visit->query->settings, elect__redis_tier(visit->redis, tier));
    finish(visit, json ? ELECT_OK : ELECT_ENOMEM, json, NULL);
}

static void greet(struct elect__redis_visit *visit);

/* What trying again does not mend is a finding; the rest is no answer. A host that is busy may be late once. */
static void failed(struct elect__redis_visit *visit, const struct elect__redis_answer *answer)
{
    const char *text = answer->text ? answer->text : elect_code_text(answer->code);
    bool lasting = answer->code == ELECT_EAUTH || answer->code == ELECT_ESTORE;
    if (!lasting && !visit->met && ++visit->tries < TRIES &&
        elect__redis_now(visit->redis) < visit->query->deadline_ns) {
        greet(visit);
        return;
    }
    if (!lasting) {
        bool late = elect__redis_now(visit->redis) >= visit->query->deadline_ns;
        finish(visit, late ? ELECT_ETIMEOUT : answer->code, NULL, text);
        return;
    }
    elect__doctor_find(&visit->doctor, "connection", ELECT__FINDING_FAIL, "", "%s", text);
    tell(visit);
}

static void on_answer(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    struct elect__redis_visit *visit = (struct elect__redis_visit *)(void *)request;
    if (answer->fate == ELECT__REDIS_ANSWERED)
        visit->take(visit, answer);
    else
        failed(visit, answer);
}

static void send_round(struct elect__redis_visit *visit, const struct elect__redis_command *commands, int count,
                       void (*take)(struct elect__redis_visit *visit, const struct elect__redis_answer *answer))
{
    int64_t until_ns = elect__redis_now(visit->redis) + PATIENCE_NS;
    if (until_ns > visit->query->deadline_ns)
        until_ns = visit->query->deadline_ns;
    visit->take = take;
    visit->request.done = on_answer;
    visit->request.patience_ns = PATIENCE_NS;
    visit->conn = elect__redis_link_conn(visit->redis, ELECT__REDIS_COMMANDS_OF_ALL, visit->keys->lock);
    if (!visit->conn || !elect__redis_conn_send(visit->conn, &visit->request, commands, count, until_ns))
        finish(visit, ELECT_ENOMEM, NULL, NULL);
}

void elect__redis_visit_send(struct elect__redis_visit *visit, const char *const *argv, int argc,
                             void (*take)(struct elect__redis_visit *visit, const struct elect__redis_answer *answer))
{
    struct elect__redis_command command;
    elect__redis_command_of(&command, argc, argv);
    send_round(visit, &command, 1, take);
}

static void wait_us(struct elect__redis_visit *visit, int64_t us, event_callback_fn fire)
{
    struct timeval wait = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    if (visit->timed)
        event_del(&visit->timer);
    visit->timed = evtimer_assign(&visit->timer, visit->redis->args.base, fire, visit) == 0;
    if (!visit->timed || event_add(&visit->timer, &wait) != 0)
        finish(visit, ELECT_ENOMEM, NULL, NULL);
}

/* ---- its speed and its clock ---- */

static void beat(struct elect__redis_visit *visit);

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    beat(arg);
}

static void find_speed(struct elect__redis_visit *visit)
{
    struct elect__doctor *doctor = &visit->doctor;
    elect__doctor_find(doctor, "scripts", visit->no_script ? ELECT__FINDING_WARN : ELECT__FINDING_OK,
                       visit->no_script ? "see rights" : "", "%s",
                       visit->no_script ? "the server does not keep them: each is sent whole" : "kept by the server");
    if (!doctor->clock_known) {
        elect__doctor_find(doctor, "clock", ELECT__FINDING_SKIP, "", "TIME is denied");
    } else if (doctor->clock_stepped || visit->redis->stepped) {
        elect__doctor_find(doctor, "clock", ELECT__FINDING_FAIL,
                           "let NTP slew the server's clock, never step it; no second program should set it",
                           "the server's clock was stepped: locks end by it");
    } else {
        elect__doctor_find(doctor, "clock", ELECT__FINDING_OK, "", "the server's clock was not stepped meanwhile");
    }
    tell(visit);
}

/* Both ends of what the readings allow, against our clock of day. */
static void read_clock(struct elect__redis_visit *visit, const struct elect__redis_answer *answer)
{
    struct elect__doctor *doctor = &visit->doctor;
    int64_t server_us;
    if (!elect__reply_clock(answer->replies[1], &server_us))
        return;
    if (elect__redis_clock_read(&visit->clock, server_us, answer->sent_ns, answer->received_ns) != 0)
        doctor->clock_stepped = true;
    const struct elect__env *env = visit->redis->args.env;
    int64_t ours_us = env->real_us(env->ctx) - env->boot_ns(env->ctx) / 1000;
    doctor->clock_known = true;
    doctor->clock_low_us = visit->clock.low_us - ours_us;
    doctor->clock_high_us = visit->clock.high_us - ours_us;
}

static void take_beat(struct elect__redis_visit *visit, const struct elect__redis_answer *answer)
{
    elect__doctor_sample(&visit->doctor, (answer->received_ns - answer->sent_ns) / 1000);
    visit->no_script = visit->no_script || elect__reply_lacks_script(answer->replies[0]);
    read_clock(visit, answer);
    if (++visit->round == ELECT__DOCTOR_ROUNDS)
        find_speed(visit);
    else
        wait_us(visit, PAUSE_US, on_pause);
}

/* A renewal of a lease that nobody has, and the time. */
static void beat(struct elect__redis_visit *visit)
{
    static const char *const time[] = {"TIME"};
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    struct elect__redis_scratch scratch;
    struct elect__redis_party party = {
        .keys = visit->keys, .settings = visit->query->settings, .incarnation = "00000000000000000000000000000000"};
    struct elect__op op = {.verb = ELECT__RENEW, .epoch = 1, .attempt = 1};
    elect__redis_command_of(&commands[1], 1, time);
    if (elect__redis_op_write(&party, &op, false, &scratch, commands) == 1)
        send_round(visit, commands, 2, take_beat);
    else
        finish(visit, ELECT_ENOMEM, NULL, NULL);
}

/* ---- does it tell of changes? ---- */

static void listened(struct elect__redis_visit *visit)
{
    elect__doctor_find(&visit->doctor, "wake-up", visit->heard ? ELECT__FINDING_OK : ELECT__FINDING_WARN,
                       visit->heard ? "" : "see rights",
                       visit->heard ? "a follower hears of a release at once"
                                    : "nothing is heard on a channel: followers look every retry_interval");
    elect__redis_visit_find_rights(visit);
    elect__redis_visit_find_way(visit);
    elect__redis_conn_close(visit->listener);
    visit->listener = NULL;
    beat(visit);
}

/* On a turn of its own: the message may come before the answer of the PUBLISH that sent it, whose request is needed
 * again. */
static void on_listened(evutil_socket_t fd, short what, void *arg)
{
    struct elect__redis_visit *visit = arg;
    (void)fd;
    (void)what;
    if (visit->request.sent)
        wait_us(visit, ANSWER_US, on_listened);
    else
        listened(visit);
}

static void take_publish(struct elect__redis_visit *visit, const struct elect__redis_answer *answer)
{
    const redisReply *reply = answer->replies[0];
    if (reply->type == REDIS_REPLY_ERROR)
        wait_us(visit, 0, on_listened);
}

static void on_listener_up(void *user, const char *info)
{
    struct elect__redis_visit *visit = user;
    struct elect__redis_command command;
    (void)info;
    elect__redis_command(&command, "SUBSCRIBE", visit->keys->channel, NULL);
    elect__redis_conn_say(visit->listener, &command);
}

static void on_listener_down(void *user, int32_t code, bool lasting, const char *text)
{
    (void)user;
    (void)code;
    (void)lasting;
    (void)text;
}

static void on_listener_push(void *user, const redisReply *reply)
{
    struct elect__redis_visit *visit = user;
    const char *publish[] = {"PUBLISH", visit->keys->channel, PROBE}, *unsubscribe[] = {"UNSUBSCRIBE"};
    struct elect__redis_command command;
    bool told = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && elect__reply_is_text(reply->element[0]);
    if (reply->type == REDIS_REPLY_ERROR) {
        elect__redis_visit_denied(visit, visit->heard ? ELECT__RIGHT_UNSUBSCRIBE : ELECT__RIGHT_SUBSCRIBE, reply->str);
        wait_us(visit, 0, on_listened);
    } else if (told && strcmp(reply->element[0]->str, "subscribe") == 0 && !visit->published) {
        visit->published = true; /* once: the server says it again when the listener has connected again */
        elect__redis_visit_send(visit, publish, 3, take_publish);
    } else if (told && strcmp(reply->element[0]->str, "message") == 0 && !visit->heard) {
        visit->heard = true;
        elect__redis_command_of(&command, 1, unsubscribe);
        elect__redis_conn_say(visit->listener, &command);
    } else if (told && strcmp(reply->element[0]->str, "unsubscribe") == 0) {
        wait_us(visit, 0, on_listened);
    }
}

void elect__redis_visit_listen(struct elect__redis_visit *visit)
{
    static const struct elect__redis_conn_events events = {
        .up = on_listener_up, .down = on_listener_down, .push = on_listener_push};
    struct elect__redis_conn_args args = {.store = &visit->redis->args,
                                          .target = &visit->redis->link.target,
                                          .subscriber = true,
                                          .events = &events,
                                          .user = visit};
    visit->listener = elect__redis_conn_open(&args);
    if (visit->listener)
        wait_us(visit, LISTEN_US, on_listened);
    else
        finish(visit, ELECT_ENOMEM, NULL, NULL);
}

/* ---- the visit ---- */

static void take_first(struct elect__redis_visit *visit, const struct elect__redis_answer *answer)
{
    const redisReply *reply = answer->replies[0];
    visit->met = true;
    if (reply->type == REDIS_REPLY_ERROR)
        elect__redis_visit_denied(visit, ELECT__RIGHT_PING, reply->str);
    elect__redis_visit_rights(visit);
}

static void greet(struct elect__redis_visit *visit)
{
    static const char *const ping[] = {"PING"};
    elect__redis_visit_send(visit, ping, 1, take_first);
}

/* An election that nobody has; in other layouts the lock that is there, on which nothing is tried that would change
 * it. */
static int32_t choose_keys(struct elect__redis_visit *visit, char *error, size_t size)
{
    const struct elect__settings *settings = visit->query->settings;
    const struct elect__env *env = visit->redis->args.env;
    uint64_t bits = 0;
    char name[48];
    env->random(env->ctx, &bits, sizeof bits);
    snprintf(name, sizeof name, ".doctor-%016" PRIx64, bits);
    bool native = strcmp(settings->layout, "elect") == 0;
    return elect__redis_keys_new(settings, native || !*settings->name ? name : settings->name, &visit->keys, error,
                                 size);
}

void elect__redis_doctor(struct elect__redis *redis, struct elect__query *query)
{
    char error[ELECT__REDIS_TEXT_SIZE] = "";
    struct elect__redis_visit *visit = calloc(1, sizeof *visit);
    if (!visit) {
        query->done(query, ELECT_ENOMEM, NULL, NULL);
        return;
    }
    visit->redis = redis;
    visit->query = query;
    visit->next = redis->visits;
    if (visit->next)
        visit->next->previous = visit;
    redis->visits = visit;
    snprintf(visit->database, sizeof visit->database, "%" PRId64, redis->link.target.database);
    int32_t code = choose_keys(visit, error, sizeof error);
    if (code != ELECT_OK)
        finish(visit, code, NULL, error);
    else
        greet(visit);
}

void elect__redis_doctor_end(struct elect__redis *redis)
{
    for (struct elect__redis_visit *visit = redis->visits, *next; visit; visit = next) {
        next = visit->next;
        drop(visit);
    }
}
