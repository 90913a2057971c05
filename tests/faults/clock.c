/* Another clock for a process, loaded in front of its C library: faster or slower, and moved while it runs. The file that
 * ELECT_TEST_CLOCK names is mapped; clocks.py writes it. libfaketime is not used: its absolute timers on CLOCK_BOOTTIME
 * never fire. What waits relative to now (poll, nanosleep) waits in true time. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define S INT64_C(1000000000)
#define SEEN __attribute__((visibility("default")))

struct dial {
    double rate;                       /* of all clocks; never changed while the process runs */
    _Atomic(int64_t) wall_ns, boot_ns; /* by how much CLOCK_REALTIME, and all others, are put forward */
};
static struct dial *dial;
static int64_t wall_base_ns, boot_base_ns; /* from where the rate counts */

static int64_t true_ns(clockid_t clock)
{
    struct timespec now;
    syscall(SYS_clock_gettime, clock, &now);
    return now.tv_sec * S + now.tv_nsec;
}

static _Bool is_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

static int64_t base_ns(clockid_t clock)
{
    return is_wall(clock) ? wall_base_ns : boot_base_ns;
}

static int64_t ahead_ns(clockid_t clock)
{
    return is_wall(clock) ? dial->wall_ns : dial->boot_ns;
}

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("ELECT_TEST_CLOCK");
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *dial, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        abort();
    close(fd);
    wall_base_ns = true_ns(CLOCK_REALTIME);
    boot_base_ns = true_ns(CLOCK_BOOTTIME);
    dial = mapped;
}

SEEN int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (result != 0 || !dial || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return result;
    int64_t now_ns = out->tv_sec * S + out->tv_nsec, base = base_ns(clock);
    now_ns = base + (int64_t)((double)(now_ns - base) * dial->rate) + ahead_ns(clock);
    *out = (struct timespec){.tv_sec = now_ns / S, .tv_nsec = now_ns % S};
    return 0;
}

SEEN int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

SEEN time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* Absolute timers are those of the library, on CLOCK_BOOTTIME. One that is set when the clock is moved fires when it would
 * have without that: late, as on a busy machine, never early. */
SEEN int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
    struct itimerspec moved = *spec;
    int64_t at_ns = spec->it_value.tv_sec * S + spec->it_value.tv_nsec;
    if (flags & TFD_TIMER_ABSTIME && at_ns != 0 && dial) {
        int64_t after_ns = at_ns - ahead_ns(CLOCK_BOOTTIME) - boot_base_ns;
        at_ns = boot_base_ns + (int64_t)((double)after_ns / dial->rate) + 1;
        at_ns = at_ns < 1 ? 1 : at_ns; /* 0 would disarm it */
        moved.it_value = (struct timespec){.tv_sec = at_ns / S, .tv_nsec = at_ns % S};
    }
    return (int)syscall(SYS_timerfd_settime, fd, flags, &moved, old);
}
