/* JSON that anybody may have written, read strictly. */
#ifndef ELECT_SRC_JSON_TEXT_H
#define ELECT_SRC_JSON_TEXT_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An object of at most max bytes, of well-formed UTF-8, not too deep, in which the fields named in whole ("|" between) are
 * written as whole numbers, if as numbers: cJSON would take 1.79e15 for an epoch. text: length bytes and a NUL behind
 * them. NULL: it is no such thing, or memory is out. */
cJSON *elect__json_parse(const char *text, size_t length, size_t max, const char *whole);

/* One object; bad once something in it is not as it must be. */
struct elect__json_reader {
    const cJSON *object;
    bool bad;
};
/* NULL: it is not there. What is there twice, one reader would read so and another one otherwise: bad. */
const cJSON *elect__json_take(struct elect__json_reader *reader, const char *key);
/* "": it is not there, or no string, which is bad. */
const char *elect__json_string(struct elect__json_reader *reader, const char *key);
/* Is it a whole number below 2^53? A double is exact for those. */
bool elect__json_is_whole(const cJSON *item);
/* 0: it is no such number, which is bad, or not there, which is bad if it is needed. */
uint64_t elect__json_whole(struct elect__json_reader *reader, const char *key, bool needed);
#endif
