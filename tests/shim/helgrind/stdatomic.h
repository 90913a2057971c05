/* C11's atomics, said aloud to helgrind, which takes their loads and stores for races and sees no order in them. What
 * happens before what is told by the orders that the code asks for and by no more, so a race that hides behind a relaxed
 * access is still found. For gcc, whose builtins take _Atomic objects. */
#pragma GCC system_header
#include_next <stdatomic.h>
#ifndef TESTS_SHIM_STDATOMIC_H
#define TESTS_SHIM_STDATOMIC_H
#include <stddef.h>
#include <valgrind/helgrind.h>

/* Before an access that may release. */
static inline void shim_before(const volatile void *object, size_t size, int order)
{
    VALGRIND_HG_DISABLE_CHECKING(object, size); /* accesses to the object itself are none of its business */
    if (order != __ATOMIC_RELAXED && order != __ATOMIC_ACQUIRE)
        ANNOTATE_HAPPENS_BEFORE(object);
}

/* After an access that may acquire. */
static inline void shim_after(const volatile void *object, int order)
{
    if (order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE)
        ANNOTATE_HAPPENS_AFTER(object);
}

#define SHIM_ATOMIC(object, order, access)                                                                             \
    __extension__({                                                                                                    \
        shim_before(object, sizeof *(object), order);                                                                  \
        __auto_type shim_value = access;                                                                               \
        shim_after(object, order);                                                                                     \
        shim_value;                                                                                                    \
    })

#undef atomic_init
#define atomic_init(object, value)                                                                                     \
    do {                                                                                                               \
        ANNOTATE_HAPPENS_BEFORE_FORGET_ALL(object);                                                                    \
        __atomic_store_n(object, value, __ATOMIC_RELAXED);                                                             \
    } while (0)

/* A load releases nothing, and a store acquires nothing, also where they are sequentially consistent. */
#undef atomic_load_explicit
#define atomic_load_explicit(object, order)                                                                            \
    __extension__({                                                                                                    \
        shim_before(object, sizeof *(object), __ATOMIC_RELAXED);                                                       \
        __auto_type shim_value = __atomic_load_n(object, order);                                                       \
        shim_after(object, order);                                                                                     \
        shim_value;                                                                                                    \
    })
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                                    \
    do {                                                                                                               \
        shim_before(object, sizeof *(object), order);                                                                  \
        __atomic_store_n(object, value, order);                                                                        \
    } while (0)
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                                                                 \
    SHIM_ATOMIC(object, order, __atomic_exchange_n(object, value, order))
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, value, order)                                                                \
    SHIM_ATOMIC(object, order, __atomic_fetch_add(object, value, order))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, value, order)                                                                \
    SHIM_ATOMIC(object, order, __atomic_fetch_sub(object, value, order))
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit(object, value, order)                                                                 \
    SHIM_ATOMIC(object, order, __atomic_fetch_or(object, value, order))

#undef atomic_load
#define atomic_load(object) atomic_load_explicit(object, __ATOMIC_SEQ_CST)
#undef atomic_store
#define atomic_store(object, value) atomic_store_explicit(object, value, __ATOMIC_SEQ_CST)
#undef atomic_exchange
#define atomic_exchange(object, value) atomic_exchange_explicit(object, value, __ATOMIC_SEQ_CST)
#undef atomic_fetch_add
#define atomic_fetch_add(object, value) atomic_fetch_add_explicit(object, value, __ATOMIC_SEQ_CST)
#undef atomic_fetch_sub
#define atomic_fetch_sub(object, value) atomic_fetch_sub_explicit(object, value, __ATOMIC_SEQ_CST)
#undef atomic_fetch_or
#define atomic_fetch_or(object, value) atomic_fetch_or_explicit(object, value, __ATOMIC_SEQ_CST)

/* What is not told here is not used there: so that it will not be used untold. */
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_and
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor
#undef atomic_fetch_xor_explicit
#undef atomic_thread_fence
#endif
