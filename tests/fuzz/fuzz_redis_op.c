/* libFuzzer: any bytes as the replies of a server, in RESP. What is won or renewed is what was asked for; the rest is no
 * leader; and nothing that is told to people breaks. The first byte chooses the layout and what was asked. */
#include "fuzz.h"
#include "stores/redis_op.h"
#include "stores/redis_record.h"
#include "stores/redis_resp.h"
#include "text.h"

static const char *const layouts[] = {"elect", "plain", "elector", "go-leader"};
enum { LAYOUTS = 4, VERBS = 4, TEXT_SIZE = 512 };

static void check_info(const char *text, size_t length)
{
    struct elect__leader_view view;
    cJSON *json;
    if (text && elect__redis_info_read(text, length, &view, &json)) {
        require(elect__utf8_valid(view.instance_id) && elect__utf8_valid(view.metadata));
        require(view.epoch < ELECT__EPOCH_END && view.started_at_ms >= 0 && view.last_heartbeat_ms >= 0);
        cJSON_Delete(json);
    }
}

static void check_answer(const struct elect__op *op, const struct elect__reply *reply, const char *text)
{
    require(reply->seq == op->seq && reply->epoch < ELECT__EPOCH_END);
    require(elect__utf8_valid(text));
    if (reply->outcome == ELECT__WON)
        require(op->verb == ELECT__ACQUIRE && reply->epoch > op->highest_epoch && reply->attempt == op->attempt);
    else if (reply->outcome == ELECT__RENEWED)
        require(op->verb == ELECT__RENEW && reply->epoch == op->epoch && reply->attempt == op->attempt);
    else if (reply->outcome == ELECT__UNKNOWN)
        require(op->verb != ELECT__PROBE && reply->code != 0 && *text);
    else if (reply->outcome == ELECT__REFUSED)
        require(reply->code != 0 && *text);
    else if (reply->outcome == ELECT__HELD)
        require(reply->left_ns >= -1);
    else if (reply->outcome == ELECT__WAIT || reply->outcome == ELECT__LOST_DATA || reply->outcome == ELECT__CHANGED)
        require(op->verb == ELECT__ACQUIRE && *text && reply->left_ns >= 0);
}

static void check_reports(const struct elect__redis_keys *keys, redisReply *const *replies)
{
    struct elect__redis_holder holder;
    struct elect__query query = {.kind = ELECT__QUERY_DEPOSE};
    struct elect__term_view term;
    char text[TEXT_SIZE];
    cJSON *json;
    int32_t code;
    if (elect__redis_holder_read(keys, replies, &holder, &code, text, sizeof text)) {
        require(holder.epoch < ELECT__EPOCH_END && holder.left_ms >= -1);
        check_info(holder.found.info, holder.found.info_length);
    } else {
        require(code != ELECT_OK && *text && elect__utf8_valid(text));
    }
    elect__redis_query_read(&query, replies[0], &code, text, sizeof text);
    require(code == ELECT_OK || *text);
    char *history = elect__redis_history_read(replies[0]);
    require(history != NULL && elect__utf8_valid(history));
    free(history);
    if (elect__redis_history_last(replies[0], true, &term, &json))
        cJSON_Delete(json);
}

static void ask(const struct elect__redis_party *party, enum elect__verb verb, redisReply *const *replies)
{
    struct elect__op op = {.verb = verb, .seq = 9, .attempt = 0xa1, .epoch = 77, .highest_epoch = 50};
    struct elect__redis_found found;
    struct elect__reply reply;
    char text[TEXT_SIZE];
    if (elect__redis_op_read(party, &op, replies, &reply, &found, text, sizeof text) <= ELECT__REDIS_READ_HOLDER) {
        check_answer(&op, &reply, text);
        check_info(found.info, found.info_length);
        require(found.server_us >= 0 && found.lock_ttl_ms >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice = size > 0 ? data[0] : 0;
    char error[256];
    struct elect__settings settings = {
        .prefix = "p", .instance_id = "a", .layout = layouts[choice % LAYOUTS], .lock_key = "lock", .info_key = ""};
    struct elect__redis_keys *keys;
    require(elect__redis_keys_new(&settings, "job", &keys, error, sizeof error) == ELECT_OK);
    struct elect__redis_party party = {.keys = keys, .settings = &settings, .incarnation = "i"};
    struct elect__resp *resp = elect__resp_new();
    redisReply *replies[ELECT__REDIS_COMMANDS] = {NULL};
    int count = 0;
    require(resp != NULL && (size < 2 || elect__resp_feed(resp, (const char *)data + 1, size - 1)));
    while (count < ELECT__REDIS_COMMANDS && elect__resp_next(resp, &replies[count], error, sizeof error) == 1)
        count++;
    if (count == ELECT__REDIS_COMMANDS) {
        ask(&party, (enum elect__verb)(ELECT__PROBE + choice / LAYOUTS % VERBS), replies);
        check_reports(keys, replies);
    }
    for (int i = 0; i < count; i++)
        freeReplyObject(replies[i]);
    elect__resp_free(resp);
    free(keys);
    return 0;
}
