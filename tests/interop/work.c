/* The work of the program in docs/moving-over.md: a line in the journal of each beat, as that of cli/worker.py. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void work(uint64_t epoch);

void work(uint64_t epoch)
{
    struct timespec now;
    const char *path = getenv("ELECT_TEST_JOURNAL");
    FILE *journal = path ? fopen(path, "ae") : NULL;
    if (!journal)
        abort();
    clock_gettime(CLOCK_BOOTTIME, &now);
    fprintf(journal, "beat %" PRIu64 " %lld %ld\n", epoch, (long long)now.tv_sec * 1000000000 + now.tv_nsec,
            (long)getpid());
    fclose(journal);
}
