/* The record in a register: what is written is read again to the last digit, and what is not a record is unreadable. */
#include "env.h"
#include "stores/cas_record.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INCARNATION "00112233445566778899aabbccddeeff"
#define NEEDED "\"v\":1,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"000000000000000b\",\"seq\":3"

static const struct elect__cas_record whole = {
    .epoch = UINT64_C(1795233392001000),
    .lease_ns = 15 * ELECT__S,
    .incarnation = INCARNATION,
    .attempt = UINT64_C(0xfedcba9876543210),
    .seq = ((uint64_t)1 << 53) - 1,
    .depose = UINT64_C(1795233392001000),
};
static const struct elect__leader_view leader = {
    .instance_id = "n1",
    .hostname = "host-1",
    .address = "10.0.0.1:8443",
    .metadata = "{\"a\":\"\xc3\xa4\"}",
    .started_at_ms = INT64_C(1795233392001),
    .last_heartbeat_ms = INT64_C(1795233393123),
};

static bool reads(const char *text)
{
    struct elect__cas_document document;
    bool read = elect__cas_record_read(text, strlen(text), &document);
    if (read)
        elect__cas_record_free(&document);
    return read;
}

static bool reads_with(const char *more)
{
    char text[512];
    snprintf(text, sizeof text, "{" NEEDED "%s}", more);
    return reads(text);
}

Test(cas_record, fields_stand_in_their_order_and_numbers_are_digits)
{
    char *text = elect__cas_record_write(&whole, &leader, "[]");
    cr_assert_str_eq(
        text, "{\"leaderID\":\"n1\",\"leaderAddr\":\"10.0.0.1:8443\",\"lastUpdated\":\"2026-11-21T03:56:33.123Z\","
              "\"v\":1,\"epoch\":1795233392001000,\"leaseMs\":15000,\"incarnation\":\"" INCARNATION "\","
              "\"attempt\":\"fedcba9876543210\",\"seq\":9007199254740991,\"released\":false,"
              "\"hostname\":\"host-1\",\"metadata\":\"{\\\"a\\\":\\\"\xc3\xa4\\\"}\","
              "\"startedAt\":1795233392001,\"depose\":1795233392001000,\"terms\":[]}");
    free(text);
}

Test(cas_record, what_is_empty_is_left_out_and_who_released_was_never_there)
{
    struct elect__cas_record record = whole;
    struct elect__leader_view nobody = {
        .instance_id = "", .hostname = "", .address = "", .metadata = "", .last_heartbeat_ms = INT64_C(1795233393123)};
    record.released = true;
    record.depose = 0;
    char *text = elect__cas_record_write(&record, &nobody, "[]");
    cr_assert_eq(strncmp(text, "{\"lastUpdated\":\"0001-01-01T00:00:00Z\",\"v\":1,", 44), 0, "%s", text);
    cr_assert_not_null(strstr(text, "\"released\":true"));
    cr_assert_null(strstr(text, "depose"));
    free(text);
}

Test(cas_record, what_is_written_is_read)
{
    struct elect__cas_document read;
    struct elect__term_view term = {.instance_id = "n0",
                                    .hostname = "h0",
                                    .epoch = 41,
                                    .started_at_ms = 5,
                                    .ended_at_ms = 9,
                                    .reason = ELECT_REASON_RESIGNED};
    char *terms = elect__cas_terms_write(&term, NULL), *text = elect__cas_record_write(&whole, &leader, terms);
    cr_assert(elect__cas_record_read(text, strlen(text), &read), "%s", text);
    cr_assert_eq(read.record.epoch, whole.epoch);
    cr_assert_eq(read.record.lease_ns, whole.lease_ns);
    cr_assert_str_eq(read.record.incarnation, whole.incarnation);
    cr_assert_eq(read.record.attempt, whole.attempt);
    cr_assert_eq(read.record.seq, whole.seq);
    cr_assert_eq(read.record.depose, whole.depose);
    cr_assert_not(read.record.released);
    cr_assert_str_eq(read.leader.instance_id, "n1");
    cr_assert_str_eq(read.leader.hostname, "host-1");
    cr_assert_str_eq(read.leader.address, "10.0.0.1:8443");
    cr_assert_str_eq(read.leader.metadata, leader.metadata);
    cr_assert_eq(read.leader.epoch, whole.epoch);
    cr_assert_eq(read.leader.started_at_ms, leader.started_at_ms);
    cr_assert_eq(read.leader.last_heartbeat_ms, leader.last_heartbeat_ms);
    cr_assert_eq(read.count, 1);
    cr_assert_str_eq(read.terms[0].instance_id, "n0");
    cr_assert_str_eq(read.terms[0].hostname, "h0");
    cr_assert_eq(read.terms[0].epoch, 41);
    cr_assert_eq(read.terms[0].started_at_ms, 5);
    cr_assert_eq(read.terms[0].ended_at_ms, 9);
    cr_assert_eq(read.terms[0].reason, ELECT_REASON_RESIGNED);
    elect__cas_record_free(&read);
    free(text);
    free(terms);
}

Test(cas_record, each_number_below_2_to_53_comes_back)
{
    uint64_t epochs[] = {1, 999, UINT64_C(1795233392001001), ((uint64_t)1 << 53) - 2};
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        struct elect__cas_document read;
        struct elect__cas_record record = whole;
        record.epoch = record.seq = epochs[i];
        char *text = elect__cas_record_write(&record, &leader, "[]");
        cr_assert(elect__cas_record_read(text, strlen(text), &read), "%s", text);
        cr_assert_eq(read.record.epoch, epochs[i]);
        cr_assert_eq(read.record.seq, epochs[i]);
        elect__cas_record_free(&read);
        free(text);
    }
}

Test(cas_record, unknown_fields_and_white_space_are_no_matter)
{
    cr_assert(reads("{" NEEDED "}"));
    cr_assert(reads(" {" NEEDED "}\r\n\t "));
    cr_assert(reads_with(",\"new\":{\"v\":2,\"v\":3},\"new\":[1]"));
}

Test(cas_record, what_is_missing_or_of_another_type_is_unreadable)
{
    const char *texts[] = {
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"{}\"",
        "{}",
        "{" NEEDED,
        "{" NEEDED "}x",
        "{" NEEDED "}{}",
        "{" NEEDED ",}",
        "{\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"000000000000000b\",\"seq\":3}",
        "{\"v\":1,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"000000000000000b\",\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"attempt\":\"000000000000000b\",\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"000000000000000b\"}",
        "{\"v\":2,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"000000000000000b\",\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"incarnation\":\"0\",\"attempt\":\"000000000000000b\",\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"b\",\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":11,\"seq\":3}",
        "{\"v\":1,\"epoch\":7,\"incarnation\":\"" INCARNATION "\",\"attempt\":\"000000000000000B\",\"seq\":3}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_not(reads(texts[i]), "%s", texts[i]);
    const char *more[] = {
        ",\"epoch\":7",
        ",\"seq\":4",
        ",\"leaderID\":1",
        ",\"leaderID\":\"a\",\"leaderID\":\"a\"",
        ",\"leaderAddr\":{}",
        ",\"lastUpdated\":0",
        ",\"leaseMs\":\"15000\"",
        ",\"released\":1",
        ",\"released\":true,\"released\":false",
        ",\"hostname\":[]",
        ",\"metadata\":{}",
        ",\"startedAt\":-1",
        ",\"startedAt\":\"1\"",
        ",\"depose\":0.5",
        ",\"terms\":{}",
        ",\"terms\":[1]",
        ",\"terms\":[{\"epoch\":1,\"epoch\":1}]",
        ",\"terms\":[{}]",
        ",\"terms\":[],\"terms\":[]",
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        cr_assert_not(reads_with(more[i]), "%s", more[i]);
}

Test(cas_record, numbers_that_are_no_epochs_are_unreadable)
{
    const char *epochs[] = {"0",     "-1",    "-0.5", "1.5", "9007199254740991", "9007199254740992", "1e300",
                            "1e999", "\"7\"", "true", "null"};
    char text[256];
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        snprintf(text, sizeof text,
                 "{\"v\":1,\"epoch\":%s,\"incarnation\":\"" INCARNATION
                 "\",\"attempt\":\"000000000000000b\",\"seq\":3}",
                 epochs[i]);
        cr_assert_not(reads(text), "%s", text);
    }
}

static int64_t lease_of(const char *lease)
{
    struct elect__cas_document read;
    char text[512];
    snprintf(text, sizeof text, "{" NEEDED ",\"leaseMs\":%s}", lease);
    cr_assert(elect__cas_record_read(text, strlen(text), &read), "%s", text);
    int64_t lease_ns = read.record.lease_ns;
    elect__cas_record_free(&read);
    return lease_ns;
}

Test(cas_record, a_lease_that_no_option_allows_counts_as_missing)
{
    cr_assert_eq(lease_of("100"), 100 * ELECT__MS);
    cr_assert_eq(lease_of("3600000"), 3600 * ELECT__S);
    cr_assert_eq(lease_of("99"), 0);
    cr_assert_eq(lease_of("3600001"), 0);
    cr_assert_eq(lease_of("-1"), 0);
    cr_assert_not(reads_with(",\"leaseMs\":150.5"));
    cr_assert_not(reads_with(",\"leaseMs\":1e300"));
}

Test(cas_record, a_lease_is_never_written_shorter_than_it_is)
{
    struct elect__cas_document read;
    struct elect__cas_record record = whole;
    record.lease_ns = 150 * ELECT__MS + 1;
    char *text = elect__cas_record_write(&record, &leader, "[]");
    cr_assert(elect__cas_record_read(text, strlen(text), &read));
    cr_assert_eq(read.record.lease_ns, 151 * ELECT__MS);
    elect__cas_record_free(&read);
    free(text);
}

/* A later format may add any. */
Test(cas_record, numbers_of_fields_that_nobody_knows_are_not_judged)
{
    cr_assert(reads_with(",\"load\":0.5,\"share\":[1e-3,{\"of\":2.5E+300}]"));
    cr_assert_not(reads_with(",\"startedAt\":1e3"));
    cr_assert_not(reads_with(",\"startedAt\":1.0"));
    cr_assert_not(reads_with(",\"start\\u0065dAt\":1e3"));
    cr_assert_not(reads_with(",\"terms\":[{\"epoch\":1,\"endedAt\":1E3}]"));
}

static int64_t updated_at(const char *time)
{
    struct elect__cas_document read;
    char text[512];
    snprintf(text, sizeof text, "{" NEEDED ",\"lastUpdated\":\"%s\"}", time);
    cr_assert(elect__cas_record_read(text, strlen(text), &read), "%s", text);
    int64_t ms = read.leader.last_heartbeat_ms;
    elect__cas_record_free(&read);
    return ms;
}

Test(cas_record, times_are_rfc_3339_with_any_offset)
{
    cr_assert_eq(updated_at("1970-01-01T00:00:01Z"), 1000);
    cr_assert_eq(updated_at("1970-01-01T00:00:01.5Z"), 1500);
    cr_assert_eq(updated_at("1970-01-01T00:00:01.123456789Z"), 1123);
    cr_assert_eq(updated_at("1970-01-01T02:00:01.25+02:00"), 1250);
    cr_assert_eq(updated_at("1969-12-31T23:30:01-00:30"), 1000);
    cr_assert_eq(updated_at("0001-01-01T00:00:00Z"), 0);
    cr_assert_eq(updated_at("yesterday"), 0);
    cr_assert_eq(updated_at("1970-01-01T00:00:01"), 0);
    cr_assert_eq(updated_at(""), 0);
}

Test(cas_record, bytes_that_are_no_text_are_unreadable)
{
    struct elect__cas_document read;
    static const char nul[] = "{" NEEDED "}\0";
    cr_assert_not(elect__cas_record_read(nul, sizeof nul - 1, &read));
    cr_assert_not(reads_with(",\"new\":\"\xff\""));
    cr_assert_not(reads_with(",\"new\":\"\xc3\""));
    cr_assert_not(reads_with(",\"new\":\"\xed\xa0\x80\""));
}

static bool reads_deep(int depth)
{
    char text[4096] = "{" NEEDED ",\"new\":";
    size_t used = strlen(text);
    memset(text + used, '[', (size_t)depth);
    memset(text + used + depth, ']', (size_t)depth);
    text[used + 2 * (size_t)depth] = '}';
    return reads(text);
}

Test(cas_record, what_is_nested_too_deep_or_too_long_is_unreadable)
{
    cr_assert(reads_deep(31));
    cr_assert_not(reads_deep(32));
    cr_assert_not(reads_deep(1500));
    cr_assert(reads_with(",\"new\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[\""));
    char *text = malloc(ELECT__CAS_TEXT_MAX + 2);
    memset(text, ' ', ELECT__CAS_TEXT_MAX + 1);
    text[ELECT__CAS_TEXT_MAX + 1] = '\0';
    memcpy(text, "{" NEEDED "}", strlen("{" NEEDED "}"));
    cr_assert_not(reads(text));
    text[ELECT__CAS_TEXT_MAX] = '\0';
    cr_assert(reads(text));
    free(text);
}

/* So many terms of so long names that not all of them fit. */
static char *write_terms(char *name, size_t *count)
{
    struct elect__cas_document before = {.count = ELECT__CAS_TERMS}, read;
    struct elect__term_view newest = {.instance_id = "newest", .hostname = name, .epoch = 100};
    for (size_t i = 0; i < ELECT__CAS_TERMS; i++)
        before.terms[i] = (struct elect__term_view){.instance_id = name, .hostname = name, .epoch = 99 - i};
    char *terms = elect__cas_terms_write(&newest, &before), *text = elect__cas_record_write(&whole, &leader, terms);
    cr_assert(elect__cas_record_read(text, strlen(text), &read));
    cr_assert_str_eq(read.terms[0].instance_id, "newest");
    for (size_t i = 0; i < read.count; i++)
        cr_assert_eq(read.terms[i].epoch, 100 - i, "the oldest give way");
    *count = read.count;
    elect__cas_record_free(&read);
    free(terms);
    return text;
}

Test(cas_record, the_oldest_terms_give_way)
{
    size_t count;
    char name[256], *text = write_terms("n", &count);
    cr_assert_eq(count, ELECT__CAS_TERMS);
    free(text);
    memset(name, '"', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    text = write_terms(name, &count);
    cr_assert(count > 3 && count < ELECT__CAS_TERMS, "%zu", count);
    cr_assert_lt(strlen(text), ELECT__CAS_WRITTEN_MAX);
    free(text);
}
