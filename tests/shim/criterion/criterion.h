/* In the place of Criterion where it does not run (its allocator fails under ThreadSanitizer) or costs too much (under
 * valgrind): the same tests, one child process each, in turn. It has what the tests here use, and no more. */
#ifndef TESTS_SHIM_CRITERION_H
#define TESTS_SHIM_CRITERION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Criterion's names for what Test and TestSuite take. */
struct shim_settings {
    void (*init)(void), (*fini)(void);
    double timeout; /* seconds; tools slow a test down, so it is only kept to from afar */
    int exit_code, signal;
    bool disabled;
    const char *description;
};

struct shim_test {
    const char *suite, *name; /* name NULL: the settings of the suite */
    void (*run)(void);
    struct shim_settings settings;
    struct shim_test *next;
};

void shim_add(struct shim_test *test);
void shim_fail(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
_Noreturn void shim_abort(void); /* ends a test that failed */
_Noreturn void shim_skip(const char *reason);

#define SHIM_REGISTER(suite_, name_, text_, run_, ...)                                                                 \
    __attribute__((constructor)) static void suite_##_##name_##_register(void)                                         \
    {                                                                                                                  \
        static struct shim_test test = {#suite_, text_, run_, {.disabled = false, __VA_ARGS__}, NULL};                 \
        shim_add(&test);                                                                                               \
    }
#define TestSuite(suite_, ...) SHIM_REGISTER(suite_, suite, NULL, NULL, __VA_ARGS__) struct shim_test
#define Test(suite_, name_, ...)                                                                                       \
    static void suite_##_##name_(void);                                                                                \
    SHIM_REGISTER(suite_, name_, #name_, suite_##_##name_, __VA_ARGS__)                                                \
    static void suite_##_##name_(void)

#define SHIM_EXPECT(ok, what, then, ...)                                                                               \
    do {                                                                                                               \
        if (!(ok)) {                                                                                                   \
            shim_fail(__FILE__, __LINE__, what, "" __VA_ARGS__);                                                       \
            then;                                                                                                      \
        }                                                                                                              \
    } while (0)
#define SHIM_ASSERT(ok, what, ...) SHIM_EXPECT(ok, what, shim_abort(), __VA_ARGS__)

#define cr_assert(a, ...) SHIM_ASSERT(a, #a, __VA_ARGS__)
#define cr_assert_not(a, ...) SHIM_ASSERT(!(a), "!" #a, __VA_ARGS__)
#define cr_assert_null(a, ...) SHIM_ASSERT((a) == NULL, #a " == NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) SHIM_ASSERT((a) != NULL, #a " != NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) SHIM_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) SHIM_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) SHIM_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) SHIM_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) SHIM_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) SHIM_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) SHIM_ASSERT(strcmp(a, b) == 0, #a " eq " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) SHIM_ASSERT(strcmp(a, b) != 0, #a " neq " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) SHIM_ASSERT(*(a) == '\0', #a " is empty", __VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) SHIM_ASSERT(*(a) != '\0', #a " is not empty", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) SHIM_ASSERT(memcmp(a, b, size) == 0, #a " eq " #b, __VA_ARGS__)
#define cr_assert_fail(...) SHIM_ASSERT(false, "fail", __VA_ARGS__)
#define cr_expect(a, ...) SHIM_EXPECT(a, #a, , __VA_ARGS__)
#define cr_expect_eq(a, b, ...) SHIM_EXPECT((a) == (b), #a " == " #b, , __VA_ARGS__)
#define cr_skip_test(reason) shim_skip(reason)
#endif
