/* redis: the layouts of locks that fleets come from. They hold to less than our own: a lock that vanished is a free one, a
 * release is a DEL, and an id in a lock is no proof of a term. */
#include "redis_stage.h"

struct layout {
    const char *name, *lock; /* of the election "job" */
    bool tells;              /* of a leader, beside its lock */
    bool lists;
};
static const struct layout layouts[] = {
    {"plain", "mylock", true, false},
    {"maplefile", "maplefile:leader:lock", true, false},
    {"elector", "job:{election}:leader", false, true},
    {"go-leader", NULL, false, false},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static void enter(struct actor *actor, struct stage *stage, int store, const struct layout *layout, const char *id)
{
    actor_enter(actor, stage, store, "throw-away", id);
    actor_leave(actor);
    actor->settings.layout = layout->name;
    actor->settings.name = "job";
    actor->settings.lock_key = strcmp(layout->name, "plain") == 0 ? layout->lock : "";
    cr_assert_eq(actor_attach(actor), ELECT_OK, "%s: %s", layout->name, actor->text);
}

static void open_layout(struct scene *scene, const struct layout *layout)
{
    scene_open_as(scene, "", "", LONG_NS);
    scene->stage.settings.layout = layout->name;
    scene->stage.settings.lock_key = strcmp(layout->name, "plain") == 0 ? layout->lock : "";
    enter(&scene->a, &scene->stage, 0, layout, "a-1");
    enter(&scene->b, &scene->stage, 1, layout, "b-2");
}

/* The lock's key; that of go-leader is a hash. */
static const char *lock_of(struct scene *scene)
{
    struct elect__redis_seat *seat = scene->a.slot.data;
    return seat->keys->lock;
}

#define EACH(name)                                                                                                     \
    static void name(const struct layout *layout, struct scene *s);                                                    \
    Test(redis_layouts, name)                                                                                          \
    {                                                                                                                  \
        for (int i = 0; i < LAYOUTS; i++) {                                                                            \
            struct scene scene;                                                                                        \
            open_layout(&scene, &layouts[i]);                                                                          \
            name(&layouts[i], &scene);                                                                                 \
            scene_end(&scene);                                                                                         \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const struct layout *layout, struct scene *s)

EACH(one_leads_at_a_time_and_epochs_rise)
{
    uint64_t last = 0;
    for (uint64_t i = 1; i <= 5; i++) {
        struct actor *actor = i % 2 == 0 ? &s->a : &s->b, *other = i % 2 == 0 ? &s->b : &s->a;
        uint64_t epoch = win(actor, i);
        cr_assert(epoch > last, "%s", layout->name);
        last = epoch;
        cr_assert_eq(acquire(other, 100 + i), ELECT__HELD);
        cr_assert_eq(other->reply.attempt, 0, "%s: nobody may adopt it", layout->name);
        cr_assert(other->reply.left_ns > 0 && other->reply.left_ns <= LONG_NS);
        cr_assert_eq(probe(other), ELECT__HELD);
        cr_assert_eq(renew(actor, i, epoch), ELECT__RENEWED);
        cr_assert_eq(renew(actor, i, epoch + 1), ELECT__DELETED, "%s", layout->name);
        cr_assert_eq(renew(other, 100 + i, epoch), ELECT__TAKEN, "%s", layout->name);
        cr_assert_eq(release(other, 100 + i, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
        cr_assert_eq(renew(actor, i, epoch), ELECT__RENEWED);
        cr_assert_eq(release(actor, i, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
        cr_assert_eq(probe(other), ELECT__FREE);
    }
}

EACH(the_others_keys_are_theirs)
{
    if (layout->lock != NULL)
        cr_assert_str_eq(lock_of(s), layout->lock);
    uint64_t epoch = win(&s->a, 11);
    redisReply *value = redis_server_ask(s->server, "GET %s", lock_of(s));
    cr_assert_eq(value->type, REDIS_REPLY_STRING);
    if (strcmp(layout->name, "go-leader") == 0)
        cr_assert_eq(value->len, 32, "%s", value->str);
    else
        cr_assert_str_eq(value->str, "a-1");
    freeReplyObject(value);
    redis_server_do(s->server, "DEL %s", lock_of(s));
    cr_assert_eq(renew(&s->a, 11, epoch), ELECT__DELETED);
    redis_server_do(s->server, "SET %s somebody PX 3600000", lock_of(s));
    cr_assert_eq(renew(&s->a, 11, epoch), ELECT__TAKEN);
    cr_assert_eq(release(&s->a, 11, epoch, ELECT_REASON_STOPPED), ELECT__RELEASED);
    cr_assert_eq(acquire(&s->b, 12), ELECT__HELD);
    cr_assert_str_eq(s->b.id, "somebody", "%s: what a told of itself is not of this leader", layout->name);
    cr_assert_str_eq(s->b.address, "");
    cr_assert_eq(probe(&s->b), ELECT__HELD);
    cr_assert_str_eq(s->b.id, "somebody");
    redis_server_do(s->server, "DEL %s", lock_of(s));
    win(&s->b, 13);
}

/* The others tell nobody, so whoever waits looks by itself; and ours are told all the same. */
EACH(a_release_of_ours_wakes_ours)
{
    uint64_t epoch = win(&s->a, 11);
    cr_assert_eq(acquire(&s->b, 12), ELECT__HELD);
    cr_assert_eq(s->b.reply.poll_ns, s->b.settings.retry_interval_ns, "%s", layout->name);
    struct elect__redis_seat *seat = s->b.slot.data;
    while (!seat->channel->heard)
        stage_pass(&s->stage, ELECT__MS);
    cr_assert_eq(acquire(&s->b, 13), ELECT__HELD);
    cr_assert_eq(s->b.reply.poll_ns, s->b.settings.retry_interval_ns);
    int before = s->b.free_wakes;
    release(&s->a, 11, epoch, ELECT_REASON_STOPPED);
    stage_until(&s->stage, &s->b.free_wakes, before + 1);
    win(&s->b, 14);
}

EACH(what_is_told_of_a_leader_is_found)
{
    uint64_t epoch = win(&s->a, 11);
    cr_assert_eq(probe(&s->b), ELECT__HELD);
    cr_assert(s->b.has_leader);
    cr_assert_str_eq(s->b.address, layout->tells ? "10.0.0.1:80" : "", "%s", layout->name);
    if (layout->tells || strcmp(layout->name, "elector") == 0)
        cr_assert_eq(s->b.leader_epoch, epoch, "%s", layout->name);
    if (!layout->tells)
        return;
    struct elect__redis_seat *seat = s->a.slot.data;
    cr_assert_eq(redis_server_ask_number(s->server, "PERSIST %s", seat->keys->info), 1);
    s->a.settings.address = "elsewhere";
    cr_assert_eq(renew(&s->a, 11, epoch), ELECT__RENEWED);
    cr_assert_gt(redis_server_ask_number(s->server, "PTTL %s", seat->keys->info), 0, "it is written at each renewal");
    cr_assert_eq(probe(&s->b), ELECT__HELD);
    cr_assert_str_eq(s->b.address, "elsewhere");
}

EACH(who_leads_is_asked_to_step_down)
{
    cr_assert_eq(ask(&s->stage, 1, ELECT__QUERY_DEPOSE, "job", 0, NULL), ELECT_ENOTLEADER);
    uint64_t epoch = win(&s->a, 11);
    struct elect__redis_seat *seat = s->a.slot.data;
    while (!seat->channel->heard)
        stage_pass(&s->stage, ELECT__MS);
    cr_assert_eq(ask(&s->stage, 1, ELECT__QUERY_DEPOSE, "job", epoch, NULL), ELECT_OK, "%s", layout->name);
    stage_until(&s->stage, &s->a.wakes, s->a.wakes + (s->a.deposed == 0));
    cr_assert_eq(s->a.deposed, epoch);
}

EACH(reports_say_who_leads)
{
    char *json;
    win(&s->a, 11);
    cr_assert_eq(ask(&s->stage, 1, ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "\"state\":\"led\""), "%s", json);
    free(json);
    cr_assert_eq(ask(&s->stage, 1, ELECT__QUERY_HISTORY, "job", 0, &json), ELECT_OK);
    cr_assert_str_eq(json, "[]", "%s keeps none", layout->name);
    free(json);
    cr_assert_eq(ask(&s->stage, 1, ELECT__QUERY_LIST, NULL, 0, &json), layout->lists ? ELECT_OK : ELECT_ESTORE);
    if (layout->lists)
        cr_assert_not_null(strstr(json, "\"name\":\"job\",\"state\":\"led\""), "%s", json);
    free(json);
    cr_assert_eq(ask(&s->stage, 1, ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTATE);
}
