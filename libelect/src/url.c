#include "url.h"
#include "text.h"
#include <elect/elect.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."

struct parser {
    struct elect__url *url;
    char *next; /* where the next decoded string goes */
    char *rule;
    size_t rule_size;
};

static bool refuse(const struct parser *p, const char *rule)
{
    snprintf(p->rule, p->rule_size, "%s", rule);
    return false;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *elect__url_decode(const char *text, size_t length, char *out)
{
    const char *begin = out;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            *out++ = text[i];
            continue;
        }
        int high = i + 2 < length ? hex(text[i + 1]) : -1;
        int low = high >= 0 ? hex(text[i + 2]) : -1;
        if (low < 0)
            return "a % is followed by two hex digits; % itself is written %25";
        if (high == 0 && low == 0)
            return "a URL has no %00";
        *out++ = (char)(high << 4 | low);
        i += 2;
    }
    *out = '\0';
    return elect__utf8_valid(begin) ? NULL : "a URL is UTF-8, also where it is percent-encoded";
}

static bool decode(struct parser *p, const char *text, size_t length, const char **out)
{
    const char *rule = elect__url_decode(text, length, p->next);
    if (rule)
        return refuse(p, rule);
    *out = p->next;
    p->next += strlen(p->next) + 1;
    return true;
}

static bool read_param(struct parser *p, const char *text, size_t length)
{
    struct elect__url *url = p->url;
    const char *equals = memchr(text, '=', length);
    if (!equals || equals == text)
        return refuse(p, "what follows the ? is key=value&key=value");
    if (url->param_count == ELECT__URL_PARAMS)
        return refuse(p, "a URL has at most 32 parameters");
    struct elect__url_param param;
    size_t key_length = (size_t)(equals - text);
    if (!decode(p, text, key_length, &param.key) || !decode(p, equals + 1, length - key_length - 1, &param.value))
        return false;
    if (elect__url_param(url, param.key))
        return refuse(p, "a parameter is given once");
    url->params[url->param_count++] = param;
    return true;
}

static bool read_query(struct parser *p, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "&");
        if (!read_param(p, text, length))
            return false;
        text += length;
        if (*text != '&')
            break;
        text++;
        if (!*text)
            return refuse(p, "what follows the ? is key=value&key=value");
    }
    return true;
}

static bool read_scheme(struct parser *p, const char *text, size_t length)
{
    bool letter = (text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z';
    if (text[length] != ':' || !letter)
        return refuse(p, "a store is scheme:path, as in local:/var/lib/elect");
    p->url->scheme = p->next;
    for (size_t i = 0; i < length; i++) {
        bool upper = text[i] >= 'A' && text[i] <= 'Z';
        *p->next++ = upper ? (char)(text[i] | 0x20) : text[i];
    }
    *p->next++ = '\0';
    return true;
}

static bool read_url(struct parser *p, const char *text)
{
    if (!elect__utf8_line(text))
        return refuse(p, "a URL is UTF-8 without control characters; others are percent-encoded");
    if (strchr(text, '#'))
        return refuse(p, "a URL has no fragment; # is written %23");
    size_t scheme_length = strspn(text, SCHEME_CHARS);
    if (!read_scheme(p, text, scheme_length))
        return false;
    text += scheme_length + 1;
    p->url->authority = "";
    if (strncmp(text, "//", 2) == 0) {
        text += 2;
        size_t length = strcspn(text, "/?");
        p->url->authority = p->next;
        memcpy(p->next, text, length);
        p->next += length;
        *p->next++ = '\0';
        text += length;
    }
    size_t path_length = strcspn(text, "?");
    if (!decode(p, text, path_length, &p->url->path))
        return false;
    if (!elect__utf8_line(p->url->path))
        return refuse(p, "a path has no control characters");
    text += path_length;
    return *text == '\0' || read_query(p, text + 1);
}

int32_t elect__url_parse(const char *text, struct elect__url *url, char *rule, size_t rule_size)
{
    *url = (struct elect__url){0};
    /* Each string but the last ends where the text has a separator; a path without a query does not. */
    url->size = strlen(text) + 4;
    url->memory = calloc(1, url->size);
    if (!url->memory) {
        snprintf(rule, rule_size, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    struct parser parser = {url, url->memory, rule, rule_size};
    if (read_url(&parser, text))
        return ELECT_OK;
    elect__url_free(url);
    return ELECT_EINVAL;
}

void elect__url_free(struct elect__url *url)
{
    if (url->memory)
        explicit_bzero(url->memory, url->size);
    free(url->memory);
    url->memory = NULL;
}

const char *elect__url_param(const struct elect__url *url, const char *key)
{
    for (int i = 0; i < url->param_count; i++) {
        if (strcmp(url->params[i].key, key) == 0)
            return url->params[i].value;
    }
    return NULL;
}
