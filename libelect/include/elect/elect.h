/* libelect: leader election. "Exactly one of these N copies may run the job."
 *
 * Threads:  clients and elections take any function from any thread at once; options, events and leaders are plain data
 *           for one thread at a time. Callbacks run on one dispatcher thread per client, one at a time, with no lock
 *           held, never on the thread that renews: a slow one delays other events of that client, never a lease.
 * Memory:   what an `**out` gives is yours, to be ended by its _free(); after a failure it is NULL. All else is borrowed
 *           from the object it was asked of and lives as long as that, unless its comment says otherwise. What goes in
 *           is copied. Strings are UTF-8. A getter never answers NULL unless its comment says so: "" instead.
 * Free:     never waits, takes NULL, may be called from callbacks and finalizers, and in any order: an election keeps
 *           what it needs of its client. A call that already waits on that handle ends (wait, leader, next_event with
 *           ELECT_ECLOSED); any other call at the same time or later is a use after free. A started election that is
 *           freed steps down and releases without draining, and its CLOSED still reaches the queue (drop the tag there).
 *           A callback under way runs on (it may be about to enter your function); none begins; user_free comes last.
 * NULL:     where an object is wanted, NULL answers 0, "" or ELECT_EINVAL; it never crashes.
 * Fork:     in a forked child every handle is dead: is_leader is 0, calls answer ELECT_EFORKED, _free() releases memory
 *           only and touches no descriptor of the parent. The child may open clients of its own. A callback that forks
 *           and returns in the child ends the thread there, which is its only one; no user_free is called.
 * Time:     milliseconds; deadlines on CLOCK_BOOTTIME. Timeouts: 0 = don't wait, -1 = for ever.
 * Result:   ELECT_OK or a negative ELECT_E*. The text of a failure: elect_options_error for calls that take options; an
 *           ERROR event for what happens later; elsewhere the code says all.
 * Growth:   functions and enum values are only added. Skip an event of an unknown kind; an unknown code is a failure. */
#ifndef ELECT_H
#define ELECT_H
#include <stddef.h>
#include <stdint.h>
#define ELECT_VERSION_NUMBER 100 /* 0.1.0; elect_version_number() is that of the library in use */
#ifndef ELECT_API
#define ELECT_API __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* BEGIN-API: read by people, SWIG and CFFI; one declaration style, no preprocessor lines, no name both tag and function. */

typedef struct elect_options elect_options_t;
typedef struct elect_client elect_client_t;     /* one store, one I/O thread, any number of elections */
typedef struct elect_election elect_election_t; /* one candidate or observer in one election, from start to stop */
typedef struct elect_event elect_event_t;
typedef struct elect_leader elect_leader_t; /* what is known of a leader at one time */

enum elect_code {
    ELECT_OK = 0,
    ELECT_EINVAL = -1, /* bad argument or option; the text names the rule */
    ELECT_ENOMEM = -2,
    ELECT_ETIMEOUT = -3, /* nothing happened before the timeout; what was asked for goes on */
    ELECT_ESTATE = -4,   /* not in this state: started twice, stopped, or a wait from a callback */
    ELECT_ENOTLEADER = -5,
    ELECT_ESTORE = -6,       /* the store refused or can't be used; the text says why */
    ELECT_EUNREACHABLE = -7, /* no connection to the store now; the library keeps trying */
    ELECT_EUNKNOWN = -8,     /* the write may or may not have been applied */
    ELECT_EFORKED = -9,
    ELECT_ECLOSED = -10, /* the last event has been read, or the client is closed */
    ELECT_EAUTH = -11    /* the store refused the credentials: give new ones by elect_client_update */
};
enum elect_kind {
    ELECT_EVENT_ELECTED = 1, /* epoch */
    ELECT_EVENT_LOST = 2,    /* epoch, reason; once after each ELECTED that was read; holds the release, see below */
    ELECT_EVENT_LEADER_CHANGED = 3, /* leader, or none; unread ones are merged */
    ELECT_EVENT_ERROR = 4,          /* code, text; after the LOST it caused; unread ones are merged */
    ELECT_EVENT_CLOSED = 5,         /* always the last of its election */
    ELECT_EVENT_LOG = 6             /* level, text, fields; the oldest unread are dropped, and their number is told */
};
enum elect_reason {
    ELECT_REASON_STOPPED = 1,
    ELECT_REASON_RESIGNED = 2,    /* asked to, or its own work failed */
    ELECT_REASON_UNREACHABLE = 3, /* no answer from the store until the lease ended */
    ELECT_REASON_PAUSED = 4,      /* this process did not run past the end of its lease */
    ELECT_REASON_EXPIRED = 5,     /* answers came, but too late */
    ELECT_REASON_TAKEN = 6,       /* the store names somebody else */
    ELECT_REASON_DELETED = 7      /* the record vanished */
};
enum elect_level { ELECT_LOG_ERROR = 1, ELECT_LOG_WARN = 2, ELECT_LOG_INFO = 3, ELECT_LOG_DEBUG = 4 };

/* ---- options: strings in, one table, validated as a whole by the call that takes them ---- */
ELECT_API elect_options_t *elect_options_new(void);
/* "lock_ttl", "10s". NULL value: unset. ELECT_EINVAL leaves options as they were. */
ELECT_API int32_t elect_options_set(elect_options_t *options, const char *name, const char *value);
/* LEADER_ELECTION_<NAME> for what is not set; nothing else ever reads the environment. The URL's query fills the rest. */
ELECT_API int32_t elect_options_load_env(elect_options_t *options);
/* What is set here, else the default; "***" for a secret; NULL for an unknown name. Until the next call on options. */
ELECT_API const char *elect_options_get(const elect_options_t *options, const char *name);
/* What client_open would refuse of these options alone and, once a name is set, election_new: without a store, a thread or a
 * network. */
ELECT_API int32_t elect_options_check(elect_options_t *options);
/* Text of the last call that took these options: "" or what is wrong with which option. Until the next such call. */
ELECT_API const char *elect_options_error(const elect_options_t *options);
ELECT_API void elect_options_free(elect_options_t *options);
/* The table as a JSON array of {name, kind, words, default, min, max, scope, dynamic, secret, env, help}; static. */
ELECT_API const char *elect_options_table(void);

typedef void (*elect_event_cb)(elect_election_t *election, const elect_event_t *event, void *user);
typedef void (*elect_free_cb)(void *user); /* once, when user is needed no more; NULL: nothing to do */

/* ---- client ---- */
/* Starts the I/O thread. An unreachable store is no failure (it keeps trying), one that is known to be unfit is. */
ELECT_API int32_t elect_client_open(elect_options_t *options, elect_client_t **out);
/* Changes what the table calls dynamic: password, credentials, certificates, log_level. Used from the next connect on. */
ELECT_API int32_t elect_client_update(elect_client_t *client, elect_options_t *options);
/* Stops and joins every election, then the threads. ELECT_ETIMEOUT: goes on, ask again. ELECT_ESTATE from a callback.
 * Events that wait can still be read. Call it before the process exits or the library is unloaded. */
ELECT_API int32_t elect_client_close(elect_client_t *client, int64_t timeout_ms);
ELECT_API void elect_client_free(elect_client_t *client);
/* JSON of what: "metrics", "store" (tier, fitness), "elections" (in the store), "doctor" (a long check of the store: rights,
 * settings, speed, clock; takes some 5 s). End it by elect_string_free. */
ELECT_API int32_t elect_client_report(elect_client_t *client, const char *what, int64_t timeout_ms, char **out);
/* Removes what the store keeps of the election called name, its epochs too. ELECT_ESTATE: somebody leads or stands. */
ELECT_API int32_t elect_client_forget(elect_client_t *client, const char *name, int64_t timeout_ms);
ELECT_API void elect_string_free(char *string);

/* ---- events: to callbacks, or to the client's one queue (languages), or, when neither is asked for, nowhere ----
 * A LOST holds: while it waits, is in a callback, or is not yet freed, a voluntary release is put off while the lease is
 * still renewed, and this candidate does not stand again: two terms of one candidate never overlap in one process. So free
 * it when the leader's work has ended. After drain_timeout renewing ends and the lease runs out; nothing is released early. */
/* Before start; several are called in order. callback may not be NULL. */
ELECT_API int32_t elect_election_on_event(elect_election_t *election, elect_event_cb callback, void *user,
                                          elect_free_cb user_free);
/* Before start, instead of callbacks: events bear this tag of yours, never 0. */
ELECT_API int32_t elect_election_queue_events(elect_election_t *election, uint64_t tag);
/* Where LOG goes (log_level, default off): callback with a NULL election, or, for a NULL callback, the queue with tag 0;
 * nowhere after client_free. */
ELECT_API int32_t elect_client_on_log(elect_client_t *client, elect_event_cb callback, void *user,
                                      elect_free_cb user_free);
/* ELECT_ECLOSED once the client is closed and nothing is left; it wakes every waiter. */
ELECT_API int32_t elect_client_next_event(elect_client_t *client, int64_t timeout_ms, elect_event_t **out);
/* Readable while events wait (level-triggered) and after close. Poll it; never read or close it. Until client_free. */
ELECT_API int32_t elect_client_event_fd(const elect_client_t *client);

ELECT_API int32_t elect_event_kind(const elect_event_t *event);
ELECT_API uint64_t elect_event_tag(const elect_event_t *event);
ELECT_API uint64_t elect_event_epoch(const elect_event_t *event);
ELECT_API int32_t elect_event_reason(const elect_event_t *event);
ELECT_API int32_t elect_event_code(const elect_event_t *event);
ELECT_API int32_t elect_event_level(const elect_event_t *event);
ELECT_API const char *elect_event_text(const elect_event_t *event);
ELECT_API const char *elect_event_fields(const elect_event_t *event);           /* a JSON object */
ELECT_API const elect_leader_t *elect_event_leader(const elect_event_t *event); /* NULL: nobody leads, or not known */
/* In a callback: makes the event yours, to be freed later, so that a LOST can hold beyond the callback. */
ELECT_API elect_event_t *elect_event_keep(const elect_event_t *event);
ELECT_API void elect_event_free(elect_event_t *event);

/* ---- election ---- */
/* The client's options, and these over them: name, instance_id, lock_ttl, layout, role=observer, ... (scope "election"). */
ELECT_API int32_t elect_election_new(elect_client_t *client, elect_options_t *options, elect_election_t **out);
/* Changes what is dynamic: address, metadata, peer_ca. */
ELECT_API int32_t elect_election_update(elect_election_t *election, elect_options_t *options);
/* Once. Does not wait for the store. */
ELECT_API int32_t elect_election_start(elect_election_t *election);
/* Asks, at once and for good: is_leader is 0 from here on; drains, releases, CLOSED. Any thread, any number of times. */
ELECT_API int32_t elect_election_stop(elect_election_t *election);
/* Waits until a stopped election has ended: at most drain_timeout and one store deadline. ELECT_ESTATE from a callback.
 * Not in the thread that reads the queue: it would wait for the LOST that only this thread can free (so for close). */
ELECT_API int32_t elect_election_join(elect_election_t *election, int64_t timeout_ms);
/* Steps down from the term of this epoch (0: from any), drains, releases, stands again after backoff_ms. ELECT_ENOTLEADER. */
ELECT_API int32_t elect_election_resign(elect_election_t *election, uint64_t epoch, int64_t backoff_ms);
/* Until this candidate leads; consumes no event. ELECT_ECLOSED when stopped, ELECT_ESTATE from a callback or an observer. */
ELECT_API int32_t elect_election_wait(elect_election_t *election, int64_t timeout_ms);
/* Asks the leader of this epoch (0: whoever leads), through the store, to resign. Observers may. */
ELECT_API int32_t elect_election_depose(elect_election_t *election, uint64_t epoch, int64_t timeout_ms);
/* JSON of what: "status", "history" (the last terms), as the command prints it. End it by elect_string_free. */
ELECT_API int32_t elect_election_report(elect_election_t *election, const char *what, int64_t timeout_ms, char **out);
ELECT_API void elect_election_free(elect_election_t *election);

/* 1 or 0: may new work be started? No lock, no system call but the clock; 1 only while the proven lease lasts, and not
 * while draining. True means true for some instant between this call and its return. */
ELECT_API int32_t elect_election_is_leader(const elect_election_t *election);
/* The epoch (fencing token) and what is left of the proven lease, of one instant, while leading and while draining: for
 * finishing work and for guarded writes. 1 when leading, 2 when draining, 0 (and zeros) otherwise. Pointers may be NULL. */
ELECT_API int32_t elect_election_check(const elect_election_t *election, uint64_t *epoch, int64_t *lease_ms);
/* Its parts: "still this term?" is epoch() == mine. */
ELECT_API uint64_t elect_election_epoch(const elect_election_t *election);
ELECT_API int64_t elect_election_lease_ms(const elect_election_t *election);
ELECT_API const char *elect_election_name(const elect_election_t *election);
ELECT_API const char *elect_election_instance_id(const elect_election_t *election);
/* What is in force, wherever it was set or follows from: 1 for role=observer, else 0; a duration ("lock_ttl") in
 * milliseconds, rounded down, or -1 when it is none of an election's. */
ELECT_API int32_t elect_election_observes(const elect_election_t *election);
ELECT_API int64_t elect_election_time_ms(const elect_election_t *election, const char *option);

/* What is known of the leader; asks the store when it is older than max_age_ms (-1: any age will do). *out is NULL
 * with ELECT_OK when nobody leads; ELECT_ETIMEOUT when nothing is known yet. From a callback: timeout 0 only. */
ELECT_API int32_t elect_election_leader(elect_election_t *election, int64_t max_age_ms, int64_t timeout_ms,
                                        elect_leader_t **out);
ELECT_API const char *elect_leader_instance_id(const elect_leader_t *leader);
ELECT_API const char *elect_leader_hostname(const elect_leader_t *leader);
ELECT_API const char *elect_leader_address(const elect_leader_t *leader);
ELECT_API const char *elect_leader_metadata(const elect_leader_t *leader);
ELECT_API uint64_t elect_leader_epoch(const elect_leader_t *leader);
ELECT_API int64_t elect_leader_started_at_ms(const elect_leader_t *leader); /* Unix time, by the leader's clock */
ELECT_API int64_t elect_leader_last_heartbeat_ms(const elect_leader_t *leader);
ELECT_API int64_t elect_leader_age_ms(const elect_leader_t *leader); /* since it was read here */
ELECT_API void elect_leader_free(elect_leader_t *leader);

ELECT_API const char *elect_code_name(int32_t code); /* "ELECT_EINVAL" */
ELECT_API const char *elect_code_text(int32_t code);
ELECT_API const char *elect_kind_name(int32_t kind); /* "elected"; as the command, the logs and the metrics write it */
ELECT_API const char *elect_reason_name(int32_t reason); /* "unreachable" */
ELECT_API const char *elect_version(void);
ELECT_API int32_t elect_version_number(void);

/* END-API */

#ifdef __cplusplus
}
#endif
#endif
