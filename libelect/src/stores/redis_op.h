/* An operation as commands, and their replies as its answer. Pure: no connection, no clock. */
#ifndef ELECT_SRC_STORES_REDIS_OP_H
#define ELECT_SRC_STORES_REDIS_OP_H
#include "../text.h"
#include "redis_conn.h"
#include "redis_layout.h"
#include "redis_script.h"

/* Whose operation. */
struct elect__redis_party {
    const struct elect__redis_keys *keys;
    const struct elect__settings *settings;
    const char *incarnation;
    /* ACQUIRE, RENEW: what the store shall keep of us; NULL: as it is. */
    const char *info;
    /* ACQUIRE: INFO is denied to us, and the grace that it would have told of has been waited out. */
    bool no_info;
};

/* What commands point to: must stay as long as they are used. */
struct elect__redis_scratch {
    char value[ELECT__REDIS_VALUE_SIZE];
    char numbers[8][ELECT__DIGITS_SIZE];
};

/* The commands of op, in order; answers their number, 0: out of memory. by_text: EVAL with the whole text instead of
 * EVALSHA, after a NOSCRIPT. A PROBE is GET and PTTL, the cheapest there is: who leads is asked for apart, by
 * elect__redis_holder_write, only when the lock's value is one that was not seen before. */
int elect__redis_op_write(const struct elect__redis_party *party, const struct elect__op *op, bool by_text,
                          struct elect__redis_scratch *scratch,
                          struct elect__redis_command commands[ELECT__REDIS_COMMANDS]);

/* What the replies say beside the answer. Strings are lent by the replies. */
struct elect__redis_found {
    const char *value; /* HELD: the lock's; NULL: it was not told */
    size_t value_length;
    const char *info; /* HELD: JSON, as anybody may have written it; NULL: none */
    size_t info_length;
    int64_t server_us;   /* the server's clock; 0: not told */
    int64_t lock_ttl_ms; /* HELD: that the holder stands with; 0: not told */
    uint64_t deposed;    /* RENEWED: somebody asks the leader of this epoch to step down; 0: nobody */
};

enum elect__redis_read {
    ELECT__REDIS_READ_DONE,      /* reply is filled */
    ELECT__REDIS_READ_HOLDER,    /* PROBE: held by found->value; reply is filled, but for the epoch */
    ELECT__REDIS_READ_NO_SCRIPT, /* send it again, by text */
    ELECT__REDIS_READ_NO_INFO    /* ACQUIRE: nothing was written, for INFO is denied; wait a grace, then say no_info */
};
/* replies: of elect__redis_op_write, all of them. An answer that no such command can have is ELECT__UNKNOWN with
 * ELECT_ESTORE for what writes; an error of the server that says that nothing was written is ELECT__REFUSED. text: what
 * a person should read of UNKNOWN, REFUSED, WAIT, CHANGED and LOST_DATA, else "". */
enum elect__redis_read elect__redis_op_read(const struct elect__redis_party *party, const struct elect__op *op,
                                            redisReply *const *replies, struct elect__reply *reply,
                                            struct elect__redis_found *found, char *text, size_t size);
/* Whose lock it is that was found: attempt and own_id of reply. */
void elect__redis_owner_read(const struct elect__redis_keys *keys, const struct elect__settings *settings,
                             const struct elect__redis_found *found, struct elect__reply *reply);

/* Who holds the lock: one round of commands, for PROBE and for reports. They are not one step: what they say of the
 * record is believed of the holder only if it names the lock. */
int elect__redis_holder_write(const struct elect__redis_keys *keys,
                              struct elect__redis_command commands[ELECT__REDIS_COMMANDS]);
struct elect__redis_holder {
    bool held;
    struct elect__redis_found found; /* value and info of the holder; the rest whoever holds */
    int64_t left_ms;                 /* of the lock; -1: for ever */
    uint64_t epoch;                  /* 0: the record names another one, or there is none */
    int64_t heartbeat_us;            /* of the holder, by the server's clock; 0: not told */
    uint64_t last_epoch;             /* of the record, whoever holds */
    int64_t lease_until_us;          /* of the record; 0: not told */
    bool released;                   /* so the record says */
    const char *server;              /* that the record names; NULL: none */
    size_t server_length;
};
/* False: an error, in text; or not what was asked for. */
bool elect__redis_holder_read(const struct elect__redis_keys *keys, redisReply *const *replies,
                              struct elect__redis_holder *out, int32_t *code, char *text, size_t size);

/* The commands of a question: DEPOSE, FORGET, and HISTORY, whose reply is elect__redis_history_read's (none at all
 * where the layout keeps no history: then there is nothing to ask). Answers their number. */
int elect__redis_query_write(const struct elect__redis_keys *keys, const struct elect__query *query, bool by_text,
                             struct elect__redis_scratch *scratch,
                             struct elect__redis_command commands[ELECT__REDIS_COMMANDS]);
/* Of DEPOSE and FORGET. *code: ELECT_OK; ELECT_ENOTLEADER: nobody of ours leads, or not that epoch; ELECT_ESTATE:
 * somebody leads, or may; else a failure. text: of what is not ELECT_OK. NO_SCRIPT: send it again, by text. */
enum elect__redis_read elect__redis_query_read(const struct elect__query *query, const redisReply *reply, int32_t *code,
                                               char *text, size_t size);

/* What an error reply means: an enum elect_code, and in *written whether the command may have written before it failed.
 * text names what to do where that is known (the ACL line's missing right, a replica, memory). */
int32_t elect__redis_error(const redisReply *reply, bool *written, char *text, size_t size);
#endif
