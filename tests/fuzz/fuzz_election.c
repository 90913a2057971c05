/* libFuzzer: bytes as inputs of the state machine, in any order and at any time; the rules are those of
 * unit/election_play.h. */
#include "fuzz.h"
#include "unit/election_play.h"

enum { STEPS = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    struct play play;
    play_begin(&play, fuzz_draw, &bytes);
    play_put(&play, &(struct elect__input){.kind = ELECT__IN_START});
    for (int i = 0; i < STEPS && bytes.left > 0 && play.broken == NULL; i++)
        play_step(&play);
    if (play.broken != NULL)
        fuzz_broken(play.broken, __FILE__, __LINE__);
    return 0;
}
