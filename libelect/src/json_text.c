#include "json_text.h"
#include "election.h"
#include "text.h"
#include <string.h>

enum { DEPTH_MAX = 32 };

/* What a later format puts into fields of its own is not judged here. */
static bool is_whole_field(const char *whole, const char *name)
{
    size_t length = strcspn(name, "\"");
    return elect__word_in(whole, name, length) || memchr(name, '\\', length);
}

/* cJSON recurses, and would do so a thousand times; and it takes 1.79e15 for an epoch. */
static bool is_plain(const char *text, const char *whole)
{
    int depth = 0;
    bool quoted = false;
    const char *name = ""; /* the last string */
    char before = '\0';
    for (const char *c = text; *c; before = *c++) {
        bool digit = before >= '0' && before <= '9';
        if (quoted && *c == '\\' && c[1])
            c++;
        else if (*c == '"') {
            quoted = !quoted;
            name = quoted ? c + 1 : name;
        } else if (!quoted && (*c == '{' || *c == '['))
            depth++;
        else if (!quoted && (*c == '}' || *c == ']'))
            depth--;
        else if (!quoted && digit && strchr(".eE", *c) && is_whole_field(whole, name))
            return false;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

cJSON *elect__json_parse(const char *text, size_t length, size_t max, const char *whole)
{
    const char *end = NULL;
    if (length > max || strlen(text) != length || !elect__utf8_valid(text) || !is_plain(text, whole))
        return NULL;
    cJSON *json = cJSON_ParseWithOpts(text, &end, false);
    if (json && cJSON_IsObject(json) && end[strspn(end, " \t\r\n")] == '\0')
        return json;
    cJSON_Delete(json);
    return NULL;
}

const cJSON *elect__json_take(struct elect__json_reader *reader, const char *key)
{
    const cJSON *found = NULL, *item;
    cJSON_ArrayForEach(item, reader->object) {
        if (strcmp(item->string, key) != 0)
            continue;
        reader->bad = reader->bad || found;
        found = item;
    }
    return found;
}

const char *elect__json_string(struct elect__json_reader *reader, const char *key)
{
    const cJSON *item = elect__json_take(reader, key);
    bool is_text = item && cJSON_IsString(item);
    reader->bad = reader->bad || (item && !is_text);
    return is_text ? item->valuestring : "";
}

bool elect__json_is_whole(const cJSON *item)
{
    double value = item->valuedouble;
    return value >= 0 && value < (double)ELECT__EPOCH_END && (double)(int64_t)value == value;
}

uint64_t elect__json_whole(struct elect__json_reader *reader, const char *key, bool needed)
{
    const cJSON *item = elect__json_take(reader, key);
    bool whole = item && cJSON_IsNumber(item) && elect__json_is_whole(item);
    reader->bad = reader->bad || (item ? !whole : needed);
    return whole ? (uint64_t)item->valuedouble : 0;
}
