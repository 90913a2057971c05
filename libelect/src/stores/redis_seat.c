/* A candidate's operations. One is under way at most: a newer one means that the machine has given the older one up, and
 * its answer is dropped where it stands in the pipeline. */
#include "redis_reply.h"
#include "redis_store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct elect__redis_seat *seat_of(struct elect__redis_request *request)
{
    return (struct elect__redis_seat *)(void *)((char *)request - offsetof(struct elect__redis_seat, request));
}

void elect__redis_seat_end(struct elect__redis_seat *seat)
{
    if (seat->request.sent)
        elect__redis_conn_cancel(elect__redis_link_conn(seat->redis, elect__redis_seat_use(seat), seat->keys->lock),
                                 &seat->request);
}

/* ---- answers ---- */

/* Nobody tells of changes: look again by yourself. */
static int64_t poll_ns(const struct elect__redis_seat *seat)
{
    bool is_told = seat->keys->layout->native && seat->channel->heard;
    return is_told ? 0 : seat->slot->settings->retry_interval_ns;
}

/* What the answer says of the seat itself. */
static void keep_state(struct elect__redis_seat *seat, const struct elect__reply *reply)
{
    if (reply->outcome == ELECT__UNKNOWN || reply->outcome == ELECT__REFUSED)
        return;
    bool granted = reply->outcome == ELECT__WON || reply->outcome == ELECT__RENEWED;
    if (granted || reply->outcome == ELECT__HELD)
        seat->denied_at_ns = 0;
    if (reply->epoch > seat->known_epoch)
        seat->known_epoch = reply->epoch;
    if (granted && elect__redis_now(seat->redis) >= seat->op.deadline_ns)
        return; /* the machine has given it up */
    seat->leading = granted;
    if (!seat->leading)
        return;
    elect__redis_forget_holder(seat); /* a process may lead ten thousand elections */
    seat->own_epoch = reply->epoch;
    if (seat->info_sent != 0)
        seat->info_told = seat->info_sent;
}

/* The last thing that is done for an operation. */
void elect__redis_seat_finish(struct elect__redis_seat *seat, struct elect__reply *reply,
                              const struct elect__leader_view *leader, const char *text)
{
    const struct elect__host *host = seat->redis->args.host;
    reply->seq = seat->op.seq;
    if (reply->outcome == ELECT__HELD || reply->outcome == ELECT__WAIT)
        reply->poll_ns = poll_ns(seat);
    keep_state(seat, reply);
    host->reply(seat->slot, reply, leader, text && *text ? text : NULL);
    if (seat->leading && seat->deposed != 0)
        host->depose(seat->slot, seat->deposed);
    elect__redis_seat_tell_news(seat, reply);
}

void elect__redis_seat_fail(struct elect__redis_seat *seat, enum elect__outcome outcome, int32_t code, const char *text)
{
    struct elect__reply reply = {.outcome = outcome, .code = code};
    elect__redis_seat_finish(seat, &reply, NULL, text);
}

/* ---- rounds ---- */

static void on_answer(struct elect__redis_request *request, const struct elect__redis_answer *answer);

bool elect__redis_seat_send(struct elect__redis_seat *seat, enum elect__redis_round round,
                            const struct elect__redis_command *commands, int count)
{
    bool elsewhere = round == ELECT__REDIS_ROUND_REPLICAS && ELECT__PLANTED(REDIS_WAIT_ON_ANOTHER_CONNECTION);
    struct elect__redis_conn *conn = elect__redis_link_conn(
        seat->redis, elsewhere ? ELECT__REDIS_COMMANDS_OF_ALL : elect__redis_seat_use(seat), seat->keys->lock);
    seat->round = round;
    seat->request.done = on_answer;
    return conn && elect__redis_conn_send(conn, &seat->request, commands, count, seat->op.deadline_ns);
}

/* ---- an operation ---- */

/* All that the store keeps of us for people; other candidates read it to know the leader. */
static char *make_info(struct elect__redis_seat *seat)
{
    const struct elect__settings *settings = seat->slot->settings;
    int64_t now_ms = elect__redis_real_ms(seat->redis);
    if (seat->op.verb == ELECT__ACQUIRE)
        seat->started_at_ms = now_ms;
    struct elect__leader_view view = {
        .instance_id = settings->instance_id,
        .hostname = settings->hostname,
        .address = settings->address,
        .metadata = settings->metadata,
        .epoch = seat->op.epoch,
        .started_at_ms = seat->started_at_ms,
        .last_heartbeat_ms = now_ms,
    };
    return elect__redis_info_write(&view, seat->slot->incarnation);
}

/* An info beside a lock of another making has its heartbeat renewed: the readers there look at it. */
static bool needs_info(struct elect__redis_seat *seat)
{
    uint64_t now = seat->slot->settings->told;
    bool told = seat->op.verb == ELECT__RENEW && now == seat->info_told;
    bool wanted = seat->op.verb == ELECT__ACQUIRE || seat->op.verb == ELECT__RENEW;
    bool needed = wanted && (!told || *seat->keys->info);
    seat->info_sent = needed ? now : 0;
    return needed;
}

/* A leader tells of itself something else than before: the others read it anew. */
static int add_change(const struct elect__redis_seat *seat, struct elect__redis_command *commands, int count,
                      char text[ELECT__REDIS_CHANGE_SIZE])
{
    snprintf(text, ELECT__REDIS_CHANGE_SIZE, "changed %" PRIu64, seat->op.epoch);
    elect__redis_command(&commands[count], "PUBLISH", seat->keys->channel, text);
    return count + 1;
}

/* rule: INFO is refused. The grace that it would have told of counts from the first answer that said so: the server was no
 * replica then, as one refuses to answer that; whatever was waited before may have been waited on one. It counts for one
 * term, for the connection that it was told on (another server may be at the end of the next one), and until a replica is
 * met. */
static bool is_denied(const struct elect__redis_seat *seat)
{
    const struct elect__redis_conn *conn = seat->redis->link.conns[elect__redis_seat_use(seat)];
    return conn && elect__redis_conn_is_up(conn) && seat->denied_at_ns > seat->redis->replica_at_ns &&
           seat->denied_at_ns >= elect__redis_conn_up_since_ns(conn);
}

static int64_t grace_ends_ns(const struct elect__redis_seat *seat)
{
    const struct elect__settings *settings = seat->slot->settings;
    if (ELECT__PLANTED(REDIS_DENIED_GRACE_SKIPPED))
        return seat->denied_at_ns;
    return seat->denied_at_ns + settings->lock_ttl_ns + settings->clock_margin_ns;
}

static bool has_waited(const struct elect__redis_seat *seat)
{
    return is_denied(seat) && elect__redis_now(seat->redis) >= grace_ends_ns(seat);
}

static void party_of(const struct elect__redis_seat *seat, struct elect__redis_party *party)
{
    *party = (struct elect__redis_party){
        .keys = seat->keys,
        .settings = seat->slot->settings,
        .incarnation = seat->slot->incarnation,
    };
}

static void send_op(struct elect__redis_seat *seat)
{
    struct elect__redis_party party;
    struct elect__redis_scratch scratch;
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    char numbers[2][24], change[ELECT__REDIS_CHANGE_SIZE];
    bool tells = needs_info(seat);
    char *info = tells ? make_info(seat) : NULL;
    if (tells && !info) {
        elect__redis_seat_fail(seat, ELECT__REFUSED, ELECT_ENOMEM, NULL);
        return;
    }
    party_of(seat, &party);
    party.info = info;
    party.no_info = seat->no_info = seat->op.verb == ELECT__ACQUIRE && has_waited(seat);
    int count = elect__redis_op_write(&party, &seat->op, seat->by_text, &scratch, commands);
    if (count == 0) {
        elect__redis_seat_fail(seat, ELECT__REFUSED, ELECT_ENOMEM, NULL);
        free(info);
        return;
    }
    if (tells && seat->op.verb == ELECT__RENEW && seat->keys->layout->native)
        count = add_change(seat, commands, count, change);
    seat->commands = count;
    if (elect__redis_replicas_matter(seat))
        count = elect__redis_replicas_add(seat, commands, count, numbers);
    if (!elect__redis_seat_send(seat, ELECT__REDIS_ROUND_OP, commands, count))
        elect__redis_seat_fail(seat, ELECT__REFUSED, ELECT_ENOMEM, NULL);
    free(info);
}

void elect__redis_submit(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op)
{
    struct elect__redis_seat *seat = slot->data;
    (void)store;
    elect__redis_seat_end(seat);
    seat->op = *op;
    seat->by_text = false;
    seat->deposed = 0;
    seat->news = (struct elect__redis_news){0};
    if (op->verb != ELECT__RENEW)
        seat->leading = false;
    send_op(seat);
}

/* Scripts are loaded at each connect; somebody has flushed them since. */
static void no_script(struct elect__redis_seat *seat)
{
    if (seat->by_text || elect__redis_now(seat->redis) >= seat->op.deadline_ns) {
        elect__redis_seat_fail(seat, ELECT__REFUSED, ELECT_ESTORE, "the server forgets the scripts that it is given");
        return;
    }
    seat->by_text = true;
    send_op(seat);
}

static void no_info(struct elect__redis_seat *seat, int64_t received_ns)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    struct elect__reply reply = {.outcome = ELECT__WAIT};
    if (!is_denied(seat))
        seat->denied_at_ns = received_ns;
    reply.left_ns = grace_ends_ns(seat) - elect__redis_now(seat->redis);
    snprintf(text, sizeof text,
             "INFO is denied (+info), so the server may have started just now and have forgotten a leader: nobody is "
             "elected for %.1fs yet",
             (double)reply.left_ns / ELECT__S);
    if (reply.left_ns > 0)
        elect__redis_seat_finish(seat, &reply, NULL, text);
    else if (!seat->no_info)
        send_op(seat);
    else /* it was said, and asked for all the same */
        elect__redis_seat_fail(seat, ELECT__REFUSED, ELECT_ESTORE, NULL);
}

/* A replica that is promoted later keeps its connections: what was waited before does not count. */
static void note_replica(struct elect__redis *redis, const redisReply *reply, int64_t now_ns)
{
    if (elect__reply_error_begins(reply, "READONLY") || elect__reply_error_begins(reply, "ELECTREPLICA"))
        redis->replica_at_ns = now_ns;
}

static void ask_holder(struct elect__redis_seat *seat)
{
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    int count = elect__redis_holder_write(seat->keys, commands);
    if (!elect__redis_seat_send(seat, ELECT__REDIS_ROUND_HOLDER, commands, count))
        elect__redis_seat_fail(seat, ELECT__REFUSED, ELECT_ENOMEM, NULL);
}

static void op_answered(struct elect__redis_seat *seat, const struct elect__redis_answer *answer)
{
    struct elect__redis_party party;
    struct elect__redis_found found = {.value = NULL};
    struct elect__reply reply = {.seq = seat->op.seq};
    char text[ELECT__REDIS_TEXT_SIZE] = "";
    party_of(seat, &party);
    note_replica(seat->redis, answer->replies[0], answer->received_ns);
    enum elect__redis_read read =
        elect__redis_op_read(&party, &seat->op, answer->replies, &reply, &found, text, sizeof text);
    if (found.server_us != 0)
        elect__redis_check_clock(seat->redis, found.server_us, answer->sent_ns, answer->received_ns);
    seat->deposed = found.deposed;
    if (read == ELECT__REDIS_READ_NO_SCRIPT) {
        no_script(seat);
    } else if (read == ELECT__REDIS_READ_NO_INFO) {
        no_info(seat, answer->received_ns);
    } else if (read == ELECT__REDIS_READ_HOLDER && elect__redis_is_known(seat, found.value, found.value_length)) {
        elect__redis_held_as_before(seat, &reply);
    } else if (read == ELECT__REDIS_READ_HOLDER) {
        ask_holder(seat);
    } else if (reply.outcome == ELECT__HELD && found.value) {
        elect__redis_held(seat, &reply, &found);
    } else if (elect__redis_replicas_matter(seat) && (reply.outcome == ELECT__WON || reply.outcome == ELECT__RENEWED)) {
        seat->granted_epoch = reply.epoch;
        elect__redis_replicas_answered(seat, answer->replies + seat->commands);
    } else {
        elect__redis_seat_finish(seat, &reply, NULL, text);
    }
}

static void on_answer(struct elect__redis_request *request, const struct elect__redis_answer *answer)
{
    struct elect__redis_seat *seat = seat_of(request);
    bool written = seat->round == ELECT__REDIS_ROUND_REPLICAS;
    if (seat->round == ELECT__REDIS_ROUND_UNDO)
        elect__redis_replicas_undone(seat, answer->replies[0]);
    else if (answer->fate == ELECT__REDIS_ANSWERED && seat->round == ELECT__REDIS_ROUND_OP)
        op_answered(seat, answer);
    else if (answer->fate == ELECT__REDIS_ANSWERED && seat->round == ELECT__REDIS_ROUND_HOLDER)
        elect__redis_holder_answered(seat, answer);
    else if (answer->fate == ELECT__REDIS_ANSWERED)
        elect__redis_replicas_answered(seat, answer->replies);
    else if (written || answer->fate == ELECT__REDIS_LOST)
        elect__redis_seat_fail(seat, ELECT__UNKNOWN, answer->code, answer->text);
    else
        elect__redis_seat_fail(seat, ELECT__REFUSED, answer->code, answer->text);
}
