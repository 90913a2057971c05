/* What may be shown of a store URL, also of one that is malformed: a password often is the reason why. */
#include "option_table.h"
#include "store.h"
#include "text.h"
#include "url.h"
#include <stdlib.h>
#include <string.h>

struct redactor {
    const struct elect__store_class *class_; /* NULL: unknown scheme */
    char *out;
};

static void put(struct redactor *r, const char *text, size_t length)
{
    memcpy(r->out, text, length);
    r->out += length;
}

static void hide(struct redactor *r)
{
    put(r, ELECT__HIDDEN, strlen(ELECT__HIDDEN));
}

/* Is the value of this parameter known to be no secret? All others are taken for one: that of a misspelt option too. */
static bool is_harmless(const struct redactor *r, const char *key, size_t length)
{
    if (r->class_ && elect__word_in(r->class_->params, key, length))
        return true;
    for (size_t i = 0; i < ELECT__OPTION_COUNT; i++) {
        const struct elect__option_row *row = &elect__options_rows[i];
        if (strlen(row->name) == length && memcmp(row->name, key, length) == 0)
            return !row->secret && row->kind != ELECT__KIND_URL;
    }
    return false;
}

static void put_query(struct redactor *r, const char *query)
{
    while (*query) {
        size_t length = strcspn(query, "&");
        size_t key_length = strcspn(query, "=&");
        if (key_length < length && is_harmless(r, query, key_length)) {
            put(r, query, length);
        } else {
            if (key_length < length)
                put(r, query, key_length + 1);
            hide(r);
        }
        query += length;
        if (*query == '&')
            put(r, query++, 1);
    }
}

/* Where the query begins, or the end of text. In an authority, a ? that no known parameter follows may belong to a
 * password, when there is an @ behind it. */
static const char *find_query(const struct redactor *r, const char *text)
{
    const char *query = strchr(text, '?');
    const char *at = query ? strrchr(query, '@') : NULL;
    if (at && *text != '/' && !is_harmless(r, query + 1, strcspn(query + 1, "=&")))
        query = strchr(at, '?');
    return query ? query : text + strlen(text);
}

/* host, host:port, [v6]:port, with commas between? Otherwise what follows a colon may be a password. */
static bool is_hosts(const char *text, const char *end)
{
    bool brackets = false, port = false;
    for (; text < end && *text != '/'; text++) {
        if (*text == '[' || *text == ']')
            brackets = *text == '[';
        else if (*text == ',')
            port = false;
        else if (*text == ':' && !brackets)
            port = true;
        else if (port && (*text < '0' || *text > '9'))
            return false;
    }
    return true;
}

/* The part that may hold user:password@. */
static void put_authority(struct redactor *r, const char *text, size_t length)
{
    size_t secret = length; /* where user and password end: at the last @ */
    while (secret > 0 && text[secret - 1] != '@')
        secret--;
    if (secret == 0 && is_hosts(text, text + length)) {
        put(r, text, length);
        return;
    }
    /* Without a colon it may be a lone password: some clients read redis://PASSWORD@host so. */
    const char *colon = memchr(text, ':', secret ? secret : length);
    if (colon)
        put(r, text, (size_t)(colon + 1 - text));
    hide(r);
    if (secret)
        put(r, text + secret - 1, length - (secret - 1));
}

/* A path may contain an @, and nothing stands before it; but of other schemes, one slash too many was typed. */
static bool has_paths(const char *scheme, size_t length)
{
    return elect__word_in("local|redis+unix|valkey+unix", scheme, length);
}

char *elect__url_redact(const char *text)
{
    /* Each hidden word replaces at least a separator and grows it by less than this. */
    char *shown = malloc((strlen(ELECT__HIDDEN) + 1) * (strlen(text) + 2));
    if (!shown)
        return NULL;
    struct redactor redactor = {NULL, shown};
    size_t scheme_length = strcspn(text, ":/?@");
    bool paths = has_paths(text, scheme_length);
    if (text[scheme_length] == ':') {
        redactor.class_ = elect__store_find(text, scheme_length);
        put(&redactor, text, scheme_length + 1);
        text += scheme_length + 1;
    }
    if (strncmp(text, "//", 2) == 0) {
        put(&redactor, text, 2);
        text += 2;
    }
    const char *query = find_query(&redactor, text);
    size_t slashes = strspn(text, "/");
    put(&redactor, text, slashes);
    text += slashes;
    if (slashes > 0 && paths)
        put(&redactor, text, (size_t)(query - text));
    else
        put_authority(&redactor, text, (size_t)(query - text));
    if (*query == '?') {
        put(&redactor, query, 1);
        put_query(&redactor, query + 1);
    }
    *redactor.out = '\0';
    return shown;
}
