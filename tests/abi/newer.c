/* Makes the library look newer than the program that uses it (LD_PRELOAD): what is told of leaders comes as an event of a kind
 * that did not exist, a LOST has a reason and a failure has a code of that sort, and the version is a later one. */
#include <dlfcn.h>
#include <elect/elect.h>

enum { LATER = 1000 };

/* ISO C knows no cast from an object's pointer to a function's. */
#define REAL(name) (*(__typeof__(&name) *)&(void *){dlsym(RTLD_NEXT, #name)})

int32_t elect_event_kind(const elect_event_t *event)
{
    int32_t kind = REAL(elect_event_kind)(event);

    return kind == ELECT_EVENT_LEADER_CHANGED ? LATER : kind;
}

int32_t elect_event_reason(const elect_event_t *event)
{
    int32_t reason = REAL(elect_event_reason)(event);

    return reason ? LATER : reason;
}

int32_t elect_options_set(elect_options_t *options, const char *name, const char *value)
{
    int32_t code = REAL(elect_options_set)(options, name, value);

    return code == ELECT_OK ? code : -LATER;
}

int32_t elect_version_number(void)
{
    return REAL(elect_version_number)() + LATER;
}
