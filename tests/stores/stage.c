#include "stage.h"
#ifdef ELECT_REDIS
#include "redis/server.h"
#endif
#include <event2/event.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

/* ---- the stage ---- */

void stage_settings(struct elect__settings *settings, const struct stage *stage)
{
    memset(settings, 0, sizeof *settings);
    settings->store = stage->url;
    settings->prefix = "elect";
    settings->name = settings->instance_id = settings->hostname = settings->address = settings->metadata = "";
    settings->layout = "elect";
    settings->allow_filesystem = settings->warning = "";
    settings->lock_key = settings->info_key = settings->password = settings->password_file = "";
    settings->tls_ca_file = settings->tls_ca_dir = settings->tls_cert_file = settings->tls_key_file = "";
    settings->tls_server_name = "";
    settings->tls_min_version = "1.2";
    settings->tls_verify = true;
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
        .settings = &stage->settings, .env = &stage->env, .host = &stage_host, .ctx = stage, .base = stage->base};
    for (int i = 0; i < stores; i++)
        cr_assert_eq(stage->class_->open(&args, &stage->stores[i], error, sizeof error), ELECT_OK, "%s", error);
    for (int i = 0; stage->table != NULL && i < stores; i++)
        cr_assert_eq(register_serve(&stage->servers[i], stage->table, stage->stores[i], stage->faulty), 0);
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

static void name_store(struct stage *stage)
{
    if (stage->class_ == &elect__local_store)
        snprintf(stage->url, sizeof stage->url, "local:%s", stage->dir);
#ifdef ELECT_REDIS
    else if (stage->class_ == &elect__redis_store)
        snprintf(stage->url, sizeof stage->url, "%s", (stage->redis = redis_server_start(NULL))->url);
#endif
    else
        snprintf(stage->url, sizeof stage->url, "%s",
                 stage->class_ == &elect__custom_store ? "custom:?bootstrap=now" : "memory:");
}

static void open_stage(struct stage *stage, const struct elect__store_class *class_, int stores, bool scripted,
                       bool faulty)
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
    name_store(stage);
    stage_settings(&stage->settings, stage);
    if (class_ == &elect__custom_store) {
        stage->table = example_store_new();
        cr_assert_not_null(stage->table);
        stage->faulty = faulty;
    }
    open_stores(stage, stores);
}

void stage_open(struct stage *stage, const struct elect__store_class *class_, int stores, bool scripted)
{
    open_stage(stage, class_, stores, scripted, false);
}

void stage_open_url(struct stage *stage, const struct elect__store_class *class_, const char *url, int stores,
                    int64_t ttl_ns)
{
    prepare(stage, class_, NULL);
    stage->ttl_ns = ttl_ns;
    snprintf(stage->url, sizeof stage->url, "%s", url);
    stage_settings(&stage->settings, stage);
    open_stores(stage, stores);
}

void stage_open_faulty(struct stage *stage, int stores, bool scripted)
{
    open_stage(stage, &elect__custom_store, stores, scripted, true);
}

bool stage_is_register(const struct stage *stage)
{
    return stage->table != NULL;
}

void stage_changed(struct stage *stage, const char *name)
{
    char key[ELECT__KEY_SIZE];
    struct elect__settings settings = stage->settings;
    settings.name = name;
    cr_assert(elect__cas_key(&settings, key));
    for (int i = 0; stage->table != NULL && i < STAGE_STORES && stage->stores[i] != NULL; i++)
        cr_assert_eq(elect__ops_change(stage->servers[i].ops, key), ELECT_OK);
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
    stage_settings(&stage->settings, stage);
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
        if (stage->stores[i] != NULL && stage->table != NULL)
            register_join(&stage->servers[i]);
    }
#ifdef ELECT_REDIS
    if (stage->redis != NULL)
        redis_server_stop(stage->redis);
#endif
    example_store_free(stage->table);
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
    struct timeval wait = {.tv_sec = STAGE_HANG_S};
    struct event *timer = event_new(stage->base, -1, 0, on_time, &hung);
    event_add(timer, &wait);
    while (*flag < count && !hung)
        event_base_loop(stage->base, EVLOOP_ONCE);
    event_free(timer);
    cr_assert(!hung, "what was waited for did not come");
}
