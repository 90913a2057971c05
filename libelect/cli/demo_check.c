/* The judge: was there ever an instant with two leaders? An overlap is a "leader" of epoch e that was asked for after
 * one of a later epoch had been answered, or of an epoch that somebody else led. */
#include "demo.h"

struct term {
    uint64_t epoch;
    int life;
    int64_t first_ns; /* when its first "leader" had returned */
};

static const struct term *find(const struct term *terms, int count, uint64_t epoch, int life)
{
    for (int i = 0; i < count; i++)
        if (terms[i].epoch == epoch && terms[i].life == life)
            return &terms[i];
    return NULL;
}

static uint32_t count_of(const struct elect__demo_life *life)
{
    uint32_t count = atomic_load_explicit(&life->count, memory_order_acquire);

    return count < ELECT__DEMO_ANSWERS ? count : ELECT__DEMO_ANSWERS;
}

/* All terms, each with its first answer, in the order of these. */
static int collect(const struct elect__demo_life *lives, struct term *terms)
{
    int count = 0;

    for (int life = 0; life < ELECT__DEMO_LIVES; life++) {
        uint32_t answers = count_of(&lives[life]);

        for (uint32_t i = 0; i < answers; i++) {
            const struct elect__demo_answer *answer = &lives[life].answers[i];
            int at;

            if (answer->epoch == 0 || find(terms, count, answer->epoch, life) || count == ELECT__DEMO_TERMS)
                continue;
            for (at = count++; at > 0 && terms[at - 1].first_ns > answer->returned_ns; at--)
                terms[at] = terms[at - 1];
            terms[at] = (struct term){.epoch = answer->epoch, .life = life, .first_ns = answer->returned_ns};
        }
    }
    return count;
}

static bool overlaps(const struct term *terms, int count, const struct elect__demo_answer *answer, int life)
{
    for (int i = 0; i < count; i++) {
        if (terms[i].epoch > answer->epoch && terms[i].first_ns <= answer->called_ns)
            return true;
        if (terms[i].epoch == answer->epoch && terms[i].life != life)
            return true;
    }
    return false;
}

void elect__demo_judge(const struct elect__demo_life *lives, struct elect__demo_verdict *verdict)
{
    struct term terms[ELECT__DEMO_TERMS];
    int count = collect(lives, terms);

    *verdict = (struct elect__demo_verdict){.terms = count, .rising = true};
    for (int i = 1; i < count; i++)
        if (terms[i].epoch <= terms[i - 1].epoch)
            verdict->rising = false;
    for (int life = 0; life < ELECT__DEMO_LIVES; life++) {
        uint32_t answers = count_of(&lives[life]);

        verdict->answers += answers;
        for (uint32_t i = 0; i < answers; i++)
            if (lives[life].answers[i].epoch != 0 && overlaps(terms, count, &lives[life].answers[i], life))
                verdict->overlaps++;
    }
}

bool elect__demo_first(const struct elect__demo_life *life, int64_t at_ns, struct elect__demo_answer *answer)
{
    uint32_t answers = count_of(life), i = answers;

    /* Asked for one after another: from the end back to the first that is late enough. */
    while (i > 0 && life->answers[i - 1].called_ns >= at_ns)
        i--;
    if (i == answers)
        return false;
    *answer = life->answers[i];
    return true;
}
