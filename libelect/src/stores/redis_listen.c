/* The subscriber. What it tells only makes candidates look sooner: a message that is lost, or that somebody makes up,
 * costs a look, and each candidate has a timer of its own besides. */
#include "redis_reply.h"
#include "redis_store.h"
#include <stdlib.h>
#include <string.h>

static struct elect__redis_channel *find(const struct elect__redis *redis, const char *name)
{
    struct elect__entry *entry = NULL;
    while ((entry = elect__table_find(&redis->channels, elect__hash(0, name), entry))) {
        struct elect__redis_channel *channel = (struct elect__redis_channel *)(void *)entry;
        if (strcmp(channel->name, name) == 0)
            return channel;
    }
    return NULL;
}

/* One channel at a time: a refusal does not say which one it is of. */
static void say(struct elect__redis *redis, const char *verb, const struct elect__redis_channel *channel)
{
    struct elect__redis_conn *conn = elect__redis_link_conn(redis, ELECT__REDIS_SUBSCRIBER, channel->name);
    struct elect__redis_command command;
    elect__redis_command(&command, verb, channel->name, NULL);
    if (conn && elect__redis_conn_is_up(conn))
        elect__redis_conn_say(conn, &command);
}

/* ---- who listens ---- */

static struct elect__redis_channel *add(struct elect__redis *redis, const char *name)
{
    size_t size = strlen(name) + 1;
    struct elect__redis_channel *channel = calloc(1, sizeof *channel + size);
    if (!channel)
        return NULL;
    memcpy(channel->name, name, size);
    if (elect__table_add(&redis->channels, &channel->entry, elect__hash(0, name)) != 0) {
        free(channel);
        return NULL;
    }
    say(redis, "SUBSCRIBE", channel);
    return channel;
}

bool elect__redis_listen_join(struct elect__redis_seat *seat)
{
    struct elect__redis_channel *channel = find(seat->redis, seat->keys->channel);
    if (!channel)
        channel = add(seat->redis, seat->keys->channel);
    if (!channel)
        return false;
    seat->channel = channel;
    seat->next = channel->seats;
    if (seat->next)
        seat->next->previous = seat;
    channel->seats = seat;
    return true;
}

void elect__redis_listen_leave(struct elect__redis_seat *seat)
{
    struct elect__redis_channel *channel = seat->channel;
    if (seat->previous)
        seat->previous->next = seat->next;
    else
        channel->seats = seat->next;
    if (seat->next)
        seat->next->previous = seat->previous;
    if (channel->seats)
        return;
    say(seat->redis, "UNSUBSCRIBE", channel);
    elect__table_remove(&seat->redis->channels, &channel->entry);
    free(channel);
}

/* ---- what a seat makes of it ---- */

static void wake(struct elect__redis_seat *seat, bool free)
{
    seat->redis->args.host->wake(seat->slot, free);
}

void elect__redis_seat_look(struct elect__redis_seat *seat)
{
    if (seat->leading)
        return;
    if (seat->request.sent)
        seat->news.look = true;
    else
        wake(seat, false);
}

static void elected(struct elect__redis_seat *seat, uint64_t epoch)
{
    if (seat->leading || epoch <= seat->known_epoch)
        return;
    if (!seat->request.sent)
        wake(seat, false);
    else if (epoch > seat->news.elected)
        seat->news.elected = epoch;
}

/* Of a release of its own it knows already. */
static void released(struct elect__redis_seat *seat, uint64_t epoch)
{
    if (epoch == 0)
        elect__redis_seat_look(seat);
    if (seat->leading || epoch == 0 || epoch == seat->own_epoch || epoch < seat->known_epoch)
        return;
    if (!seat->request.sent)
        wake(seat, true);
    else if (epoch > seat->news.released)
        seat->news.released = epoch;
}

/* What its leader tells of itself. */
static void changed(struct elect__redis_seat *seat, uint64_t epoch)
{
    (void)epoch;
    elect__redis_forget_holder(seat);
    elect__redis_seat_look(seat);
}

static void depose(struct elect__redis_seat *seat, uint64_t epoch)
{
    if (seat->leading && seat->own_epoch == epoch)
        seat->redis->args.host->depose(seat->slot, epoch);
}

/* What came while the operation was under way, as far as its answer does not show it. */
void elect__redis_seat_tell_news(struct elect__redis_seat *seat, const struct elect__reply *reply)
{
    struct elect__redis_news news = seat->news;
    seat->news = (struct elect__redis_news){0};
    bool busy = reply->outcome == ELECT__HELD || reply->outcome == ELECT__WAIT;
    if (seat->leading)
        return;
    if (news.look || news.elected > seat->known_epoch)
        wake(seat, false);
    else if (news.released != 0 && news.released >= seat->known_epoch)
        wake(seat, busy);
}

/* ---- what is heard ---- */

void elect__redis_listen_up(struct elect__redis *redis)
{
    struct elect__entry *entry = NULL;
    redis->deaf_told = false;
    while ((entry = elect__table_next(&redis->channels, entry)))
        say(redis, "SUBSCRIBE", (struct elect__redis_channel *)(void *)entry);
}

/* Who waits for a word polls from here on. */
void elect__redis_listen_down(struct elect__redis *redis)
{
    struct elect__entry *entry = NULL;
    while ((entry = elect__table_next(&redis->channels, entry))) {
        struct elect__redis_channel *channel = (struct elect__redis_channel *)(void *)entry;
        bool heard = channel->heard;
        channel->heard = false;
        for (struct elect__redis_seat *seat = channel->seats; heard && seat; seat = seat->next)
            elect__redis_seat_look(seat);
    }
}

/* From here on nothing is missed; what was before is looked for. */
static void confirmed(struct elect__redis_channel *channel)
{
    channel->heard = true;
    for (struct elect__redis_seat *seat = channel->seats; seat; seat = seat->next)
        elect__redis_seat_look(seat);
}

/* "verb epoch"; the epoch of a release is 0 where there was no record of it. */
static bool read_message(const redisReply *message, const char *verb, uint64_t *epoch)
{
    size_t length = strlen(verb);
    *epoch = 0;
    if (message->len <= length + 1 || message->len > length + 17 || memcmp(message->str, verb, length) != 0 ||
        message->str[length] != ' ')
        return false;
    for (size_t i = length + 1; i < message->len; i++) {
        if (message->str[i] < '0' || message->str[i] > '9')
            return false;
        *epoch = *epoch * 10 + (uint64_t)(message->str[i] - '0');
    }
    return *epoch < ELECT__EPOCH_END;
}

static void hear(struct elect__redis_channel *channel, const redisReply *message)
{
    static const struct {
        const char *verb;
        void (*tell)(struct elect__redis_seat *seat, uint64_t epoch);
    } messages[] = {
        {"elected", elected},
        {"released", released},
        {"changed", changed},
        {"depose", depose},
    };
    uint64_t epoch;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        bool meant = read_message(message, messages[i].verb, &epoch);
        for (struct elect__redis_seat *seat = channel->seats; meant && seat; seat = seat->next)
            messages[i].tell(seat, epoch);
    }
}

static void refused(struct elect__redis *redis, const redisReply *reply)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    bool written;
    if (redis->deaf_told)
        return;
    redis->deaf_told = true;
    elect__redis_error(reply, &written, text, sizeof text);
    elect__redis_log(redis, ELECT_LOG_WARN,
                     "the server refuses to tell of changes, so candidates look every retry_interval: %s", text);
}

void elect__redis_listen_push(struct elect__redis *redis, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        refused(redis, reply);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 || !elect__reply_is_text(reply->element[0]) ||
        !elect__reply_is_text(reply->element[1]))
        return;
    struct elect__redis_channel *channel = find(redis, reply->element[1]->str);
    if (!channel)
        return;
    if (strcmp(reply->element[0]->str, "subscribe") == 0)
        confirmed(channel);
    else if (strcmp(reply->element[0]->str, "message") == 0 && elect__reply_is_text(reply->element[2]))
        hear(channel, reply->element[2]);
}
