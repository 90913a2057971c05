#include "../report.h"
#include "../text.h"
#include "local_lock.h"
#include "local_store.h"
#include <assert.h>
#include <dirent.h>
#include <elect/elect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- infos ---- */

char *elect__local_info(const struct elect__settings *settings, const char *incarnation)
{
    cJSON *info = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(info, "instance_id", settings->instance_id) != NULL &&
                 cJSON_AddStringToObject(info, "hostname", settings->hostname) != NULL &&
                 cJSON_AddStringToObject(info, "address", settings->address) != NULL &&
                 cJSON_AddStringToObject(info, "metadata", settings->metadata) != NULL &&
                 cJSON_AddStringToObject(info, "incarnation", incarnation) != NULL;
    return elect__report_end(info, whole);
}

static const char *text_of(const cJSON *info, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(info, key));
    return text != NULL ? text : "";
}

cJSON *elect__local_leader(const struct elect__local_seat *seat, const struct elect__local_view *view,
                           struct elect__leader_view *out)
{
    char text[ELECT__LOCAL_INFO_MAX + 1];
    assert(view->top != NULL);
    bool sound = elect__local_info_read(seat->fd, view->top->term, text) == 0 && elect__utf8_valid(text);
    cJSON *info = sound ? cJSON_Parse(text) : NULL;
    *out = (struct elect__leader_view){.instance_id = view->top->instance_id,
                                       .hostname = text_of(info, "hostname"),
                                       .address = text_of(info, "address"),
                                       .metadata = text_of(info, "metadata"),
                                       .epoch = view->top->epoch,
                                       .started_at_ms = view->top->started_at_ms,
                                       .last_heartbeat_ms = view->top->heartbeat_at_ms};
    return info;
}

/* ---- one election, read only ---- */

struct question {
    struct elect__local_store *store;
    struct elect__query *query;
    struct elect__local_open open;
    struct elect__local_seat seat;
    struct elect__local_view view;
    char file[ELECT__FILE_NAME_SIZE];
    char path[ELECT__LOCAL_PATH_SIZE];
};

static void done(struct elect__query *query, char *json)
{
    query->done(query, json != NULL ? ELECT_OK : ELECT_ENOMEM, json, NULL);
}

/* Opens q->file and looks. 0; -ENOENT: nothing is stored; another: the text is in seat.text. */
static int ask(struct question *q, const char *name, enum elect__local_mode mode)
{
    struct elect__local_store *store = q->store;
    snprintf(q->path, sizeof q->path, "%s/%s", store->dir.path, q->file);
    q->seat = (struct elect__local_seat){.host = &store->host,
                                         .env = store->args.env,
                                         .path = q->path,
                                         .ttl_ns = q->query->settings->lock_ttl_ns,
                                         .fd = -1};
    int failure = elect__local_file_open(&store->dir, q->file, name, mode, &q->open, q->seat.text, sizeof q->seat.text);
    if (failure != 0)
        return failure;
    q->seat.fd = q->open.fd;
    return elect__local_look(&q->seat, &q->view) == 0 ? 0 : -EPROTO;
}

static void close_question(struct question *q)
{
    if (q->seat.fd >= 0)
        close(q->seat.fd);
    q->seat.fd = -1;
}

static int64_t left_ms(const struct elect__local_view *view)
{
    return view->left_ns > 0 ? view->left_ns / ELECT__MS : 0;
}

/* ---- past terms ---- */

static void view_of(const struct elect__local_past *past, struct elect__term_view *out)
{
    *out = (struct elect__term_view){.instance_id = past->instance_id,
                                     .hostname = past->hostname,
                                     .epoch = past->epoch,
                                     .started_at_ms = past->started_at_ms,
                                     .ended_at_ms = past->ended_at_ms,
                                     .reason = past->reason};
}

/* What the ring says, newest first, and of the last term what its record says. */
static size_t read_terms(struct question *q, struct elect__local_past pasts[ELECT__LOCAL_PASTS],
                         struct elect__term_view terms[ELECT__LOCAL_PASTS])
{
    const struct elect__local_record *top = q->view.top;
    size_t count = 0;
    if (elect__local_past_read(q->seat.fd, 1, pasts) != 0)
        return 0;
    for (uint64_t below = UINT64_MAX; count < ELECT__LOCAL_PASTS; count++) {
        struct elect__local_past *newest = NULL;
        for (int i = 0; i < ELECT__LOCAL_PASTS; i++) {
            if (pasts[i].term != 0 && pasts[i].term < below && (newest == NULL || pasts[i].term > newest->term))
                newest = &pasts[i];
        }
        if (newest == NULL)
            break;
        below = newest->term;
        if (top != NULL && newest->term == top->term && q->view.end != ELECT__LOCAL_NOT_ENDED) {
            int64_t real_ms = q->seat.env->real_us(q->seat.env->ctx) / 1000;
            newest->ended_at_ms = elect__local_ended_at_ms(&q->view, real_ms, top->heartbeat_at_ms, &newest->reason);
        }
        view_of(newest, &terms[count]);
    }
    return count;
}

/* ---- the questions ---- */

static void answer_status(struct question *q)
{
    struct elect__local_past pasts[ELECT__LOCAL_PASTS];
    struct elect__term_view terms[ELECT__LOCAL_PASTS];
    struct elect__leader_view leader;
    struct elect__settings settings = *q->query->settings;
    struct elect__status_view status = {.settings = &settings, .state = ELECT__REPORT_NOBODY, .tier = "single host"};
    cJSON *info = NULL;
    int failure = ask(q, q->query->name, ELECT__LOCAL_READ);
    settings.name = q->query->name;
    if (failure != 0 && failure != -ENOENT) {
        q->query->done(q->query, ELECT_ESTORE, NULL, q->seat.text);
        return;
    }
    status.file = q->path;
    if (failure == 0) {
        size_t count = read_terms(q, pasts, terms);
        bool led = q->view.verdict == ELECT__LOCAL_LED;
        size_t last = led && count > 0 && terms[0].epoch == q->view.top->epoch ? 1 : 0;
        status.last = last < count ? &terms[last] : NULL;
        status.term = q->view.top != NULL ? q->view.top->term : 0;
        if (led) {
            info = elect__local_leader(&q->seat, &q->view, &leader);
            status.leader = &leader;
            status.state = ELECT__REPORT_LED;
            status.lease_left_ms = left_ms(&q->view);
            settings.lock_ttl_ns = q->view.top->lock_ttl_ns;
        } else if (q->view.verdict == ELECT__LOCAL_BUSY) {
            status.wait_ms = left_ms(&q->view);
            status.wait_why = q->view.why;
        }
    }
    done(q->query, elect__report_status(&status));
    cJSON_Delete(info);
}

static void answer_history(struct question *q)
{
    struct elect__local_past pasts[ELECT__LOCAL_PASTS];
    struct elect__term_view terms[ELECT__LOCAL_PASTS];
    int failure = ask(q, q->query->name, ELECT__LOCAL_READ);
    size_t count = failure == 0 ? read_terms(q, pasts, terms) : 0;
    if (failure != 0 && failure != -ENOENT)
        q->query->done(q->query, ELECT_ESTORE, NULL, q->seat.text);
    else
        done(q->query, elect__report_history(terms, count));
}

static void answer_depose(struct question *q)
{
    struct elect__query *query = q->query;
    int failure = ask(q, query->name, ELECT__LOCAL_WRITE);
    bool led = failure == 0 && q->view.verdict == ELECT__LOCAL_LED;
    if (failure != 0 && failure != -ENOENT) {
        query->done(query, ELECT_ESTORE, NULL, q->seat.text);
    } else if (!led || (query->epoch != 0 && query->epoch != q->view.top->epoch)) {
        query->done(query, ELECT_ENOTLEADER, NULL, led ? "another epoch leads" : "nobody leads");
    } else {
        failure = elect__local_ask_write(q->seat.fd, q->view.top->epoch);
        if (failure != 0)
            elect__local_say(q->seat.text, sizeof q->seat.text, "can't write", q->path, -failure);
        else
            elect__local_signal(q->seat.fd);
        query->done(query, failure == 0 ? ELECT_OK : ELECT_ESTORE, NULL, failure == 0 ? NULL : q->seat.text);
    }
}

/* All locks at once: whoever stands holds one of them, and whoever comes now finds the file gone. Damaged files too can
 * be forgotten, for they can't be used. */
static void answer_forget(struct question *q)
{
    struct elect__query *query = q->query;
    int failure = ask(q, query->name, ELECT__LOCAL_WRITE);
    if (failure == -ENOENT) {
        query->done(query, ELECT_OK, NULL, NULL);
        return;
    }
    if (q->seat.fd < 0) {
        query->done(query, ELECT_ESTORE, NULL, q->seat.text);
        return;
    }
    if (elect__local_lock(q->seat.fd, F_WRLCK, ELECT__LOCAL_STANDING_AT, 0) != 0 ||
        (failure == 0 && (elect__local_look(&q->seat, &q->view) != 0 || q->view.verdict == ELECT__LOCAL_LED))) {
        query->done(query, ELECT_ESTATE, NULL, "somebody leads or stands: stop the candidates first");
        return;
    }
    if (unlinkat(q->store->dir.fd, q->file, 0) == 0) {
        query->done(query, ELECT_OK, NULL, NULL);
        return;
    }
    elect__local_say(q->seat.text, sizeof q->seat.text, "can't remove", q->path, errno);
    query->done(query, ELECT_ESTORE, NULL, q->seat.text);
}

/* ---- all of them ---- */

struct listing {
    struct elect__entry_view *entries;
    size_t count, room;
};

static bool add_entry(struct listing *list, struct question *q, int failure)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 16 : list->room * 2;
        struct elect__entry_view *larger = realloc(list->entries, room * sizeof *larger);
        if (larger == NULL)
            return false;
        list->entries = larger;
        list->room = room;
    }
    bool led = failure == 0 && q->view.verdict == ELECT__LOCAL_LED;
    struct elect__entry_view entry = {.name = strdup(q->open.header.name), .state = ELECT__REPORT_NOBODY};
    if (failure != 0)
        entry.state = ELECT__REPORT_UNKNOWN;
    if (led) {
        entry.state = ELECT__REPORT_LED;
        entry.instance_id = strdup(q->view.top->instance_id);
        entry.epoch = q->view.top->epoch;
        entry.lease_left_ms = left_ms(&q->view);
    }
    list->entries[list->count++] = entry;
    return entry.name != NULL && (!led || entry.instance_id != NULL);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct elect__entry_view *)a)->name, ((const struct elect__entry_view *)b)->name);
}

static void end_listing(struct listing *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((char *)(uintptr_t)list->entries[i].name);
        free((char *)(uintptr_t)list->entries[i].instance_id);
    }
    free(list->entries);
}

static bool list_files(struct question *q, DIR *dir, struct listing *list)
{
    bool whole = true;
    for (struct dirent *entry; whole && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof q->file)
            continue;
        strcpy(q->file, entry->d_name);
        int failure = ask(q, NULL, ELECT__LOCAL_READ);
        /* One whose records are damaged still has its name; of any other file the log tells why it is left out. */
        if (failure == 0 || q->seat.fd >= 0)
            whole = add_entry(list, q, failure);
        else if (failure != -ENOENT)
            elect__local_log(q->store, ELECT_LOG_WARN, q->seat.text);
        close_question(q);
    }
    return whole;
}

static void answer_list(struct question *q)
{
    struct listing list = {0};
    int fd = openat(q->store->dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        char text[512];
        elect__local_say(text, sizeof text, "can't list", q->store->dir.path, errno);
        if (fd >= 0)
            close(fd);
        q->query->done(q->query, ELECT_ESTORE, NULL, text);
        return;
    }
    bool whole = list_files(q, dir, &list);
    closedir(dir);
    if (whole && list.count > 0)
        qsort(list.entries, list.count, sizeof *list.entries, by_name);
    done(q->query, whole ? elect__report_list(list.entries, list.count) : NULL);
    end_listing(&list);
}

static void answer_store(struct question *q)
{
    const char *warnings[2];
    size_t count = 0;
    if (q->store->dir.warning != NULL)
        warnings[count++] = q->store->dir.warning;
    if (!q->store->host.clock_known)
        warnings[count++] =
            "the offset of this process's time namespace is not known: it deposes nobody by a deadline, "
            "and nobody deposes it";
    done(q->query, elect__report_store(q->query->settings, "single host", warnings, count));
}

void elect__local_query(struct elect__store *base, struct elect__query *query)
{
    struct question q = {.store = (struct elect__local_store *)base, .query = query};
    char text[512];
    q.seat.fd = -1;
    int32_t code = elect__local_store_ready(q.store, text, sizeof text);
    if (code != ELECT_OK) {
        query->done(query, code, NULL, text);
        return;
    }
    if (query->name != NULL)
        elect__file_name(query->name, q.file);
    if (query->kind == ELECT__QUERY_STATUS)
        answer_status(&q);
    else if (query->kind == ELECT__QUERY_HISTORY)
        answer_history(&q);
    else if (query->kind == ELECT__QUERY_DEPOSE)
        answer_depose(&q);
    else if (query->kind == ELECT__QUERY_FORGET)
        answer_forget(&q);
    else if (query->kind == ELECT__QUERY_LIST)
        answer_list(&q);
    else if (query->kind == ELECT__QUERY_DOCTOR)
        elect__local_doctor(q.store, query);
    else
        answer_store(&q);
    close_question(&q);
}
