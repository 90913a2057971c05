/* Operations of custom:, completed in every way that an application may find. */
#include "custom_api.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITING "lock_ttl=1h drain_timeout=0 "

/* The text of the ERROR that follows when a read is completed so. */
static void expect_blame(int32_t code, const char *version, const char *value, const char *wanted)
{
    char text[WORDS];
    int32_t got;
    elect_client_t *client = open_client("custom:?bootstrap=now", "lock_ttl=1h");
    elect_election_t *election = start_queued(client, "name=job", 1);
    elect_op_complete(next_op(client, ELECT_OP_READ), code, version, value, NULL);
    skip_to(client, ELECT_EVENT_ERROR, &got, NULL, text);
    cr_assert_eq(got, ELECT_ESTORE);
    cr_assert_str_eq(text, wanted);
    elect_election_free(election);
    close_client(client);
}

Test(custom_ops, what_a_read_may_not_answer_is_a_failure_that_says_so)
{
    char long_version[129];
    memset(long_version, 'v', sizeof long_version - 1);
    long_version[128] = '\0';
    char *long_value = malloc(65538);
    memset(long_value, ' ', 65537);
    long_value[65537] = '\0';
    expect_blame(ELECT_OK, "", "{}", "elect_op_complete, read: a value that is there has a version");
    expect_blame(ELECT_OK, NULL, "{}", "elect_op_complete, read: a value that is there has a version");
    expect_blame(ELECT_OK, long_version, "{}", "elect_op_complete, read: a version has less than 128 bytes");
    expect_blame(ELECT_OK, "1\n", "{}", "elect_op_complete, read: a version is UTF-8 without control characters");
    expect_blame(ELECT_OK, "\xff", "{}", "elect_op_complete, read: a version is UTF-8 without control characters");
    expect_blame(ELECT_OK, "1", long_value, "elect_op_complete, read: a value has at most 65536 bytes");
    expect_blame(ELECT_ESTATE, NULL, NULL, "elect_op_complete, read: code -4 is none that it may have");
    expect_blame(ELECT_EINVAL, NULL, NULL, "elect_op_complete, read: code -1 is none that it may have");
    expect_blame(7, "1", "{}", "elect_op_complete, read: code 7 is none that it may have");
    free(long_value);
}

/* What a write answered wrongly may have been applied: the next read decides. */
static void expect_doubt(int32_t code, const char *version)
{
    elect_client_t *client = open_client("custom:?bootstrap=now", WAITING "retry_interval=50ms ");
    elect_election_t *election = start_queued(client, "name=job", 1);
    elect_op_complete(next_op(client, ELECT_OP_READ), ELECT_OK, "7",
                      "{\"v\":1,\"epoch\":7,\"leaseMs\":1000,"
                      "\"incarnation\":\"00112233445566778899aabbccddeeff\",\"attempt\":\"000000000000000b\",\"seq\":3,"
                      "\"released\":true}",
                      NULL);
    elect_op_t *op = next_op(client, ELECT_OP_WRITE);
    cr_assert_str_eq(elect_op_version(op), "7");
    char *value = strdup(elect_op_value(op));
    elect_op_complete(op, code, version, NULL, NULL);
    op = next_op(client, ELECT_OP_READ);
    cr_assert_eq(elect_election_is_leader(election), 0);
    elect_op_complete(op, ELECT_OK, "8", value, NULL);
    must(elect_election_wait(election, GUARD_MS));
    free(value);
    elect_election_stop(election);
    elect_op_complete(next_op(client, ELECT_OP_WRITE), ELECT_OK, "9", NULL, NULL);
    elect_election_free(election);
    close_client(client);
}

Test(custom_ops, what_a_write_may_not_answer_is_never_a_success)
{
    expect_doubt(ELECT_OK, "");
    expect_doubt(ELECT_OK, NULL);
    expect_doubt(ELECT_OK, "7");
    expect_doubt(ELECT_OK, "8\t");
    expect_doubt(ELECT_EINVAL, "8");
    expect_doubt(1, "8");
    expect_doubt(ELECT_EUNKNOWN, NULL);
    expect_doubt(ELECT_ESTATE, NULL);
}

Test(custom_ops, a_refusal_tells_its_text)
{
    const int32_t codes[] = {ELECT_ESTORE, ELECT_EAUTH, ELECT_EUNREACHABLE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[WORDS];
        int32_t code;
        elect_client_t *client = open_client("custom:", "lock_ttl=1h");
        elect_election_t *election = start_queued(client, "name=job", 1);
        elect_op_complete(next_op(client, ELECT_OP_READ), codes[i], NULL, NULL, "table \xc3\xa4 is locked");
        skip_to(client, ELECT_EVENT_ERROR, &code, NULL, text);
        cr_assert_eq(code, codes[i]);
        cr_assert_str_eq(text, "table \xc3\xa4 is locked");
        elect_election_free(election);
        close_client(client);
    }
}

Test(custom_ops, an_operation_says_what_it_wants)
{
    elect_client_t *client = open_client("custom:?bootstrap=now", "lock_ttl=1h");
    elect_election_t *election = start_queued(client, "name=a/b prefix=x/y", 1);
    elect_op_t *op = next_op(client, ELECT_OP_READ);
    cr_assert_str_eq(elect_op_key(op), "x/y/a%2Fb");
    cr_assert_str_eq(elect_op_value(op), "");
    cr_assert_str_eq(elect_op_version(op), "");
    cr_assert(elect_op_remaining_ms(op) > 0 && elect_op_remaining_ms(op) <= 900000);
    elect_op_complete(op, ELECT_OK, NULL, NULL, NULL);
    op = next_op(client, ELECT_OP_WRITE);
    cr_assert_str_eq(elect_op_key(op), "x/y/a%2Fb");
    cr_assert_eq(*elect_op_value(op), '{');
    cr_assert_str_eq(elect_op_version(op), "");
    elect_op_complete(op, ELECT_OK, "first", NULL, NULL);
    must(elect_election_wait(election, GUARD_MS));
    elect_election_free(election);
    close_client(client);
}

Test(custom_ops, another_store_has_none)
{
    elect_op_t *op;
    elect_client_t *client = open_client("memory:", "");
    cr_assert_eq(elect_client_next_op(client, 0, &op), ELECT_ESTATE);
    cr_assert_null(op);
    cr_assert_eq(elect_client_op_fd(client), ELECT_ESTATE);
    cr_assert_eq(elect_client_key_changed(client, "a"), ELECT_ESTATE);
    close_client(client);
}

Test(custom_ops, the_url_is_custom_and_nothing_else)
{
    const char *urls[] = {"custom:/path", "custom://host", "custom:?bootstrap=later", "custom:?new=1"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        elect_client_t *client;
        elect_options_t *options = elect_options_new();
        int32_t code = elect_options_set(options, "store", urls[i]);
        if (code == ELECT_OK)
            code = elect_client_open(options, &client);
        cr_assert_eq(code, ELECT_EINVAL, "%s", urls[i]);
        cr_assert_neq(*elect_options_error(options), '\0');
        elect_options_free(options);
    }
}

static int op_readable(elect_client_t *client)
{
    struct pollfd poll_fd = {.fd = elect_client_op_fd(client), .events = POLLIN};
    return poll(&poll_fd, 1, 0);
}

Test(custom_ops, the_descriptor_is_readable_while_operations_wait_and_after_close)
{
    elect_op_t *op;
    elect_client_t *client = open_client("custom:", WAITING);
    cr_assert_eq(op_readable(client), 0);
    cr_assert_eq(elect_client_next_op(client, 0, &op), ELECT_ETIMEOUT);
    elect_election_t *election = start_queued(client, "name=job", 1);
    struct pollfd poll_fd = {.fd = elect_client_op_fd(client), .events = POLLIN};
    cr_assert_eq(poll(&poll_fd, 1, GUARD_MS), 1);
    op = next_op(client, ELECT_OP_READ);
    cr_assert_eq(op_readable(client), 0);
    elect_op_complete(op, ELECT_OK, NULL, NULL, NULL);
    elect_election_free(election);
    must(elect_client_close(client, GUARD_MS));
    cr_assert_eq(op_readable(client), 1);
    cr_assert_eq(elect_client_next_op(client, -1, &op), ELECT_ECLOSED);
    elect_client_free(client);
}

Test(custom_ops, who_waits_is_woken_by_close)
{
    struct example_store *table = example_store_new();
    struct site site = open_site(table, "custom:", "");
    close_site(&site); /* joins its threads */
    example_store_free(table);
}

Test(custom_ops, late_after_close_and_after_free_is_but_the_end)
{
    elect_client_t *client = open_client("custom:", WAITING);
    elect_election_t *one = start_queued(client, "name=a", 1), *two = start_queued(client, "name=b", 2);
    elect_op_t *first = next_op(client, ELECT_OP_READ), *second = next_op(client, ELECT_OP_READ);
    elect_election_free(one);
    elect_election_free(two);
    must(elect_client_close(client, GUARD_MS));
    cr_assert_eq(elect_op_remaining_ms(first), 0);
    cr_assert_str_eq(elect_op_key(first), "elect/a");
    elect_op_complete(first, ELECT_OK, "1", "{}", NULL);
    elect_client_free(client);
    cr_assert_str_eq(elect_op_key(second), "elect/b");
    elect_op_complete(second, ELECT_ESTORE, NULL, NULL, "late");
}

Test(custom_ops, what_was_taken_and_not_completed_is_unknown)
{
    char text[WORDS];
    int32_t code;
    elect_client_t *client = open_client("custom:", "lock_ttl=12s"); /* an operation lives for a quarter of it */
    elect_election_t *election = start_queued(client, "name=job", 1);
    elect_op_t *op = next_op(client, ELECT_OP_READ);
    skip_to(client, ELECT_EVENT_ERROR, &code, NULL, text);
    cr_assert_eq(code, ELECT_EUNREACHABLE);
    cr_assert_str_eq(text, "an operation of custom: was taken and not completed in time");
    cr_assert_eq(elect_op_remaining_ms(op), 0);
    elect_op_complete(op, ELECT_OK, "1", "{}", NULL);
    elect_election_free(election);
    close_client(client);
}

Test(custom_ops, a_client_that_nobody_serves_closes)
{
    char text[WORDS];
    int32_t code;
    elect_client_t *client = open_client("custom:", SHORT);
    elect_election_t *election = start_queued(client, "name=job", 1);
    skip_to(client, ELECT_EVENT_ERROR, &code, NULL, text);
    cr_assert_eq(code, ELECT_EUNREACHABLE);
    cr_assert_str_eq(text, "nobody serves the operations of custom:");
    must(elect_client_close(client, GUARD_MS));
    elect_election_free(election);
    elect_client_free(client);
    client = open_client("custom:", SHORT);
    elect_election_free(start_queued(client, "name=job", 1));
    elect_client_free(client); /* ends by itself */
}

/* The read was answered before the lock was released; at the next look of its own, nobody would be left to wait for it. */
Test(custom_ops, what_is_told_while_a_candidate_reads_is_not_lost)
{
#define RECORD(epoch)                                                                                                  \
    "{\"v\":1,\"epoch\":" epoch ",\"leaseMs\":3600000,\"incarnation\":\"00112233445566778899aabbccddeeff\","           \
    "\"attempt\":\"000000000000000b\",\"seq\":" epoch
    elect_client_t *client = open_client("custom:", "lock_ttl=1h retry_interval=30m");
    elect_election_t *election = start_queued(client, "name=job", 1);
    elect_op_complete(next_op(client, ELECT_OP_READ), ELECT_OK, "1", RECORD("7") ",\"released\":true}", NULL);
    elect_op_complete(next_op(client, ELECT_OP_WRITE), ELECT_ESTATE, NULL, NULL, NULL);
    elect_op_t *op = next_op(client, ELECT_OP_READ);
    must(elect_client_key_changed(client, "elect/job"));
    for (int i = 0; i < 2; i++) { /* when the second question is answered, what came before the first was heard */
        char *json;
        must(elect_client_report(client, "store", GUARD_MS, &json));
        elect_string_free(json);
    }
    elect_op_complete(op, ELECT_OK, "2", RECORD("8") "}", NULL);
    elect_op_complete(next_op(client, ELECT_OP_READ), ELECT_OK, "3", RECORD("8") ",\"released\":true}", NULL);
    elect_op_complete(next_op(client, ELECT_OP_WRITE), ELECT_OK, "4", NULL, NULL);
    must(elect_election_wait(election, GUARD_MS));
    elect_election_free(election);
    elect_op_complete(next_op(client, ELECT_OP_WRITE), ELECT_OK, "5", NULL, NULL);
    close_client(client);
}

/* Until the end: what nobody hears any more is lost as well. */
static void *tell_changes(void *client)
{
    int32_t code = ELECT_OK;
    while (code == ELECT_OK)
        code = elect_client_key_changed(client, "elect/other");
    cr_assert_eq(code, ELECT_ECLOSED);
    return NULL;
}

Test(custom_ops, changes_may_be_told_until_the_client_has_closed)
{
    enum { CLIENTS = 20, THREADS = 4 };
    pthread_t threads[THREADS];
    for (int i = 0; i < CLIENTS; i++) {
        elect_client_t *client = open_client("custom:", "");
        for (int j = 0; j < THREADS; j++)
            cr_assert_eq(pthread_create(&threads[j], NULL, tell_changes, client), 0);
        must(elect_client_close(client, GUARD_MS));
        for (int j = 0; j < THREADS; j++)
            pthread_join(threads[j], NULL);
        elect_client_free(client);
    }
}

Test(custom_ops, a_child_has_memory_and_nothing_else)
{
    int status;
    elect_client_t *client = open_client("custom:?bootstrap=now", "lock_ttl=20s retry_interval=50ms");
    elect_election_t *election = start_queued(client, "name=job", 1);
    elect_op_t *op = next_op(client, ELECT_OP_READ);
    pid_t child = fork();
    if (child == 0) {
        elect_op_t *other;
        bool dead = elect_client_next_op(client, -1, &other) == ELECT_EFORKED &&
                    elect_client_op_fd(client) == ELECT_EFORKED &&
                    elect_client_key_changed(client, "elect/job") == ELECT_EFORKED && elect_op_remaining_ms(op) == 0;
        elect_op_complete(op, ELECT_OK, "1", "{}", NULL);
        elect_election_free(election);
        elect_client_free(client);
        _exit(dead ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    elect_op_complete(op, ELECT_OK, NULL, NULL, NULL);
    elect_op_complete(next_op(client, ELECT_OP_WRITE), ELECT_OK, "1", NULL, NULL);
    must(elect_election_wait(election, GUARD_MS));
    elect_election_free(election);
    close_client(client);
}
