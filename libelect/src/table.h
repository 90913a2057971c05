/* A hash table of nodes that lie in what is looked up. */
#ifndef ELECT_SRC_TABLE_H
#define ELECT_SRC_TABLE_H
#include <stddef.h>
#include <stdint.h>

struct elect__entry {
    struct elect__entry *next;
    uint64_t hash;
};

struct elect__table {
    struct elect__entry **heads;
    size_t room, count;
};

/* Of text, and of what was hashed before it; begin with 0. */
uint64_t elect__hash(uint64_t before, const char *text);
/* 0, or -1: out of memory. */
int elect__table_add(struct elect__table *table, struct elect__entry *entry, uint64_t hash);
void elect__table_remove(struct elect__table *table, struct elect__entry *entry);
/* The first entry of this hash after one (NULL: at all), or NULL. Which it is is the caller's to compare. */
struct elect__entry *elect__table_find(const struct elect__table *table, uint64_t hash,
                                       const struct elect__entry *after);
/* Any entry after one (NULL: the first), or NULL. */
struct elect__entry *elect__table_next(const struct elect__table *table, const struct elect__entry *after);
void elect__table_free(struct elect__table *table); /* the entries are others' */
#endif
