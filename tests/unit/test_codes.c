#include "codes.h"
#include "planted.h"
#include "text.h"
#include <criterion/criterion.h>
#include <elect/elect.h>
#include <stdio.h>

Test(codes, every_code_has_its_own_name_and_text)
{
    cr_assert_str_eq(elect_code_name(ELECT_OK), "ELECT_OK");
    cr_assert_str_eq(elect_code_name(ELECT_EINVAL), "ELECT_EINVAL");
    cr_assert_str_eq(elect_code_name(ELECT_EAUTH), "ELECT_EAUTH");
    for (int32_t code = ELECT_EAUTH; code <= ELECT_OK; code++) {
        cr_assert_neq(*elect_code_name(code), '\0', "%d", code);
        cr_assert_neq(*elect_code_text(code), '\0', "%d", code);
        for (int32_t other = ELECT_EAUTH; other < code; other++) {
            cr_assert_str_neq(elect_code_name(code), elect_code_name(other));
            cr_assert_str_neq(elect_code_text(code), elect_code_text(other));
        }
    }
}

Test(codes, unknown_values_are_never_null)
{
    static const int32_t values[] = {INT32_MIN, -1000, ELECT_EAUTH - 1, 1000, INT32_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        cr_assert_str_eq(elect_code_name(values[i]), "");
        cr_assert_not_null(elect_code_text(values[i]));
        cr_assert_eq(*elect_code_text(values[i]) != '\0', values[i] < 0, "an unknown code is a failure");
        cr_assert_str_eq(elect_kind_name(values[i]), "");
        cr_assert_str_eq(elect_reason_name(values[i]), "");
        cr_assert_str_eq(elect__level_name(values[i]), "");
    }
    cr_assert_str_eq(elect_kind_name(0), "");
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_LOG + 1), "");
    cr_assert_str_eq(elect_reason_name(0), "");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_DELETED + 1), "");
}

Test(codes, kinds_reasons_and_levels_bear_the_names_of_the_command)
{
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_ELECTED), "elected");
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_LOST), "lost");
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_LEADER_CHANGED), "leader_changed");
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_ERROR), "error");
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_CLOSED), "closed");
    cr_assert_str_eq(elect_kind_name(ELECT_EVENT_LOG), "log");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_STOPPED), "stopped");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_RESIGNED), "resigned");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_UNREACHABLE), "unreachable");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_PAUSED), "paused");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_EXPIRED), "expired");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_TAKEN), "taken");
    cr_assert_str_eq(elect_reason_name(ELECT_REASON_DELETED), "deleted");
    for (int32_t level = 0; level <= ELECT_LOG_DEBUG; level++)
        cr_assert_eq(elect__level_find(elect__level_name(level)), level);
    cr_assert_str_eq(elect__level_name(ELECT_LOG_WARN), "warn");
    cr_assert_eq(elect__level_find("fatal"), -1);
    cr_assert_eq(elect__level_find(""), -1);
}

Test(codes, the_version_and_its_number_agree)
{
    int major, minor, patch, end = 0;
    cr_assert_eq(sscanf(elect_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
    cr_assert_eq(elect_version()[end], '\0');
    cr_assert_eq(elect_version_number(), major * 10000 + minor * 100 + patch);
    cr_assert_eq(elect_version_number(), ELECT_VERSION_NUMBER);
}

Test(text, utf8_is_what_the_standard_says)
{
    static const struct {
        const char *text;
        bool valid, line;
    } table[] = {
        {"", true, true},
        {"billing", true, true},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x91\x91", true, true},
        {"\xf4\x8f\xbf\xbf", true, true},
        {"\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80", true, true},
        {"tab\there", true, false},
        {"line\n", true, false},
        {"\x7f", true, false},
        {"\xc2\x85", true, false}, /* U+0085, a control character of two bytes */
        {"\xc2\xa0", true, true},
        {"\x80", false, false},
        {"\xff", false, false},
        {"\xc0\xaf", false, false}, /* overlong */
        {"\xc1\xbf", false, false},
        {"\xe0\x9f\xbf", false, false},
        {"\xf0\x8f\xbf\xbf", false, false},
        {"\xed\xa0\x80", false, false},     /* surrogate */
        {"\xf4\x90\x80\x80", false, false}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", false, false},
        {"\xe2\x82", false, false}, /* cut */
        {"\xe2(\xa1", false, false},
        {"a\xc3", false, false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        cr_assert_eq(elect__utf8_valid(table[i].text), table[i].valid, "%zu", i);
        cr_assert_eq(elect__utf8_line(table[i].text), table[i].line, "%zu", i);
    }
}

Test(text, a_cut_divides_no_character)
{
    const char *text = "a\xe2\x82\xac\xf0\x9f\x91\x91";
    static const size_t fits[] = {0, 0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    for (size_t size = 0; size < sizeof(fits) / sizeof(fits[0]); size++)
        cr_assert_eq(elect__utf8_cut(text, size), fits[size], "%zu", size);
}

Test(text, shown_text_is_printable_and_short)
{
    char out[ELECT__SHOW_SIZE];
    cr_assert_str_eq(elect__text_show("plain \xc3\xa9", out), "plain \xc3\xa9");
    cr_assert_str_eq(elect__text_show("a\nb\xff\x7f", out), "a\\x0ab\\xff\\x7f");
    char text[1000];
    for (int first = 1; first < 256; first++) {
        memset(text, first, sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        elect__text_show(text, out);
        cr_assert(strlen(out) < ELECT__SHOW_SIZE);
        cr_assert(elect__utf8_line(out));
        cr_assert_str_eq(out + strlen(out) - 3, "...");
    }
}

Test(text, words_are_compared_whole)
{
    cr_assert(elect__word_in("off|error|warn", "off", 3));
    cr_assert(elect__word_in("off|error|warn", "warn", 4));
    cr_assert_not(elect__word_in("off|error|warn", "war", 3));
    cr_assert_not(elect__word_in("off|error|warn", "off|error", 9));
    cr_assert_not(elect__word_in("off|error|warn", "", 0));
    cr_assert_not(elect__word_in("", "", 0));
    cr_assert_not(elect__word_in(NULL, "off", 3));
}

Test(text, json_length_counts_what_must_be_escaped)
{
    cr_assert_eq(elect__json_length("abc\xc3\xa9"), 5);
    cr_assert_eq(elect__json_length("\"\\\n\t"), 8);
    cr_assert_eq(elect__json_length("\x01"), 6);
}
