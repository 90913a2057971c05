#include "duration.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <inttypes.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

static int32_t parse(const char *text, int64_t *ns, char *rule)
{
    rule[0] = '\0';
    return elect__duration_parse(text, ns, rule, 200);
}

Test(duration, go_spellings_are_understood)
{
    static const struct {
        const char *text;
        int64_t ns;
    } table[] = {
        {"10s", 10 * S},
        {"500ms", 500 * MS},
        {"1m30s", 90 * S},
        {"1.5h", 5400 * S},
        {"0", 0},
        {"0s", 0},
        {"+3s", 3 * S},
        {".5s", 500 * MS},
        {"1.s", S},
        {"1ns", 1},
        {"1us", 1000},
        {"1\xc2\xb5s", 1000},
        {"1\xce\xbcs", 1000},
        {"1h1m1s1ms1us1ns", 3661 * S + 1001001},
        {"1s1s", 2 * S},
        {"0.3333333333333333333h", 1200 * S},
        {"0.000000001s", 1},
        {"0.100000000000000000000000000001h", 360 * S},
        {"9223372036854775807ns", INT64_MAX},
        {"2562047h", 2562047 * (3600 * S)},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t ns = -1;
        char rule[200];
        cr_assert_eq(parse(table[i].text, &ns, rule), ELECT_OK, "%s: %s", table[i].text, rule);
        cr_assert_eq(ns, table[i].ns, "%s: %" PRId64, table[i].text, ns);
    }
}

Test(duration, what_go_would_not_take_is_refused_by_its_rule)
{
    static const struct {
        const char *text, *rule;
    } table[] = {
        {"", "written as"},
        {"10", "needs a unit"},
        {"00", "needs a unit"},
        {"1.5", "needs a unit"},
        {"10s5", "needs a unit"},
        {"s", "written as"},
        {".s", "written as"},
        {"+", "written as"},
        {" 1s", "written as"},
        {"ten seconds", "written as"},
        {"1s ", "units are"},
        {"1sec", "units are"},
        {"1S", "units are"},
        {"1d", "units are"},
        {"1 s", "units are"},
        {"1,5s", "units are"},
        {"1s-1s", "units are"},
        {"-1s", "not negative"},
        {"-0", "not negative"},
        {"9223372036854775808ns", "at most"},
        {"99999999999999999999999999s", "at most"},
        {"2562048h", "at most"},
        {"2562047h3600s", "at most"},
        {"9223372036854775807ns1ns", "at most"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t ns = -1;
        char rule[200];
        cr_assert_eq(parse(table[i].text, &ns, rule), ELECT_EINVAL, "%s", table[i].text);
        cr_assert(strstr(rule, table[i].rule), "%s: %s", table[i].text, rule);
        cr_assert_eq(ns, 0);
    }
}

Test(duration, formatted_as_people_write_them)
{
    static const struct {
        int64_t ns;
        const char *text;
    } table[] = {
        {0, "0s"},
        {10 * S, "10s"},
        {90 * S, "1m30s"},
        {3600 * S, "1h"},
        {5400 * S, "1h30m"},
        {1500 * MS, "1.5s"},
        {500 * MS, "500ms"},
        {1500000, "1.5ms"},
        {1, "1ns"},
        {1001, "1.001us"},
        {60 * S + 5 * MS, "1m5ms"},
        {86400 * S, "24h"},
        {S + 1, "1.000000001s"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[ELECT__DURATION_SIZE];
        cr_assert_str_eq(elect__duration_format(table[i].ns, text), table[i].text);
    }
}

Test(duration, what_is_formatted_parses_back_to_the_same)
{
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t ns = (int64_t)(random >> 1) >> (i % 63), back = -1;
        char text[ELECT__DURATION_SIZE], rule[200];
        elect__duration_format(ns, text);
        cr_assert(strlen(text) < ELECT__DURATION_SIZE - 1);
        cr_assert_eq(parse(text, &back, rule), ELECT_OK, "%s: %s", text, rule);
        cr_assert_eq(back, ns, "%s: %" PRId64 " != %" PRId64, text, back, ns);
    }
}
