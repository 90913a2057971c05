#include "../fork_list.h"
#include "local_lock.h"
#include "local_store.h"
#include <assert.h>
#include <cjson/cJSON.h>
#include <elect/elect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void elect__local_log(struct elect__local_store *store, int32_t level, const char *text)
{
    store->args.host->log(store->args.ctx, level, text);
}

/* ---- the directory ---- */

static int32_t open_dir(struct elect__local_store *store, bool *passing, char *error, size_t size)
{
    const struct elect__settings *settings = store->args.settings;
    char text[512];
    int32_t code =
        elect__local_dir_open(&store->dir, settings->store, settings->allow_filesystem, passing, error, size);
    if (code == ELECT_OK && store->dir.warning != NULL) {
        snprintf(text, sizeof text, "store=local:%s: %s", store->dir.path, store->dir.warning);
        elect__local_log(store, ELECT_LOG_WARN, text);
    }
    return code;
}

/* Was it removed, moved away for another one, or its descriptor closed by a program that does so by number? */
static bool dir_is_gone(const struct elect__local_dir *dir)
{
    struct stat own, there;
    if (fstat(dir->fd, &own) != 0 || own.st_dev != dir->dev || own.st_ino != dir->ino || own.st_nlink == 0)
        return true;
    return stat(dir->way, &there) == 0 && (there.st_dev != own.st_dev || there.st_ino != own.st_ino);
}

int32_t elect__local_store_ready(struct elect__local_store *store, char *error, size_t size)
{
    bool passing;
    if (store->dir.fd >= 0 && !dir_is_gone(&store->dir))
        return ELECT_OK;
    elect__local_dir_close(&store->dir);
    int32_t code = open_dir(store, &passing, error, size);
    if (code == ELECT_OK)
        elect__local_watch_dir(store);
    return code;
}

static void free_store(struct elect__local_store *store)
{
    free(store->dir.path);
    free(store->dir.way);
    free(store);
}

/* A shortage of descriptors or of space is no reason not to open: it may be over when somebody stands. */
static int32_t local_open(const struct elect__store_args *args, struct elect__store **out, char *error, size_t size)
{
    struct elect__local_store *store = calloc(1, sizeof *store);
    bool passing = false;
    *out = NULL;
    if (store == NULL)
        return ELECT_ENOMEM;
    store->base.class_ = &elect__local_store;
    store->args = *args;
    store->dir.fd = -1;
    elect__local_watch_init(&store->watch);
    int32_t code = ELECT_ESTORE;
    if (elect__local_host_read(&store->host, "/proc", error, size) == 0)
        code = open_dir(store, &passing, error, size);
    if (code != ELECT_OK && !passing) {
        free_store(store);
        return code;
    }
    if (code != ELECT_OK)
        elect__local_log(store, ELECT_LOG_WARN, error);
    if (!store->host.clock_known)
        elect__local_log(store, ELECT_LOG_WARN,
                         "local: the offset of this process's time namespace is not known: no leader is deposed by its "
                         "deadline, and nobody deposes this process");
    *out = &store->base;
    return ELECT_OK;
}

static void local_close(struct elect__store *base)
{
    struct elect__local_store *store = (struct elect__local_store *)base;
    elect__local_watch_stop(store);
    elect__local_dir_close(&store->dir);
    free_store(store);
}

/* The handler of fork has closed what the child must not keep; events belong to the parent's base. */
static void local_forked(struct elect__store *base)
{
    struct elect__local_store *store = (struct elect__local_store *)base;
    for (int i = 0; i < ELECT__LOCAL_BUCKETS; i++) {
        for (struct elect__local_stand *stand = store->buckets[i], *after; stand != NULL; stand = after) {
            after = stand->after;
            free(stand->info);
            free(stand);
        }
    }
    free_store(store);
}

/* ---- a stand's file ---- */

static void close_file(struct elect__local_stand *stand)
{
    struct stat stat;
    if (stand->seat.fd < 0)
        return;
    elect__fork_list_remove(stand->seat.fd);
    /* A program that closes descriptors by number may have got ours for something of its own since. */
    if (fstat(stand->seat.fd, &stat) == 0 && stat.st_dev == stand->dev && stat.st_ino == stand->ino)
        close(stand->seat.fd);
    stand->seat.fd = -1;
    stand->seat.held = 0;
}

/* Is the descriptor still ours, and its file still the one that others find? */
static bool still_good(const struct elect__local_stand *stand)
{
    struct stat own, there;
    return stand->seat.fd >= 0 && fstat(stand->seat.fd, &own) == 0 && own.st_dev == stand->dev &&
           own.st_ino == stand->ino && fstatat(stand->store->dir.fd, stand->file, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           there.st_dev == own.st_dev && there.st_ino == own.st_ino;
}

static bool stands(const struct elect__local_stand *stand)
{
    return stand->slot->incarnation[0] != '\0';
}

int elect__local_stand_open(struct elect__local_stand *stand, bool create)
{
    struct elect__local_store *store = stand->store;
    struct elect__local_seat *seat = &stand->seat;
    struct elect__local_open opened;
    for (int tries = 0; tries < 8; tries++) {
        int32_t code = elect__local_store_ready(store, seat->text, sizeof seat->text);
        if (code == ELECT_OK && still_good(stand))
            return 0;
        close_file(stand);
        if (code != ELECT_OK)
            return -EIO;
        int failure = elect__local_file_open(&store->dir, stand->file, stand->slot->settings->name,
                                             create ? ELECT__LOCAL_CREATE : ELECT__LOCAL_WRITE, &opened, seat->text,
                                             sizeof seat->text);
        if (failure != 0)
            return failure;
        seat->fd = opened.fd;
        stand->dev = opened.dev;
        stand->ino = opened.ino;
        failure = elect__fork_list_add(seat->fd);
        /* Who forgets an election holds this byte while its file goes: so look once more, below, after it was ours. */
        if (failure == 0 && stands(stand))
            failure = elect__local_lock(seat->fd, F_RDLCK, ELECT__LOCAL_STANDING_AT, 1);
        if (failure != 0 && failure != -EAGAIN) {
            elect__local_say(seat->text, sizeof seat->text, "can't lock", seat->path, -failure);
            close_file(stand);
            return failure;
        }
        if (failure == -EAGAIN)
            close_file(stand);
    }
    snprintf(seat->text, sizeof seat->text, "%s: is being removed", seat->path);
    return -EAGAIN;
}

/* ---- attach, detach ---- */

static int32_t local_attach(struct elect__store *base, struct elect__slot *slot, char *error, size_t size)
{
    struct elect__local_store *store = (struct elect__local_store *)base;
    const struct elect__settings *settings = slot->settings;
    slot->data = NULL;
    if (settings->name[0] == '\0' || strlen(settings->name) > ELECT__NAME_MAX) {
        snprintf(error, size, "name: has 1 to %d bytes", ELECT__NAME_MAX);
        return ELECT_EINVAL;
    }
    int32_t code = elect__local_store_ready(store, error, size);
    if (code != ELECT_OK)
        return code;
    struct elect__local_stand *stand = calloc(1, sizeof *stand);
    if (stand == NULL)
        return ELECT_ENOMEM;
    stand->store = store;
    stand->slot = slot;
    elect__file_name(settings->name, stand->file);
    snprintf(stand->path, sizeof stand->path, "%s/%s", store->dir.path, stand->file);
    stand->seat = (struct elect__local_seat){
        .host = &store->host, .env = store->args.env, .path = stand->path, .ttl_ns = settings->lock_ttl_ns, .fd = -1};
    int failure = elect__local_stand_open(stand, stands(stand));
    if (failure != 0 && failure != -ENOENT) {
        snprintf(error, size, "%s", stand->seat.text);
        close_file(stand);
        free(stand);
        return failure == -ENOMEM ? ELECT_ENOMEM : ELECT_ESTORE;
    }
    slot->data = stand;
    elect__local_watch_add(stand);
    elect__local_watch_start(store);
    return ELECT_OK;
}

static void local_detach(struct elect__store *base, struct elect__slot *slot)
{
    struct elect__local_stand *stand = slot->data;
    (void)base;
    if (stand == NULL)
        return;
    elect__local_watch_remove(stand);
    close_file(stand);
    free(stand->info);
    free(stand);
    slot->data = NULL;
}

/* ---- operations ---- */

/* What the leader tells of itself; an update gives the slot other settings. False: there is no memory, or it is too
 * long. */
static bool refresh_info(struct elect__local_stand *stand, bool *changed)
{
    char *info = elect__local_info(stand->slot->settings, stand->slot->incarnation);
    if (info == NULL || strlen(info) > ELECT__LOCAL_INFO_MAX) {
        snprintf(stand->seat.text, sizeof stand->seat.text,
                 info == NULL ? "out of memory"
                              : "instance_id, hostname, address and metadata: at most %d bytes as JSON",
                 ELECT__LOCAL_INFO_MAX);
        free(info);
        return false;
    }
    uint32_t crc = elect__local_crc(info, strlen(info));
    *changed = stand->info == NULL || crc != stand->info_crc;
    stand->info_crc = crc;
    char *old = stand->info;
    stand->info = info; /* first: a child that is forked in between frees what it finds here */
    free(old);
    return true;
}

static void warn_of_ttl(struct elect__local_stand *stand, const struct elect__local_view *view)
{
    char text[512];
    assert(view->top != NULL);
    if (stand->ttl_warned || view->top->lock_ttl_ns == stand->seat.ttl_ns)
        return;
    stand->ttl_warned = true;
    snprintf(text, sizeof text,
             "election %.200s: its leader %.100s has lock_ttl %lld ms, this candidate %lld ms: use one",
             stand->slot->settings->name, view->top->instance_id, (long long)(view->top->lock_ttl_ns / ELECT__MS),
             (long long)(stand->seat.ttl_ns / ELECT__MS));
    elect__local_log(stand->store, ELECT_LOG_WARN, text);
}

/* Without a file nobody ever led; and a term that was led in one that is gone is over. */
static void answer_absent(const struct elect__op *op, struct elect__reply *reply)
{
    static const enum elect__outcome outcomes[] = {
        [ELECT__PROBE] = ELECT__FREE,
        [ELECT__RENEW] = ELECT__DELETED,
        [ELECT__RELEASE] = ELECT__RELEASED,
    };
    *reply = (struct elect__reply){.outcome = outcomes[op->verb], .seq = op->seq};
}

/* The stand may be gone when this returns. */
static void tell(struct elect__local_stand *stand, const struct elect__reply *reply,
                 const struct elect__local_view *view)
{
    struct elect__slot *slot = stand->slot;
    char text[sizeof stand->seat.text];
    if (reply->outcome == ELECT__HELD) {
        struct elect__leader_view leader;
        warn_of_ttl(stand, view);
        cJSON *info = elect__local_leader(&stand->seat, view, &leader);
        slot->host->reply(slot, reply, &leader, NULL);
        cJSON_Delete(info);
        return;
    }
    memcpy(text, stand->seat.text, sizeof text);
    slot->host->reply(slot, reply, NULL, text[0] != '\0' ? text : NULL);
}

static void local_submit(struct elect__store *base, struct elect__slot *slot, const struct elect__op *op)
{
    struct elect__local_stand *stand = slot->data;
    const struct elect__settings *settings = slot->settings;
    struct elect__local_view view = {.top = NULL};
    struct elect__reply reply;
    struct elect__local_who who = {
        .instance_id = settings->instance_id, .incarnation = slot->incarnation, .hostname = settings->hostname};
    (void)base;
    bool writes = op->verb == ELECT__ACQUIRE || op->verb == ELECT__RENEW;
    stand->seat.text[0] = '\0';
    int failure = elect__local_stand_open(stand, op->verb == ELECT__ACQUIRE);
    if (failure == -ENOENT && op->verb != ELECT__ACQUIRE) {
        answer_absent(op, &reply);
    } else if (failure != 0 || (writes && !refresh_info(stand, &who.info_changed))) {
        reply = (struct elect__reply){.outcome = ELECT__REFUSED, .code = ELECT_ESTORE, .seq = op->seq};
    } else {
        who.info = stand->info;
        elect__local_apply(&stand->seat, &who, op, &reply, &view);
        if (reply.outcome != ELECT__REFUSED && reply.outcome != ELECT__UNKNOWN)
            elect__local_watch_seen(stand, &view);
    }
    tell(stand, &reply, &view);
}

const struct elect__store_class elect__local_store = {
    .schemes = "local",
    .params = NULL,
    .open = local_open,
    .attach = local_attach,
    .submit = local_submit,
    .detach = local_detach,
    .query = elect__local_query,
    .command = NULL,
    .close = local_close,
    .forked = local_forked,
};
