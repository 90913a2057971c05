#include "redis_store.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void elect__redis_log(struct elect__redis *redis, int32_t level, const char *format, ...)
{
    char text[2 * ELECT__REDIS_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    redis->args.host->log(redis->args.ctx, level, text);
}

void elect__redis_command(struct elect__redis_command *command, const char *a, const char *b, const char *c)
{
    const char *const arguments[] = {a, b, c};
    elect__redis_command_of(command, c ? 3 : 2, arguments);
}

/* ---- what the connections tell ---- */

/* Somebody may have followed while nothing was heard: leaders find out by a renewal, before their lease ends. */
static void doubt_leaders(struct elect__redis *redis, enum elect__redis_use use)
{
    struct elect__entry *entry = NULL;
    while ((entry = elect__table_next(&redis->locks, entry))) {
        struct elect__redis_seat *seat = elect__redis_seat_of(entry);
        if (seat->leading && elect__redis_seat_use(seat) == use)
            redis->args.host->doubt(seat->slot);
        else if (!seat->leading)
            elect__redis_seat_look(seat);
    }
}

void elect__redis_commands_up(struct elect__redis *redis, enum elect__redis_use use, const char *info, bool again)
{
    elect__redis_check_connect(redis, info);
    if (redis->down_told)
        elect__redis_log(redis, ELECT_LOG_INFO, "connected to the store again");
    redis->down_told = redis->lasting_told = false;
    if (again)
        doubt_leaders(redis, use);
}

/* Once, and once more when trying again will not help. */
void elect__redis_commands_down(struct elect__redis *redis, bool lasting, const char *text)
{
    if (!redis->down_told || (lasting && !redis->lasting_told))
        elect__redis_log(redis, ELECT_LOG_WARN, "no connection to the store%s: %s",
                         lasting ? " until somebody changes something" : "", text);
    redis->down_told = true;
    redis->lasting_told = redis->lasting_told || lasting;
}

/* ---- the class ---- */

static void free_store(struct elect__redis *redis)
{
    elect__redis_questions_end(redis);
    elect__redis_doctor_end(redis);
    elect__redis_link_close(redis);
    elect__table_free(&redis->locks);
    elect__table_free(&redis->channels);
    free(redis);
}

static int32_t redis_open(const struct elect__store_args *args, struct elect__store **out, char *error, size_t size)
{
    struct elect__redis *redis = calloc(1, sizeof *redis);
    *out = NULL;
    if (!redis)
        return ELECT_ENOMEM;
    redis->store.class_ = &elect__redis_store;
    redis->args = *args;
    int32_t code = elect__redis_link_open(redis, error, size);
    if (code != ELECT_OK) {
        free_store(redis);
        return code;
    }
    *out = &redis->store;
    return ELECT_OK;
}

static void redis_close(struct elect__store *store)
{
    free_store((struct elect__redis *)store);
}

/* There may be a password now, or a certificate, that the server takes. */
static void redis_updated(struct elect__store *store)
{
    struct elect__redis *redis = (struct elect__redis *)store;
    for (int use = 0; use < ELECT__REDIS_USES; use++) {
        if (redis->link.conns[use])
            elect__redis_conn_hurry(redis->link.conns[use]);
    }
}

/* A thread of the parent may have been changing it, and its connections are the parent's: it is left as it is. */
static void redis_forked(struct elect__store *store)
{
    (void)store;
}

/* ---- seats ---- */

struct elect__redis_seat *elect__redis_seat_next(const struct elect__redis *redis, const char *lock,
                                                 struct elect__redis_seat *seat)
{
    struct elect__entry *entry = seat ? &seat->entry : NULL;
    while ((entry = elect__table_find(&redis->locks, elect__hash(0, lock), entry))) {
        seat = elect__redis_seat_of(entry);
        if (strcmp(seat->keys->lock, lock) == 0)
            return seat;
    }
    return NULL;
}

static bool is_same_election(const struct elect__settings *a, const struct elect__settings *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->layout, b->layout) == 0;
}

/* Two elections over one lock would be one, and neither would know. */
static int32_t check_lock(const struct elect__redis *redis, const struct elect__redis_seat *seat, char *error,
                          size_t size)
{
    const struct elect__settings *mine = seat->slot->settings;
    const struct elect__redis_seat *other = elect__redis_seat_next(redis, seat->keys->lock, NULL);
    if (!other || is_same_election(mine, other->slot->settings))
        return ELECT_OK;
    snprintf(error, size, "name=\"%s\": its lock \"%s\" is that of the election \"%s\" (layout=%s) of this client too",
             mine->name, seat->keys->lock, other->slot->settings->name, other->slot->settings->layout);
    return ELECT_EINVAL;
}

static void free_seat(struct elect__redis_seat *seat)
{
    elect_leader_free(seat->holder);
    free(seat->holder_value);
    free(seat->keys);
    free(seat);
}

static int32_t take_place(struct elect__redis *redis, struct elect__redis_seat *seat, char *error, size_t size)
{
    int32_t code = elect__redis_keys_new(seat->slot->settings, seat->slot->settings->name, &seat->keys, error, size);
    if (code == ELECT_OK)
        code = check_lock(redis, seat, error, size);
    if (code != ELECT_OK)
        return code;
    if (elect__table_add(&redis->locks, &seat->entry, elect__hash(0, seat->keys->lock)) != 0)
        return ELECT_ENOMEM;
    if (elect__redis_listen_join(seat))
        return ELECT_OK;
    elect__table_remove(&redis->locks, &seat->entry);
    return ELECT_ENOMEM;
}

static int32_t redis_attach(struct elect__store *store, struct elect__slot *slot, char *error, size_t size)
{
    struct elect__redis *redis = (struct elect__redis *)store;
    struct elect__redis_seat *seat = calloc(1, sizeof *seat);
    if (!seat)
        return ELECT_ENOMEM;
    seat->redis = redis;
    seat->slot = slot;
    int32_t code = take_place(redis, seat, error, size);
    if (code != ELECT_OK) {
        free_seat(seat);
        return code;
    }
    slot->data = seat;
    return ELECT_OK;
}

static void redis_detach(struct elect__store *store, struct elect__slot *slot)
{
    struct elect__redis *redis = (struct elect__redis *)store;
    struct elect__redis_seat *seat = slot->data;
    elect__redis_seat_end(seat);
    elect__redis_listen_leave(seat);
    elect__table_remove(&redis->locks, &seat->entry);
    slot->data = NULL;
    free_seat(seat);
}

const struct elect__store_class elect__redis_store = {
    .schemes = "redis|rediss|redis+unix|valkey|valkeys|valkey+unix",
    .layouts = "plain|maplefile|elector|go-leader",
    .params = "db",
    .open = redis_open,
    .attach = redis_attach,
    .submit = elect__redis_submit,
    .detach = redis_detach,
    .query = elect__redis_query,
    .updated = redis_updated,
    .close = redis_close,
    .forked = redis_forked,
};
