/* What every store must do, whatever it is made of. Each rule runs on each store, with real time and with a scripted
 * clock, by candidates of one client and, where the store reaches further than one client, of two; on custom: also over a
 * register that fails. What a register with compare-and-set cannot do is asked of it by other words, under
 * stage_is_register. */
#ifndef ELECT_TESTS_CONTRACT_H
#define ELECT_TESTS_CONTRACT_H
#include "stage.h"
#include <cjson/cJSON.h>
#include <stdio.h>

struct place {
    const struct elect__store_class *class_;
    int clients;
    bool scripted, faulty;
};

/* Candidate i stands at this store. */
static inline int at(const struct stage *stage, int i)
{
    return stage->stores[1] != NULL ? i % 2 : 0;
}

static inline void play(struct place place, void (*rule)(struct stage *stage))
{
    struct stage stage;
    if (place.faulty)
        stage_open_faulty(&stage, place.clients, place.scripted);
    else
        stage_open(&stage, place.class_, place.clients, place.scripted);
    rule(&stage);
    stage_close(&stage);
}

#define RULE_AT(suite, name, ...)                                                                                      \
    Test(suite, name)                                                                                                  \
    {                                                                                                                  \
        play((struct place){__VA_ARGS__}, name);                                                                       \
    }
#ifdef ELECT_REDIS /* its server has a clock of its own, so that none can be scripted */
#define RULE_AT_REDIS(name)                                                                                            \
    RULE_AT(redis_real, name, &elect__redis_store, 1, false, false)                                                    \
    RULE_AT(redis_clients_real, name, &elect__redis_store, 2, false, false)
#else
#define RULE_AT_REDIS(name)
#endif
#define RULE(name)                                                                                                     \
    static void name(struct stage *stage);                                                                             \
    RULE_AT(memory_real, name, &elect__memory_store, 1, false, false)                                                  \
    RULE_AT(memory_scripted, name, &elect__memory_store, 1, true, false)                                               \
    RULE_AT(local_real, name, &elect__local_store, 1, false, false)                                                    \
    RULE_AT(local_scripted, name, &elect__local_store, 1, true, false)                                                 \
    RULE_AT(local_clients_real, name, &elect__local_store, 2, false, false)                                            \
    RULE_AT(local_clients_scripted, name, &elect__local_store, 2, true, false)                                         \
    RULE_AT(custom_real, name, &elect__custom_store, 1, false, false)                                                  \
    RULE_AT(custom_scripted, name, &elect__custom_store, 1, true, false)                                               \
    RULE_AT(custom_clients_real, name, &elect__custom_store, 2, false, false)                                          \
    RULE_AT(custom_clients_scripted, name, &elect__custom_store, 2, true, false)                                       \
    RULE_AT(custom_faulty_scripted, name, &elect__custom_store, 1, true, true)                                         \
    RULE_AT(custom_faulty_clients_real, name, &elect__custom_store, 2, false, true)                                    \
    RULE_AT(custom_faulty_clients_scripted, name, &elect__custom_store, 2, true, true)                                 \
    RULE_AT_REDIS(name)                                                                                                \
    static void name(struct stage *stage)

struct pair {
    struct actor a, b;
};

static inline void enter_pair(struct pair *pair, struct stage *stage, const char *name)
{
    actor_enter(&pair->a, stage, at(stage, 0), name, "a-1");
    actor_enter(&pair->b, stage, at(stage, 1), name, "b-2");
}

static inline void leave_pair(struct pair *pair)
{
    actor_leave(&pair->a);
    actor_leave(&pair->b);
}
#endif
