/* One stream of pseudo-random numbers per run: a run is its seed, on every machine. */
#ifndef ELECT_SIM_RANDOM_H
#define ELECT_SIM_RANDOM_H
#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

static inline uint64_t sim_bits(struct sim_random *r) /* splitmix64 */
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static inline uint64_t sim_below(struct sim_random *r, uint64_t end)
{
    return end == 0 ? 0 : sim_bits(r) % end;
}

static inline int64_t sim_between(struct sim_random *r, int64_t first, int64_t last)
{
    return first + (int64_t)sim_below(r, (uint64_t)(last - first) + 1);
}

static inline bool sim_chance(struct sim_random *r, uint32_t ppm)
{
    return ppm != 0 && sim_below(r, 1000000) < ppm;
}
#endif
