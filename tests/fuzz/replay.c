/* Stands in for libFuzzer where there is none: each file that is named, and each file in a folder that is named, once.
 * A found crash that was added to the seeds stays found. */
#include "fuzz.h"
#include <dirent.h>

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    require(file != NULL);
    char *bytes = NULL;
    size_t size = 0, room = 4096;
    do {
        bytes = realloc(bytes, room *= 2);
        require(bytes != NULL);
        size += fread(bytes + size, 1, room - size, file);
    } while (size == room);
    require(!ferror(file));
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last line before a crash */
    uint8_t *exact = size > 0 ? realloc(bytes, size) : (uint8_t *)bytes;
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        int count = scandir(argv[i], &entries, NULL, alphasort);
        if (count < 0) {
            replay(argv[i]);
            files++;
        }
        for (int j = 0; j < count; j++) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entries[j]->d_name);
            if (entries[j]->d_name[0] != '.') {
                replay(path);
                files++;
            }
            free(entries[j]);
        }
        if (count >= 0)
            free(entries);
    }
    printf("%d files\n", files);
    return files == 0;
}
