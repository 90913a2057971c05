/* Random inputs in random order, sensible and not: what must hold after every one of them (election_play.h). */
#include "../sim/random.h"
#include "unit/election_play.h"
#include "unit/election_script.h"

enum { RUNS = 600, STEPS = 600 };

static uint64_t draw_random(void *source, uint64_t end)
{
    return sim_below(source, end);
}

Test(election, random_inputs_break_no_rule)
{
    for (uint64_t run = 1; run <= RUNS; run++) {
        struct sim_random random = {run};
        struct play z;
        begin(); /* a planted bug is switched on there */
        play_begin(&z, draw_random, &random);
        play_put(&z, &(struct elect__input){.kind = ELECT__IN_START});
        for (int i = 0; i < STEPS && z.broken == NULL; i++)
            play_step(&z);
        cr_assert_null(z.broken, "run %d: %s", (int)run, z.broken);
    }
}
