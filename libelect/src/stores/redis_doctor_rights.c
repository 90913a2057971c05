/* Each right is tried by the command itself, in a way that changes nothing: on keys of an election that nobody has, or
 * with arguments that are refused after the right was granted. */
#include "redis_doctor.h"
#include <stdio.h>
#include <string.h>

/* A key of a lock that is somebody's must not be deleted to see whether it can be. Servers before 7.0 don't answer. */
#define MAY_DELETE                                                                                                     \
    "if not redis.acl_check_cmd then return 2 end\n"                                                                   \
    "return redis.acl_check_cmd('DEL', KEYS[1]) and 1 or 0\n"
#define RETURN_1 "return 1"
#define RETURN_1_SHA "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"

enum { WORDS = 6 };
#define LOCK "\1"
#define TERM "\2"
#define HISTORY "\3"
#define CHANNEL "\4"
#define DATABASE "\5"

static const struct trial {
    const char *argv[WORDS];  /* on keys that are ours alone */
    const char *other[WORDS]; /* where the layout is not our own; NULL: such a layout does not need it */
    const char *loss;         /* what does not work without; NULL: nobody is elected */
} trials[ELECT__REDIS_RIGHT_COUNT] = {
    [ELECT__RIGHT_EVAL] = {{"EVAL", RETURN_1, "0"}, {"EVAL", RETURN_1, "0"}, NULL},
    [ELECT__RIGHT_EVALSHA] = {{"EVALSHA", RETURN_1_SHA, "0"}, {"EVALSHA", RETURN_1_SHA, "0"}, NULL},
    [ELECT__RIGHT_SCRIPT_LOAD] = {{"SCRIPT", "LOAD", RETURN_1},
                                  {"SCRIPT", "LOAD", RETURN_1},
                                  "scripts are sent whole after each restart"},
    [ELECT__RIGHT_GET] = {{"GET", LOCK}, {"GET", LOCK}, NULL},
    [ELECT__RIGHT_SET] = {{"SET", LOCK, "doctor", "PX", "5000"}, {"SET", LOCK, "doctor", "NX", "XX"}, NULL},
    [ELECT__RIGHT_DEL] = {{"DEL", LOCK}, {"EVAL", MAY_DELETE, "1", LOCK}, NULL},
    [ELECT__RIGHT_HMGET] = {{"HMGET", TERM, "epoch"}, {NULL}, NULL},
    [ELECT__RIGHT_HSET] = {{"HSET", TERM, "a", "b", "c"}, {NULL}, NULL},
    [ELECT__RIGHT_LPUSH] = {{"LPUSH", LOCK, "doctor"}, {NULL}, "no history is kept"},
    [ELECT__RIGHT_LTRIM] = {{"LTRIM", HISTORY, "a", "b"}, {NULL}, "the history grows without end"},
    [ELECT__RIGHT_LRANGE] = {{"LRANGE", HISTORY, "0", "0"}, {NULL}, "the history can't be read"},
    [ELECT__RIGHT_PEXPIRE] = {{"PEXPIRE", LOCK, "5000"}, {"PEXPIRE", LOCK, "a"}, NULL},
    [ELECT__RIGHT_PTTL] = {{"PTTL", LOCK}, {"PTTL", LOCK}, NULL},
    [ELECT__RIGHT_TIME] = {{"TIME"}, {"TIME"}, NULL},
    [ELECT__RIGHT_PUBLISH] = {{"PUBLISH", CHANNEL, "doctor"}, {"PUBLISH", CHANNEL, "doctor"}, "followers wait longer"},
    [ELECT__RIGHT_SUBSCRIBE] = {{NULL}, {NULL}, "followers wait longer"},
    [ELECT__RIGHT_UNSUBSCRIBE] = {{NULL}, {NULL}, "elections that have ended are still listened for"},
    [ELECT__RIGHT_INFO] = {{"INFO"}, {"INFO"}, "see restart grace"},
    [ELECT__RIGHT_PING] = {{"PING"}, {"PING"}, "a refusal is logged for nothing"},
    [ELECT__RIGHT_SELECT] = {{"SELECT", DATABASE}, {"SELECT", DATABASE}, "no other database can be chosen"},
    [ELECT__RIGHT_WAIT] = {{"WAIT", "0", "1"}, {"WAIT", "0", "1"}, "wait_replicas does not work"},
    [ELECT__RIGHT_SCAN] = {{"SCAN", "0", "COUNT", "1"}, {"SCAN", "0", "COUNT", "1"}, "elections can't be listed"},
    [ELECT__RIGHT_CLIENT_SETNAME] = {{"CLIENT", "SETNAME", "libelect"},
                                     {"CLIENT", "SETNAME", "libelect"},
                                     "its connections bear no name"},
};

/* DEL comes last of those that use the key; LPUSH needs the string there. */
static const enum elect__redis_right order[] = {
    ELECT__RIGHT_INFO,    ELECT__RIGHT_TIME, ELECT__RIGHT_SELECT, ELECT__RIGHT_EVAL,    ELECT__RIGHT_SCRIPT_LOAD,
    ELECT__RIGHT_EVALSHA, ELECT__RIGHT_GET,  ELECT__RIGHT_PTTL,   ELECT__RIGHT_SET,     ELECT__RIGHT_PEXPIRE,
    ELECT__RIGHT_HMGET,   ELECT__RIGHT_HSET, ELECT__RIGHT_LPUSH,  ELECT__RIGHT_LTRIM,   ELECT__RIGHT_LRANGE,
    ELECT__RIGHT_DEL,     ELECT__RIGHT_WAIT, ELECT__RIGHT_SCAN,   ELECT__RIGHT_PUBLISH, ELECT__RIGHT_CLIENT_SETNAME,
};
enum { TRIED = sizeof order / sizeof *order };

static void note(char list[ELECT__DOCTOR_LIST], const char *before, const char *word)
{
    size_t used = strlen(list);
    if (!strstr(list, word))
        snprintf(list + used, ELECT__DOCTOR_LIST - used, "%s%s", used ? before : "", word);
}

bool elect__redis_visit_denied(struct elect__redis_visit *visit, enum elect__redis_right right, const char *error)
{
#define RIGHT_NAME(NAME, right) "+" right,
    static const char *const rules[] = {ELECT__REDIS_RIGHTS(RIGHT_NAME)};
#undef RIGHT_NAME
    char rule[2 * ELECT__REDIS_KEY_MAX];
    const struct elect__redis_keys *keys = visit->keys;
    const char *loss = trials[right].loss;
    if (strncmp(error, "NOPERM", 6) != 0)
        return false;
    bool command = strstr(error, " run the '"), channel = !command && strstr(error, "channel");
    const char *key = channel ? keys->channel : keys->lock;
    if (command)
        snprintf(rule, sizeof rule, "%s", rules[right]);
    else if (keys->layout->native)
        snprintf(rule, sizeof rule, "%c%.*s*", channel ? '&' : '~', (int)strcspn(key, "{"), key);
    else
        snprintf(rule, sizeof rule, "%c%s", channel ? '&' : '~', key);
    if (command || channel)
        note(loss ? visit->unwise : visit->missing, " ", rule);
    else
        note(visit->missing, " ", rule);
    if (loss && (command || channel))
        note(visit->losses, "; ", loss);
    return true;
}

/* ---- one after the other ---- */

static void try_next(struct elect__redis_visit *visit);

static void find_writes(struct elect__redis_visit *visit, const redisReply *reply)
{
    char text[ELECT__REDIS_TEXT_SIZE];
    bool written;
    visit->written = reply->type == REDIS_REPLY_STATUS;
    if (visit->written) {
        elect__doctor_find(&visit->doctor, "writes", ELECT__FINDING_OK, "", "a lock can be written");
        return;
    }
    elect__redis_error(reply, &written, text, sizeof text);
    elect__doctor_find(&visit->doctor, "writes", ELECT__FINDING_FAIL, "", "no lock can be written: %s", text);
}

static void take(struct elect__redis_visit *visit, const struct elect__redis_answer *answer)
{
    enum elect__redis_right right = order[visit->right];
    const redisReply *reply = answer->replies[0];
    bool native = visit->keys->layout->native, asked = right == ELECT__RIGHT_DEL && !native;
    bool error = reply->type == REDIS_REPLY_ERROR;
    bool denied = error && !asked && elect__redis_visit_denied(visit, right, reply->str);
    if (right == ELECT__RIGHT_INFO)
        elect__redis_visit_find_server(visit, reply->type == REDIS_REPLY_STRING ? reply->str : NULL);
    else if (right == ELECT__RIGHT_SET && native && !denied)
        find_writes(visit, reply);
    else if (asked && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
        note(visit->missing, " ", "+del");
    visit->right++;
    try_next(visit);
}

static const char *fill(const struct elect__redis_visit *visit, const char *word)
{
    switch (word[0]) {
    case '\1':
        return visit->keys->lock;
    case '\2':
        return visit->keys->term;
    case '\3':
        return visit->keys->history;
    case '\4':
        return visit->keys->channel;
    case '\5':
        return visit->database;
    default:
        return word;
    }
}

static bool is_tried(const struct elect__redis_visit *visit)
{
    enum elect__redis_right right = order[visit->right];
    if (right == ELECT__RIGHT_LPUSH && !visit->written)
        return false; /* it would write a list without an end */
    return visit->keys->layout->native || trials[right].other[0];
}

static void try_next(struct elect__redis_visit *visit)
{
    const char *argv[WORDS] = {NULL};
    int argc = 0;
    while (visit->right < TRIED && !is_tried(visit))
        visit->right++;
    if (visit->right == TRIED) {
        elect__redis_visit_listen(visit);
        return;
    }
    const struct trial *trial = &trials[order[visit->right]];
    const char *const *words = visit->keys->layout->native ? trial->argv : trial->other;
    for (; argc < WORDS && words[argc]; argc++)
        argv[argc] = fill(visit, words[argc]);
    elect__redis_visit_send(visit, argv, argc, take);
}

void elect__redis_visit_rights(struct elect__redis_visit *visit)
{
    try_next(visit);
}

void elect__redis_visit_find_rights(struct elect__redis_visit *visit)
{
    const char *user = *visit->redis->link.target.user ? visit->redis->link.target.user : "default";
    char fix[ELECT__DOCTOR_LIST + 300];
    if (*visit->missing) {
        snprintf(fix, sizeof fix, "ACL SETUSER %.256s %s", user, visit->missing);
        elect__doctor_find(&visit->doctor, "rights", ELECT__FINDING_FAIL, fix, "denied to user %s, and needed: %s",
                           user, visit->missing);
    }
    if (*visit->unwise) {
        snprintf(fix, sizeof fix, "ACL SETUSER %.256s %s", user, visit->unwise);
        elect__doctor_find(&visit->doctor, "rights", ELECT__FINDING_WARN, fix, "denied to user %s: %s: %s", user,
                           visit->unwise, visit->losses);
    }
    if (!*visit->missing && !*visit->unwise)
        elect__doctor_find(&visit->doctor, "rights", ELECT__FINDING_OK, "", "user %s may do all that is needed", user);
}
