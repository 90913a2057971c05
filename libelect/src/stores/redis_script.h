/* The scripts, which keep the rules of ledger.h in Redis' own means: each runs as a whole, and its refusals come before its
 * first write. What each takes and answers is said at its text; epochs and times are decimal digits in both directions, as
 * a Lua number's own text loses digits. */
#ifndef ELECT_SRC_STORES_REDIS_SCRIPT_H
#define ELECT_SRC_STORES_REDIS_SCRIPT_H

enum elect__redis_script {
    ELECT__REDIS_ACQUIRE,
    ELECT__REDIS_RENEW,
    ELECT__REDIS_RELEASE,
    ELECT__REDIS_DEPOSE,
    ELECT__REDIS_FORGET,
    ELECT__REDIS_PLAIN_ACQUIRE, /* of the layouts that are not native */
    ELECT__REDIS_PLAIN_RENEW,
    ELECT__REDIS_PLAIN_RELEASE,
    ELECT__REDIS_PLAIN_DEPOSE,
    ELECT__REDIS_PLAIN_FORGET,
    ELECT__REDIS_SCRIPTS
};

/* Their texts, in that order, and NULL: what a connection loads. */
extern const char *const elect__redis_scripts[ELECT__REDIS_SCRIPTS + 1];
/* The text to run. It is the one above, unless a bug is planted in it. */
const char *elect__redis_script_text(enum elect__redis_script script);
/* 40 hex digits, as EVALSHA wants them. */
const char *elect__redis_script_sha(enum elect__redis_script script);
#endif
