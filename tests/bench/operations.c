#include "bench.h"
#include "env.h"
#include "options.h"
#include "store.h"
#include <event2/event.h>
#include <string.h>

/* One candidate without a client: the store's functions are called as the client's I/O thread calls them. */
struct bench {
    struct elect__slot slot; /* first: the host gets it back */
    struct event_base *base;
    struct elect__store *store;
    struct elect__reply reply;
    bool answered;
    uint64_t seq;
};

static void on_reply(struct elect__slot *slot, const struct elect__reply *reply,
                     const struct elect__leader_view *leader, const char *text)
{
    (void)leader, (void)text;
    struct bench *b = (struct bench *)slot;
    if (reply->seq == b->seq) {
        b->reply = *reply;
        b->answered = true;
    }
}

static void on_wake(struct elect__slot *slot, bool is_free)
{
    (void)slot, (void)is_free;
}

static void on_depose(struct elect__slot *slot, uint64_t epoch)
{
    (void)slot, (void)epoch;
}

static void on_doubt(struct elect__slot *slot)
{
    (void)slot;
}

static void on_error(struct elect__slot *slot, int32_t code, const char *text)
{
    (void)slot;
    bench_die("%s: %s", elect_code_name(code), text);
}

static void on_log(void *ctx, int32_t level, const char *text)
{
    (void)ctx, (void)level, (void)text;
}

static void on_current(void *ctx, void (*read)(const struct elect__settings *settings, void *user), void *user)
{
    const struct bench *b = ctx;
    read(b->slot.settings, user);
}

static const struct elect__host host = {.reply = on_reply,
                                        .wake = on_wake,
                                        .doubt = on_doubt,
                                        .depose = on_depose,
                                        .error = on_error,
                                        .log = on_log,
                                        .current = on_current};

static int64_t ask(struct bench *b, struct elect__op op, enum elect__outcome expected)
{
    op.seq = ++b->seq;
    op.sent_at_ns = bench_now_ns();
    op.deadline_ns = op.sent_at_ns + BENCH_PATIENCE_MS * ELECT__MS;
    b->answered = false;
    b->store->class_->submit(b->store, &b->slot, &op);
    while (!b->answered) {
        if (event_base_loop(b->base, EVLOOP_ONCE) != 0 || bench_now_ns() > op.deadline_ns)
            bench_die("the store did not answer an operation");
    }
    int64_t took_ns = bench_now_ns() - op.sent_at_ns;
    if (b->reply.outcome != expected)
        bench_die("operation %d had the outcome %d, not %d", (int)op.verb, (int)b->reply.outcome, (int)expected);
    return took_ns;
}

static struct elect__settings *settings_of(const char *store)
{
    elect_options_t *client = elect_options_new(), *election = elect_options_new();
    struct elect__settings *settings;
    elect_options_set(client, "store", store);
    elect_options_set(election, "name", "bench");
    elect_options_set(election, "restart_grace", "0");
    if (elect__settings_resolve(client, election, "bench-1", &settings) != ELECT_OK)
        bench_die("%s", elect_options_error(election));
    elect_options_free(client);
    elect_options_free(election);
    return settings;
}

static void open_store(struct bench *b, struct elect__settings *settings)
{
    char error[ELECT__ERROR_SIZE] = "";
    struct elect__store_args args = {settings, &elect__system_env, &host, b, b->base};
    b->slot.settings = settings;
    b->slot.host = &host;
    const struct elect__store_class *class_ = elect__store_find(settings->store, strcspn(settings->store, ":"));
    if (!class_ || class_->open(&args, &b->store, error, sizeof(error)) != ELECT_OK)
        bench_die("%s: %s", settings->store, error);
    strcpy(b->slot.incarnation, "0123456789abcdef0123456789abcdef");
    if (class_->attach(b->store, &b->slot, error, sizeof(error)) != ELECT_OK)
        bench_die("%s: %s", settings->store, error);
}

void bench_operations(const char *store, int rounds, struct bench_result *acquire, struct bench_result *renew,
                      const struct bench_beside *beside)
{
    struct bench b = {.base = event_base_new()};
    struct elect__settings *settings = settings_of(store);
    open_store(&b, settings);
    uint64_t highest = 0;
    for (int i = 0; i < rounds; i++) {
        if (beside)
            bench_add(beside->result, beside->measure(beside->user));
        struct elect__op op = {.verb = ELECT__ACQUIRE, .attempt = (uint64_t)i + 1, .highest_epoch = highest};
        bench_add(acquire, ask(&b, op, ELECT__WON));
        op.epoch = highest = b.reply.epoch;
        for (int j = 0; j < 10; j++) {
            op.verb = ELECT__RENEW;
            bench_add(renew, ask(&b, op, ELECT__RENEWED));
        }
        op.verb = ELECT__RELEASE;
        op.reason = ELECT_REASON_STOPPED;
        ask(&b, op, ELECT__RELEASED);
    }
    b.store->class_->detach(b.store, &b.slot);
    b.store->class_->close(b.store);
    elect__settings_free(settings);
    event_base_free(b.base);
}
