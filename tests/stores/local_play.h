/* Two candidates of one election on local:, and its file, open to be spoiled. */
#ifndef ELECT_TESTS_STORES_LOCAL_PLAY_H
#define ELECT_TESTS_STORES_LOCAL_PLAY_H
#include "player.h"
#include "stores/local_record.h"
#include <fcntl.h>
#include <stdio.h>

struct play {
    struct stage stage;
    struct actor a, b;
    char file[512];
    int fd;
};

static inline void open_play(struct play *play)
{
    memset(play, 0, sizeof *play);
    stage_open(&play->stage, &elect__local_store, 1, true);
    actor_enter(&play->a, &play->stage, 0, "job", "a-1");
    actor_enter(&play->b, &play->stage, 0, "job", "b-2");
    snprintf(play->file, sizeof play->file, "%s/job", play->stage.dir);
    play->fd = open(play->file, O_RDWR | O_CLOEXEC);
    cr_assert_geq(play->fd, 0);
}

static inline void close_play(struct play *play)
{
    actor_leave(&play->a);
    actor_leave(&play->b);
    close(play->fd);
    stage_close(&play->stage);
}

static inline off_t slot_at(int slot)
{
    return ELECT__LOCAL_PAGE_AT + slot * (off_t)sizeof(struct elect__local_record);
}

static inline void flip(const struct play *play, off_t at)
{
    unsigned char byte;
    cr_assert_eq(pread(play->fd, &byte, 1, at), 1);
    byte ^= 0x10;
    cr_assert_eq(pwrite(play->fd, &byte, 1, at), 1);
}

static inline void read_page(const struct play *play, struct elect__local_page *page)
{
    cr_assert_eq(pread(play->fd, page, sizeof *page, ELECT__LOCAL_PAGE_AT), (ssize_t)sizeof *page);
}

/* ---- damaged records ---- */
#endif
