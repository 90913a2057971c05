#include "tries.h"
#include <string.h>

/* splitmix64 (Steele, Lea, Flood 2014): a fixed sequence of one seed, so that a run replays bit for bit. */
uint64_t elect__tries_random(struct elect__tries *tries)
{
    uint64_t z = tries->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t elect__tries_new(struct elect__tries *tries, int64_t now_ns)
{
    uint64_t attempt = elect__tries_random(tries) | 1; /* 0 means none */
    tries->attempts[tries->next] = attempt;
    tries->sent_ns[tries->next] = now_ns;
    tries->fates[tries->next] = ELECT__FATE_OPEN;
    tries->next = (uint8_t)((tries->next + 1) % ELECT__TRIES);
    return attempt;
}

static int find(const struct elect__tries *tries, uint64_t attempt)
{
    for (int i = 0; i < ELECT__TRIES; i++)
        if (tries->fates[i] != ELECT__FATE_FOREIGN && tries->attempts[i] == attempt)
            return i;
    return -1;
}

enum elect__fate elect__tries_fate(const struct elect__tries *tries, uint64_t attempt)
{
    int i = find(tries, attempt);
    return i < 0 ? ELECT__FATE_FOREIGN : (enum elect__fate)tries->fates[i];
}

void elect__tries_set(struct elect__tries *tries, uint64_t attempt, enum elect__fate fate)
{
    int i = find(tries, attempt);
    if (i >= 0)
        tries->fates[i] = (uint8_t)fate;
}

void elect__tries_expire(struct elect__tries *tries, int64_t before_ns)
{
    for (int i = 0; i < ELECT__TRIES; i++)
        if (tries->fates[i] == ELECT__FATE_OPEN && tries->sent_ns[i] < before_ns)
            tries->fates[i] = ELECT__FATE_FOREIGN;
}

void elect__tries_supersede(struct elect__tries *tries, uint64_t attempt)
{
    for (int i = 0; i < ELECT__TRIES; i++)
        if (tries->fates[i] == ELECT__FATE_OPEN && tries->attempts[i] != attempt)
            tries->fates[i] = ELECT__FATE_FOREIGN;
}

uint64_t elect__tries_open(const struct elect__tries *tries)
{
    for (int i = 0; i < ELECT__TRIES; i++)
        if (tries->fates[i] == ELECT__FATE_OPEN)
            return tries->attempts[i];
    return 0;
}

void elect__tries_clear(struct elect__tries *tries)
{
    memset(tries->fates, ELECT__FATE_FOREIGN, sizeof tries->fates);
}
