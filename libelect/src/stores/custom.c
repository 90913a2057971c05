#include "custom.h"
#include "../url.h"
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIER "compare-and-set register of the application"
#define NOBODY_SERVES "nobody serves the operations of custom:"
#define NO_ANSWER "an operation of custom: was taken and not completed in time"

struct custom {
    struct elect__cas_store cas; /* first: it begins with the store */
    struct elect__ops *ops;
    struct event *news, *alarm;
    struct elect__heap deadlines; /* of all operations under way */
    int64_t armed_ns;             /* the alarm goes off then; ELECT__NEVER: it is not set */
};

static struct custom *of_store(struct elect__cas_store *store)
{
    return (struct custom *)(void *)store;
}

static int64_t now_ns(const struct custom *custom)
{
    const struct elect__env *env = custom->cas.args.env;
    return env->boot_ns(env->ctx);
}

/* ---- deadlines ---- */

/* It may go off too early: it then sets itself anew. So of the many that are answered in time, none sets it. False: out
 * of memory, which it needs the first time only. */
static bool arm(struct custom *custom)
{
    const struct elect__timer *first = custom->deadlines.first;
    if (!first || first->at_ns >= custom->armed_ns)
        return true;
    int64_t left_ns = first->at_ns - now_ns(custom);
    if (left_ns < 0)
        left_ns = 0;
    struct timeval wait = {.tv_sec = left_ns / ELECT__S, .tv_usec = left_ns % ELECT__S / 1000 + 1};
    bool armed = event_add(custom->alarm, &wait) == 0;
    if (armed)
        custom->armed_ns = first->at_ns;
    return armed;
}

/* An operation ends for the I/O thread: its request may be answered. */
static struct elect__register_request *let_go(struct custom *custom, elect_op_t *op)
{
    struct elect__register_request *request = op->request;
    elect__heap_set(&custom->deadlines, &op->timer, ELECT__NEVER);
    request->operation = op->request = NULL;
    return request;
}

static void time_is_over(struct custom *custom, elect_op_t *op)
{
    struct elect__register_request *request = let_go(custom, op);
    struct elect__register_answer answer = {.code = ELECT_EUNKNOWN, .version = "", .value = "", .text = NO_ANSWER};
    if (elect__ops_give_up(custom->ops, op)) {
        answer.code = ELECT_EUNREACHABLE;
        answer.text = NOBODY_SERVES;
    }
    request->done(request, &answer);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    struct custom *custom = arg;
    struct elect__timer *timer;
    (void)fd;
    (void)what;
    custom->armed_ns = ELECT__NEVER;
    int64_t now = now_ns(custom);
    while ((timer = custom->deadlines.first) && timer->at_ns <= now)
        time_is_over(custom, (elect_op_t *)(void *)((char *)timer - offsetof(elect_op_t, timer)));
    arm(custom);
}

/* ---- operations ---- */

static void on_news(evutil_socket_t fd, short what, void *arg)
{
    struct custom *custom = arg;
    struct elect__changed_key *change;
    elect_op_t *op;
    bool any;
    (void)fd;
    (void)what;
    elect__ops_hear(custom->ops);
    while ((op = elect__ops_take_done(custom->ops))) {
        struct elect__register_request *request = let_go(custom, op);
        request->done(request, &op->answer);
        elect__op_free(op);
    }
    change = elect__ops_take_changed(custom->ops, &any);
    if (any)
        elect__cas_changed(&custom->cas, NULL);
    while (change) {
        struct elect__changed_key *next = change->next;
        if (!any)
            elect__cas_changed(&custom->cas, change->key);
        free(change);
        change = next;
    }
}

static int32_t custom_submit(struct elect__cas_store *store, struct elect__register_request *request)
{
    struct custom *custom = of_store(store);
    size_t size = strlen(request->key) + 1;
    elect_op_t *op = calloc(1, sizeof *op + size);
    if (!op)
        return ELECT_ENOMEM;
    if (request->value && !(op->value = strdup(request->value))) {
        free(op);
        return ELECT_ENOMEM;
    }
    memcpy(op->key, request->key, size);
    op->ops = custom->ops;
    elect__ops_ref(op->ops);
    op->kind = request->value ? ELECT_OP_WRITE : ELECT_OP_READ;
    if (request->value)
        snprintf(op->version, sizeof op->version, "%s", request->version);
    op->deadline_ns = request->deadline_ns;
    op->request = request;
    request->operation = op;
    atomic_init(&op->given_up, false);
    op->state = ELECT__OP_QUEUED;
    elect__heap_set(&custom->deadlines, &op->timer, op->deadline_ns);
    if (!arm(custom)) {
        let_go(custom, op);
        elect__op_free(op);
        return ELECT_ENOMEM;
    }
    elect__ops_push(custom->ops, op);
    return ELECT_OK;
}

static void custom_cancel(struct elect__cas_store *store, struct elect__register_request *request)
{
    struct custom *custom = of_store(store);
    elect_op_t *op = request->operation;
    let_go(custom, op);
    elect__ops_give_up(custom->ops, op);
}

static const struct elect__register_class register_class = {
    .tier = TIER, .submit = custom_submit, .cancel = custom_cancel};

/* ---- the class ---- */

static int32_t read_url(struct custom *custom, const char *text, char *error, size_t error_size)
{
    struct elect__url url;
    int32_t code = elect__url_parse(text, &url, error, error_size);
    if (code != ELECT_OK)
        return code;
    const char *bootstrap = elect__url_param(&url, "bootstrap");
    custom->cas.bootstrap = bootstrap != NULL;
    bool fit = (!bootstrap || strcmp(bootstrap, "now") == 0) && !*url.path && !*url.authority;
    elect__url_free(&url);
    if (fit)
        return ELECT_OK;
    char *shown = elect__url_redact(text);
    snprintf(error, error_size, "store=\"%s\": must be custom: or custom:?bootstrap=now", shown ? shown : "...");
    free(shown);
    return ELECT_EINVAL;
}

static void custom_close(struct elect__store *store)
{
    struct custom *custom = (struct custom *)store;
    elect__cas_store_end(&custom->cas);
    if (custom->news)
        event_free(custom->news);
    if (custom->alarm)
        event_free(custom->alarm);
    if (custom->ops)
        elect__ops_close(custom->ops);
    elect__ops_unref(custom->ops);
    free(custom);
}

static int32_t open_events(struct custom *custom)
{
    struct event_base *base = custom->cas.args.base;
    int32_t code;
    custom->ops = elect__ops_new(custom->cas.args.env, &code);
    if (!custom->ops)
        return code;
    custom->news = event_new(base, custom->ops->wake_fd, EV_READ | EV_PERSIST, on_news, custom);
    custom->alarm = evtimer_new(base, on_alarm, custom);
    return custom->news && custom->alarm && event_add(custom->news, NULL) == 0 ? ELECT_OK : ELECT_ENOMEM;
}

static void say_why(int32_t code, char *error, size_t error_size)
{
    if (code == ELECT_ENOMEM)
        snprintf(error, error_size, "%s", elect_code_text(code));
    else if (code == ELECT_ESTORE)
        snprintf(error, error_size,
                 "store=custom: needs descriptors, and the limit of open files (ulimit -n) is reached");
}

static int32_t custom_open(const struct elect__store_args *args, struct elect__store **out, char *error,
                           size_t error_size)
{
    struct custom *custom = calloc(1, sizeof *custom);
    if (!custom) {
        say_why(ELECT_ENOMEM, error, error_size);
        return ELECT_ENOMEM;
    }
    custom->cas.store.class_ = &elect__custom_store;
    custom->cas.args = *args;
    custom->cas.register_ = &register_class;
    custom->armed_ns = ELECT__NEVER;
    *out = &custom->cas.store;
    int32_t code = read_url(custom, args->settings->store, error, error_size);
    if (code == ELECT_OK)
        code = open_events(custom);
    if (code == ELECT_OK)
        return code;
    say_why(code, error, error_size);
    custom_close(*out);
    *out = NULL;
    return code;
}

/* A thread of the parent may have been changing it: it is left as it is. */
static void custom_forked(struct elect__store *store)
{
    (void)store;
}

struct elect__ops *elect__custom_ops(const struct elect__store *store)
{
    if (store->class_ != &elect__custom_store)
        return NULL;
    struct elect__ops *ops = ((const struct custom *)(const void *)store)->ops;
    elect__ops_ref(ops);
    return ops;
}

const struct elect__store_class elect__custom_store = {
    .schemes = "custom",
    .params = "bootstrap",
    .open = custom_open,
    .attach = elect__cas_attach,
    .submit = elect__cas_store_submit,
    .detach = elect__cas_detach,
    .query = elect__cas_query,
    .close = custom_close,
    .forked = custom_forked,
};
