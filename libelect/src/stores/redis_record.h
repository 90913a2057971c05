/* What Redis keeps of a leader, as JSON whose first four fields are the first seed's: instance_id, hostname,
 * started_at, last_heartbeat (RFC 3339), then epoch, incarnation, address, metadata; and the entries of the history. */
#ifndef ELECT_SRC_STORES_REDIS_RECORD_H
#define ELECT_SRC_STORES_REDIS_RECORD_H
#include "../leader.h"
#include "../report.h"
#include <stddef.h>

/* malloc'd; NULL: out of memory. incarnation is for people who compare. */
char *elect__redis_info_write(const struct elect__leader_view *leader, const char *incarnation);
/* Of bytes that anybody may have written. *json lends out its strings and is to be deleted. False: it is no such thing,
 * and nothing is to be deleted. A field that is missing is "" or 0. */
bool elect__redis_info_read(const char *text, size_t length, struct elect__leader_view *out, cJSON **json);

/* The history as the list has it, newest first: "S <epoch> <start us> <JSON>" at an election and
 * "E <epoch> <end us> <reason>" at its end. malloc'd JSON as elect__report_history has it; NULL: out of memory. Entries
 * that are none are passed over. */
struct redisReply;
char *elect__redis_history_read(const struct redisReply *list);
/* The newest term of it that has ended, for the status; false: none. led: the newest of all is under way, if nothing is
 * said of its end. *json lends its strings. */
bool elect__redis_history_last(const struct redisReply *list, bool led, struct elect__term_view *out, cJSON **json);
#endif
