/* The record of an election in a register, as a JSON text. Its first three fields are named as those of s3lect. Read from
 * bytes that anybody may have written: what is not a record to the letter is unreadable, and nobody overwrites it. */
#ifndef ELECT_SRC_STORES_CAS_RECORD_H
#define ELECT_SRC_STORES_CAS_RECORD_H
#include "../leader.h"
#include "../report.h"
#include "cas.h"
#include <stddef.h>

enum {
    ELECT__CAS_TEXT_MAX = 64 * 1024,    /* bytes that are read; a longer text is unreadable */
    ELECT__CAS_WRITTEN_MAX = 16 * 1024, /* bytes that are written at most: ELECT__INFO_MAX of the leader, and */
    ELECT__CAS_TERMS_MAX = 8 * 1024,    /* these of the terms before */
    ELECT__CAS_TERMS = 31
};

struct elect__cas_document {
    struct elect__cas_record record;
    /* Who leads by it, or has released it. last_heartbeat_ms: when it was written, by that machine's clock; 0: released, or
     * not said. */
    struct elect__leader_view leader;
    struct elect__term_view terms[ELECT__CAS_TERMS]; /* that ended before it, and its own once released; newest first */
    size_t count;
    cJSON *json; /* lends what was read its strings; NULL: nothing */
};

/* text: length bytes and a NUL behind them. False: it is no record of ours (or memory is out); nothing is to be freed. */
bool elect__cas_record_read(const char *text, size_t length, struct elect__cas_document *out);
void elect__cas_record_free(struct elect__cas_document *document);
/* The leader's term, its end left open; lent the document's strings. */
struct elect__term_view elect__cas_record_term(const struct elect__cas_document *document);

/* The terms as JSON: newest (NULL: none) before those of document (NULL: none), the oldest dropped where there is no
 * room. malloc'd; NULL: out of memory. */
char *elect__cas_terms_write(const struct elect__term_view *newest, const struct elect__cas_document *document);
/* The record, the leader and the terms, which are JSON already, as text. malloc'd; NULL: out of memory. */
char *elect__cas_record_write(const struct elect__cas_record *record, const struct elect__leader_view *leader,
                              const char *terms);
#endif
