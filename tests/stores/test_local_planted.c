/* The tests of local: would notice if one of its rules were not kept: each is broken here by its switch, and must
 * show. */
#include "planted.h"
#include "player.h"
#include "stores/local_term.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- a byte lock without proof of death ---- */

/* A leader that lives and has lost its descriptors: is it followed within its lease? */
static bool followed_while_it_lives(void)
{
    struct stage stage;
    struct actor rival;
    stage_open(&stage, &elect__local_store, 1, true);
    actor_enter(&rival, &stage, 0, "job", "rival");
    struct player player = player_start(&stage);
    cr_assert_eq(player_do(&player, ELECT__ACQUIRE, 7, 0).outcome, ELECT__WON);
    player_do(&player, CLOSE_ALL, 0, 0);
    bool followed = acquire(&rival, 1) == ELECT__WON;
    player_end(&player);
    actor_leave(&rival);
    stage_close(&stage);
    return followed;
}

Test(planted, a_free_byte_is_no_proof_of_death)
{
    elect__planted_now = ELECT__PLANTED_NONE;
    cr_assert_not(followed_while_it_lives());
    elect__planted_now = ELECT__PLANTED_LOCAL_NO_DEATH_PROOF;
    cr_assert(followed_while_it_lives(), "the planted bug does not show");
}

/* ---- boot time without its namespace's offset ---- */

static int64_t shifted_ns(void *ctx)
{
    const struct stage *stage = ctx;
    return stage->clock->boot_ns + 1000 * ELECT__S;
}

static void make_proc(const char *dir)
{
    char path[512];
    const char *folders[] = {"sys", "sys/kernel", "sys/kernel/random", "self", "self/ns"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/self/ns/time", dir);
    cr_assert_eq(symlink("time:[4026532000]", path), 0);
    snprintf(path, sizeof path, "%s/self/ns/time_for_children", dir);
    cr_assert_eq(symlink("time:[4026532000]", path), 0);
    snprintf(path, sizeof path, "%s/self/timens_offsets", dir);
    FILE *file = fopen(path, "we");
    cr_assert(fprintf(file, "monotonic           0         0\nboottime         1000         0\n") > 0 &&
              fclose(file) == 0);
    snprintf(path, sizeof path, "%s/sys/kernel/random/boot_id", dir);
    file = fopen(path, "we");
    FILE *real = fopen("/proc/sys/kernel/random/boot_id", "re");
    char id[64] = "";
    cr_assert(fgets(id, sizeof id, real) != NULL && fputs(id, file) >= 0 && fclose(file) == 0 && fclose(real) == 0);
}

/* Is a leader deposed at sight by a candidate whose boot clock is a namespace's, 1000 s ahead? */
static bool deposed_at_sight(void)
{
    struct stage stage;
    struct actor leader;
    char proc[] = "/tmp/elect-proc-XXXXXX", error[256] = "", file[512];
    struct elect__local_host host;
    struct elect__local_view view;
    cr_assert_not_null(mkdtemp(proc));
    make_proc(proc);
    stage_open(&stage, &elect__local_store, 1, true);
    actor_enter(&leader, &stage, 0, "job", "leader");
    win(&leader, 1);
    cr_assert_eq(elect__local_host_read(&host, proc, error, sizeof error), 0, "%s", error);
    struct elect__env env = stage.env;
    env.boot_ns = shifted_ns;
    snprintf(file, sizeof file, "%s/job", stage.dir);
    struct elect__local_seat seat = {.host = &host, .env = &env, .path = file, .ttl_ns = stage.ttl_ns};
    seat.fd = open(file, O_RDWR | O_CLOEXEC);
    cr_assert_eq(elect__local_look(&seat, &view), 0, "%s", seat.text);
    bool deposed = view.verdict != ELECT__LOCAL_LED;
    close(seat.fd);
    actor_leave(&leader);
    stage_close(&stage);
    stage_remove(proc);
    return deposed;
}

Test(planted, a_time_namespace_shifts_no_deadline)
{
    elect__planted_now = ELECT__PLANTED_NONE;
    cr_assert_not(deposed_at_sight());
    elect__planted_now = ELECT__PLANTED_LOCAL_NO_TIMENS;
    cr_assert(deposed_at_sight(), "the planted bug does not show");
}
