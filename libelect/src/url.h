/* Store URLs: scheme:path, scheme://authority/path, each with ?key=value&key=value. */
#ifndef ELECT_SRC_URL_H
#define ELECT_SRC_URL_H
#include <stddef.h>
#include <stdint.h>

enum { ELECT__URL_PARAMS = 32 };

struct elect__url_param {
    const char *key, *value; /* percent-decoded */
};
struct elect__url {
    const char *scheme;    /* in lower case */
    const char *authority; /* between // and the path, as written: user:password@host:port; "": none */
    const char *path;      /* percent-decoded, with its leading slash where it has one */
    int param_count;
    struct elect__url_param params[ELECT__URL_PARAMS];
    char *memory; /* all of the above lie here; wiped when it is freed */
    size_t size;
};

/* ELECT_OK, ELECT_EINVAL or ELECT_ENOMEM, with the rule in rule; on failure there is nothing to free. */
int32_t elect__url_parse(const char *text, struct elect__url *url, char *rule, size_t rule_size);
void elect__url_free(struct elect__url *url);

/* Percent-decodes length bytes of text into out, which takes as many and an end. NULL, or the rule that they break. */
const char *elect__url_decode(const char *text, size_t length, char *out);

/* The value of a parameter, or NULL. */
const char *elect__url_param(const struct elect__url *url, const char *key);

/* What may be shown of any text that was meant as a store URL: passwords, and values of parameters that are not known
 * to be harmless, are "***". malloc'd; NULL: out of memory. */
char *elect__url_redact(const char *text);
#endif
