/* Questions to the store that a user's thread waits for: reports, depose, forget, and memory:'s commands. */
#ifndef ELECT_SRC_ASK_H
#define ELECT_SRC_ASK_H
#include "candidate.h"

/* A command of memory:, with its line as the name. */
#define ELECT__QUERY_COMMAND ((enum elect__query_kind)0)

/* Asks on the I/O thread and waits. share: NULL for the client's settings. json may be NULL. ELECT_ETIMEOUT: it goes on,
 * and its answer is thrown away. */
int32_t elect__ask(elect_client_t *client, struct elect__settings_share *share, enum elect__query_kind kind,
                   const char *name, uint64_t epoch, int64_t timeout_ms, char **json);
/* On the I/O thread, after the store has been closed: what it left unanswered. */
void elect__asks_end(elect_client_t *client);
#endif
