/* Beside elect.h, with a weaker promise: what is declared here may change in any minor version.
 *
 * Stores of your own (store=custom:). What libelect needs of one is a register with compare-and-set: keys with values, and
 * a version that changes with every write of a key. etcd, Consul, NATS, DynamoDB, a table of an SQL database with a
 * version column have it. The record, the epochs, the timing and every rule of safety stay in the library: your store may be slow,
 * or unsure whether a write was applied, and there is still one leader, as long as its compare-and-set is linearizable.
 *
 * Open a client with store=custom:, and serve its operations from threads of your own, any number at once, in any order:
 *
 *     while (elect_client_next_op(client, -1, &op) == ELECT_OK) {
 *         if (elect_op_kind(op) == ELECT_OP_READ) ... read elect_op_key(op), complete with its version and value
 *         else ... write elect_op_value(op) if the version is elect_op_version(op), complete with the new version
 *     }
 *
 * until it answers ELECT_ECLOSED: also while elect_client_close waits in another thread, for a leader's release is an
 * operation like any other. elect_op_remaining_ms is how long a completion is awaited: lock_ttl / 4 at most, of which your time
 * limits should be a part. What is not completed by then may have been applied (as ELECT_EUNKNOWN says), or, when nobody had
 * taken it, surely was not. Complete it anyway: late, after close, after elect_client_free and in a forked child that is
 * nothing but the end of op. Close the client and join your threads before elect_client_free: it ends their wait for the
 * next operation (ELECT_ECLOSED), and nobody can serve what is left then.
 *
 * Keys are <prefix>/<name> and have at most 512 bytes; of the name, what is not A-Z a-z 0-9 _ - . is percent-encoded, so is
 * a leading dot, and more than 200 bytes are cut to 160 with ~ and a hash. Values have at most 16 KiB.
 * A candidate looks at its key every retry_interval while another one leads, and writes it every heartbeat_interval while
 * it leads. An absent record is waited out for one lock_ttl before the first candidate leads, since a leader's record may
 * have been deleted: custom:?bootstrap=now says that it was not. No clocks are compared, but in reports. */
#ifndef ELECT_STORE_H
#define ELECT_STORE_H
#include "elect.h"
#ifdef __cplusplus
extern "C" {
#endif

/* BEGIN-API */

/* Scripts a client that was opened with store=memory: (a store that lives in that one client: two clients never meet).
 * For tests of what is built on libelect. One line of text:
 *   "advance 5s"   moves the clock of a client opened with store=memory:?clock=manual, timer by timer
 *   "lose NAME"    the leader of NAME finds its record deleted at its next renewal, which comes at once
 *   "rival NAME"   somebody else holds NAME from now on, as soon as the store may grant it
 *   "retire NAME"  that somebody releases
 *   "cut NAME"     the store answers nothing to candidates of NAME, "heal NAME" ends that
 *   "wipe"         the store forgets everything, as FLUSHALL would
 * elect_client_close lets a manual clock run, but for as long as a LOST is held: free it first.
 * Answers when the events that follow from it are queued. ELECT_EINVAL: not such a command, or no such store. */
ELECT_API int32_t elect_memory_command(elect_client_t *client, const char *command);

typedef struct elect_op elect_op_t;
enum elect_op_verb { ELECT_OP_READ = 1, ELECT_OP_WRITE = 2 };

/* The next operation of a client that was opened with store=custom:; else ELECT_ESTATE. Timeouts and ELECT_ECLOSED as
 * elect_client_next_event has them. */
ELECT_API int32_t elect_client_next_op(elect_client_t *client, int64_t timeout_ms, elect_op_t **out);
/* Readable while operations wait (level-triggered) and after close. Poll it; never read or close it. Until client_free. */
ELECT_API int32_t elect_client_op_fd(const elect_client_t *client);
/* Your own watch says that this key has changed: who waits for it looks at once, not at its next retry_interval. Nobody
 * needs to call it, and calling it too often costs reads only. */
ELECT_API int32_t elect_client_key_changed(elect_client_t *client, const char *key);

/* Of op, until it is completed. */
ELECT_API int32_t elect_op_kind(const elect_op_t *op); /* enum elect_op_verb */
ELECT_API const char *elect_op_key(const elect_op_t *op);
ELECT_API const char *elect_op_value(const elect_op_t *op); /* WRITE: what to write, a JSON text */
/* WRITE: only if it has this version; "": only if absent. */
ELECT_API const char *elect_op_version(const elect_op_t *op);
ELECT_API int64_t elect_op_remaining_ms(const elect_op_t *op);
/* Ends op. ELECT_OK: READ gives version and value ("" and "": absent), WRITE the new version; of less than 128 bytes,
 * without control characters, never one that this key had before. ELECT_ESTATE: WRITE found another version.
 * ELECT_EUNKNOWN: a write may have been applied, a read had no answer. ELECT_ESTORE, _EAUTH, _EUNREACHABLE: surely not
 * applied; text says why, for people. Anything else counts as a failure. NULL is "". */
ELECT_API void elect_op_complete(elect_op_t *op, int32_t code, const char *version, const char *value,
                                 const char *text);

/* END-API */

#ifdef __cplusplus
}
#endif
#endif
