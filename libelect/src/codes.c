#include "codes.h"
#include <elect/elect.h>
#include <stddef.h>
#include <string.h>

#define CODES(X)                                                                                                       \
    X(ELECT_OK, "success")                                                                                             \
    X(ELECT_EINVAL, "bad argument or option")                                                                          \
    X(ELECT_ENOMEM, "out of memory")                                                                                   \
    X(ELECT_ETIMEOUT, "nothing happened before the timeout")                                                           \
    X(ELECT_ESTATE, "not possible in this state")                                                                      \
    X(ELECT_ENOTLEADER, "not the leader")                                                                              \
    X(ELECT_ESTORE, "the store refused or cannot be used")                                                             \
    X(ELECT_EUNREACHABLE, "no connection to the store")                                                                \
    X(ELECT_EUNKNOWN, "the write may or may not have been applied")                                                    \
    X(ELECT_EFORKED, "the handle belongs to the parent process")                                                       \
    X(ELECT_ECLOSED, "closed")                                                                                         \
    X(ELECT_EAUTH, "the store refused the credentials")

const char *elect_code_name(int32_t code)
{
    switch (code) {
#define CODE_NAME(id, text)                                                                                            \
    case id:                                                                                                           \
        return #id;
        CODES(CODE_NAME)
    default:
        return "";
    }
}

const char *elect_code_text(int32_t code)
{
    switch (code) {
#define CODE_TEXT(id, text)                                                                                            \
    case id:                                                                                                           \
        return text;
        CODES(CODE_TEXT)
    default:
        return code < 0 ? "a failure of a kind that this version does not know" : "";
    }
}

/* Names by value, from 0 up. */
static const char *const kinds[] = {"", "elected", "lost", "leader_changed", "error", "closed", "log"};
static const char *const reasons[] = {"",       "stopped", "resigned", "unreachable",
                                      "paused", "expired", "taken",    "deleted"};
static const char *const levels[] = {"off", "error", "warn", "info", "debug"};
#define COUNT(names) ((int32_t)(sizeof(names) / sizeof((names)[0])))

static const char *find(const char *const *names, int32_t count, int32_t value)
{
    return value >= 0 && value < count ? names[value] : "";
}

const char *elect_kind_name(int32_t kind)
{
    return find(kinds, COUNT(kinds), kind);
}

const char *elect_reason_name(int32_t reason)
{
    return find(reasons, COUNT(reasons), reason);
}

const char *elect__level_name(int32_t level)
{
    return find(levels, COUNT(levels), level);
}

/* -1: there is none of this name. */
static int32_t value_of(const char *const *names, int32_t count, const char *name)
{
    for (int32_t value = 0; value < count; value++)
        if (strcmp(names[value], name) == 0)
            return value;
    return -1;
}

int32_t elect__level_find(const char *name)
{
    return value_of(levels, COUNT(levels), name);
}

int32_t elect__reason_find(const char *name)
{
    int32_t reason = value_of(reasons, COUNT(reasons), name);
    return reason > 0 ? reason : 0;
}

/* The build takes it from VERSION, and stops where the header's ELECT_VERSION_NUMBER says otherwise. */
const char *elect_version(void)
{
    return ELECT__VERSION;
}

int32_t elect_version_number(void)
{
    return ELECT_VERSION_NUMBER;
}
