#include "cli.h"

const char *elect__json_text(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text ? text : "";
}

/* Every number of a report is below 2^53, so that the double which cJSON reads is the number itself. */
int64_t elect__json_int(const cJSON *object, const char *key, int64_t absent)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : absent;
}

bool elect__json_has(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return item && !cJSON_IsNull(item);
}
