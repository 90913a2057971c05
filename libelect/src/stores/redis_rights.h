/* What a user of a server needs the right to do: the one list. elect__redis_rights has it as ACL SETUSER takes it, the
 * doctor tries each, and the page about Redis and the tests' user are checked against it. Keys and channels come
 * beside. */
#ifndef ELECT_SRC_STORES_REDIS_RIGHTS_H
#define ELECT_SRC_STORES_REDIS_RIGHTS_H

/* clang-format off */
#define ELECT__REDIS_RIGHTS(X)                                                                                         \
    X(EVAL, "eval") X(EVALSHA, "evalsha") X(SCRIPT_LOAD, "script|load") X(GET, "get") X(SET, "set") X(DEL, "del")      \
    X(HMGET, "hmget") X(HSET, "hset") X(LPUSH, "lpush") X(LTRIM, "ltrim") X(LRANGE, "lrange") X(PEXPIRE, "pexpire")    \
    X(PTTL, "pttl") X(TIME, "time") X(PUBLISH, "publish") X(SUBSCRIBE, "subscribe") X(UNSUBSCRIBE, "unsubscribe")      \
    X(INFO, "info") X(PING, "ping") X(SELECT, "select") X(WAIT, "wait") X(SCAN, "scan")                                \
    X(CLIENT_SETNAME, "client|setname")
/* clang-format on */

enum elect__redis_right {
#define ELECT__REDIS_RIGHT_ENUM(NAME, right) ELECT__RIGHT_##NAME,
    ELECT__REDIS_RIGHTS(ELECT__REDIS_RIGHT_ENUM)
#undef ELECT__REDIS_RIGHT_ENUM
        ELECT__REDIS_RIGHT_COUNT
};

/* "-@all +eval +evalsha ..." */
extern const char *const elect__redis_rights;
#endif
