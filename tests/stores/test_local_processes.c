/* local: between processes: crashes, stops, forks, guards, namespaces. A TTL of an hour shows that nothing waited
 * for it. */
#include "player.h"
#include "stores/local_group.h"
#include <cjson/cJSON.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

#define HOUR_NS (3600 * ELECT__S)

struct play {
    struct stage stage;
    struct player player;
    struct actor rival;
};

static void open_play(struct play *play, int64_t ttl_ns)
{
    memset(play, 0, sizeof *play);
    stage_open(&play->stage, &elect__local_store, 1, false);
    play->stage.ttl_ns = play->stage.settings.lock_ttl_ns = ttl_ns;
    actor_enter(&play->rival, &play->stage, 0, "job", "rival");
    play->player = player_start(&play->stage);
}

static void close_play(struct play *play)
{
    player_end(&play->player);
    actor_leave(&play->rival);
    stage_close(&play->stage);
}

static uint64_t lead(struct play *play)
{
    struct told told = player_do(&play->player, ELECT__ACQUIRE, 7, 0);
    cr_assert_eq(told.outcome, ELECT__WON);
    cr_assert_eq(acquire(&play->rival, 1), ELECT__HELD);
    return told.epoch;
}

/* Waits to be woken as if by a release, and then takes over. */
static uint64_t follow(struct play *play, int free_wakes)
{
    stage_until(&play->stage, &play->rival.free_wakes, free_wakes + 1);
    return win(&play->rival, 2);
}

static void field(struct play *play, const char *key, char *text, size_t size)
{
    char *json;
    cr_assert_eq(ask(&play->stage, 0, ELECT__QUERY_STATUS, "job", 0, &json), ELECT_OK);
    cJSON *status = cJSON_Parse(json);
    const cJSON *item = cJSON_GetObjectItem(status, key);
    if (cJSON_IsString(item))
        snprintf(text, size, "%s", cJSON_GetStringValue(item));
    else
        cJSON_PrintPreallocated((cJSON *)item, text, (int)size, false);
    cJSON_Delete(status);
    free(json);
}

/* ---- crash and stop ---- */

Test(processes, a_killed_leader_is_followed_without_waiting_for_its_lease)
{
    struct play play;
    open_play(&play, HOUR_NS);
    uint64_t epoch = lead(&play);
    player_kill(&play.player); /* and not reaped: a zombie is dead */
    cr_assert(follow(&play, 0) > epoch);
    close_play(&play);
}

Test(processes, a_crash_stands_in_the_history)
{
    struct play play;
    char *json;
    open_play(&play, HOUR_NS);
    lead(&play);
    player_kill(&play.player);
    follow(&play, 0);
    cr_assert_eq(ask(&play.stage, 0, ELECT__QUERY_HISTORY, "job", 0, &json), ELECT_OK);
    cJSON *terms = cJSON_Parse(json);
    cr_assert_eq(cJSON_GetArraySize(terms), 2, "%s", json);
    const cJSON *last = cJSON_GetArrayItem(terms, 1);
    cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(last, "instance_id")), "player");
    cr_assert(cJSON_IsNumber(cJSON_GetObjectItem(last, "ended_at_ms")), "%s", json);
    cr_assert(cJSON_IsNull(cJSON_GetObjectItem(last, "reason")), "nobody could tell: %s", json);
    cJSON_Delete(terms);
    free(json);
    close_play(&play);
}

Test(processes, a_stopped_leader_is_followed_after_its_lease_only)
{
    struct play play;
    open_play(&play, 300 * ELECT__MS);
    struct told told = player_do(&play.player, ELECT__ACQUIRE, 7, 0);
    cr_assert_eq(told.outcome, ELECT__WON);
    kill(play.player.pid, SIGSTOP);
    uint64_t attempt = 1;
    while (acquire(&play.rival, attempt++) != ELECT__WON) {
        cr_assert_eq(play.rival.reply.outcome, ELECT__HELD);
        stage_pass(&play.stage, play.rival.reply.left_ns / 4 + 1);
    }
    cr_assert_geq(stage_now(&play.stage), told.sent_at_ns + 300 * ELECT__MS);
    cr_assert(play.rival.reply.epoch > told.epoch);
    uint64_t epoch = play.rival.reply.epoch;
    kill(play.player.pid, SIGCONT);
    told = player_do(&play.player, ELECT__RENEW, 7, told.epoch);
    cr_assert_neq(told.outcome, ELECT__RENEWED);
    renew(&play.rival, attempt - 1, epoch);
    close_play(&play);
}

Test(processes, a_graceful_handover_wakes_another_process)
{
    struct play play;
    open_play(&play, HOUR_NS);
    for (uint64_t i = 0; i < 50; i++) {
        struct told told = player_do(&play.player, ELECT__ACQUIRE, 100 + i, 0);
        cr_assert_eq(told.outcome, ELECT__WON);
        cr_assert_eq(acquire(&play.rival, 200 + i), ELECT__HELD);
        int before = play.rival.free_wakes;
        cr_assert_eq(player_do(&play.player, ELECT__RELEASE, 100 + i, told.epoch).outcome, ELECT__RELEASED);
        stage_until(&play.stage, &play.rival.free_wakes, before + 1);
        uint64_t epoch = win(&play.rival, 300 + i);
        cr_assert_eq(player_do(&play.player, ELECT__ACQUIRE, 400 + i, 0).outcome, ELECT__HELD);
        release(&play.rival, 300 + i, epoch, ELECT_REASON_STOPPED);
    }
    close_play(&play);
}

/* ---- descriptors ---- */

Test(processes, a_forked_child_keeps_no_leadership_alive)
{
    struct play play;
    open_play(&play, HOUR_NS);
    lead(&play);
    player_do(&play.player, FORK_ONE, 0, 0);
    player_kill(&play.player);
    follow(&play, 0);
    close_play(&play);
}

Test(processes, a_leader_whose_descriptors_were_closed_by_number_leads_on)
{
    struct play play;
    open_play(&play, HOUR_NS);
    uint64_t epoch = lead(&play);
    player_do(&play.player, CLOSE_ALL, 0, 0);
    cr_assert_eq(acquire(&play.rival, 2), ELECT__HELD, "its lock is free, and it lives");
    cr_assert_eq(player_do(&play.player, ELECT__RENEW, 7, epoch).outcome, ELECT__RENEWED);
    cr_assert_eq(acquire(&play.rival, 3), ELECT__HELD);
    player_kill(&play.player);
    follow(&play, 0);
    close_play(&play);
}

/* ---- many ---- */

struct arena {
    _Atomic(int) inside, overlaps, terms;
    _Atomic(uint64_t) epoch;
};
static struct arena *arena;

enum { RUNNERS = 4, ROUNDS = 100 };

static void run_rounds(struct stage *stage, int socket)
{
    struct actor actor;
    uint64_t attempt = (uint64_t)getpid() << 32;
    (void)socket;
    actor_enter(&actor, stage, 0, "job", "runner");
    for (int round = 0; round < ROUNDS;) {
        if (acquire(&actor, ++attempt) != ELECT__WON) {
            event_base_loop(stage->base, EVLOOP_ONCE); /* a wake, or the safety poll */
            continue;
        }
        if (atomic_fetch_add(&arena->inside, 1) != 0)
            atomic_fetch_add(&arena->overlaps, 1);
        uint64_t epoch = actor.reply.epoch;
        if (atomic_exchange(&arena->epoch, epoch) >= epoch)
            atomic_fetch_add(&arena->overlaps, 1);
        atomic_fetch_add(&arena->terms, 1);
        atomic_fetch_sub(&arena->inside, 1);
        release(&actor, attempt, epoch, ELECT_REASON_STOPPED);
        round++;
    }
    actor_leave(&actor);
}

Test(processes, of_many_that_race_one_leads)
{
    struct stage stage;
    pid_t pids[RUNNERS];
    int sockets[RUNNERS];
    arena = mmap(NULL, sizeof *arena, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    stage_open(&stage, &elect__local_store, 1, false);
    stage.ttl_ns = HOUR_NS;
    for (int i = 0; i < RUNNERS; i++)
        sockets[i] = stage_fork(&stage, run_rounds, &pids[i]);
    for (int i = 0; i < RUNNERS; i++) {
        int status;
        waitpid(pids[i], &status, 0);
        cr_expect_eq(status, 0);
        close(sockets[i]);
    }
    cr_assert_eq(atomic_load(&arena->overlaps), 0);
    cr_assert_eq(atomic_load(&arena->terms), RUNNERS * ROUNDS);
    stage_close(&stage);
}

/* ---- the guard of a group ---- */

struct guard {
    struct player process;
    char file[512];
    uint64_t term;
};

static struct guard *guard_now; /* which play_guard plays */

static void play_guard(struct stage *stage, int socket)
{
    char error[512] = "", byte;
    (void)stage;
    int fd = elect__local_group_hold(guard_now->file, guard_now->term, error, sizeof error);
    uint64_t held = fd >= 0;
    if (send(socket, &held, sizeof held, 0) > 0 && recv(socket, &byte, 1, 0) > 0)
        _exit(1);
}

static bool guard_start(struct play *play, struct guard *guard)
{
    char digits[32];
    uint64_t held = 0;
    field(play, "file", guard->file, sizeof guard->file);
    field(play, "term", digits, sizeof digits);
    if (guard->term == 0)
        guard->term = strtoull(digits, NULL, 10);
    guard_now = guard;
    guard->process.socket = stage_fork(&play->stage, play_guard, &guard->process.pid);
    cr_assert_eq(recv(guard->process.socket, &held, sizeof held, 0), (ssize_t)sizeof held);
    return held == 1;
}

Test(processes, nobody_leads_before_the_guard_has_ended)
{
    struct play play;
    struct guard guard = {0}, second = {0};
    open_play(&play, HOUR_NS);
    uint64_t epoch = lead(&play);
    cr_assert(guard_start(&play, &guard));
    cr_assert(guard_start(&play, &second), "several may hold it");
    player_kill(&play.player);
    waitpid(play.player.pid, NULL, 0);
    cr_assert_eq(acquire(&play.rival, 2), ELECT__WAIT);
    cr_assert_not_null(strstr(play.rival.text, "guard"), "%s", play.rival.text);
    cr_assert(play.rival.reply.left_ns > 0 && play.rival.reply.left_ns <= HOUR_NS);
    player_end(&second.process);
    cr_assert_eq(acquire(&play.rival, 3), ELECT__WAIT);
    stage_serve(&play.stage);
    int before = play.rival.free_wakes;
    player_end(&guard.process);
    stage_until(&play.stage, &play.rival.free_wakes, before + 1);
    cr_assert(win(&play.rival, 4) > epoch);
    close_play(&play);
}

Test(processes, a_release_waits_for_the_guard_too)
{
    struct play play;
    struct guard guard = {0};
    open_play(&play, HOUR_NS);
    uint64_t epoch = lead(&play);
    cr_assert(guard_start(&play, &guard));
    cr_assert_eq(player_do(&play.player, ELECT__RELEASE, 7, epoch).outcome, ELECT__RELEASED);
    cr_assert_eq(acquire(&play.rival, 2), ELECT__WAIT);
    player_end(&guard.process);
    win(&play.rival, 3);
    close_play(&play);
}

Test(processes, a_guard_that_comes_late_is_refused)
{
    struct play play;
    struct guard guard = {0};
    open_play(&play, HOUR_NS);
    uint64_t epoch = lead(&play);
    guard.term = 1;
    player_do(&play.player, ELECT__RELEASE, 7, epoch);
    cr_assert_not(guard_start(&play, &guard), "its term was released");
    player_end(&guard.process);
    win(&play.rival, 2);
    cr_assert_not(guard_start(&play, &guard), "another term leads");
    player_end(&guard.process);
    cr_assert_eq(renew(&play.rival, 2, play.rival.reply.epoch), ELECT__RENEWED);
    close_play(&play);
}

/* ---- namespaces ---- */

/* Whether this process may make namespaces; if so its next child lives in a new one. */
static bool enter_namespace(int kind)
{
    if (unshare(kind) == 0)
        return true;
    cr_skip_test("this process may not make namespaces");
    return false;
}

Test(processes, a_clock_of_another_time_namespace_deposes_nobody)
{
    struct play play;
    struct stage before;
    struct actor leader;
    memset(&play, 0, sizeof play);
    stage_open(&before, &elect__local_store, 1, false);
    before.ttl_ns = HOUR_NS;
    actor_enter(&leader, &before, 0, "job", "leader");
    uint64_t epoch = win(&leader, 1);
    if (!enter_namespace(CLONE_NEWTIME))
        return;
    FILE *offsets = fopen("/proc/self/timens_offsets", "we");
    cr_assert_not_null(offsets);
    cr_assert(fprintf(offsets, "boottime 100000 0\n") > 0 && fclose(offsets) == 0);
    struct player player = player_start(&before);
    cr_assert_eq(player_do(&player, ELECT__ACQUIRE, 7, 0).outcome, ELECT__HELD, "100000 s ahead, it thinks");
    cr_assert_eq(renew(&leader, 1, epoch), ELECT__RENEWED);
    release(&leader, 1, epoch, ELECT_REASON_STOPPED);
    struct told told = player_do(&player, ELECT__ACQUIRE, 8, 0);
    cr_assert_eq(told.outcome, ELECT__WON);
    cr_assert_eq(acquire(&leader, 2), ELECT__HELD);
    cr_assert(leader.reply.left_ns > 0 && leader.reply.left_ns <= HOUR_NS, "and its own deadline is understood here");
    player_kill(&player);
    stage_until(&before, &leader.free_wakes, 1);
    win(&leader, 3);
    player_end(&player);
    actor_leave(&leader);
    stage_close(&before);
}

Test(processes, in_another_pid_namespace_only_the_deadline_counts)
{
    struct play play;
    memset(&play, 0, sizeof play);
    stage_open(&play.stage, &elect__local_store, 1, false);
    play.stage.ttl_ns = 500 * ELECT__MS;
    actor_enter(&play.rival, &play.stage, 0, "job", "rival");
    if (!enter_namespace(CLONE_NEWPID))
        return;
    play.player = player_start(&play.stage);
    int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(setns(own, CLONE_NEWPID), 0); /* later children are ours again */
    close(own);
    struct told told = player_do(&play.player, ELECT__ACQUIRE, 7, 0);
    cr_assert_eq(told.outcome, ELECT__WON);
    player_kill(&play.player);
    waitpid(play.player.pid, NULL, 0);
    while (acquire(&play.rival, play.rival.seq + 10) != ELECT__WON)
        stage_pass(&play.stage, play.rival.reply.left_ns / 4 + 1);
    cr_assert_geq(stage_now(&play.stage), told.sent_at_ns + play.stage.ttl_ns);
    close_play(&play);
}
