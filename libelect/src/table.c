#include "table.h"
#include <stdlib.h>

#define FIRST_ROOM 16

/* FNV-1a, with the end of each text hashed too. */
uint64_t elect__hash(uint64_t before, const char *text)
{
    uint64_t hash = before ^ 0xcbf29ce484222325u;
    do {
        hash ^= (unsigned char)*text;
        hash *= 0x100000001b3u;
    } while (*text++ != '\0');
    return hash;
}

static struct elect__entry **head(const struct elect__table *table, uint64_t hash)
{
    return &table->heads[(hash ^ hash >> 32) & (table->room - 1)];
}

static void put(struct elect__table *table, struct elect__entry *entry)
{
    struct elect__entry **at = head(table, entry->hash);
    entry->next = *at;
    *at = entry;
}

static int grow(struct elect__table *table)
{
    struct elect__table old = *table;
    table->room = old.room ? old.room * 2 : FIRST_ROOM;
    table->heads = calloc(table->room, sizeof *table->heads);
    if (!table->heads) {
        *table = old;
        return -1;
    }
    for (size_t i = 0; i < old.room; i++) {
        struct elect__entry *entry;
        while ((entry = old.heads[i])) {
            old.heads[i] = entry->next;
            put(table, entry);
        }
    }
    free(old.heads);
    return 0;
}

int elect__table_add(struct elect__table *table, struct elect__entry *entry, uint64_t hash)
{
    if (table->count == table->room && grow(table) != 0 && table->room == 0)
        return -1; /* a full table without room to grow is only slower */
    entry->hash = hash;
    put(table, entry);
    table->count++;
    return 0;
}

void elect__table_remove(struct elect__table *table, struct elect__entry *entry)
{
    struct elect__entry **at = head(table, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    table->count--;
}

struct elect__entry *elect__table_find(const struct elect__table *table, uint64_t hash,
                                       const struct elect__entry *after)
{
    struct elect__entry *entry;
    if (table->room == 0)
        return NULL;
    for (entry = after ? after->next : *head(table, hash); entry; entry = entry->next) {
        if (entry->hash == hash)
            return entry;
    }
    return NULL;
}

struct elect__entry *elect__table_next(const struct elect__table *table, const struct elect__entry *after)
{
    size_t i = 0;
    if (after) {
        if (after->next)
            return after->next;
        i = (size_t)(head(table, after->hash) - table->heads) + 1;
    }
    for (; i < table->room; i++) {
        if (table->heads[i])
            return table->heads[i];
    }
    return NULL;
}

void elect__table_free(struct elect__table *table)
{
    free(table->heads);
    *table = (struct elect__table){0};
}
