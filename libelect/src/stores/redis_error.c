#include "../text.h"
#include "redis_op.h"
#include "redis_reply.h"
#include "redis_rights.h"
#include <stdio.h>
#include <string.h>

#define RIGHT(NAME, right) " +" right
const char *const elect__redis_rights = "-@all" ELECT__REDIS_RIGHTS(RIGHT);
#undef RIGHT

struct meaning {
    const char *word; /* the error begins so */
    int32_t code;
    bool written; /* it may have been */
    const char *advice;
};

/* Of those that a script can meet, these are refused at its first write or before: all that may fail for another reason
 * is read before that. */
static const struct meaning meanings[] = {
    {"NOSCRIPT ", ELECT_ESTORE, false, "the server has forgotten a script"},
    {"NOAUTH ", ELECT_EAUTH, false, "the server wants a password; set it in the URL, or by password or password_file"},
    {"WRONGPASS ", ELECT_EAUTH, false, "the server refused user or password"},
    {"READONLY ", ELECT_ESTORE, false, "this server is a replica, which takes no writes; connect to its master"},
    {"LOADING ", ELECT_EUNREACHABLE, false, "the server is still loading its data"},
    {"MASTERDOWN ", ELECT_EUNREACHABLE, false, "this server is a replica that has lost its master"},
    {"MISCONF ", ELECT_ESTORE, false, "the server takes no writes, as it can't save to its disk"},
    {"OOM ", ELECT_ESTORE, false, "the server's memory is full (maxmemory)"},
    {"BUSY ", ELECT_EUNREACHABLE, false, "the server is busy with somebody's script"},
    {"TRYAGAIN ", ELECT_EUNREACHABLE, false, "the cluster is moving these keys"},
    {"CLUSTERDOWN ", ELECT_EUNREACHABLE, false, "the cluster is down"},
    {"CROSSSLOT ", ELECT_ESTORE, false,
     "these keys do not share a slot of the cluster; choose names with one hash tag"},
    {"MOVED ", ELECT_ESTORE, false, "this is a cluster, which a redis:// URL is not for"},
    {"ASK ", ELECT_ESTORE, false, "this is a cluster, which a redis:// URL is not for"},
    {"NOREPLICAS ", ELECT_ESTORE, false, "the server has too few replicas to take writes (min-replicas-to-write)"},
    {"WRONGTYPE ", ELECT_ESTORE, false, "a key of this election holds another kind of value: something else uses it"},
    {"EXECABORT ", ELECT_ESTORE, false, "the server dropped the transaction"},
    {"ELECTEPOCH ", ELECT_ESTORE, false, "no epoch can follow; see to what is stored, or forget the election"},
    {"ELECTRECORD ", ELECT_ESTORE, false, "the election's record is damaged; `elect forget` removes it"},
    {"ELECTREPLICA ", ELECT_ESTORE, false, "this server is a replica, which elects nobody; connect to its master"},
    {"ERR unknown command", ELECT_ESTORE, false, "the server does not know a command that is needed"},
    {"ERR max number of clients", ELECT_EUNREACHABLE, false, "the server has too many clients"},
};

/* "... to run the 'hget' command" -> "hget". False: it is not said. */
static bool denied_command(const char *error, char *out, size_t size)
{
    const char *name = strstr(error, " run the '");
    name = name ? name + strlen(" run the '") : NULL;
    size_t length = name ? strcspn(name, "'") : 0;
    if (length == 0 || length >= size || strspn(name, "abcdefghijklmnopqrstuvwxyz|-") < length)
        return false;
    snprintf(out, size, "%.*s", (int)length, name);
    return true;
}

/* By itself, or from within a script, which may have written before; then the text does not say what is missing. */
static bool is_denied(const char *error, bool *in_script)
{
    *in_script = strstr(error, "The user executing the script") || strstr(error, "ACL failure in script");
    return *in_script || strncmp(error, "NOPERM ", strlen("NOPERM ")) == 0;
}

static int32_t denied(const char *error, bool in_script, bool *written, char *text, size_t size)
{
    char shown[ELECT__SHOW_SIZE], command[32];
    *written = in_script;
    elect__text_show(error, shown);
    if (denied_command(error, command, sizeof command))
        snprintf(text, size, "the server denies the right to run %s: ACL SETUSER <user> +%s (%s)", command, command,
                 shown);
    else if (strstr(error, "channel"))
        snprintf(text, size, "the server denies the right to a channel: ACL SETUSER <user> &<prefix>:* (%s)", shown);
    else if (strstr(error, "key"))
        snprintf(text, size, "the server denies the right to a key: ACL SETUSER <user> ~<prefix>:* (%s)", shown);
    else
        snprintf(text, size, "the server denies a right that a script needs; all of them: %s (%s)", elect__redis_rights,
                 shown);
    return ELECT_ESTORE;
}

int32_t elect__redis_error(const redisReply *reply, bool *written, char *text, size_t size)
{
    char shown[ELECT__SHOW_SIZE];
    bool in_script;
    *written = true;
    if (!elect__reply_is_error(reply)) {
        snprintf(text, size, "the server answered something else than what was asked");
        return ELECT_ESTORE;
    }
    if (is_denied(reply->str, &in_script))
        return denied(reply->str, in_script, written, text, size);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *at = &meanings[i];
        if (elect__reply_error_begins(reply, at->word)) {
            *written = at->written;
            snprintf(text, size, "%s (%s)", at->advice, elect__text_show(reply->str, shown));
            return at->code;
        }
    }
    snprintf(text, size, "the server answered with an error: %s", elect__text_show(reply->str, shown));
    return ELECT_ESTORE;
}
