/* Who holds a lock, as its value and what is told beside it say; kept by each seat for as long as the term lasts, so
 * that a look that finds it again costs no more than the look. */
#include "../text.h"
#include "redis_store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An info beside a plain lock is the holder's only if it bears the lock's value: a winner need not have written one. */
void elect__redis_leader(const struct elect__redis_keys *keys, const struct elect__redis_found *found, uint64_t epoch,
                         struct elect__redis_leader *out)
{
    const struct elect__redis_layout *layout = keys->layout;
    struct elect__leader_view *view = &out->view;
    uint64_t attempt;
    size_t length = elect__redis_value_read(layout, found->value, &attempt);
    snprintf(out->id, sizeof out->id, "%.*s", (int)length, found->value);
    if (!elect__utf8_line(out->id))
        elect__text_show(found->value, out->id);
    bool told = found->info && elect__redis_info_read(found->info, found->info_length, view, &out->json);
    if (told && !layout->native && strcmp(view->instance_id, out->id) != 0) {
        cJSON_Delete(out->json);
        told = false;
    }
    if (!told) {
        *view = (struct elect__leader_view){.instance_id = "", .hostname = "", .address = "", .metadata = ""};
        out->json = NULL;
    }
    if (!*view->instance_id)
        view->instance_id = out->id;
    if (epoch != 0 || layout->native)
        view->epoch = epoch;
}

/* Who is not told of changes reads all again. */
bool elect__redis_is_known(const struct elect__redis_seat *seat, const char *value, size_t length)
{
    return seat->holder && seat->channel->heard && strlen(seat->holder_value) == length &&
           memcmp(seat->holder_value, value, length) == 0;
}

void elect__redis_forget_holder(struct elect__redis_seat *seat)
{
    elect_leader_free(seat->holder);
    free(seat->holder_value);
    seat->holder = NULL;
    seat->holder_value = NULL;
}

/* Not a plain id, which is the same again in the next term; nor what we would not write; and an unknown epoch may be
 * known the next time. */
static void keep_holder(struct elect__redis_seat *seat, const char *value, size_t length,
                        const struct elect__leader_view *view)
{
    const struct elect__redis_layout *layout = seat->keys->layout;
    elect__redis_forget_holder(seat);
    if (length >= ELECT__REDIS_VALUE_SIZE || (layout->native ? view->epoch == 0 : !layout->value_is_random))
        return;
    seat->holder_value = strndup(value, length);
    seat->holder = elect__leader_new(view, elect__redis_now(seat->redis));
    if (!seat->holder || !seat->holder_value)
        elect__redis_forget_holder(seat);
}

static void tell_error(struct elect__redis_seat *seat, const char *text)
{
    seat->redis->args.host->error(seat->slot, ELECT_ESTORE, text);
}

/* What holds a lock otherwise than this candidate would: each told once. */
static void check_holder(struct elect__redis_seat *seat, const char *id, int64_t left_ns, int64_t lock_ttl_ms)
{
    const struct elect__settings *settings = seat->slot->settings;
    char text[ELECT__REDIS_TEXT_SIZE];
    bool endless = left_ns < 0;
    if (endless && !seat->endless) {
        snprintf(text, sizeof text,
                 "the lock \"%.200s\", held by \"%.100s\", has no TTL: whoever set it so never loses it",
                 seat->keys->lock, id);
        tell_error(seat, text);
    }
    seat->endless = endless;
    int64_t own_ms = settings->lock_ttl_ns / ELECT__MS;
    bool odd = lock_ttl_ms != 0 && lock_ttl_ms != own_ms;
    if (odd && seat->odd_ttl_ms != lock_ttl_ms) {
        snprintf(text, sizeof text,
                 "lock_ttl: \"%.100s\" leads with %" PRId64 "ms, and it is %" PRId64
                 "ms here: all candidates of an election must use one",
                 id, lock_ttl_ms, own_ms);
        tell_error(seat, text);
    }
    seat->odd_ttl_ms = odd ? lock_ttl_ms : 0;
}

/* The leader's last renewal, as what is left of its lease tells it: now, where its TTL is not told and is longer than ours. */
static int64_t heartbeat_ms(const struct elect__redis_seat *seat, int64_t left_ns)
{
    int64_t ttl_ms = seat->holder_ttl_ms != 0 ? seat->holder_ttl_ms : seat->slot->settings->lock_ttl_ns / ELECT__MS;
    int64_t age_ms = ttl_ms - left_ns / ELECT__MS;
    return elect__redis_real_ms(seat->redis) - (age_ms > 0 ? age_ms : 0);
}

static void finish_held(struct elect__redis_seat *seat, struct elect__reply *reply, struct elect__leader_view *view)
{
    if (reply->left_ns >= 0)
        view->last_heartbeat_ms = heartbeat_ms(seat, reply->left_ns);
    if (view->epoch > seat->known_epoch)
        seat->known_epoch = view->epoch;
    elect__redis_seat_finish(seat, reply, view, NULL);
}

/* HELD by a lock whose value and record were just read. */
void elect__redis_held(struct elect__redis_seat *seat, struct elect__reply *reply,
                       const struct elect__redis_found *found)
{
    struct elect__redis_leader leader;
    elect__redis_leader(seat->keys, found, reply->epoch, &leader);
    seat->holder_ttl_ms = found->lock_ttl_ms;
    keep_holder(seat, found->value, found->value_length, &leader.view);
    check_holder(seat, leader.view.instance_id, reply->left_ns, found->lock_ttl_ms);
    finish_held(seat, reply, &leader.view);
    cJSON_Delete(leader.json);
}

void elect__redis_held_as_before(struct elect__redis_seat *seat, struct elect__reply *reply)
{
    struct elect__leader_view view = seat->holder->view;
    reply->epoch = seat->keys->layout->native ? view.epoch : 0;
    check_holder(seat, view.instance_id, reply->left_ns, seat->holder_ttl_ms);
    finish_held(seat, reply, &view);
}

void elect__redis_holder_answered(struct elect__redis_seat *seat, const struct elect__redis_answer *answer)
{
    struct elect__redis_holder holder;
    struct elect__reply reply = {.outcome = ELECT__FREE};
    char text[ELECT__REDIS_TEXT_SIZE] = "";
    int32_t code;
    if (!elect__redis_holder_read(seat->keys, answer->replies, &holder, &code, text, sizeof text)) {
        elect__redis_seat_fail(seat, ELECT__REFUSED, code, text);
        return;
    }
    if (holder.found.server_us != 0) /* who only follows shall notice a step too: it may be elected early by it */
        elect__redis_check_clock(seat->redis, holder.found.server_us, answer->sent_ns, answer->received_ns);
    if (!holder.held) {
        elect__redis_seat_finish(seat, &reply, NULL, NULL);
    } else {
        reply.outcome = ELECT__HELD;
        reply.epoch = holder.epoch;
        reply.left_ns = holder.left_ms < 0 ? -1 : holder.left_ms * ELECT__MS;
        elect__redis_owner_read(seat->keys, seat->slot->settings, &holder.found, &reply);
        elect__redis_held(seat, &reply, &holder.found);
    }
}
