/* Names become addresses on a thread of its own, which nobody has to wait for. */
#include "net.h"
#include "net/lookup.h"
#include "resolver.h"
#include <errno.h>

struct asked {
    struct event_base *base;
    bool starting, done;
    int answers, error, addresses;
    char first[INET_ADDRSTRLEN];
    unsigned port;
};

static void answered(void *user, int error, const struct addrinfo *list)
{
    struct asked *asked = user;
    cr_assert_not(asked->starting, "an answer from within the call");
    asked->answers++;
    asked->done = true;
    asked->error = error;
    if (list && list->ai_family == AF_INET) {
        const struct sockaddr_in *at = (const struct sockaddr_in *)(const void *)list->ai_addr;
        inet_ntop(AF_INET, &at->sin_addr, asked->first, sizeof asked->first);
        asked->port = ntohs(at->sin_port);
    }
    for (; list; list = list->ai_next) {
        asked->addresses++;
        cr_assert_eq(list->ai_socktype, SOCK_STREAM);
    }
}

static struct elect__lookup *start(struct asked *asked, const char *host, const char *port)
{
    asked->starting = true;
    struct elect__lookup *lookup = elect__lookup_start(asked->base, host, port, answered, asked);
    asked->starting = false;
    cr_assert_not_null(lookup);
    return lookup;
}

static struct asked ask(const char *host, const char *port)
{
    struct asked asked = {.base = net_base()};
    start(&asked, host, port);
    net_until(asked.base, &asked.done);
    net_turn(asked.base);
    cr_assert_eq(asked.answers, 1);
    event_base_free(asked.base);
    return asked;
}

Test(net_lookup, an_address_needs_no_thread_and_is_answered_by_the_loop)
{
    struct asked asked = {.base = net_base()};
    int threads = net_count("/proc/self/task"), descriptors = net_count("/proc/self/fd");
    start(&asked, "127.0.0.1", "6380");
    cr_assert_eq(net_count("/proc/self/task"), threads);
    cr_assert_eq(net_count("/proc/self/fd"), descriptors);
    cr_assert_not(asked.done);
    net_until(asked.base, &asked.done);
    cr_assert_eq(asked.error, 0);
    cr_assert_eq(asked.addresses, 1);
    cr_assert_str_eq(asked.first, "127.0.0.1");
    cr_assert_eq(asked.port, 6380);
    event_base_free(asked.base);
}

Test(net_lookup, an_ipv6_address_needs_none_either)
{
    struct asked asked = ask("::1", "1");
    cr_assert_eq(asked.error, 0);
    cr_assert_eq(asked.addresses, 1);
}

Test(net_lookup, a_name_is_answered_with_all_its_addresses_in_order)
{
    struct asked asked = ask("two.test", "7");
    cr_assert_eq(asked.error, 0);
    cr_assert_eq(asked.addresses, 2);
    cr_assert_str_eq(asked.first, "127.0.0.2");
}

Test(net_lookup, a_name_of_this_machine_is_found)
{
    struct asked asked = ask("localhost", "7");
    cr_assert_eq(asked.error, 0);
    cr_assert_geq(asked.addresses, 1);
}

Test(net_lookup, a_name_that_nobody_knows_is_an_error)
{
    struct asked asked = ask("none.test", "7");
    cr_assert_eq(asked.error, EAI_NONAME);
    cr_assert_eq(asked.addresses, 0);
}

Test(net_lookup, a_failure_of_the_system_is_told_by_its_errno)
{
    cr_assert_eq(ask("broken.test", "7").error, EMFILE);
}

Test(net_lookup, a_port_that_is_no_number_is_an_error)
{
    cr_assert_neq(ask("127.0.0.1", "redis!").error, 0);
}

Test(net_lookup, a_cancelled_lookup_does_not_answer)
{
    struct asked asked = {.base = net_base()};
    const char *hosts[] = {"127.0.0.1", "one.test"};
    for (int i = 0; i < 2; i++) {
        elect__lookup_cancel(start(&asked, hosts[i], "7"));
        net_turn(asked.base);
    }
    cr_assert_eq(asked.answers, 0);
    event_base_free(asked.base);
}

/* Each has a descriptor until it ends. */
static void await_threads(int descriptors)
{
    while (net_count("/proc/self/fd") > descriptors)
        usleep(1000);
}

Test(net_lookup, a_cancel_is_safe_while_the_name_is_looked_up_and_after_the_base_is_gone)
{
    int descriptors = net_count("/proc/self/fd");
    struct asked asked = {.base = net_base()};
    struct elect__lookup *lookups[8];
    for (int i = 0; i < 8; i++)
        lookups[i] = start(&asked, "slow.test", "7");
    resolver_await(8);
    for (int i = 0; i < 8; i++)
        elect__lookup_cancel(lookups[i]);
    event_base_free(asked.base);
    resolver_let_go();
    await_threads(descriptors);
    cr_assert_eq(asked.answers, 0);
}

/* As a client that tries again and again does, with a resolver that hangs. */
Test(net_lookup, a_resolver_that_hangs_costs_a_bounded_number_of_threads)
{
    int descriptors = net_count("/proc/self/fd"), threads;
    struct asked asked = {.base = net_base()};
    for (int i = 0; i < ELECT__LOOKUPS_LEFT; i++)
        elect__lookup_cancel(start(&asked, "slow.test", "7"));
    resolver_await(ELECT__LOOKUPS_LEFT);
    threads = net_count("/proc/self/task");
    start(&asked, "slow.test", "7");
    cr_assert_eq(net_count("/proc/self/task"), threads);
    net_until(asked.base, &asked.done);
    cr_assert_eq(asked.error, ELECT__LOOKUP_CROWDED);
    event_base_free(asked.base);
    cr_assert_eq(ask("127.0.0.1", "7").error, 0, "an address needs no thread");
    resolver_let_go();
    await_threads(descriptors);
    cr_assert_eq(ask("one.test", "7").error, 0);
}

/* Which of the two comes first is left to chance, many times. */
Test(net_lookup, a_cancel_may_race_with_the_answer)
{
    struct asked asked = {.base = net_base()};
    int descriptors = net_count("/proc/self/fd");
    for (int i = 0; i < 300; i++) {
        struct elect__lookup *lookup = start(&asked, "one.test", "7");
        int before = asked.answers;
        for (int turns = i % 8; turns > 0 && asked.answers == before; turns--)
            net_turn(asked.base);
        if (asked.answers == before)
            elect__lookup_cancel(lookup);
    }
    await_threads(descriptors);
    event_base_free(asked.base);
}
