/* Runs the tests of a program, each in a process of its own, so many at once, and sums up as Criterion does. A test that
 * leaves descriptors open has failed, and under memcheck one that leaves memory. The processes that a test forks are not
 * asked: they leave alone what is their parent's. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_DO_LEAK_CHECK
#define VALGRIND_COUNT_LEAKS(lost, dubious, reachable, suppressed)
#endif

enum { JOBS = 16, SKIPPED = 77, SLOWER = 50, PATIENCE_S = 30, TURN_US = 10000 };

struct seat {
    const struct shim_test *test; /* NULL: free */
    pid_t pid;
    bool *failed; /* by some process of the test */
};

static struct shim_test *tests, **last = &tests, *suites;
static bool *failed; /* of the test that this process plays */
static struct {
    int tested, passing, crashing;
} sum;

void shim_add(struct shim_test *test)
{
    if (!test->name) {
        test->next = suites;
        suites = test;
        return;
    }
    *last = test;
    last = &test->next;
}

void shim_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "[----] %s:%d: Assertion Failed: %s: ", file, line, what);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    *failed = true;
}

void shim_abort(void)
{
    abort();
}

void shim_skip(const char *reason)
{
    fprintf(stderr, "[SKIP] %s\n", reason);
    _exit(SKIPPED);
}

/* ---- one test ---- */

static void call(void (*function)(void))
{
    if (function)
        function();
}

static int count(const char *path)
{
    int entries = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    while (readdir(folder))
        entries++;
    closedir(folder);
    return entries;
}

/* Until no more is open than before: the thread of a client that was freed without a close ends by itself. */
static bool settles(const char *path, int before)
{
    for (int turns = 0; count(path) > before; turns++) {
        if (turns > PATIENCE_S * 1000000L / TURN_US)
            return false;
        usleep(TURN_US);
    }
    return true;
}

static void look_for_leaks(void)
{
    unsigned long lost = 0, dubious = 0, reachable = 0, suppressed = 0;
    VALGRIND_DO_LEAK_CHECK;
    VALGRIND_COUNT_LEAKS(lost, dubious, reachable, suppressed);
    (void)dubious, (void)reachable, (void)suppressed;
    if (lost > 0)
        shim_fail(__FILE__, __LINE__, "nothing is lost", "%lu bytes", lost);
}

static const struct shim_settings *settings_of_suite(const struct shim_test *test)
{
    static const struct shim_settings none;
    for (const struct shim_test *suite = suites; suite; suite = suite->next)
        if (strcmp(suite->suite, test->suite) == 0)
            return &suite->settings;
    return &none;
}

static _Noreturn void run(const struct shim_test *test)
{
    const struct shim_settings *suite = settings_of_suite(test);
    int descriptors = count("/proc/self/fd");
    alarm((unsigned)(test->settings.timeout * SLOWER));
    call(suite->init);
    call(test->settings.init);
    test->run();
    call(test->settings.fini);
    call(suite->fini);
    if (!settles("/proc/self/fd", descriptors))
        shim_fail(__FILE__, __LINE__, "all descriptors are closed", "%d more are open",
                  count("/proc/self/fd") - descriptors);
    if (RUNNING_ON_VALGRIND && settles("/proc/self/task", 1 + 2)) /* . and .. */
        look_for_leaks();
    exit(0);
}

/* ---- all tests ---- */

static bool ended_well(const struct seat *seat, int status)
{
    const struct shim_settings *settings = &seat->test->settings;
    if (*seat->failed)
        return false;
    if (settings->signal)
        return WIFSIGNALED(status) && WTERMSIG(status) == settings->signal;
    return WIFEXITED(status) && WEXITSTATUS(status) == settings->exit_code;
}

static void sum_up(const struct seat *seat, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        return;
    bool passed = ended_well(seat, status);
    sum.tested++;
    sum.passing += passed;
    sum.crashing += !passed && !*seat->failed;
    if (!passed)
        printf("[FAIL] %s/%s: %s %d\n", seat->test->suite, seat->test->name,
               WIFSIGNALED(status) ? "signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void begin(struct seat *seat, const struct shim_test *test)
{
    printf("[RUN ] %s/%s\n", test->suite, test->name);
    fflush(stdout);
    *seat->failed = false;
    seat->test = test;
    seat->pid = fork();
    if (seat->pid < 0)
        abort();
    if (seat->pid == 0) {
        failed = seat->failed;
        run(test);
    }
}

/* Waits for some test to end; its seat. */
static struct seat *end_one(struct seat seats[JOBS])
{
    int status, i = 0;
    pid_t pid = wait(&status);
    while (seats[i].pid != pid || !seats[i].test)
        if (pid < 0 || ++i == JOBS)
            abort();
    sum_up(&seats[i], status);
    seats[i].test = NULL;
    return &seats[i];
}

/* The value of an option that may be given several times: that after *at, which moves on. NULL: no more. */
static const char *next_option(int argc, char **argv, const char *name, int *at)
{
    while (++*at + 1 < argc)
        if (strcmp(argv[*at], name) == 0)
            return argv[++*at];
    return NULL;
}

static bool is_wanted(const struct shim_test *test, int argc, char **argv)
{
    char name[256];
    const char *pattern;
    int at = 0;
    snprintf(name, sizeof name, "%s/%s", test->suite, test->name);
    if ((pattern = next_option(argc, argv, "--filter", &at)) && fnmatch(pattern, name, 0) != 0)
        return false;
    for (at = 0; (pattern = next_option(argc, argv, "--without", &at));)
        if (fnmatch(pattern, name, 0) == 0)
            return false;
    return !test->settings.disabled;
}

/* Of Criterion's options --filter SUITE/NAME (with wildcards) and --jobs N mean something here; and our own --without. */
int main(int argc, char **argv)
{
    struct seat seats[JOBS] = {{0}};
    int at = 0, busy = 0;
    const char *given = next_option(argc, argv, "--jobs", &at);
    int jobs = given ? atoi(given) : 1;
    bool *failures = mmap(NULL, JOBS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    jobs = jobs < 1 ? 1 : jobs > JOBS ? JOBS : jobs;
    for (int i = 0; i < JOBS; i++)
        seats[i].failed = &failures[i];
    for (const struct shim_test *test = tests; test; test = test->next) {
        if (is_wanted(test, argc, argv))
            begin(busy < jobs ? &seats[busy++] : end_one(seats), test);
    }
    for (; busy > 0; busy--)
        end_one(seats);
    printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d\n", sum.tested, sum.passing,
           sum.tested - sum.passing - sum.crashing, sum.crashing);
    return sum.tested == 0 || sum.passing != sum.tested;
}
