#include "redis_layout.h"
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPT_DIGITS = 16, KEY_SIZE = 2 * ELECT__REDIS_KEY_MAX, KEYS = 6 };
enum { SHA1_BYTES = 20, RANDOM_BYTES = 16, BASE32_SIZE = 41 }; /* of at most 20 bytes, padded */

static const struct elect__redis_layout layouts[] = {
    {.name = "elect", .native = true},
    {.name = "plain", .keeps_info = true},
    {.name = "maplefile", .keeps_info = true},
    {.name = "elector", .epoch_counts = true},
    {.name = "go-leader", .value_is_random = true},
};

const struct elect__redis_layout *elect__redis_layout_find(const char *name)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        if (strcmp(layouts[i].name, name) == 0)
            return &layouts[i];
    }
    return NULL;
}

/* ---- texts ---- */

/* RFC 4648, padded. */
static void base32(const unsigned char *bytes, size_t length, char out[BASE32_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    int count = 0;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 5; count -= 5)
            out[used++] = digits[bits >> (count - 5) & 31];
    }
    if (count > 0)
        out[used++] = digits[bits << (5 - count) & 31];
    while (used % 8 != 0)
        out[used++] = '=';
    out[used] = '\0';
}

/* False: OpenSSL has no memory, or does not give us this hash. */
static bool hash32(const EVP_MD *how, const char *text, size_t bytes, char out[BASE32_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE] = {0};
    bool hashed = EVP_Digest(text, strlen(text), hash, NULL, how, NULL) == 1;
    ERR_clear_error();
    base32(hash, bytes, out);
    return hashed;
}

/* ---- keys ---- */

/* What a cluster hashes of a key: what is between its first brace and the next closing one, unless that is nothing. */
static bool has_tag(const char *key)
{
    const char *open = strchr(key, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    return close && close > open + 1;
}

/* The keys under way to their one block. */
struct draft {
    char text[KEYS][KEY_SIZE]; /* in the order of struct elect__redis_keys */
};
enum { LOCK, TERM, HISTORY, EPOCH, INFO, CHANNEL };

static void put(char out[KEY_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(char out[KEY_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, KEY_SIZE, format, args);
    va_end(args);
}

static void draft_native(struct draft *draft, const struct elect__settings *settings, const char *name)
{
    put(draft->text[LOCK], "%s:{%s}:leader", settings->prefix, name);
    put(draft->text[TERM], "%s:{%s}:term", settings->prefix, name);
    put(draft->text[HISTORY], "%s:{%s}:history", settings->prefix, name);
    put(draft->text[CHANNEL], "%s:{%s}:events", settings->prefix, name);
}

/* Beside a lock of somebody else's making, in its slot. */
static void draft_beside(struct draft *draft, int at, const char *what)
{
    const char *lock = draft->text[LOCK];
    put(draft->text[at], has_tag(lock) ? "%s:%s" : "{%s}:%s", lock, what);
}

/* False: out of memory. */
static bool draft_foreign(struct draft *draft, const struct elect__redis_layout *layout,
                          const struct elect__settings *settings, const char *name)
{
    bool maplefile = strcmp(layout->name, "maplefile") == 0;
    if (layout->epoch_counts) {
        put(draft->text[LOCK], "%s:{election}:leader", name);
    } else if (layout->value_is_random) {
        char hash[BASE32_SIZE];
        if (!hash32(EVP_sha1(), name, SHA1_BYTES, hash))
            return false;
        put(draft->text[LOCK], "leader:%s", hash);
    } else {
        put(draft->text[LOCK], "%s", maplefile && !*settings->lock_key ? "maplefile:leader:lock" : settings->lock_key);
    }
    draft_beside(draft, CHANNEL, "events");
    draft_beside(draft, EPOCH, "epoch");
    if (layout->epoch_counts)
        put(draft->text[EPOCH], "%s:{election}:epoch", name);
    if (maplefile)
        put(draft->text[INFO], "%s", *settings->info_key ? settings->info_key : "maplefile:leader:info");
    else if (layout->keeps_info)
        draft_beside(draft, INFO, "info");
    return true;
}

static int32_t check(const struct draft *draft, const struct elect__settings *settings, char *error, size_t size)
{
    const char *info = draft->text[INFO];
    bool unset = !*draft->text[LOCK];
    bool equal = *info && (strcmp(info, draft->text[LOCK]) == 0 || strcmp(info, draft->text[EPOCH]) == 0);
    if (unset)
        snprintf(error, size, "lock_key is not set; layout=\"%s\" needs the key of the lock", settings->layout);
    else if (equal)
        snprintf(error, size, "info_key=\"%s\": must be another key than those of the lock and its epoch", info);
    return unset || equal ? ELECT_EINVAL : ELECT_OK;
}

int32_t elect__redis_keys_new(const struct elect__settings *settings, const char *name, struct elect__redis_keys **out,
                              char *error, size_t size)
{
    const struct elect__redis_layout *layout = elect__redis_layout_find(settings->layout);
    struct draft draft = {{{0}}};
    size_t total = 0, length[KEYS];
    *out = NULL;
    if (layout && layout->native)
        draft_native(&draft, settings, name);
    else if (!layout)
        return snprintf(error, size, "layout=\"%s\": there is no such layout", settings->layout), ELECT_EINVAL;
    else if (!draft_foreign(&draft, layout, settings, name))
        return ELECT_ENOMEM;
    int32_t code = check(&draft, settings, error, size);
    for (int i = 0; i < KEYS; i++)
        total += length[i] = strlen(draft.text[i]) + 1;
    struct elect__redis_keys *keys = code == ELECT_OK ? malloc(sizeof *keys + total) : NULL;
    if (!keys)
        return code != ELECT_OK ? code : ELECT_ENOMEM;
    *keys = (struct elect__redis_keys){.layout = layout};
    const char **const places[KEYS] = {&keys->lock,  &keys->term, &keys->history,
                                       &keys->epoch, &keys->info, &keys->channel};
    char *text = (char *)(keys + 1);
    for (int i = 0; i < KEYS; text += length[i++])
        *places[i] = memcpy(text, draft.text[i], length[i]);
    *out = keys;
    return ELECT_OK;
}

/* ---- the lock's value ---- */

bool elect__redis_value_write(const struct elect__redis_layout *layout, const struct elect__settings *settings,
                              const char *incarnation, uint64_t attempt, char out[ELECT__REDIS_VALUE_SIZE])
{
    if (layout->native) {
        size_t length = strnlen(settings->instance_id, ELECT__INSTANCE_ID_MAX);
        memcpy(out, settings->instance_id, length);
        out[length++] = ' ';
        for (int shift = 60; shift >= 0; shift -= 4)
            out[length++] = "0123456789abcdef"[attempt >> shift & 15];
        out[length] = '\0';
    } else if (layout->value_is_random) {
        /* Unlike any other's, and the same again for the renewal and the release of this attempt. */
        char text[64], hash[BASE32_SIZE];
        snprintf(text, sizeof text, "%s %016" PRIx64, incarnation, attempt);
        if (!hash32(EVP_sha256(), text, RANDOM_BYTES, hash))
            return false;
        snprintf(out, ELECT__REDIS_VALUE_SIZE, "%s", hash);
    } else {
        snprintf(out, ELECT__REDIS_VALUE_SIZE, "%s", settings->instance_id);
    }
    return true;
}

size_t elect__redis_value_read(const struct elect__redis_layout *layout, const char *value, uint64_t *attempt)
{
    size_t length = strlen(value), tail = 1 + ATTEMPT_DIGITS;
    *attempt = 0;
    if (!layout->native || length <= tail || length >= ELECT__REDIS_VALUE_SIZE)
        return length;
    const char *digits = value + length - ATTEMPT_DIGITS;
    if (digits[-1] != ' ' || strspn(digits, "0123456789abcdef") != ATTEMPT_DIGITS)
        return length;
    *attempt = strtoull(digits, NULL, 16);
    return *attempt != 0 ? length - tail : length;
}
