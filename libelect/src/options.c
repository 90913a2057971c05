#include "options.h"
#include "text.h"
#include "url.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value {
    char *text;  /* NULL: unset */
    char *shown; /* what elect_options_get answers, where that is not text */
    enum elect__origin origin;
};

struct elect_options {
    struct value values[ELECT__OPTION_COUNT];
    char error[ELECT__ERROR_SIZE];
};

/* Nothing secret is left in memory that is given back: URLs have passwords too. */
static void value_clear(struct value *value)
{
    if (value->text)
        explicit_bzero(value->text, strlen(value->text));
    free(value->text);
    free(value->shown);
    *value = (struct value){0};
}

static int32_t value_make(struct value *value, enum elect__option option, const char *text, enum elect__origin origin)
{
    *value = (struct value){.text = strdup(text), .origin = origin};
    bool url = elect__options_rows[option].kind == ELECT__KIND_URL;
    if (url)
        value->shown = elect__url_redact(text);
    if (value->text && (value->shown || !url))
        return ELECT_OK;
    value_clear(value);
    return ELECT_ENOMEM;
}

/* A value that has been checked, or the text of what is wrong with it in options. */
static int32_t value_read(elect_options_t *options, struct value *value, enum elect__option option, const char *text,
                          enum elect__origin origin)
{
    const struct elect__option_row *row = &elect__options_rows[option];
    char rule[ELECT__RULE_SIZE], blame[ELECT__ERROR_SIZE];
    int32_t code = elect__option_check(option, text, rule, sizeof(rule));
    if (code == ELECT_OK)
        code = value_make(value, option, text, origin);
    if (code == ELECT_OK)
        return ELECT_OK;
    if (code == ELECT_ENOMEM)
        snprintf(rule, sizeof(rule), "%s", elect_code_text(code));
    elect__option_blame(option, origin == ELECT__FROM_ENV ? row->env : row->name, text, rule, blame, sizeof(blame));
    elect__options_fail(options, "%s", blame);
    return code;
}

elect_options_t *elect_options_new(void)
{
    return calloc(1, sizeof(elect_options_t));
}

void elect_options_free(elect_options_t *options)
{
    if (!options)
        return;
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++)
        value_clear(&options->values[i]);
    free(options);
}

elect_options_t *elect__options_copy(const elect_options_t *options)
{
    elect_options_t *copy = elect_options_new();
    for (size_t i = 0; copy && i < ELECT__OPTION_COUNT; i++) {
        const struct value *value = &options->values[i];
        if (value->text &&
            value_make(&copy->values[i], (enum elect__option)i, value->text, value->origin) != ELECT_OK) {
            elect_options_free(copy);
            return NULL;
        }
    }
    return copy;
}

void elect__options_fail(elect_options_t *options, const char *format, ...)
{
    if (!options)
        return;
    char error[ELECT__ERROR_SIZE + 4]; /* so that a cut is seen, and cuts no character in two */
    va_list args;
    va_start(args, format);
    vsnprintf(error, sizeof(error), format, args);
    va_end(args);
    size_t length = elect__utf8_cut(error, sizeof(options->error));
    memcpy(options->error, error, length);
    options->error[length] = '\0';
}

static int32_t unknown(elect_options_t *options, const char *name)
{
    char names[ELECT__ERROR_SIZE / 2] = "", shown[ELECT__SHOW_SIZE];
    size_t used = 0;
    for (size_t i = 0; i < ELECT__OPTION_COUNT && used < sizeof(names); i++)
        used +=
            (size_t)snprintf(names + used, sizeof(names) - used, "%s %s", i ? "," : "", elect__options_rows[i].name);
    elect__options_fail(options, "unknown option \"%s\"; there are%s", elect__text_show(name, shown), names);
    return ELECT_EINVAL;
}

int32_t elect_options_set(elect_options_t *options, const char *name, const char *value)
{
    if (!options)
        return ELECT_EINVAL;
    options->error[0] = '\0';
    enum elect__option option = name ? elect__option_find(name) : ELECT__OPTION_COUNT;
    if (option == ELECT__OPTION_COUNT)
        return unknown(options, name ? name : "");
    struct value fresh = {0};
    if (value) {
        int32_t code = value_read(options, &fresh, option, value, ELECT__FROM_CODE);
        if (code != ELECT_OK)
            return code;
    }
    value_clear(&options->values[option]);
    options->values[option] = fresh;
    return ELECT_OK;
}

/* An empty variable counts as unset: that is how container files leave one out. Variables that begin alike and are no
 * options are passed over: Kubernetes makes them of a service that is called leader-election. */
int32_t elect_options_load_env(elect_options_t *options)
{
    if (!options)
        return ELECT_EINVAL;
    options->error[0] = '\0';
    struct value fresh[ELECT__OPTION_COUNT] = {0};
    int32_t code = ELECT_OK;
    for (size_t i = 0; code == ELECT_OK && i < ELECT__OPTION_COUNT; i++) {
        const char *text = options->values[i].text ? NULL : getenv(elect__options_rows[i].env);
        if (text && *text)
            code = value_read(options, &fresh[i], (enum elect__option)i, text, ELECT__FROM_ENV);
    }
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        if (code != ELECT_OK)
            value_clear(&fresh[i]);
        else if (fresh[i].text)
            options->values[i] = fresh[i];
    }
    return code;
}

const char *elect_options_get(const elect_options_t *options, const char *name)
{
    if (!options)
        return "";
    enum elect__option option = name ? elect__option_find(name) : ELECT__OPTION_COUNT;
    if (option == ELECT__OPTION_COUNT)
        return NULL;
    const struct value *value = &options->values[option];
    const struct elect__option_row *row = &elect__options_rows[option];
    if (!value->text)
        return row->default_;
    return row->secret ? ELECT__HIDDEN : value->shown ? value->shown : value->text;
}

const char *elect_options_error(const elect_options_t *options)
{
    return options ? options->error : "";
}

const char *elect__options_value(const elect_options_t *options, enum elect__option option)
{
    return options ? options->values[option].text : NULL;
}

enum elect__origin elect__options_origin(const elect_options_t *options, enum elect__option option)
{
    return options ? options->values[option].origin : ELECT__UNSET;
}
