/* Beside elect.h, with a weaker promise: what is declared here may change in any minor version. */
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
 * A manual clock stands still while a LOST is held, in elect_client_close too: free it first.
 * Answers when the events that follow from it are queued. ELECT_EINVAL: not such a command, or no such store. */
ELECT_API int32_t elect_memory_command(elect_client_t *client, const char *command);

/* END-API */

#ifdef __cplusplus
}
#endif
#endif
