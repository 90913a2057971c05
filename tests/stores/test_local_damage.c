/* What local: does with records and files that are damaged or not its own. */
#include "local_play.h"
#include "stores/local_lock.h"
#include <cjson/cJSON.h>
#include <sys/stat.h>

/* ---- damaged records ---- */

Test(local, a_leader_whose_record_is_damaged_has_lost_it_and_writes_nothing)
{
    struct play play;
    struct elect__local_page before, after;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    release(&play.a, 1, epoch, ELECT_REASON_RESIGNED);
    epoch = win(&play.a, 2);
    flip(&play, slot_at(2) + 40);
    read_page(&play, &before);
    cr_assert_eq(renew(&play.a, 2, epoch), ELECT__DELETED);
    read_page(&play, &after);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    close_play(&play);
}

Test(local, behind_a_damaged_record_one_ttl_passes_and_the_epoch_is_remembered)
{
    struct play play;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    release(&play.a, 1, epoch, ELECT_REASON_RESIGNED);
    uint64_t lost = win(&play.a, 2);
    flip(&play, slot_at(2) + 40);
    play.stage.clock->real_us -= INT64_C(3600000000); /* so that only what is stored makes epochs rise */
    cr_assert_eq(acquire(&play.b, 3), ELECT__WAIT);
    cr_assert_eq(play.b.reply.left_ns, play.stage.ttl_ns);
    stage_pass(&play.stage, play.stage.ttl_ns - 1);
    cr_assert_eq(acquire(&play.b, 4), ELECT__WAIT, "%s", play.b.text);
    stage_pass(&play.stage, 1);
    for (uint64_t i = 5; acquire(&play.b, i) != ELECT__WON; i++) {
        cr_assert_eq(play.b.reply.outcome, ELECT__WAIT, "%s", play.b.text);
        cr_assert_lt(i, 10);
        stage_pass(&play.stage, play.b.reply.left_ns);
    }
    cr_assert(play.b.reply.epoch > lost, "the ring of past terms remembers it");
    cr_assert_neq(renew(&play.a, 2, lost), ELECT__RENEWED);
    close_play(&play);
}

Test(local, a_torn_write_of_an_old_slot_takes_nothing_from_the_leader)
{
    struct play play;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    release(&play.a, 1, epoch, ELECT_REASON_RESIGNED);
    epoch = win(&play.a, 2);
    cr_assert_eq(ftruncate(play.fd, 1 << 20), 0);
    flip(&play, slot_at(1) + 300);
    flip(&play, slot_at(1));
    cr_assert_eq(renew(&play.a, 2, epoch), ELECT__RENEWED);
    cr_assert_eq(acquire(&play.b, 3), ELECT__HELD);
    cr_assert_eq(play.b.reply.epoch, epoch);
    close_play(&play);
}

Test(local, a_record_that_is_gone_is_missed)
{
    struct play play;
    char zeros[sizeof(struct elect__local_record)] = {0};
    open_play(&play);
    uint64_t first = win(&play.a, 1);
    release(&play.a, 1, first, ELECT_REASON_RESIGNED);
    uint64_t epoch = win(&play.a, 2);
    cr_assert_eq(pwrite(play.fd, zeros, sizeof zeros, slot_at(2)), (ssize_t)sizeof zeros);
    cr_assert_neq(acquire(&play.b, 3), ELECT__WON, "the leader does not know yet");
    cr_assert_eq(renew(&play.a, 2, epoch), ELECT__DELETED);
    for (uint64_t i = 4; acquire(&play.b, i) != ELECT__WON; i++) {
        cr_assert_eq(play.b.reply.outcome, ELECT__WAIT, "%s", play.b.text);
        cr_assert_lt(i, 10);
        stage_pass(&play.stage, play.b.reply.left_ns);
    }
    cr_assert(play.b.reply.epoch > epoch);
    close_play(&play);
}

/* Somebody who was stopped just before its write writes at last, when its slot is the leader's. */
Test(local, a_late_write_over_the_leaders_record_makes_no_second_leader)
{
    struct play play;
    struct elect__local_page late;
    open_play(&play);
    uint64_t term = 1, epoch = win(&play.a, term);
    read_page(&play, &late);
    for (; term < 4; term++) {
        release(&play.a, term, epoch, ELECT_REASON_RESIGNED);
        epoch = win(&play.a, term + 1);
    }
    release(&play.a, term, epoch, ELECT_REASON_RESIGNED);
    cr_assert_eq(elect__local_lock(play.fd, F_WRLCK, ELECT__LOCAL_TERM_AT + 5, 1), 0);
    cr_assert_eq(acquire(&play.b, 100), ELECT__WAIT, "a claimant, it seems");
    cr_assert_eq(elect__local_lock(play.fd, F_UNLCK, ELECT__LOCAL_TERM_AT + 5, 1), 0);
    epoch = win(&play.a, 5);
    play.stage.clock->boot_ns += play.stage.ttl_ns / 2; /* not by stage_pass: b is stopped, and sees nothing of this */
    cr_assert_eq(renew(&play.a, 5, epoch), ELECT__RENEWED);
    play.stage.clock->boot_ns += play.stage.ttl_ns / 2 + 1;
    cr_assert_eq(pwrite(play.fd, &late.slots[1], sizeof late.slots[1], slot_at(1)), (ssize_t)sizeof late.slots[1]);
    for (uint64_t i = 101; i < 106; i++) {
        cr_assert_neq(acquire(&play.b, i), ELECT__WON, "the leader does not know yet");
        stage_pass(&play.stage, ELECT__MS);
    }
    cr_assert_neq(renew(&play.a, 5, epoch), ELECT__RENEWED);
    for (uint64_t i = 200; acquire(&play.b, i) != ELECT__WON; i++) {
        cr_assert_eq(play.b.reply.outcome, ELECT__WAIT, "%s", play.b.text);
        cr_assert_lt(i, 210);
        stage_pass(&play.stage, play.b.reply.left_ns);
    }
    cr_assert(play.b.reply.epoch > epoch);
    close_play(&play);
}

Test(local, when_every_record_is_damaged_nothing_is_overwritten)
{
    struct play play;
    struct elect__local_page before, after;
    char *json;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    flip(&play, slot_at(1) + 40);
    read_page(&play, &before);
    for (uint64_t i = 2; i < 5; i++) {
        cr_assert_eq(acquire(&play.b, i), ELECT__REFUSED);
        cr_assert_eq(play.b.reply.code, ELECT_ESTORE);
        cr_assert_not_null(strstr(play.b.text, "damaged"), "%s", play.b.text);
        cr_assert_not_null(strstr(play.b.text, play.file), "%s", play.b.text);
        stage_pass(&play.stage, play.stage.ttl_ns);
    }
    cr_assert_neq(renew(&play.a, 1, epoch), ELECT__RENEWED);
    read_page(&play, &after);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    cr_assert_eq(ask(&play.stage, 0, ELECT__QUERY_STATUS, "job", 0, NULL), ELECT_ESTORE);
    cr_assert_eq(ask(&play.stage, 0, ELECT__QUERY_LIST, NULL, 0, &json), ELECT_OK);
    cr_assert_not_null(strstr(json, "\"state\":\"unknown\""), "%s", json);
    free(json);
    cr_assert_eq(ask(&play.stage, 0, ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_ESTATE);
    actor_leave(&play.a);
    actor_leave(&play.b);
    cr_assert_eq(ask(&play.stage, 0, ELECT__QUERY_FORGET, "job", 0, NULL), ELECT_OK);
    cr_assert_eq(access(play.file, F_OK), -1);
    close_play(&play);
}

/* ---- damaged files ---- */

static void refuse_file(const char *what, void (*spoil)(struct play *play))
{
    struct play play;
    struct stat before, after;
    open_play(&play);
    win(&play.a, 1);
    actor_leave(&play.b);
    spoil(&play);
    cr_assert_eq(stat(play.file, &before), 0);
    memset(play.b.text, 0, sizeof play.b.text);
    cr_assert_eq(actor_attach(&play.b), ELECT_ESTORE);
    cr_assert_not_null(strstr(play.b.text, what), "%s", play.b.text);
    cr_assert_eq(stat(play.file, &after), 0);
    cr_assert_eq(before.st_size, after.st_size);
    cr_assert_eq(ask(&play.stage, 0, ELECT__QUERY_STATUS, "job", 0, NULL), ELECT_ESTORE);
    /* Who has the file open and finds its record leads on: nobody else can. */
    bool record_is_there = strstr(what, "magic") || strstr(what, "version") || strstr(what, "header");
    cr_assert_eq(renew(&play.a, 1, play.a.reply.epoch) == ELECT__RENEWED, record_is_there);
    close_play(&play);
}

static void make_empty(struct play *play)
{
    cr_assert_eq(ftruncate(play->fd, 0), 0);
}

static void make_short(struct play *play)
{
    cr_assert_eq(ftruncate(play->fd, 5000), 0);
}

static void change_magic(struct play *play)
{
    flip(play, 2);
}

static void change_version(struct play *play)
{
    uint32_t version = 9;
    cr_assert_eq(pwrite(play->fd, &version, 4, offsetof(struct elect__local_header, format)), 4);
}

static void change_name(struct play *play)
{
    flip(play, offsetof(struct elect__local_header, name));
}

static void rename_another(struct play *play)
{
    struct actor other;
    char from[512];
    actor_enter(&other, &play->stage, 0, "other", "a-1");
    actor_leave(&other);
    snprintf(from, sizeof from, "%s/other", play->stage.dir);
    cr_assert_eq(rename(from, play->file), 0);
}

static void make_pipe(struct play *play)
{
    unlink(play->file);
    cr_assert_eq(mkfifo(play->file, 0600), 0);
}

static void make_link(struct play *play)
{
    unlink(play->file);
    cr_assert_eq(symlink("/etc/hostname", play->file), 0);
    struct stat stat;
    cr_assert_eq(lstat(play->file, &stat), 0);
}

static void make_writable(struct play *play)
{
    cr_assert_eq(chmod(play->file, 0620), 0);
}

#define REFUSES(test, spoil, what)                                                                                     \
    Test(local, test)                                                                                                  \
    {                                                                                                                  \
        refuse_file(what, spoil);                                                                                      \
    }
REFUSES(an_empty_file_is_refused, make_empty, "truncated")
REFUSES(a_truncated_file_is_refused, make_short, "truncated")
REFUSES(a_foreign_file_is_refused, change_magic, "magic")
REFUSES(a_file_of_another_version_is_refused, change_version, "version 9")
REFUSES(a_file_with_a_damaged_name_is_refused, change_name, "header")
REFUSES(a_file_of_another_election_is_refused, rename_another, "belongs to the election \"other\"")
REFUSES(a_pipe_is_refused, make_pipe, "regular file")
REFUSES(a_symbolic_link_is_refused, make_link, "symbolic link")

Test(local, a_file_that_others_may_write_is_refused)
{
    struct play play;
    open_play(&play);
    actor_leave(&play.b);
    make_writable(&play);
    cr_assert_eq(actor_attach(&play.b), ELECT_ESTORE);
    cr_assert_not_null(strstr(play.b.text, "0620"), "%s", play.b.text);
    close_play(&play);
}

/* ---- claims ---- */

Test(local, several_stopped_claimants_are_passed_over_one_after_the_other)
{
    struct play play;
    open_play(&play);
    uint64_t epoch = win(&play.a, 1);
    release(&play.a, 1, epoch, ELECT_REASON_STOPPED);
    for (int term = 2; term <= 3; term++) { /* as claimants that were stopped behind their lock would */
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ((off_t)1 << 60) + term, .l_len = 1};
        cr_assert_eq(fcntl(play.fd, F_OFD_SETLK, &lock), 0);
    }
    uint64_t attempt = 10;
    int waits = 0;
    for (; acquire(&play.b, attempt) != ELECT__WON; attempt++, waits++) {
        cr_assert_eq(play.b.reply.outcome, ELECT__WAIT, "%s", play.b.text);
        cr_assert_eq(play.b.reply.left_ns, play.stage.ttl_ns);
        cr_assert_lt(waits, 4);
        stage_pass(&play.stage, play.b.reply.left_ns);
    }
    cr_assert_eq(waits, 2, "one TTL each");
    cr_assert_eq(renew(&play.b, attempt, play.b.reply.epoch), ELECT__RENEWED);
    close_play(&play);
}
