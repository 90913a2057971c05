#include "candidate.h"
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORDS = 4 << 20 };

static struct history history_open(const char *file)
{
    struct history history = {.size = RECORDS};
    size_t bytes = RECORDS * sizeof(struct record);
    int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
        fail("%s: cannot be made", file);
    history.records = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (history.records == MAP_FAILED)
        fail("%s: cannot be mapped", file);
    close(fd);
    return history;
}

static struct record *history_add(struct history *history, enum record_kind kind, int64_t called_ns)
{
    if (history->used == history->size)
        fail("the history is full");
    struct record *record = &history->records[history->used++];
    record->kind = (uint16_t)kind;
    record->called_ns = called_ns;
    return record;
}

/* ---- what the library says ---- */

/* is_leader comes first: after a pause it is the first to be asked. It speaks of the term that check knew before and knows
 * after it; of none that can be named when these differ. */
static void ask(const elect_election_t *election, struct history *history, struct record **silence, uint64_t *last)
{
    uint64_t epoch;
    int64_t lease_ms;
    int64_t called_ns = true_ns();
    int32_t leads = elect_election_is_leader(election);
    int64_t between_ns = true_ns();
    int32_t answer = elect_election_check(election, &epoch, &lease_ms);
    int64_t returned_ns = true_ns();
    if (leads || answer)
        *silence = NULL;
    else if (!*silence)
        *silence = history_add(history, RECORD_SILENCE, called_ns);
    if (*silence) {
        (*silence)->returned_ns = returned_ns;
        (*silence)->number++;
    }
    if (leads) {
        struct record *record = history_add(history, RECORD_LEADS, called_ns);
        record->epoch = epoch == *last ? epoch : 0;
        record->answer = 1;
        record->returned_ns = between_ns;
    }
    if (answer) {
        struct record *record = history_add(history, RECORD_CHECK, between_ns);
        record->epoch = epoch;
        record->lease_ms = (int32_t)lease_ms;
        record->answer = (uint16_t)answer;
        record->returned_ns = returned_ns;
    }
    *last = epoch;
}

void *check_thread(void *user)
{
    struct candidate *c = user;
    struct history history = history_open(c->check_file);
    struct record *silence = NULL;
    uint64_t epoch = 0;
    while (!atomic_load(&c->over)) {
        ask(c->election, &history, &silence, &epoch);
        true_sleep_us(c->check_us);
    }
    return NULL;
}

/* ---- what it does as the leader ---- */

static redisContext *reach_register(const char *path)
{
    redisContext *context = redisConnectUnixWithTimeout(path, (struct timeval){.tv_sec = 10});
    if (!context || context->err)
        fail("%s: %s", path, context ? context->errstr : "out of memory");
    return context;
}

/* Unknown: the answer did not come, or is none of the guard's. */
static void write_fenced(redisContext *context, const char *guard, struct history *history, uint64_t epoch)
{
    struct record *record = history_add(history, RECORD_WRITE, true_ns());
    record->epoch = epoch;
    redisReply *reply = redisCommand(context, "EVALSHA %s 2 {register}:high {register} %" PRIu64 " %" PRId64, guard,
                                     epoch, record->called_ns);
    int64_t returned_ns = true_ns();
    if (!reply)
        fail("the register: %s", context->errstr);
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1)
        record->answer = WRITE_ACCEPTED;
    else if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "FENCED ", 7) == 0)
        record->answer = WRITE_REFUSED, record->number = strtoull(reply->str + 7, NULL, 10);
    else
        fail("the register: %s", reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer that it cannot give");
    record->returned_ns = returned_ns;
    freeReplyObject(reply);
}

/* Work comes between the question and the write, as in every program: a pause hits it there. */
void *write_thread(void *user)
{
    struct candidate *c = user;
    struct history history = history_open(c->write_file);
    redisContext *context = reach_register(c->register_path);
    unsigned seed = (unsigned)getpid();
    while (!atomic_load(&c->over)) {
        uint64_t epoch;
        bool leads = elect_election_check(c->election, &epoch, NULL) == 1;
        true_sleep_us(c->work_us / 2 + rand_r(&seed) % c->work_us);
        if (leads)
            write_fenced(context, c->guard, &history, epoch);
    }
    redisFree(context);
    return NULL;
}
