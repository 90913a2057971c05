#include "stage.h"
#include <event2/event.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HANG_S 60 /* a guard against hangs: nothing is measured by it */

/* ---- clocks ---- */

static int64_t boot_ns(void *ctx)
{
    const struct stage *stage = ctx;
    return stage->clock != NULL ? stage->clock->boot_ns : elect__system_env.boot_ns(NULL);
}

static int64_t real_us(void *ctx)
{
    const struct stage *stage = ctx;
    return stage->clock != NULL ? stage->clock->real_us : elect__system_env.real_us(NULL);
}

static int random_bytes(void *ctx, void *bytes, size_t length)
{
    (void)ctx;
    return elect__system_env.random(NULL, bytes, length);
}

int64_t stage_now(const struct stage *stage)
{
    return stage->env.boot_ns(stage->env.ctx);
}

/* ---- the host ---- */

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static void on_reply(struct elect__slot *slot, const struct elect__reply *reply,
                     const struct elect__leader_view *leader, const char *text)
{
    struct actor *actor = (struct actor *)slot;
    cr_assert(!actor->answered, "an operation was answered twice");
    actor->answered = true;
    actor->answers++;
    actor->reply = *reply;
    copy(actor->text, sizeof actor->text, text);
    actor->has_leader = leader != NULL;
    if (leader == NULL)
        return;
    copy(actor->id, sizeof actor->id, leader->instance_id);
    copy(actor->hostname, sizeof actor->hostname, leader->hostname);
    copy(actor->address, sizeof actor->address, leader->address);
    copy(actor->metadata, sizeof actor->metadata, leader->metadata);
    actor->leader_epoch = leader->epoch;
    actor->started_at_ms = leader->started_at_ms;
}

static void on_wake(struct elect__slot *slot, bool free)
{
    struct actor *actor = (struct actor *)slot;
    actor->wakes++;
    actor->free_wakes += free;
}

static void on_doubt(struct elect__slot *slot)
{
    struct actor *actor = (struct actor *)slot;
    actor->doubts++;
}

static void on_depose(struct elect__slot *slot, uint64_t epoch)
{
    struct actor *actor = (struct actor *)slot;
    actor->deposed = epoch;
    actor->wakes++;
}

static void on_log(void *ctx, int32_t level, const char *text)
{
    struct stage *stage = ctx;
    size_t used = strlen(stage->log);
    snprintf(stage->log + used, sizeof stage->log - used, "%d %s\n", (int)level, text);
}

static const struct elect__host host = {
    .reply = on_reply, .wake = on_wake, .doubt = on_doubt, .depose = on_depose, .log = on_log};

/* ---- the stage ---- */

static void defaults(struct elect__settings *settings, const struct stage *stage)
{
    memset(settings, 0, sizeof *settings);
    settings->store = stage->url;
    settings->prefix = "elect";
    settings->name = settings->instance_id = settings->hostname = settings->address = settings->metadata = "";
    settings->layout = "elect";
    settings->allow_filesystem = settings->warning = "";
    settings->lock_ttl_ns = stage->ttl_ns;
    settings->heartbeat_interval_ns = stage->ttl_ns * 3 / 10;
    settings->retry_interval_ns = stage->ttl_ns / 5;
    settings->clock_margin_ns = stage->ttl_ns / 10;
    settings->drain_timeout_ns = 8 * ELECT__S;
}

static void open_stores(struct stage *stage, int stores)
{
    char error[STAGE_TEXT] = "";
    struct elect__store_args args = {
        .settings = &stage->settings, .env = &stage->env, .host = &host, .log_ctx = stage, .base = stage->base};
    for (int i = 0; i < stores; i++)
        cr_assert_eq(stage->class_->open(&args, &stage->stores[i], error, sizeof error), ELECT_OK, "%s", error);
}

static void prepare(struct stage *stage, const struct elect__store_class *class_, struct stage_clock *clock)
{
    memset(stage, 0, sizeof *stage);
    stage->class_ = class_;
    stage->clock = clock;
    /* In real time no lease may end because the machine was busy. */
    stage->ttl_ns = clock != NULL ? 10 * ELECT__S : 3600 * ELECT__S;
    stage->env = (struct elect__env){.boot_ns = boot_ns, .real_us = real_us, .random = random_bytes, .ctx = stage};
    stage->base = event_base_new();
    cr_assert_not_null(stage->base);
}

void stage_open(struct stage *stage, const struct elect__store_class *class_, int stores, bool scripted)
{
    struct stage_clock *clock = NULL;
    if (scripted) {
        clock = mmap(NULL, sizeof *clock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq(clock, MAP_FAILED);
        *clock = (struct stage_clock){.boot_ns = 1000 * ELECT__S, .real_us = INT64_C(1795233392000000)};
    }
    prepare(stage, class_, clock);
    snprintf(stage->dir, sizeof stage->dir, "%s/elect-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    cr_assert_not_null(mkdtemp(stage->dir));
    snprintf(stage->url, sizeof stage->url, class_ == &elect__local_store ? "local:%s" : "%.0smemory:", stage->dir);
    defaults(&stage->settings, stage);
    open_stores(stage, stores);
}

void stage_shorten(struct stage *stage)
{
    if (stage->clock == NULL)
        stage->ttl_ns = stage->settings.lock_ttl_ns = 2 * ELECT__S;
}

void stage_join(struct stage *stage, const struct stage *other)
{
    prepare(stage, other->class_, other->clock);
    memcpy(stage->url, other->url, sizeof stage->url);
    stage->ttl_ns = other->ttl_ns;
    defaults(&stage->settings, stage);
    open_stores(stage, 1);
}

int stage_fork(struct stage *stage, void (*play)(struct stage *stage, int socket), pid_t *pid)
{
    int ends[2];
    struct stage own;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    *pid = fork();
    cr_assert_geq(*pid, 0);
    if (*pid == 0) {
        close(ends[0]);
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        stage_join(&own, stage);
        play(&own, ends[1]);
        _exit(0);
    }
    setpgid(*pid, *pid);
    close(ends[1]);
    return ends[0];
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat;
    (void)type;
    (void)walk;
    return remove(path);
}

void stage_remove(const char *dir)
{
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void stage_close(struct stage *stage)
{
    for (int i = 0; i < STAGE_STORES; i++) {
        if (stage->stores[i] != NULL)
            stage->class_->close(stage->stores[i]);
    }
    event_base_free(stage->base);
    if (stage->dir[0] != '\0')
        stage_remove(stage->dir);
}

void stage_serve(struct stage *stage)
{
    event_base_loop(stage->base, EVLOOP_NONBLOCK);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

void stage_pass(struct stage *stage, int64_t ns)
{
    bool over = stage->clock != NULL;
    struct event *timer = event_new(stage->base, -1, 0, on_time, &over);
    struct timeval wait = {.tv_sec = ns / ELECT__S, .tv_usec = ns % ELECT__S / 1000 + 1};
    int64_t until_ns = stage_now(stage) + ns;
    if (stage->clock != NULL) {
        stage->clock->boot_ns += ns;
        stage->clock->real_us += ns / 1000;
    }
    stage_serve(stage);
    while (!over) {
        event_add(timer, &wait);
        while (!over)
            event_base_loop(stage->base, EVLOOP_ONCE);
        over = stage_now(stage) >= until_ns;
        wait = (struct timeval){.tv_usec = 1000};
    }
    event_free(timer);
}

void stage_until(struct stage *stage, const int *flag, int count)
{
    bool hung = false;
    struct timeval wait = {.tv_sec = HANG_S};
    struct event *timer = event_new(stage->base, -1, 0, on_time, &hung);
    event_add(timer, &wait);
    while (*flag < count && !hung)
        event_base_loop(stage->base, EVLOOP_ONCE);
    event_free(timer);
    cr_assert(!hung, "what was waited for did not come");
}

/* ---- actors ---- */

static void enter(struct actor *actor, struct stage *stage, int store, const char *name, const char *id)
{
    memset(actor, 0, sizeof *actor);
    actor->stage = stage;
    actor->store = stage->stores[store];
    defaults(&actor->settings, stage);
    actor->settings.name = name;
    actor->settings.instance_id = id;
    actor->settings.hostname = "host-1";
    actor->settings.address = "10.0.0.1:80";
    actor->settings.metadata = "{\"zone\":\"a\"}";
    actor->slot.settings = &actor->settings;
    actor->slot.host = &host;
}

int32_t actor_attach(struct actor *actor)
{
    return actor->stage->class_->attach(actor->store, &actor->slot, actor->text, sizeof actor->text);
}

void actor_enter(struct actor *actor, struct stage *stage, int store, const char *name, const char *id)
{
    uint64_t random[2];
    enter(actor, stage, store, name, id);
    random_bytes(NULL, random, sizeof random);
    snprintf(actor->slot.incarnation, sizeof actor->slot.incarnation, "%016" PRIx64 "%016" PRIx64, random[0],
             random[1]);
    cr_assert_eq(actor_attach(actor), ELECT_OK, "%s", actor->text);
}

void actor_observe(struct actor *actor, struct stage *stage, int store, const char *name, const char *id)
{
    enter(actor, stage, store, name, id);
    actor->settings.observer = true;
    cr_assert_eq(actor_attach(actor), ELECT_OK, "%s", actor->text);
}

void actor_leave(struct actor *actor)
{
    actor->stage->class_->detach(actor->store, &actor->slot);
}

static enum elect__outcome submit(struct actor *actor, struct elect__op *op)
{
    op->seq = ++actor->seq;
    op->sent_at_ns = stage_now(actor->stage);
    op->deadline_ns = op->sent_at_ns + actor->stage->ttl_ns * 9 / 10;
    actor->op = *op;
    actor->answered = false;
    int answers = actor->answers + 1;
    actor->stage->class_->submit(actor->store, &actor->slot, op);
    stage_until(actor->stage, &actor->answers, answers);
    cr_assert_eq(actor->reply.seq, op->seq);
    return actor->reply.outcome;
}

enum elect__outcome probe(struct actor *actor)
{
    struct elect__op op = {.verb = ELECT__PROBE};
    return submit(actor, &op);
}

enum elect__outcome acquire_after(struct actor *actor, uint64_t attempt, uint64_t highest_epoch, bool waited)
{
    struct elect__op op = {
        .verb = ELECT__ACQUIRE, .attempt = attempt, .highest_epoch = highest_epoch, .loss_waited = waited};
    return submit(actor, &op);
}

enum elect__outcome acquire(struct actor *actor, uint64_t attempt)
{
    return acquire_after(actor, attempt, 0, false);
}

enum elect__outcome renew(struct actor *actor, uint64_t attempt, uint64_t epoch)
{
    struct elect__op op = {.verb = ELECT__RENEW, .attempt = attempt, .epoch = epoch};
    return submit(actor, &op);
}

enum elect__outcome release(struct actor *actor, uint64_t attempt, uint64_t epoch, int32_t reason)
{
    struct elect__op op = {.verb = ELECT__RELEASE, .attempt = attempt, .epoch = epoch, .reason = reason};
    return submit(actor, &op);
}

uint64_t win(struct actor *actor, uint64_t attempt)
{
    cr_assert_eq(acquire(actor, attempt), ELECT__WON, "outcome %d: %s", (int)actor->reply.outcome, actor->text);
    cr_assert_eq(actor->reply.attempt, attempt);
    cr_assert(actor->reply.epoch > 0 && actor->reply.epoch < ELECT__EPOCH_END);
    return actor->reply.epoch;
}

/* ---- questions ---- */

struct answer {
    int answers;
    int32_t code;
    char *json;
};

static void on_done(struct elect__query *query, int32_t code, char *json, const char *text)
{
    struct answer *answer = query->user;
    (void)text;
    answer->answers++;
    answer->code = code;
    answer->json = json;
}

int32_t ask(struct stage *stage, int store, enum elect__query_kind kind, const char *name, uint64_t epoch, char **json)
{
    struct answer answer = {0};
    struct elect__settings settings = stage->settings;
    struct elect__query query = {.kind = kind,
                                 .name = name != NULL ? name : "",
                                 .settings = &settings,
                                 .epoch = epoch,
                                 .deadline_ns = stage_now(stage) + HANG_S * ELECT__S,
                                 .done = on_done,
                                 .user = &answer};
    settings.name = name != NULL ? name : "";
    stage->class_->query(stage->stores[store], &query);
    stage_until(stage, &answer.answers, 1);
    cr_assert_eq(answer.answers, 1);
    if (json != NULL)
        *json = answer.json;
    else
        free(answer.json);
    return answer.code;
}
