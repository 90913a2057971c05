#include "option_table.h"
#include "duration.h"
#include "store.h"
#include "text.h"
#include "url.h"
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW(name, NAME, kind, words, default_, min, max, scope, dynamic, secret, help)                                 \
    {#name,  ELECT__KIND_##kind,       words, default_, min, max, ELECT__SCOPE_##scope, dynamic,                       \
     secret, "LEADER_ELECTION_" #NAME, help}
const struct elect__option_row elect__options_rows[ELECT__OPTION_COUNT] = {
    ELECT__OPTION_TABLE(ROW, ELECT__OPTION_COMMA)};

#define JSON_URL "url"
#define JSON_LINE "string"
#define JSON_TEXT "string"
#define JSON_ENUM "enum"
#define JSON_DURATION "duration"
#define JSON_CLIENT "client"
#define JSON_ELECTION "election"
#define JSON_0 "false"
#define JSON_1 "true"
#define JSON(name, NAME, kind, words, default_, min, max, scope, dynamic, secret, help)                                \
    "{\"name\":\"" #name "\",\"kind\":\"" JSON_##kind                                                                  \
        "\",\"words\":\"" words "\",\"default\":\"" default_ "\",\"min\":\"" min "\",\"max\":\"" max                   \
        "\",\"scope\":\"" JSON_##scope "\",\"dynamic\":" JSON_##dynamic ",\"secret\":" JSON_##secret                   \
        ",\"env\":\"LEADER_ELECTION_" #NAME "\",\"help\":\"" help "\"}"

/* Put together by the compiler: nothing to allocate, to lock or to fail. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char table[] = "[" ELECT__OPTION_TABLE(JSON, ",\n ") "]\n";
#pragma GCC diagnostic pop

const char *elect_options_table(void)
{
    return table;
}

enum elect__option elect__option_find(const char *name)
{
    size_t i = 0;
    while (i < ELECT__OPTION_COUNT && strcmp(elect__options_rows[i].name, name) != 0)
        i++;
    return (enum elect__option)i;
}

static int32_t check_length(const struct elect__option_row *row, const char *value, char *rule, size_t rule_size)
{
    size_t length = strlen(value);
    if (length >= strtoul(row->min, NULL, 10) && length <= strtoul(row->max, NULL, 10))
        return ELECT_OK;
    snprintf(rule, rule_size, "must be %s to %s bytes, and is %zu", row->min, row->max, length);
    return ELECT_EINVAL;
}

static int32_t check_string(const struct elect__option_row *row, const char *value, char *rule, size_t rule_size)
{
    if (!elect__utf8_valid(value)) {
        snprintf(rule, rule_size, "must be UTF-8");
        return ELECT_EINVAL;
    }
    if (row->kind == ELECT__KIND_LINE && !elect__utf8_line(value)) {
        snprintf(rule, rule_size, "must be without control characters");
        return ELECT_EINVAL;
    }
    return check_length(row, value, rule, rule_size);
}

static int32_t check_duration(const struct elect__option_row *row, const char *value, char *rule, size_t rule_size)
{
    int64_t ns, min_ns, max_ns;
    int32_t code = elect__duration_parse(value, &ns, rule, rule_size);
    if (code != ELECT_OK)
        return code;
    elect__duration_parse(row->min, &min_ns, rule, rule_size);
    elect__duration_parse(row->max, &max_ns, rule, rule_size);
    if (ns >= min_ns && ns <= max_ns)
        return ELECT_OK;
    snprintf(rule, rule_size, "must be from %s to %s%s%s", row->min, row->max, *row->words ? ", or " : "", row->words);
    return ELECT_EINVAL;
}

static int32_t check_enum(const struct elect__option_row *row, char *rule, size_t rule_size)
{
    int used = snprintf(rule, rule_size, "must be ");
    for (const char *word = row->words; *word && used >= 0 && (size_t)used < rule_size;) {
        size_t length = strcspn(word, "|");
        const char *before = word == row->words ? "" : word[length] ? ", " : " or ";
        used += snprintf(rule + used, rule_size - (size_t)used, "%s%.*s", before, (int)length, word);
        word += length + (word[length] == '|');
    }
    return ELECT_EINVAL;
}

static int32_t check_scheme(const struct elect__url *url, char *rule, size_t rule_size)
{
    if (elect__store_find(url->scheme, strlen(url->scheme)))
        return ELECT_OK;
    char shown[ELECT__SHOW_SIZE];
    int used = snprintf(rule, rule_size, "no store is called %s:; there are", elect__text_show(url->scheme, shown));
    const char *comma = "";
    for (size_t i = 0; elect__store_classes[i]; i++) {
        for (const char *word = elect__store_classes[i]->schemes; *word && used >= 0 && (size_t)used < rule_size;) {
            size_t length = strcspn(word, "|");
            used += snprintf(rule + used, rule_size - (size_t)used, "%s %.*s:", comma, (int)length, word);
            comma = ",";
            word += length + (word[length] == '|');
        }
    }
    return ELECT_EINVAL;
}

/* What is taken for a parameter's name may be the rest of a password with a ? in it: it is shown where text, the whole
 * URL, shows it. */
static int32_t blame_param(const struct elect__url *url, const char *key, const char *text, char *rule,
                           size_t rule_size)
{
    char shown[ELECT__SHOW_SIZE];
    char *redacted = elect__url_redact(text);
    bool harmless = redacted && strstr(redacted, key);
    snprintf(rule, rule_size,
             "\"%s\" is no option and no parameter of %s:", harmless ? elect__text_show(key, shown) : "***",
             url->scheme);
    free(redacted);
    return ELECT_EINVAL;
}

/* The query of a store's URL holds options, and what that store alone knows. */
static int32_t check_param(const struct elect__url *url, const struct elect__url_param *param, const char *text,
                           char *rule, size_t rule_size)
{
    const struct elect__store_class *class_ = elect__store_find(url->scheme, strlen(url->scheme));
    if (elect__word_in(class_->params, param->key, strlen(param->key)))
        return ELECT_OK;
    enum elect__option option = elect__option_find(param->key);
    if (option == ELECT__OPTION_COUNT || option == ELECT__OPT_STORE)
        return blame_param(url, param->key, text, rule, rule_size);
    char inner[ELECT__RULE_SIZE];
    int32_t code = elect__option_check(option, param->value, inner, sizeof(inner));
    if (code != ELECT_OK)
        elect__option_blame(option, param->key, param->value, inner, rule, rule_size);
    return code;
}

static int32_t check_url(const struct elect__option_row *row, const char *value, char *rule, size_t rule_size)
{
    struct elect__url url;
    int32_t code = elect__url_parse(value, &url, rule, rule_size);
    if (code != ELECT_OK)
        return code;
    code = check_length(row, value, rule, rule_size);
    if (code == ELECT_OK)
        code = check_scheme(&url, rule, rule_size);
    for (int i = 0; code == ELECT_OK && i < url.param_count; i++)
        code = check_param(&url, &url.params[i], value, rule, rule_size);
    elect__url_free(&url);
    return code;
}

int32_t elect__option_check(enum elect__option option, const char *value, char *rule, size_t rule_size)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    if (elect__word_in(row->words, value, strlen(value)))
        return ELECT_OK;
    switch (row->kind) {
    case ELECT__KIND_URL:
        return check_url(row, value, rule, rule_size);
    case ELECT__KIND_DURATION:
        return check_duration(row, value, rule, rule_size);
    case ELECT__KIND_ENUM:
        return check_enum(row, rule, rule_size);
    case ELECT__KIND_LINE:
    case ELECT__KIND_TEXT:
        break;
    }
    return check_string(row, value, rule, rule_size);
}

void elect__option_blame(enum elect__option option, const char *label, const char *value, const char *rule, char *out,
                         size_t size)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    char *redacted = row->kind == ELECT__KIND_URL ? elect__url_redact(value) : NULL;
    const char *shown = row->kind == ELECT__KIND_URL ? redacted : value;
    char buffer[ELECT__SHOW_SIZE];
    snprintf(out, size, "%s=\"%s\": %s", label, row->secret || !shown ? "***" : elect__text_show(shown, buffer), rule);
    free(redacted);
}
