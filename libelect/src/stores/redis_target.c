#include "redis_target.h"
#include "../url.h"
#include <arpa/inet.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_PORT "6379"
#define DIGITS "0123456789"
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._"
#define FORM "a server is redis://[user:password@]host[:port][/db]; "
#define NO_HOST FORM "this URL names no host"
#define BAD_HOST                                                                                                       \
    FORM "a host is one name or address; : / ? # [ ] @ in a user or password are percent-encoded, such as %40 for @"
#define BAD_BRACKETS FORM "what is in brackets is an IPv6 address, and nothing but :port follows them"
#define BARE_IPV6 FORM "an IPv6 address is in brackets: redis://[::1]:6379"
#define BAD_PORT FORM "a port is 1 to 65535"
#define BAD_PATH FORM "after the host comes nothing, or the database's number: /0"
#define BAD_DATABASE "a database is 0 to 2147483647"
#define DB_IN_PATH FORM "the database's number comes after the host, not as a parameter"
#define UNIX_FORM "a socket of this host is redis+unix:///path[?db=N] or redis+unix://user:password@/path; "
#define UNIX_HOST UNIX_FORM "it has no host"
#define UNIX_PATH UNIX_FORM "its path is absolute"
enum { HOST_MAX = 253, PATH_MAX_UNIX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* Each answers NULL, or the rule that is broken: rules show nothing of the URL, since a password that was not encoded
 * may stand in any part of it. */
struct reader {
    struct elect__redis_target *out;
    char *next; /* where the next string goes */
};

static const char *put_decoded(struct reader *r, const char *text, size_t length, const char **out)
{
    const char *rule = elect__url_decode(text, length, r->next);
    if (rule)
        return rule;
    *out = r->next;
    r->next += strlen(r->next) + 1;
    return NULL;
}

/* user:password, user, :password */
static const char *read_user(struct reader *r, const char *text, size_t length)
{
    const char *colon = memchr(text, ':', length);
    size_t user_length = colon ? (size_t)(colon - text) : length;
    const char *rule = put_decoded(r, text, user_length, &r->out->user);
    if (rule || !colon)
        return rule;
    return put_decoded(r, colon + 1, length - user_length - 1, &r->out->password);
}

static const char *read_number(const char *text, int64_t max, int64_t *out, const char *rule)
{
    size_t length = strspn(text, DIGITS);
    if (length == 0 || length > 10 || text[length] != '\0')
        return rule;
    *out = strtoll(text, NULL, 10);
    return *out > max ? rule : NULL;
}

static const char *read_port(struct reader *r, const char *text)
{
    int64_t port;
    const char *rule = read_number(text, 65535, &port, BAD_PORT);
    if (rule)
        return rule;
    if (port == 0)
        return BAD_PORT;
    r->out->port = r->next;
    r->next += sprintf(r->next, "%d", (int)port) + 1;
    return NULL;
}

/* [v6], [v6%25zone], each with :port or without */
static const char *read_brackets(struct reader *r, const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t length = strcspn(text + 1, "]");
    const char *end = text + 1 + length;
    if (*end != ']' || (end[1] != '\0' && end[1] != ':'))
        return BAD_BRACKETS;
    const char *rule = put_decoded(r, text + 1, length, &r->out->host);
    if (rule)
        return rule;
    char *zone = strchr(r->out->host, '%');
    if (zone)
        *zone = '\0';
    bool valid = inet_pton(AF_INET6, r->out->host, address) == 1 && (!zone || zone[1] != '\0');
    if (zone)
        *zone = '%';
    if (!valid)
        return BAD_BRACKETS;
    return end[1] == ':' ? read_port(r, end + 2) : NULL;
}

static const char *read_host(struct reader *r, const char *text)
{
    if (*text == '[')
        return read_brackets(r, text);
    size_t length = strcspn(text, ":");
    if (text[length] == ':' && strchr(text + length + 1, ':'))
        return BARE_IPV6;
    if (length == 0)
        return NO_HOST;
    if (length > HOST_MAX || strspn(text, HOST_CHARS) < length)
        return BAD_HOST;
    r->out->host = r->next;
    memcpy(r->next, text, length);
    r->next += length;
    *r->next++ = '\0';
    return text[length] == ':' ? read_port(r, text + length + 1) : NULL;
}

static const char *read_tcp(struct reader *r, const struct elect__url *url, const char *host)
{
    const char *rule = read_host(r, host);
    if (rule)
        return rule;
    if (elect__url_param(url, "db"))
        return DB_IN_PATH;
    if (!*url->path || strcmp(url->path, "/") == 0)
        return NULL;
    if (url->path[strspn(url->path + 1, DIGITS) + 1] != '\0')
        return BAD_PATH;
    return read_number(url->path + 1, INT32_MAX, &r->out->database, BAD_DATABASE);
}

static const char *read_unix(struct reader *r, const struct elect__url *url, const char *host)
{
    const char *database = elect__url_param(url, "db");
    if (*host)
        return UNIX_HOST;
    if (*url->path != '/' || !url->path[1])
        return UNIX_PATH;
    if (strlen(url->path) > PATH_MAX_UNIX)
        return UNIX_FORM "the system takes paths of at most 107 bytes";
    r->out->path = r->next;
    r->next += sprintf(r->next, "%s", url->path) + 1;
    return database ? read_number(database, INT32_MAX, &r->out->database, BAD_DATABASE) : NULL;
}

static const char *read_url(struct reader *r, const struct elect__url *url)
{
    const char *at = strrchr(url->authority, '@');
    const char *host = at ? at + 1 : url->authority;
    if (at) {
        size_t length = (size_t)(at - url->authority);
        if (memchr(url->authority, '@', length))
            return BAD_HOST;
        const char *rule = read_user(r, url->authority, length);
        if (rule)
            return rule;
    }
    r->out->tls = strcmp(url->scheme, "rediss") == 0 || strcmp(url->scheme, "valkeys") == 0;
    bool is_unix = strcmp(url->scheme, "redis+unix") == 0 || strcmp(url->scheme, "valkey+unix") == 0;
    return is_unix ? read_unix(r, url, host) : read_tcp(r, url, host);
}

int32_t elect__redis_target_parse(const char *url, struct elect__redis_target *out, char *rule, size_t rule_size)
{
    struct elect__url parts;
    int32_t code = elect__url_parse(url, &parts, rule, rule_size);
    *out = (struct elect__redis_target){.path = "", .host = "", .port = DEFAULT_PORT, .user = "", .password = ""};
    if (code != ELECT_OK)
        return code;
    /* Nothing grows when it is decoded, and each string's end has a separator in the URL, but for the last. */
    out->memory = malloc(strlen(url) + 2);
    struct reader reader = {out, out->memory};
    const char *broken = out->memory ? read_url(&reader, &parts) : elect_code_text(ELECT_ENOMEM);
    explicit_bzero((char *)parts.authority, strlen(parts.authority));
    elect__url_free(&parts);
    if (!broken)
        return ELECT_OK;
    snprintf(rule, rule_size, "%s", broken);
    code = out->memory ? ELECT_EINVAL : ELECT_ENOMEM;
    if (out->memory)
        explicit_bzero(out->memory, strlen(url) + 2);
    elect__redis_target_free(out);
    return code;
}

void elect__redis_target_free(struct elect__redis_target *target)
{
    explicit_bzero((char *)target->password, strlen(target->password));
    free(target->memory);
    *target = (struct elect__redis_target){.path = "", .host = "", .port = DEFAULT_PORT, .user = "", .password = ""};
}
