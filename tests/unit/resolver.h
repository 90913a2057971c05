/* Names that a test needs, answered without a network: the linker puts it in front of getaddrinfo (--wrap, see
 * CMakeLists.txt).
 *   none.test      nobody knows it            broken.test  the resolver has no descriptors
 *   slow.test      does not answer before resolver_let_go; then: nobody knows it
 *   one.test       127.0.0.1                  two.test     127.0.0.2, 127.0.0.1
 *   many.test      127.0.0.2 twenty times */
#ifndef TESTS_UNIT_RESOLVER_H
#define TESTS_UNIT_RESOLVER_H

/* Waits until so many threads ask for slow.test. */
void resolver_await(int asking);
/* Lets them all have their answer. */
void resolver_let_go(void);
#endif
