/* The bytes of an election's file. One process writes a slot at a time, the one that holds its term's lock, and anybody
 * reads at any time: so every part carries a checksum, and what does not fit it does not count.
 *
 *      0  header: magic, format version, the election's name
 *   4096  page: four slots of one record each, by term modulo 4, and the wish that a leader step down
 *   8192  a ring of the last 32 terms, by term modulo 32
 *  28672  four infos, by term modulo 4: what the leader tells of itself, as JSON
 *
 * All but the ends of long infos is written when the file is made: on a full disk elections go on, and fdatasync finds
 * no new block that the file system's journal would have to tell of. */
#ifndef ELECT_SRC_STORES_LOCAL_RECORD_H
#define ELECT_SRC_STORES_LOCAL_RECORD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ELECT__LOCAL_SLOTS = 4,
    ELECT__LOCAL_PASTS = 32,
    ELECT__LOCAL_FORMAT = 1,
    ELECT__LOCAL_PAGE_AT = 4096,
    ELECT__LOCAL_PAST_AT = 8192,
    ELECT__LOCAL_INFO_AT = 28672,
    ELECT__LOCAL_INFO_STEP = 12288,
    ELECT__LOCAL_INFO_MAX = 8192,
    ELECT__LOCAL_END = ELECT__LOCAL_INFO_AT + ELECT__LOCAL_SLOTS * ELECT__LOCAL_INFO_STEP,
    ELECT__LOCAL_ID_MAX = 256,
    ELECT__LOCAL_TEXT_SIZE = 264, /* of an instance id or a host name, with its NUL */
    ELECT__LOCAL_UUID_SIZE = 40,
    ELECT__LOCAL_NAME_SIZE = 208
};

struct elect__local_header {
    char magic[8];
    uint32_t format;
    uint32_t crc; /* of the name */
    uint32_t name_length;
    char name[ELECT__LOCAL_NAME_SIZE];
};

struct elect__local_record {
    uint32_t crc; /* of what follows, up to the end of the instance id */
    uint16_t id_length;
    uint8_t released;
    uint8_t clock_known; /* 0: nobody else can tell when deadline_ns is */
    uint64_t term;       /* 1, 2, 3, ... */
    uint64_t epoch;
    uint64_t attempt;
    int64_t deadline_ns; /* boot clock of the host, without any time namespace's offset */
    int64_t lock_ttl_ns;
    int64_t started_at_ms, heartbeat_at_ms, ended_at_ms; /* Unix time; 0: not yet */
    int32_t reason;
    int32_t pid;
    int64_t pid_start;   /* clock ticks after boot; -1: not known */
    uint64_t pid_ns;     /* the pid namespace's inode; 0: not known */
    uint64_t after_term; /* the highest one when this was claimed: it and all before it had ended */
    char boot_id[ELECT__LOCAL_UUID_SIZE];
    char incarnation[ELECT__LOCAL_UUID_SIZE];
    char instance_id[ELECT__LOCAL_TEXT_SIZE];
    char spare[64];
};
_Static_assert(sizeof(struct elect__local_record) == 512, "a record lies in one sector");

struct elect__local_ask {
    uint64_t epoch;
    uint32_t crc;
    uint32_t spare;
};

struct elect__local_page {
    struct elect__local_record slots[ELECT__LOCAL_SLOTS];
    struct elect__local_ask ask;
};

struct elect__local_past {
    uint32_t crc; /* of what follows */
    int32_t reason;
    uint64_t term; /* 0: none */
    uint64_t epoch;
    int64_t started_at_ms, ended_at_ms;
    char instance_id[ELECT__LOCAL_TEXT_SIZE];
    char hostname[ELECT__LOCAL_TEXT_SIZE];
};
_Static_assert(sizeof(struct elect__local_past) * ELECT__LOCAL_PASTS <= ELECT__LOCAL_INFO_AT - ELECT__LOCAL_PAST_AT,
               "the ring ends before the infos begin");

/* CRC-32 as Ethernet and zlib have it. */
uint32_t elect__local_crc(const void *bytes, size_t length);

/* These answer 0 or a negative errno; -ENODATA: the file is shorter than that. */
int elect__local_page_read(int fd, struct elect__local_page *page);
int elect__local_record_write(int fd, struct elect__local_record *record);
int elect__local_ask_write(int fd, uint64_t epoch);

bool elect__local_record_valid(const struct elect__local_page *page, int slot);
/* The valid record of the highest term, or NULL. */
const struct elect__local_record *elect__local_page_top(const struct elect__local_page *page);
/* Is there a slot that is neither empty nor valid? */
bool elect__local_page_damaged(const struct elect__local_page *page);
/* The epoch of the leader that is asked to step down, or 0. */
uint64_t elect__local_page_ask(const struct elect__local_page *page);

/* text: at least ELECT__LOCAL_INFO_MAX + 1 bytes; "" where the info of that term is not there or damaged. */
int elect__local_info_write(int fd, uint64_t term, const char *text);
int elect__local_info_read(int fd, uint64_t term, char *text);

/* An entry that is not there, damaged, or of a term below from_term, has term 0. */
int elect__local_past_write(int fd, struct elect__local_past *past);
int elect__local_past_read(int fd, uint64_t from_term, struct elect__local_past pasts[ELECT__LOCAL_PASTS]);

/* A new file's first bytes; the name's length has been checked. */
int elect__local_file_init(int fd, const char *name);
/* 0, or -1 with the rule that is broken in error. name NULL: any, it is left in header. */
int elect__local_header_check(int fd, const char *file, const char *name, struct elect__local_header *header,
                              char *error, size_t size);
#endif
