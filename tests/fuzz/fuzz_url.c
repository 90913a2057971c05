/* libFuzzer: any text as a store URL and as a duration. What is parsed, printed and parsed again is the same; no text
 * that is meant for people shows what stands where a password may. */
#include "duration.h"
#include "env.h"
#include "fuzz.h"
#include "option_table.h"
#include "options.h"
#include "text.h"
#include "url.h"
#include <stdbool.h>

#define SECRET "hunter2"
enum { TEXT_MAX = 4096 };

/* ---- durations ---- */

static void check_duration(const char *text)
{
    char rule[ELECT__RULE_SIZE] = "", once[ELECT__DURATION_SIZE], twice[ELECT__DURATION_SIZE];
    int64_t ns, again;
    int32_t code = elect__duration_parse(text, &ns, rule, sizeof rule);
    require(code == ELECT_OK || (code == ELECT_EINVAL && *rule && elect__utf8_line(rule)));
    if (code != ELECT_OK)
        return;
    require(ns >= 0);
    require(elect__duration_parse(elect__duration_format(ns, once), &again, rule, sizeof rule) == ELECT_OK);
    require(again == ns);
    require(strcmp(elect__duration_format(again, twice), once) == 0);
}

static void check_nanoseconds(const uint8_t *data, size_t size)
{
    char rule[ELECT__RULE_SIZE], shown[ELECT__DURATION_SIZE];
    int64_t ns = 0, again;
    memcpy(&ns, data, size < sizeof ns ? size : sizeof ns);
    ns &= INT64_MAX;
    require(elect__duration_parse(elect__duration_format(ns, shown), &again, rule, sizeof rule) == ELECT_OK);
    require(again == ns);
}

/* ---- URLs ---- */

/* Every byte that is no letter, digit or slash, in percent-encoding. */
static char *put_encoded(char *out, const char *text)
{
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '/';
        out += sprintf(out, plain ? "%c" : "%%%02x", (unsigned char)*text);
    }
    return out;
}

static void check_printed(const struct elect__url *url)
{
    static char text[6 * TEXT_MAX];
    char rule[ELECT__RULE_SIZE], *out = text;
    struct elect__url again;
    bool slashes = *url->authority || *url->path == '/';
    out += sprintf(out, "%s:%s%s", url->scheme, slashes ? "//" : "", url->authority);
    out = put_encoded(out, url->path);
    for (int i = 0; i < url->param_count; i++) {
        *out++ = i == 0 ? '?' : '&';
        out = put_encoded(out, url->params[i].key);
        *out++ = '=';
        out = put_encoded(out, url->params[i].value);
    }
    *out = '\0';
    require(elect__url_parse(text, &again, rule, sizeof rule) == ELECT_OK);
    require(strcmp(again.scheme, url->scheme) == 0 && strcmp(again.authority, url->authority) == 0);
    require(strcmp(again.path, url->path) == 0 && again.param_count == url->param_count);
    for (int i = 0; i < url->param_count; i++)
        require(strcmp(elect__url_param(&again, url->params[i].key), url->params[i].value) == 0);
    elect__url_free(&again);
}

static void check_url(const char *text)
{
    char rule[ELECT__RULE_SIZE] = "";
    struct elect__url url;
    int32_t code = elect__url_parse(text, &url, rule, sizeof rule);
    require(code == ELECT_OK || (code == ELECT_EINVAL && *rule && elect__utf8_line(rule) && !url.memory));
    if (code != ELECT_OK)
        return;
    require(elect__utf8_line(text));
    require(url.param_count <= ELECT__URL_PARAMS);
    require(elect__utf8_line(url.path) && elect__utf8_line(url.authority));
    check_printed(&url);
    elect__url_free(&url);
}

/* ---- what is shown ---- */

/* What follows the ? is shown where it is a parameter that is known to be harmless, though a password might go on there. */
static bool is_query(const char *text)
{
    for (const char *at = strchr(text, '?'); at; at = strchr(at + 1, '?')) {
        size_t length = strcspn(at + 1, "=&@");
        if (elect__word_in("clock|db", at + 1, length))
            return true;
        for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
            if (elect__word_in(elect__options_rows[i].name, at + 1, length))
                return true;
        }
    }
    return false;
}

static void check_hidden(const char *url)
{
    elect_options_t *options = elect_options_new();
    char *shown = elect__url_redact(url), *twice = elect__url_redact(shown ? shown : "");
    require(options && shown && twice);
    require(!strstr(shown, SECRET));
    require(!strstr(twice, SECRET));
    if (elect_options_set(options, "store", url) == ELECT_OK)
        require(!strstr(elect_options_get(options, "store"), SECRET));
    require(!strstr(elect_options_error(options), SECRET));
    free(shown);
    free(twice);
    elect_options_free(options);
}

/* user:SECRET@ with the text in front of it, inside and behind it. */
static void check_secrets(const char *text)
{
    static char url[TEXT_MAX + 64];
    static const char *const forms[][2] = {
        {"redis://u:" SECRET "@", ""}, {"redis://u:", SECRET "@h"},       {"memory://u:", SECRET "@h"},
        {"local://u:" SECRET, "@h"},   {"redis://", "@" SECRET "@h"},     {"r::" SECRET, "@h"},
        {"local:/x?token=", SECRET},   {"local:/x?password=" SECRET, ""}, {"local://u:", SECRET "=x@h"}};
    if (strlen(text) > TEXT_MAX || strstr(text, SECRET) || is_query(text))
        return;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        bool path = i == 4 && *text == '/'; /* nothing that is secret stands before a path */
        bool parameter = i == 6 && strchr(text, '&');
        snprintf(url, sizeof url, "%s%s%s", forms[i][0], text, forms[i][1]);
        if (!path && !parameter)
            check_hidden(url);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_MAX)
        return 0;
    char *text = fuzz_text(data, size);
    check_duration(text);
    check_nanoseconds(data, size);
    check_url(text);
    check_secrets(text);
    free(text);
    return 0;
}
