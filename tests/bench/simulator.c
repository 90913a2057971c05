#include "bench.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

static double number(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsNumber(item))
        bench_die("the simulator's JSON has no %s", key);
    return item->valuedouble;
}

struct bench_sim bench_simulator(const char *program, long elections)
{
    char command[4096], text[16384];
    snprintf(command, sizeof(command), "'%s' --elections %ld --json", program, elections);
    FILE *pipe = popen(command, "r");
    size_t length = pipe ? fread(text, 1, sizeof(text) - 1, pipe) : 0;
    text[length] = '\0';
    if (!pipe || pclose(pipe) != 0)
        bench_die("%s failed", command);
    cJSON *json = cJSON_Parse(text);
    if (!json)
        bench_die("%s printed no JSON", command);
    struct bench_sim sim = {number(json, "elections_per_s"), number(json, "virtual_hours_per_s")};
    cJSON_Delete(json);
    return sim;
}
