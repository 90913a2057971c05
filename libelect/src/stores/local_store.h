/* The local: store as one object, for the files that share the work: local.c (the class), local_watch.c (who is woken),
 * local_report.c (questions), local_doctor.c (the long check). */
#ifndef ELECT_SRC_STORES_LOCAL_STORE_H
#define ELECT_SRC_STORES_LOCAL_STORE_H
#include "../store.h"
#include "local_path.h"
#include "local_term.h"
#include <event2/event.h>
#include <event2/event_struct.h>

enum { ELECT__LOCAL_BUCKETS = 256, ELECT__LOCAL_PATH_SIZE = 1024 };

/* A candidate or an observer: what slot->data is. */
struct elect__local_stand {
    struct elect__local_store *store;
    struct elect__slot *slot;
    struct elect__local_seat seat;
    struct elect__local_stand *before, *after; /* in the bucket of its file's name */
    char file[ELECT__FILE_NAME_SIZE];
    char path[ELECT__LOCAL_PATH_SIZE];
    dev_t dev; /* of seat.fd, when that is open */
    ino_t ino;
    char *info; /* JSON; owned */
    uint32_t info_crc;
    uint64_t seen_term; /* what its owner was told last */
    enum elect__local_verdict seen_verdict;
    uint64_t deposed_epoch; /* the last term of ours that was asked to end, and said so */
    bool due;               /* something happened to its file: look again, and a few times more */
    bool ttl_warned;
};

struct elect__local_watch {
    int inotify, timer; /* -1: not open */
    int64_t pause_us;   /* until the next look at those that are due */
    int next_bucket;    /* where the safety poll goes on */
    struct event inotify_event, timer_event, poll_event;
    bool polling;
};

struct elect__local_store {
    struct elect__store base;
    struct elect__store_args args;
    struct elect__local_host host;
    struct elect__local_dir dir;
    struct elect__local_watch watch;
    struct elect__local_stand *buckets[ELECT__LOCAL_BUCKETS];
    struct elect__local_stand *next; /* of a walk under way: a stand may go while it is looked at */
    size_t stands;
};

void elect__local_log(struct elect__local_store *store, int32_t level, const char *text);

/* ---- local.c ---- */
/* The store's directory, opened when it is not. 0 or a code. */
int32_t elect__local_store_ready(struct elect__local_store *store, char *error, size_t size);
/* The stand's file, opened again where it was replaced or closed under us. 0, -ENOENT: there is none, or another
 * negative errno with a text in seat.text. */
int elect__local_stand_open(struct elect__local_stand *stand, bool create);

/* ---- local_watch.c ---- */
void elect__local_watch_init(struct elect__local_watch *watch);
void elect__local_watch_start(struct elect__local_store *store); /* whatever fails, a poll stands in for */
void elect__local_watch_dir(struct elect__local_store *store);   /* the directory has been opened again */
void elect__local_watch_stop(struct elect__local_store *store);
void elect__local_watch_add(struct elect__local_stand *stand);
void elect__local_watch_remove(struct elect__local_stand *stand);
/* After each answer: what the stand's owner knows now. */
void elect__local_watch_seen(struct elect__local_stand *stand, const struct elect__local_view *view);

/* ---- local_report.c ---- */
void elect__local_query(struct elect__store *store, struct elect__query *query);
/* The info of a leader as it stands in its file, parsed; NULL: none. To be freed by cJSON_Delete. */
struct cJSON *elect__local_leader(const struct elect__local_seat *seat, const struct elect__local_view *view,
                                  struct elect__leader_view *out);
char *elect__local_info(const struct elect__settings *settings, const char *incarnation);

/* ---- local_doctor.c ---- */
void elect__local_doctor(struct elect__local_store *store, struct elect__query *query);
#endif
