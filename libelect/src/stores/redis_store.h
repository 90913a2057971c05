/* redis: the parts of the store, for its own files only.
 *   redis.c         the class: open, attach, detach, close
 *   redis_link.c    which connection serves a key
 *   redis_seat.c    a candidate's operations: sent, answered, sent again where a script was missing
 *   redis_leader.c  who holds a lock
 *   redis_replicas.c  writes that wait for replicas
 *   redis_listen.c  the subscriber: wake-ups, and probes after it was deaf
 *   redis_check.c   what is found at each connect: fitness, warnings, the tier; the server's clock
 *   redis_ask.c     questions outside of elections; redis_list.c: which elections there are
 *   redis_doctor.c  the long check */
#ifndef ELECT_SRC_STORES_REDIS_STORE_H
#define ELECT_SRC_STORES_REDIS_STORE_H
#include "../table.h"
#include "redis_clock.h"
#include "redis_link.h"
#include "redis_op.h"
#include "redis_record.h"

struct elect__redis_question;
struct elect__redis_visit;

/* What INFO said of the server at the last connect. */
struct elect__redis_server {
    bool known; /* it was connected to */
    bool told;  /* INFO is not denied */
    char product[16], version[32];
    char replid[ELECT__SERVER_SIZE];
    char policy[32]; /* maxmemory_policy */
    bool replica, cluster, aof, loading;
    int replicas; /* that are online */
};

/* Where our candidates of one election tell each other what changed. */
struct elect__redis_channel {
    struct elect__entry entry;
    struct elect__redis_seat *seats;
    bool heard; /* the server has confirmed it: nothing is missed from here on */
    char name[];
};

enum { ELECT__REDIS_CHANGE_SIZE = 32 }; /* "changed <epoch>" */

enum elect__redis_round {
    ELECT__REDIS_ROUND_OP,       /* the operation's own commands */
    ELECT__REDIS_ROUND_HOLDER,   /* who holds the lock that a PROBE has found */
    ELECT__REDIS_ROUND_REPLICAS, /* wait_replicas: those that the first round did not know of */
    ELECT__REDIS_ROUND_UNDO      /* the lock of a term that nobody has led, for the replicas did not have it */
};

/* News that came while an operation was under way: its answer may be older. */
struct elect__redis_news {
    bool look;
    uint64_t elected, released; /* the highest epochs told; 0: none */
};

/* A candidate or observer, from attach to detach. */
struct elect__redis_seat {
    struct elect__entry entry; /* in redis->locks */
    struct elect__redis *redis;
    struct elect__slot *slot;
    struct elect__redis_keys *keys;
    struct elect__redis_channel *channel;
    struct elect__redis_seat *previous, *next; /* in channel->seats */

    struct elect__op op; /* the last; under way if the request is */
    struct elect__redis_request request;
    enum elect__redis_round round;
    bool by_text;           /* it was sent as the whole text of its script */
    bool no_info;           /* it was sent as who is denied INFO, and has waited */
    int commands;           /* of the operation itself, in this round */
    int waited_for;         /* replicas that its WAIT names */
    uint64_t granted_epoch; /* won or renewed, as soon as the replicas have it */
    int acknowledged;       /* by so many; -1: WAIT or INFO is refused */
    uint64_t deposed;       /* beside it */
    uint64_t info_sent;     /* settings->told, of what it tells of us; 0: nothing */
    int64_t denied_at_ns;   /* INFO was first refused then, and nobody was seen to lead since; 0: it was not */

    bool leading;          /* so its last answer said */
    uint64_t own_epoch;    /* the last that it had itself */
    uint64_t known_epoch;  /* the highest that it knows of */
    uint64_t info_told;    /* the same, of what the store has of us */
    int64_t started_at_ms; /* its last acquire */
    struct elect__redis_news news;

    char *holder_value; /* the lock's, as it was seen last; NULL: not known */
    elect_leader_t *holder;
    int64_t holder_ttl_ms;
    int64_t odd_ttl_ms; /* another lock_ttl than ours, of which somebody was told */
    bool endless;       /* so was it that the lock has no TTL */
};

struct elect__redis {
    struct elect__store store;
    struct elect__store_args args;
    struct elect__redis_link link;
    struct elect__redis_server server;
    struct elect__redis_clock clock;
    int64_t replica_at_ns;        /* when it refused a write as a replica does; 0: never */
    int most_replicas;            /* that were seen online, also at connections before */
    bool stepped;                 /* its clock was, since we look */
    bool deaf_told;               /* SUBSCRIBE is denied, and it was said */
    bool down_told;               /* the connection is down, and it was said */
    bool lasting_told;            /* so was it that somebody has to change something */
    bool alone_told;              /* somebody waits for replicas, there are none, and it was said */
    uint64_t warned;              /* a hash of the warnings that were logged last */
    struct elect__table channels; /* of struct elect__redis_channel, by name */
    struct elect__table locks;    /* of seats, by lock key */
    struct elect__redis_question *questions;
    struct elect__redis_visit *visits; /* of redis_doctor.c */
};

static inline struct elect__redis_seat *elect__redis_seat_of(struct elect__entry *entry)
{
    return (struct elect__redis_seat *)(void *)entry;
}
static inline int64_t elect__redis_now(const struct elect__redis *redis)
{
    return redis->args.env->boot_ns(redis->args.env->ctx);
}
static inline int64_t elect__redis_real_ms(const struct elect__redis *redis)
{
    return redis->args.env->real_us(redis->args.env->ctx) / 1000;
}

static inline enum elect__redis_use elect__redis_seat_use(const struct elect__redis_seat *seat)
{
    return seat->slot->settings->wait_replicas ? ELECT__REDIS_COMMANDS_WITH_WAIT : ELECT__REDIS_COMMANDS_OF_ALL;
}

/* Logs never hold what is secret: texts come from redis_op.h and redis_conn.h, which see to it. */
void elect__redis_log(struct elect__redis *redis, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- redis.c: what the connections tell ---- */
void elect__redis_commands_up(struct elect__redis *redis, enum elect__redis_use use, const char *info, bool again);
void elect__redis_commands_down(struct elect__redis *redis, bool lasting, const char *text);

/* A command of two or three words; c may be NULL. */
void elect__redis_command(struct elect__redis_command *command, const char *a, const char *b, const char *c);
/* The seats of a lock, one after the other; seat NULL: the first. */
struct elect__redis_seat *elect__redis_seat_next(const struct elect__redis *redis, const char *lock,
                                                 struct elect__redis_seat *seat);

/* ---- redis_seat.c ---- */
void elect__redis_submit(struct elect__store *store, struct elect__slot *slot, const struct elect__op *op);
/* Its operation is not answered any more. */
void elect__redis_seat_end(struct elect__redis_seat *seat);
/* Of its operation: another round, or its answer. Of send: false: out of memory. text may be NULL. */
bool elect__redis_seat_send(struct elect__redis_seat *seat, enum elect__redis_round round,
                            const struct elect__redis_command *commands, int count);
void elect__redis_seat_finish(struct elect__redis_seat *seat, struct elect__reply *reply,
                              const struct elect__leader_view *leader, const char *text);
void elect__redis_seat_fail(struct elect__redis_seat *seat, enum elect__outcome outcome, int32_t code,
                            const char *text);

/* ---- redis_leader.c ---- */
/* The holder of a lock, for people. The strings of view are lent by id and json, which is to be deleted. */
struct elect__redis_leader {
    struct elect__leader_view view;
    cJSON *json; /* NULL: nothing is told but the id */
    char id[ELECT__REDIS_VALUE_SIZE];
};
/* found: value and info; epoch 0: not known. */
void elect__redis_leader(const struct elect__redis_keys *keys, const struct elect__redis_found *found, uint64_t epoch,
                         struct elect__redis_leader *out);
/* Finish an operation that found the lock held: by whom was just read, or is known from before. */
void elect__redis_held(struct elect__redis_seat *seat, struct elect__reply *reply,
                       const struct elect__redis_found *found);
bool elect__redis_is_known(const struct elect__redis_seat *seat, const char *value, size_t length);
void elect__redis_held_as_before(struct elect__redis_seat *seat, struct elect__reply *reply);
void elect__redis_holder_answered(struct elect__redis_seat *seat, const struct elect__redis_answer *answer);
void elect__redis_forget_holder(struct elect__redis_seat *seat);

/* ---- redis_replicas.c ---- */
/* Is this an operation that counts only once the replicas have it? */
bool elect__redis_replicas_matter(const struct elect__redis_seat *seat);
/* Adds what asks them behind its commands; answers the number of all. */
int elect__redis_replicas_add(struct elect__redis_seat *seat, struct elect__redis_command *commands, int count,
                              char numbers[2][24]);
/* replies: to what was added. Finishes the operation, which was granted, or asks once more. */
void elect__redis_replicas_answered(struct elect__redis_seat *seat, redisReply *const *replies);
/* The write that the replicas did not have was taken back, or was not: reply NULL. */
void elect__redis_replicas_undone(struct elect__redis_seat *seat, const redisReply *reply);
/* So many are online now. */
void elect__redis_replicas_seen(struct elect__redis *redis, int replicas);

/* ---- redis_listen.c ---- */
/* False: out of memory. */
bool elect__redis_listen_join(struct elect__redis_seat *seat);
void elect__redis_listen_leave(struct elect__redis_seat *seat);
void elect__redis_listen_up(struct elect__redis *redis);
void elect__redis_listen_down(struct elect__redis *redis);
void elect__redis_listen_push(struct elect__redis *redis, const redisReply *reply);
/* Something may have changed. */
void elect__redis_seat_look(struct elect__redis_seat *seat);
/* What came while its operation was under way, as far as the answer does not show it. */
void elect__redis_seat_tell_news(struct elect__redis_seat *seat, const struct elect__reply *reply);

/* ---- redis_check.c ---- */
void elect__redis_check_connect(struct elect__redis *redis, const char *info);
/* A reading of the server's clock; tells all candidates when it was stepped. */
void elect__redis_check_clock(struct elect__redis *redis, int64_t server_us, int64_t sent_ns, int64_t received_ns);
/* The value of a line "key:value" of INFO; "" when there is none. Answers out. */
const char *elect__redis_info_field(const char *info, const char *key, char *out, size_t size);
/* Is it no older than what the tests run on? Of redis; any valkey is. */
bool elect__redis_version_known(const char *version);
/* Replicas that are online, as INFO has it. */
int elect__redis_check_replicas(const char *info);
/* "redis, asynchronously replicated", "redis, single node, no append-only file", ... into out. */
enum { ELECT__REDIS_TIER_SIZE = 80 };
const char *elect__redis_tier(const struct elect__redis *redis, char out[ELECT__REDIS_TIER_SIZE]);
/* What is unwise about this server, each a sentence; answers their number. */
enum { ELECT__REDIS_WARNINGS = 8, ELECT__REDIS_WARNING_SIZE = 240 };
int elect__redis_warnings(const struct elect__redis *redis, char out[ELECT__REDIS_WARNINGS][ELECT__REDIS_WARNING_SIZE]);
/* What most servers are, and no reason for alarm: a sentence, or NULL. */
const char *elect__redis_forgetful(const struct elect__redis *redis);

/* ---- redis_ask.c ---- */
void elect__redis_query(struct elect__store *store, struct elect__query *query);
/* Those under way are dropped without an answer. */
void elect__redis_questions_end(struct elect__redis *redis);

/* ---- redis_doctor.c ---- */
void elect__redis_doctor(struct elect__redis *redis, struct elect__query *query);
/* A visit under way is dropped. */
void elect__redis_doctor_end(struct elect__redis *redis);
#endif
