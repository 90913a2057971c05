/* Clocks that run at their own rates against the one true time, which only the simulator knows. */
#ifndef ELECT_SIM_CLOCK_H
#define ELECT_SIM_CLOCK_H
#include <stdint.h>

struct sim_clock {
    int64_t true_ns, local_ns; /* one instant on both; before it the clock stands */
    int64_t ppm;               /* faster than true time */
};

static inline int64_t sim_clock_read(const struct sim_clock *c, int64_t true_ns)
{
    int64_t d = true_ns > c->true_ns ? true_ns - c->true_ns : 0;
    return c->local_ns + d + d * c->ppm / 1000000;
}

/* The first true instant at which c shows local_ns or more. */
static inline int64_t sim_clock_when(const struct sim_clock *c, int64_t local_ns)
{
    int64_t d = local_ns - c->local_ns;
    if (d <= 0)
        return c->true_ns;
    int64_t t = c->true_ns + (int64_t)((double)d / (1.0 + (double)c->ppm / 1e6));
    while (sim_clock_read(c, t) < local_ns)
        t++;
    while (t > c->true_ns && sim_clock_read(c, t - 1) >= local_ns)
        t--;
    return t;
}

static inline void sim_clock_set(struct sim_clock *c, int64_t true_ns, int64_t local_ns, int64_t ppm)
{
    c->true_ns = true_ns;
    c->local_ns = local_ns;
    c->ppm = ppm;
}
#endif
