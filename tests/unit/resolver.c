#include "resolver.h"
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list);
/* NOLINTEND(bugprone-reserved-identifier) */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int asking_now;
static bool let_go;

void resolver_await(int asking)
{
    pthread_mutex_lock(&mutex);
    while (asking_now < asking)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

void resolver_let_go(void)
{
    pthread_mutex_lock(&mutex);
    let_go = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static int wait_to_be_let_go(void)
{
    pthread_mutex_lock(&mutex);
    asking_now++;
    pthread_cond_broadcast(&changed);
    while (!let_go)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    return EAI_NONAME;
}

/* As freeaddrinfo takes them one by one, lists may be put together. */
static int list_of(const char *const *hosts, int count, const char *port, const struct addrinfo *hints,
                   struct addrinfo **list)
{
    for (int i = 0; i < count; i++) {
        struct addrinfo **end = list;
        while (*end)
            end = &(*end)->ai_next;
        int error = __real_getaddrinfo(hosts[i], port, hints, end);
        if (error != 0)
            return error;
    }
    return 0;
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
    const char *two[] = {"127.0.0.2", "127.0.0.1"}, *many[20];
    *list = NULL;
    if (hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, port, hints, list);
    if (strcmp(host, "slow.test") == 0)
        return wait_to_be_let_go();
    if (strcmp(host, "one.test") == 0)
        return list_of(two + 1, 1, port, hints, list);
    if (strcmp(host, "two.test") == 0)
        return list_of(two, 2, port, hints, list);
    if (strcmp(host, "many.test") == 0) {
        for (int i = 0; i < 20; i++)
            many[i] = two[0];
        return list_of(many, 20, port, hints, list);
    }
    if (strcmp(host, "broken.test") == 0) {
        errno = EMFILE;
        return EAI_SYSTEM;
    }
    return strcmp(host, "localhost") == 0 ? __real_getaddrinfo(host, port, hints, list) : EAI_NONAME;
}
