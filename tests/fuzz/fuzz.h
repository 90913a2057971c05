/* What the fuzzers share: requirements, and input as lines of text. */
#ifndef ELECT_TESTS_FUZZ_H
#define ELECT_TESTS_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By the descriptor: what a fuzzer lets be printed, it may catch. */
static inline void fuzz_broken(const char *rule, const char *file, int line)
{
    dprintf(STDERR_FILENO, "%s:%d: broken: %s\n", file, line, rule);
    abort();
}
#define require(rule) ((rule) ? (void)0 : fuzz_broken(#rule, __FILE__, __LINE__))

/* The input as a string of its own size, so that a sanitizer sees every byte behind it; a NUL ends it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* The input as numbers and strings; where nothing is left, 0. */
struct fuzz_bytes {
    const uint8_t *next;
    size_t left;
};

/* One of 0 ... end - 1, of as many bytes as that takes, the least significant first. */
static inline uint64_t fuzz_draw(void *source, uint64_t end)
{
    struct fuzz_bytes *bytes = source;
    uint64_t value = 0;
    unsigned shift = 0;
    for (uint64_t rest = end - 1; rest > 0 && bytes->left > 0; rest >>= 8, shift += 8, bytes->left--)
        value |= (uint64_t)*bytes->next++ << shift;
    return value % end;
}

/* Length bytes into out, as far as there are so many. */
static inline void fuzz_take(struct fuzz_bytes *bytes, void *out, size_t length)
{
    size_t count = length < bytes->left ? length : bytes->left;
    memset(out, 0, length);
    if (count > 0)
        memcpy(out, bytes->next, count);
    bytes->next += count;
    bytes->left -= count;
}

/* A string of less than size bytes. */
static inline void fuzz_string(struct fuzz_bytes *bytes, char *out, size_t size)
{
    size_t length = (size_t)fuzz_draw(bytes, size);
    fuzz_take(bytes, out, length);
    memset(out + length, 0, size - length);
}

/* The next line of *rest, without its end; NULL after the last. */
static inline char *fuzz_line(char **rest)
{
    return *rest != NULL && **rest != '\0' ? strsep(rest, "\n") : NULL;
}

/* What follows word and a space at the start of line; NULL when it does not start so. */
static inline char *fuzz_after(char *line, const char *word)
{
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}
#endif
