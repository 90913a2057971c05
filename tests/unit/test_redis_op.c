/* Replies of every shape, where another is expected: never a crash, and never a leader. Replies are written as RESP and read
 * by hiredis, as they come from a server. */
#include "stores/redis_op.h"
#include "stores/redis_rights.h"
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 512 };

struct bench {
    struct elect__settings settings;
    struct elect__redis_keys *keys;
    struct elect__redis_party party;
    struct elect__redis_scratch scratch;
    struct elect__redis_command commands[ELECT__REDIS_COMMANDS];
    int count;
    struct elect__reply reply;
    struct elect__redis_found found;
    enum elect__redis_read read;
    char text[TEXT_SIZE];
};

static const struct elect__op acquire = {
    .verb = ELECT__ACQUIRE, .seq = 3, .attempt = 0xa1, .highest_epoch = 50, .server_waited = "5e"};
static const struct elect__op renew = {.verb = ELECT__RENEW, .seq = 4, .attempt = 0xa1, .epoch = 77};
static const struct elect__op release = {
    .verb = ELECT__RELEASE, .seq = 5, .attempt = 0xa1, .epoch = 77, .reason = ELECT_REASON_STOPPED};
static const struct elect__op probe = {.verb = ELECT__PROBE, .seq = 6};

static void lay(struct bench *bench, const char *layout)
{
    char error[256] = "";
    memset(bench, 0, sizeof *bench);
    bench->settings = (struct elect__settings){
        .prefix = "elect",
        .instance_id = "a",
        .layout = layout,
        .lock_key = "lock",
        .info_key = "",
        .lock_ttl_ns = INT64_C(1500000001),
        .restart_grace_ns = INT64_C(2000000000),
    };
    cr_assert_eq(elect__redis_keys_new(&bench->settings, "job", &bench->keys, error, sizeof error), ELECT_OK);
    bench->party = (struct elect__redis_party){
        .keys = bench->keys, .settings = &bench->settings, .incarnation = "i", .info = "{}"};
}

/* The commands, words with a space between and commands with a bar. */
static const char *written(struct bench *bench, const struct elect__op *op, char out[2048])
{
    size_t used = 0;
    bench->count = elect__redis_op_write(&bench->party, op, false, &bench->scratch, bench->commands);
    out[0] = '\0';
    for (int i = 0; i < bench->count; i++) {
        const struct elect__redis_command *command = &bench->commands[i];
        for (int k = 0; k < command->argc; k++) {
            cr_assert_eq(strlen(command->argv[k]), command->length[k]);
            used += (size_t)snprintf(out + used, 2048 - used, "%s[%s]", k == 0 && i > 0 ? " | " : "",
                                     k == 1 && strcmp(command->argv[0], "EVALSHA") == 0 ? "SHA" : command->argv[k]);
        }
    }
    return out;
}

/* The answer to op by these replies, one after the other. */
static enum elect__outcome answer(struct bench *bench, const struct elect__op *op, const char *resp)
{
    redisReply *replies[ELECT__REDIS_COMMANDS] = {NULL};
    redisReader *reader = redisReaderCreate();
    cr_assert_eq(redisReaderFeed(reader, resp, strlen(resp)), REDIS_OK);
    for (int i = 0; i < ELECT__REDIS_COMMANDS; i++)
        cr_assert_eq(redisReaderGetReply(reader, (void **)&replies[i]), REDIS_OK, "%s", resp);
    cr_assert_not_null(replies[0]);
    memset(&bench->reply, 0xff, sizeof bench->reply);
    memset(&bench->found, 0xff, sizeof bench->found);
    bench->read =
        elect__redis_op_read(&bench->party, op, replies, &bench->reply, &bench->found, bench->text, sizeof bench->text);
    for (int i = 0; i < ELECT__REDIS_COMMANDS; i++)
        freeReplyObject(replies[i]);
    redisReaderFree(reader);
    cr_assert_eq(bench->reply.seq, op->seq);
    return bench->reply.outcome;
}

/* ---- writing ---- */

Test(redis_op, commands_of_our_own_layout)
{
    struct bench b;
    char out[2048];
    lay(&b, "elect");
    cr_assert_str_eq(written(&b, &acquire, out),
                     "[EVALSHA][SHA][3][elect:{job}:leader][elect:{job}:term][elect:{job}:history]"
                     "[a 00000000000000a1][1501][{}][2000][5e][50][0][0][elect:{job}:events]");
    cr_assert_str_eq(written(&b, &renew, out), "[EVALSHA][SHA][2][elect:{job}:leader][elect:{job}:term]"
                                               "[a 00000000000000a1][1501][77][{}]");
    cr_assert_str_eq(written(&b, &release, out),
                     "[EVALSHA][SHA][3][elect:{job}:leader][elect:{job}:term][elect:{job}:history]"
                     "[a 00000000000000a1][stopped][elect:{job}:events]");
    cr_assert_str_eq(written(&b, &probe, out), "[GET][elect:{job}:leader] | [PTTL][elect:{job}:leader]");
    free(b.keys);
}

Test(redis_op, commands_of_a_plain_layout)
{
    struct bench b;
    char out[2048];
    lay(&b, "plain");
    cr_assert_str_eq(written(&b, &acquire, out), "[EVALSHA][SHA][2][lock][{lock}:epoch][a][1501][{}][{lock}:info][2000]"
                                                 "[50][0][{lock}:events][0]");
    cr_assert_str_eq(written(&b, &renew, out), "[EVALSHA][SHA][2][lock][{lock}:epoch][a][1501][77][{}][{lock}:info]");
    cr_assert_str_eq(written(&b, &release, out),
                     "[EVALSHA][SHA][2][lock][{lock}:epoch][a][77][0][{lock}:info][{lock}:events]");
    free(b.keys);
}

Test(redis_op, by_text_the_whole_script_is_sent_and_its_sha_is_that_of_the_text)
{
    struct bench b;
    lay(&b, "elect");
    elect__redis_op_write(&b.party, &renew, true, &b.scratch, b.commands);
    cr_assert_str_eq(b.commands[0].argv[0], "EVAL");
    cr_assert_str_eq(b.commands[0].argv[1], elect__redis_scripts[ELECT__REDIS_RENEW]);
    for (int i = 0; i < ELECT__REDIS_SCRIPTS; i++) {
        cr_assert_not_null(elect__redis_scripts[i]);
        unsigned char hash[EVP_MAX_MD_SIZE];
        char wanted[41];
        EVP_Digest(elect__redis_scripts[i], strlen(elect__redis_scripts[i]), hash, NULL, EVP_sha1(), NULL);
        for (size_t k = 0; k < 20; k++)
            snprintf(wanted + 2 * k, 3, "%02x", hash[k]);
        cr_assert_str_eq(elect__redis_script_sha((enum elect__redis_script)i), wanted, "script %d", i);
    }
    cr_assert_null(elect__redis_scripts[ELECT__REDIS_SCRIPTS]);
    free(b.keys);
}

/* ---- reading ---- */

Test(redis_op, answers_to_an_acquire)
{
    struct bench b;
    lay(&b, "elect");
    cr_assert_eq(answer(&b, &acquire, "*3\r\n$3\r\nwon\r\n$2\r\n51\r\n$3\r\n900\r\n"), ELECT__WON);
    cr_assert(b.reply.epoch == 51 && b.reply.attempt == 0xa1 && b.found.server_us == 900);
    cr_assert_eq(
        answer(&b, &acquire,
               "*7\r\n$4\r\nheld\r\n$18\r\na 00000000000000a2\r\n:1500\r\n$2\r\n60\r\n$2\r\n{}\r\n$4\r\n1500\r\n$3\r\n"
               "900\r\n"),
        ELECT__HELD);
    cr_assert(b.reply.epoch == 60 && b.reply.attempt == 0xa2 && b.reply.own_id);
    cr_assert(b.reply.left_ns == INT64_C(1500000000) && b.found.lock_ttl_ms == 1500 && b.found.info_length == 2);
    cr_assert_eq(answer(&b, &acquire, "*5\r\n$4\r\nwait\r\n$7\r\n3200000\r\n$6\r\nuptime\r\n$1\r\n0\r\n$2\r\nff\r\n"),
                 ELECT__WAIT);
    cr_assert_eq(b.reply.left_ns, INT64_C(3200000000));
    cr_assert_str_eq(b.reply.server, "ff");
    cr_assert_str_eq(b.text, "redis started 0s ago and may have forgotten a leader: nobody is elected for 3.2s yet");
    cr_assert_eq(answer(&b, &acquire, "*5\r\n$4\r\nwait\r\n$7\r\n3200000\r\n$5\r\nlease\r\n$1\r\n0\r\n$0\r\n\r\n"),
                 ELECT__WAIT);
    cr_assert_str_eq(b.reply.server, "");
    cr_assert_str_eq(b.text, "the lock vanished, and its lease may last for 3.2s yet");
    cr_assert_eq(answer(&b, &acquire, "*3\r\n$4\r\nlost\r\n$1\r\n0\r\n$0\r\n\r\n"), ELECT__LOST_DATA);
    cr_assert_eq(answer(&b, &acquire, "*2\r\n$7\r\nchanged\r\n$2\r\nff\r\n"), ELECT__CHANGED);
    cr_assert_str_eq(b.reply.server, "ff");
    answer(&b, &acquire, "*1\r\n$6\r\nnoinfo\r\n");
    cr_assert_eq(b.read, ELECT__REDIS_READ_NO_INFO);
    answer(&b, &acquire, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    cr_assert_eq(b.read, ELECT__REDIS_READ_NO_SCRIPT);
    free(b.keys);
}

Test(redis_op, a_time_left_may_be_none_or_over)
{
    struct bench b;
    lay(&b, "elect");
    cr_assert_eq(answer(&b, &probe, "$1\r\nx\r\n:-1\r\n"), ELECT__HELD);
    cr_assert_eq(b.read, ELECT__REDIS_READ_HOLDER);
    cr_assert_eq(b.reply.left_ns, -1);
    cr_assert_eq(answer(&b, &probe, "$1\r\nx\r\n:-2\r\n"), ELECT__HELD);
    cr_assert_eq(b.reply.left_ns, 0);
    cr_assert_eq(answer(&b, &probe, "$-1\r\n:-2\r\n"), ELECT__FREE);
    cr_assert_eq(answer(&b, &probe, "$1\r\nx\r\n:9223372036854775807\r\n"), ELECT__REFUSED);
    cr_assert_eq(answer(&b, &probe, "$1\r\nx\r\n:-3\r\n"), ELECT__REFUSED);
    free(b.keys);
}

Test(redis_op, an_answer_to_another_request_makes_no_leader)
{
    struct bench b;
    lay(&b, "elect");
    cr_assert_eq(answer(&b, &renew, "*3\r\n$2\r\n77\r\n$3\r\n900\r\n$1\r\n0\r\n"), ELECT__RENEWED);
    cr_assert(b.reply.epoch == 77 && b.reply.attempt == 0xa1 && b.found.deposed == 0);
    cr_assert_eq(answer(&b, &renew, "*3\r\n$2\r\n77\r\n$3\r\n900\r\n$2\r\n77\r\n"), ELECT__RENEWED);
    cr_assert_eq(b.found.deposed, 77);
    cr_assert_eq(answer(&b, &renew, "*3\r\n$2\r\n78\r\n$3\r\n900\r\n$1\r\n0\r\n"), ELECT__UNKNOWN, "another term's");
    cr_assert_eq(answer(&b, &renew, "*3\r\n$3\r\nwon\r\n$2\r\n77\r\n$3\r\n900\r\n"), ELECT__UNKNOWN);
    cr_assert_eq(answer(&b, &acquire, "*3\r\n$3\r\nwon\r\n$2\r\n50\r\n$3\r\n900\r\n"), ELECT__UNKNOWN,
                 "no higher than what was seen");
    cr_assert_eq(answer(&b, &renew, ":0\r\n"), ELECT__DELETED);
    cr_assert_eq(answer(&b, &renew, ":-1\r\n"), ELECT__TAKEN);
    cr_assert_eq(answer(&b, &release, ":1\r\n"), ELECT__RELEASED);
    cr_assert_eq(answer(&b, &release, ":0\r\n"), ELECT__RELEASED);
    free(b.keys);
}

/* Each is the answer of nothing that is asked here; but for what only tells, of one or the other. */
static const char *const shapes[] = {
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "+OK\r\n",
    "+won\r\n",
    ":2\r\n",
    ":-2\r\n",
    ":9223372036854775807\r\n",
    "$3\r\nwon\r\n",
    "$0\r\n\r\n",
    "-ERR what\r\n",
    "-\r\n",
    "*1\r\n$3\r\nwon\r\n",
    "*3\r\n$3\r\nwon\r\n:51\r\n$3\r\n900\r\n",
    "*3\r\n$3\r\nwon\r\n$2\r\n51\r\n:900\r\n",
    "*3\r\n$3\r\nwon\r\n$2\r\n51\r\n$-1\r\n",
    "*3\r\n$3\r\nwon\r\n$2\r\n5x\r\n$3\r\n900\r\n",
    "*3\r\n$3\r\nwon\r\n$3\r\n-51\r\n$3\r\n900\r\n",
    "*3\r\n$3\r\nwon\r\n$16\r\n9007199254740992\r\n$3\r\n900\r\n",
    "*3\r\n$3\r\nwon\r\n$20\r\n99999999999999999999\r\n$3\r\n900\r\n",
    "*3\r\n$3\r\nwon\r\n$0\r\n\r\n$3\r\n900\r\n",
    "*4\r\n$3\r\nwon\r\n$2\r\n51\r\n$3\r\n900\r\n$0\r\n\r\n",
    "*3\r\n+won\r\n$2\r\n51\r\n$3\r\n900\r\n",
    "*3\r\n*3\r\n$3\r\nwon\r\n$2\r\n51\r\n$3\r\n900\r\n$2\r\n51\r\n$3\r\n900\r\n",
    "*3\r\n:77\r\n$3\r\n900\r\n$1\r\n0\r\n",
    "*3\r\n$2\r\n77\r\n$-1\r\n$1\r\n0\r\n",
    "*3\r\n$-1\r\n$-1\r\n$-1\r\n",
    "*7\r\n$4\r\nheld\r\n:1\r\n:1500\r\n$2\r\n60\r\n$2\r\n{}\r\n$4\r\n1500\r\n$3\r\n900\r\n",
    "*7\r\n$4\r\nheld\r\n$1\r\nx\r\n$4\r\n1500\r\n$2\r\n60\r\n$2\r\n{}\r\n$4\r\n1500\r\n$3\r\n900\r\n",
    "*6\r\n$4\r\nheld\r\n$1\r\nx\r\n:1500\r\n$2\r\n60\r\n$2\r\n{}\r\n$4\r\n1500\r\n",
    "*5\r\n$4\r\nwait\r\n$2\r\n-1\r\n$5\r\nlease\r\n$1\r\n0\r\n$0\r\n\r\n",
    "*5\r\n$4\r\nwait\r\n$3\r\ninf\r\n$5\r\nlease\r\n$1\r\n0\r\n$0\r\n\r\n",
    "*5\r\n$4\r\nwait\r\n$1\r\n1\r\n$5\r\nlease\r\n$1\r\n0\r\n$-1\r\n",
    "*2\r\n$7\r\nchanged\r\n$0\r\n\r\n",
    "*2\r\n$7\r\nchanged\r\n$50\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
    "*3\r\n$4\r\nlost\r\n$1\r\nx\r\n$0\r\n\r\n",
};

Test(redis_op, every_shape_that_is_not_the_answer_is_an_unknown_outcome)
{
    static const char *const layouts[] = {"elect", "plain", "elector", "go-leader"};
    struct bench b;
    for (size_t k = 0; k < sizeof layouts / sizeof *layouts; k++) {
        lay(&b, layouts[k]);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            cr_assert_eq(answer(&b, &acquire, shapes[i]), ELECT__UNKNOWN, "%s", shapes[i]);
            cr_assert_eq(b.reply.code, ELECT_ESTORE);
            cr_assert_str_neq(b.text, "");
            cr_assert(b.reply.epoch == 0 && b.found.value == NULL && b.found.server_us == 0, "%s", shapes[i]);
            cr_assert_eq(answer(&b, &renew, shapes[i]), ELECT__UNKNOWN, "%s", shapes[i]);
            cr_assert_eq(answer(&b, &release, shapes[i]), ELECT__UNKNOWN, "%s", shapes[i]);
            char two[256];
            snprintf(two, sizeof two, "%s:1\r\n", shapes[i]);
            enum elect__outcome looked = answer(&b, &probe, two);
            cr_assert(looked == ELECT__REFUSED || shapes[i][0] == '$' || i == 1, "%s", shapes[i]);
            snprintf(two, sizeof two, "$1\r\nx\r\n%s", shapes[i]);
            looked = answer(&b, &probe, two);
            cr_assert(looked == ELECT__REFUSED || shapes[i][0] == ':', "%s", shapes[i]);
        }
        free(b.keys);
    }
}

/* ---- errors ---- */

static void assert_error(const char *error, int32_t code, bool may_be_written, const char *words)
{
    struct bench b;
    char resp[512];
    lay(&b, "elect");
    snprintf(resp, sizeof resp, "-%s\r\n:0\r\n", error);
    enum elect__outcome outcome = answer(&b, &renew, resp);
    cr_assert_eq(outcome, may_be_written ? ELECT__UNKNOWN : ELECT__REFUSED, "%s", error);
    cr_assert_eq(b.reply.code, code, "%s: %d", error, b.reply.code);
    cr_assert_not_null(strstr(b.text, words), "%s", b.text);
    cr_assert_eq(answer(&b, &probe, resp), ELECT__REFUSED);
    free(b.keys);
}

Test(redis_op, what_an_error_means)
{
    assert_error("NOPERM this user has no permissions to run the 'hmget' command", ELECT_ESTORE, false, "+hmget");
    assert_error("NOPERM User low has no permissions to run the 'script|load' command", ELECT_ESTORE, false,
                 "+script|load");
    assert_error("NOPERM this user has no permissions to access one of the keys used as arguments", ELECT_ESTORE, false,
                 "~<prefix>:*");
    assert_error("NOPERM this user has no permissions to access one of the channels used as arguments", ELECT_ESTORE,
                 false, "&<prefix>:*");
    assert_error(
        "ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:3.",
        ELECT_ESTORE, true, elect__redis_rights);
    assert_error("ERR ACL failure in script: User low has no permissions to run the 'time' command script: 1f, on "
                 "@user_script:3.",
                 ELECT_ESTORE, true, "+time");
    assert_error("NOAUTH Authentication required.", ELECT_EAUTH, false, "password");
    assert_error("READONLY You can't write against a read only replica.", ELECT_ESTORE, false, "replica");
    assert_error("LOADING Redis is loading the dataset in memory", ELECT_EUNREACHABLE, false, "loading");
    assert_error("MASTERDOWN Link with MASTER is down", ELECT_EUNREACHABLE, false, "master");
    assert_error("MISCONF Redis is configured to save RDB snapshots", ELECT_ESTORE, false, "disk");
    assert_error("OOM command not allowed when used memory > 'maxmemory'.", ELECT_ESTORE, false, "memory is full");
    assert_error("BUSY Redis is busy running a script.", ELECT_EUNREACHABLE, false, "busy");
    assert_error("TRYAGAIN Multiple keys request during rehashing of slot", ELECT_EUNREACHABLE, false, "moving");
    assert_error("CLUSTERDOWN The cluster is down", ELECT_EUNREACHABLE, false, "down");
    assert_error("CROSSSLOT Keys in request don't hash to the same slot", ELECT_ESTORE, false, "slot");
    assert_error("MOVED 3999 127.0.0.1:6381", ELECT_ESTORE, false, "this is a cluster");
    assert_error("NOREPLICAS Not enough good replicas to write.", ELECT_ESTORE, false, "replicas");
    assert_error("WRONGTYPE Operation against a key holding the wrong kind of value", ELECT_ESTORE, false,
                 "another kind");
    assert_error("EXECABORT Transaction discarded", ELECT_ESTORE, false, "transaction");
    assert_error("ELECTEPOCH the stored epoch is no number below 2^53 - 1: x", ELECT_ESTORE, false, "forget");
    assert_error("ERR unknown command 'EVALSHA', with args beginning with: ", ELECT_ESTORE, false, "does not know");
    assert_error("ERR user_script:1: attempt to index local 'x'", ELECT_ESTORE, true, "attempt to index");
    assert_error("SURPRISE \x1b[31m", ELECT_ESTORE, true, "SURPRISE \\x1b[31m");
}
