/* A candidate is stopped before and after each system call of an operation, and may be resumed or killed there. Nobody
 * ever leads twice, and a successor leads once the TTL is over, or at once where the stopped one was killed. */
#include "player.h"
#include "stores/local_lock.h"
#include <errno.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { STOPS_MAX = 400 }; /* a guard against a player that never comes to its end */

/* ---- stopping ---- */

static int wait_for_stop(pid_t pid)
{
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, __WALL), pid);
    cr_assert(WIFSTOPPED(status), "status %x", (unsigned)status);
    return status >> 8;
}

static void go_on(pid_t pid)
{
    cr_assert_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
    int what = wait_for_stop(pid);
    while (what != (SIGTRAP | 0x80)) {
        cr_assert_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        what = wait_for_stop(pid);
    }
}

static bool at_mark(pid_t pid)
{
    struct __ptrace_syscall_info info = {0};
    cr_assert_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info), 0);
    return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getppid;
}

static void trace(pid_t pid)
{
    cr_assert_eq(ptrace(PTRACE_SEIZE, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)), 0);
    cr_assert_eq(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
    wait_for_stop(pid);
}

/* Runs the player until the stop number `stop` of its operation: false when the operation has fewer. */
static bool stop_at(pid_t pid, int stop)
{
    int stops = 0;
    do
        go_on(pid);
    while (!at_mark(pid) && ++stops < STOPS_MAX);
    go_on(pid); /* out of the mark */
    for (stops = 0; stops < stop; stops++) {
        go_on(pid);
        if (at_mark(pid))
            return false;
        cr_assert_lt(stops, STOPS_MAX);
    }
    return true;
}

static void resume(pid_t pid)
{
    cr_assert_eq(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}

/* ---- a play ---- */

struct play {
    struct stage stage;
    struct player player;
    struct actor rival, third, observer;
    uint64_t attempt; /* of the rival, the next */
    uint64_t epoch;   /* of the player's term */
};

static void open_play(struct play *play)
{
    memset(play, 0, sizeof *play);
    stage_open(&play->stage, &elect__local_store, 1, true);
    actor_enter(&play->rival, &play->stage, 0, "job", "rival");
    actor_enter(&play->third, &play->stage, 0, "job", "third");
    actor_observe(&play->observer, &play->stage, 0, "job", "observer");
    play->player = player_start(&play->stage);
    play->attempt = 1000;
}

static void close_play(struct play *play)
{
    player_end(&play->player);
    actor_leave(&play->rival);
    actor_leave(&play->third);
    actor_leave(&play->observer);
    stage_close(&play->stage);
}

static bool rival_wins(struct play *play)
{
    return acquire(&play->rival, ++play->attempt) == ELECT__WON;
}

/* What a candidate makes of an answer: a lease counts from the request, and extends only while the old one lasts. */
static bool believes(const struct play *play, const struct told *told, int64_t lease_until_ns)
{
    return (told->outcome == ELECT__WON || told->outcome == ELECT__RENEWED) && told->answered_at_ns < lease_until_ns &&
           told->epoch >= play->epoch;
}

/* The rival's term stands whatever the player wrote since. */
static void check_rival_leads(struct play *play, uint64_t epoch, int stop)
{
    cr_assert_eq(renew(&play->rival, play->attempt, epoch), ELECT__RENEWED, "stop %d", stop);
    cr_assert_eq(probe(&play->observer), ELECT__HELD, "stop %d", stop);
    cr_assert_eq(play->observer.reply.attempt, play->attempt, "stop %d", stop);
    cr_assert_eq(play->observer.reply.epoch, epoch, "stop %d", stop);
}

static void order_and_stop(struct play *play, enum elect__verb verb, int stop, bool *stopped)
{
    trace(play->player.pid);
    player_order(&play->player, verb, 7, play->epoch);
    *stopped = stop_at(play->player.pid, stop);
}

/* Calls one play for each stop, until the operation has no more; at least `least` of them. */
static void at_each_stop(bool (*one)(struct play *play, int stop), int least)
{
    int stop = 1;
    for (bool stopped = true; stopped; stop++) {
        struct play play;
        open_play(&play);
        stopped = one(&play, stop);
        close_play(&play);
        cr_assert_lt(stop, STOPS_MAX);
    }
    cr_assert_gt(stop, least, "only %d stops: were they all seen?", stop);
}

static void lead(struct play *play)
{
    struct told won = player_do(&play->player, ELECT__ACQUIRE, 7, 0);
    cr_assert_eq(won.outcome, ELECT__WON);
    play->epoch = won.epoch;
}

/* ---- acquire ---- */

static bool freeze_acquire(struct play *play, int stop)
{
    bool stopped;
    order_and_stop(play, ELECT__ACQUIRE, stop, &stopped);
    bool rival_led = rival_wins(play);
    uint64_t epoch = play->rival.reply.epoch;
    resume(play->player.pid);
    struct told told = player_answer(&play->player);
    bool player_leads = told.outcome == ELECT__WON;
    cr_assert_not(rival_led && player_leads, "stop %d: both lead", stop);
    if (rival_led)
        check_rival_leads(play, epoch, stop);
    else
        cr_assert(player_leads, "stop %d: nobody leads: outcome %d", stop, (int)told.outcome);
    return stopped;
}

static bool freeze_acquire_for_a_ttl(struct play *play, int stop)
{
    bool stopped;
    order_and_stop(play, ELECT__ACQUIRE, stop, &stopped);
    int64_t lease_until_ns = stage_now(&play->stage) + play->stage.ttl_ns * 9 / 10;
    bool rival_led = rival_wins(play);
    stage_pass(&play->stage, play->stage.ttl_ns + 1);
    if (rival_led)
        cr_assert_eq(probe(&play->observer), ELECT__FREE, "stop %d", stop);
    cr_assert(rival_wins(play), "stop %d: the TTL is over and nobody leads: outcome %d, %s", stop,
              (int)play->rival.reply.outcome, play->rival.text);
    uint64_t epoch = play->rival.reply.epoch;
    resume(play->player.pid);
    struct told told = player_answer(&play->player);
    cr_assert_not(believes(play, &told, lease_until_ns), "stop %d: both lead", stop);
    check_rival_leads(play, epoch, stop);
    return stopped;
}

static bool kill_acquire(struct play *play, int stop)
{
    bool stopped;
    order_and_stop(play, ELECT__ACQUIRE, stop, &stopped);
    player_kill(&play->player);
    waitpid(play->player.pid, NULL, 0);
    cr_assert(rival_wins(play), "stop %d: nobody leads after the crash: outcome %d, %s", stop,
              (int)play->rival.reply.outcome, play->rival.text);
    return stopped;
}

Test(freeze, a_claimant_stopped_anywhere_never_leads_beside_another)
{
    at_each_stop(freeze_acquire, 20);
}

Test(freeze, a_claimant_stopped_anywhere_is_passed_over_after_one_ttl)
{
    at_each_stop(freeze_acquire_for_a_ttl, 20);
}

Test(freeze, a_claimant_killed_anywhere_is_in_nobodys_way)
{
    at_each_stop(kill_acquire, 20);
}

/* ---- two claimants ---- */

/* A claimant of the next term was stopped for so long that the player passes it over. When the player is stopped too,
 * the first one dies, and the rival takes the term that has become free. */
static bool pass_over(struct play *play, int stop, bool *stopped)
{
    char path[512];
    snprintf(path, sizeof path, "%s/job", play->stage.dir);
    int claimant = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(elect__local_lock(claimant, F_WRLCK, ELECT__LOCAL_TERM_AT + 1, 1), 0);
    cr_assert_eq(player_do(&play->player, ELECT__ACQUIRE, 6, 0).outcome, ELECT__WAIT);
    stage_pass(&play->stage, play->stage.ttl_ns + 1);
    order_and_stop(play, ELECT__ACQUIRE, stop, stopped);
    close(claimant);
    stage_pass(&play->stage, ELECT__MS);
    return rival_wins(play);
}

static void check_nobody_else_wins(struct play *play, uint64_t attempt, int stop)
{
    for (uint64_t i = 1; i <= 4; i++) {
        cr_assert_neq(acquire(&play->third, attempt + i), ELECT__WON, "stop %d: both lead", stop);
        stage_pass(&play->stage, ELECT__MS);
    }
}

static bool pass_over_a_claimant(struct play *play, int stop)
{
    bool stopped;
    bool rival_led = pass_over(play, stop, &stopped);
    resume(play->player.pid);
    bool player_leads = player_answer(&play->player).outcome == ELECT__WON;
    cr_assert_not(rival_led && player_leads, "stop %d: both lead", stop);
    if (rival_led || player_leads)
        check_nobody_else_wins(play, 2000, stop);
    if (rival_led) {
        uint64_t epoch = play->rival.reply.epoch;
        stage_pass(&play->stage, play->stage.ttl_ns);
        play->stage.clock->real_us -= INT64_C(3600000000); /* so that only what is stored makes epochs rise */
        cr_assert(win(&play->third, 3000) > epoch, "stop %d", stop);
    }
    return stopped;
}

/* The player is let go on a few calls more, and comes to its end there. */
static bool pass_over_and(struct play *play, int stop, void (*end)(struct play *play))
{
    bool stopped, more = true;
    for (int calls = 2; more; calls += 2) { /* into a call and out of it */
        bool rival_led = pass_over(play, stop, &stopped);
        more = stopped && rival_led;
        for (int call = 0; call < calls && more; call++) {
            go_on(play->player.pid);
            more = !at_mark(play->player.pid);
        }
        end(play);
        if (rival_led)
            check_nobody_else_wins(play, 2000, stop);
        if (more) {
            close_play(play);
            open_play(play);
        }
        cr_assert_lt(calls, STOPS_MAX);
    }
    return stopped;
}

static void die(struct play *play)
{
    player_kill(&play->player);
    waitpid(play->player.pid, NULL, 0);
}

static bool pass_over_and_die(struct play *play, int stop)
{
    return pass_over_and(play, stop, die);
}

/* From here on it can't write. An outcome that is not known would make a candidate look for its lock and adopt it. */
static void fail_to_write(struct play *play)
{
    struct rlimit limit = {0, RLIM_INFINITY};
    cr_assert_eq(prlimit(play->player.pid, RLIMIT_FSIZE, &limit, NULL), 0);
    resume(play->player.pid);
    cr_assert_neq(player_answer(&play->player).outcome, ELECT__UNKNOWN);
}

static bool pass_over_and_fail_to_write(struct play *play, int stop)
{
    return pass_over_and(play, stop, fail_to_write);
}

Test(freeze, who_passes_a_claimant_over_leads_beside_nobody)
{
    at_each_stop(pass_over_a_claimant, 20);
}

Test(freeze, who_dies_while_it_passes_a_claimant_over_hides_nobody)
{
    at_each_stop(pass_over_and_die, 20);
}

Test(freeze, who_cannot_take_its_record_back_leads_beside_nobody)
{
    signal(SIGXFSZ, SIG_IGN);
    at_each_stop(pass_over_and_fail_to_write, 20);
}

/* ---- renew ---- */

/* The stop is at half of the lease and lasts pass_ns. */
static bool freeze_renew(struct play *play, int stop, int64_t pass_ns)
{
    bool stopped;
    lead(play);
    int64_t lease_until_ns = stage_now(&play->stage) + play->stage.ttl_ns * 9 / 10;
    stage_pass(&play->stage, play->stage.ttl_ns / 2);
    order_and_stop(play, ELECT__RENEW, stop, &stopped);
    cr_assert_not(rival_wins(play), "stop %d: deposed within its lease", stop);
    cr_assert_eq(play->rival.reply.outcome, ELECT__HELD);
    stage_pass(&play->stage, pass_ns);
    bool rival_led = rival_wins(play);
    uint64_t epoch = play->rival.reply.epoch;
    resume(play->player.pid);
    struct told told = player_answer(&play->player);
    if (rival_led) {
        if (stopped) /* else it was answered before time passed */
            cr_assert_neq(told.outcome, ELECT__RENEWED, "stop %d", stop);
        check_rival_leads(play, epoch, stop);
    } else {
        cr_assert_leq(pass_ns, play->stage.ttl_ns, "stop %d: the TTL is over and nobody leads", stop);
    }
    if (pass_ns == 0)
        cr_assert(believes(play, &told, lease_until_ns), "stop %d: outcome %d", stop, (int)told.outcome);
    else
        cr_assert_not(believes(play, &told, lease_until_ns), "stop %d", stop);
    return stopped;
}

static bool freeze_renew_shortly(struct play *play, int stop)
{
    return freeze_renew(play, stop, 0);
}

static bool freeze_renew_past_the_old_lease(struct play *play, int stop)
{
    return freeze_renew(play, stop, play->stage.ttl_ns / 2 + 1);
}

static bool freeze_renew_past_the_new_lease(struct play *play, int stop)
{
    return freeze_renew(play, stop, play->stage.ttl_ns + 1);
}

static bool kill_renew(struct play *play, int stop)
{
    bool stopped;
    lead(play);
    order_and_stop(play, ELECT__RENEW, stop, &stopped);
    player_kill(&play->player);
    waitpid(play->player.pid, NULL, 0);
    cr_assert(rival_wins(play), "stop %d: outcome %d, %s", stop, (int)play->rival.reply.outcome, play->rival.text);
    return stopped;
}

Test(freeze, a_leader_stopped_anywhere_within_its_lease_leads_on)
{
    at_each_stop(freeze_renew_shortly, 12);
}

Test(freeze, a_leader_stopped_anywhere_beyond_its_old_lease_has_lost_it)
{
    at_each_stop(freeze_renew_past_the_old_lease, 12);
}

Test(freeze, a_leader_stopped_anywhere_is_followed_after_the_ttl)
{
    at_each_stop(freeze_renew_past_the_new_lease, 12);
}

Test(freeze, a_leader_killed_anywhere_is_followed_at_once)
{
    at_each_stop(kill_renew, 12);
}

/* ---- release ---- */

static bool freeze_release(struct play *play, int stop)
{
    bool stopped;
    lead(play);
    order_and_stop(play, ELECT__RELEASE, stop, &stopped);
    bool rival_led = rival_wins(play);
    uint64_t epoch = play->rival.reply.epoch;
    resume(play->player.pid);
    cr_assert_eq(player_answer(&play->player).outcome, ELECT__RELEASED);
    if (rival_led)
        check_rival_leads(play, epoch, stop);
    else
        cr_assert(rival_wins(play), "stop %d: released, and not free", stop);
    return stopped;
}

Test(freeze, a_release_stopped_anywhere_harms_no_successor)
{
    at_each_stop(freeze_release, 10);
}
