/* The file of a local: election, byte by byte: what is torn, cut or flipped does not count, and nothing else is
 * lost. */
#include "stores/local_record.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int new_file(const char *name)
{
    int fd = memfd_create("election", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(elect__local_file_init(fd, name), 0);
    return fd;
}

static struct elect__local_record record_of(uint64_t term)
{
    struct elect__local_record record = {.term = term, .epoch = 1000 + term, .attempt = 7 * term, .deadline_ns = 99};
    snprintf(record.instance_id, sizeof record.instance_id, "node-%d", (int)term);
    snprintf(record.boot_id, sizeof record.boot_id, "boot");
    return record;
}

static void write_record(int fd, uint64_t term)
{
    struct elect__local_record record = record_of(term);
    cr_assert_eq(elect__local_record_write(fd, &record), 0);
}

static uint64_t top_term(int fd)
{
    struct elect__local_page page;
    cr_assert_eq(elect__local_page_read(fd, &page), 0);
    const struct elect__local_record *top = elect__local_page_top(&page);
    return top != NULL ? top->term : 0;
}

static off_t slot_at(uint64_t term)
{
    return ELECT__LOCAL_PAGE_AT + (off_t)(term % ELECT__LOCAL_SLOTS * sizeof(struct elect__local_record));
}

Test(local_record, the_checksum_is_crc_32)
{
    cr_assert_eq(elect__local_crc("123456789", 9), 0xcbf43926);
    cr_assert_eq(elect__local_crc("", 0), 0);
}

Test(local_record, a_new_file_has_no_record_and_no_damage)
{
    struct elect__local_page page;
    int fd = new_file("job");
    cr_assert_eq(elect__local_page_read(fd, &page), 0);
    cr_assert_null(elect__local_page_top(&page));
    cr_assert_not(elect__local_page_damaged(&page));
    cr_assert_eq(elect__local_page_ask(&page), 0);
    close(fd);
}

Test(local_record, the_highest_term_counts)
{
    int fd = new_file("job");
    for (uint64_t term = 1; term <= 9; term++) {
        write_record(fd, term);
        cr_assert_eq(top_term(fd), term);
    }
    write_record(fd, 6); /* somebody who was stopped for long */
    cr_assert_eq(top_term(fd), 9);
    close(fd);
}

Test(local_record, a_torn_write_takes_its_own_term_only)
{
    struct elect__local_record record = record_of(6);
    for (size_t cut = 1; cut < offsetof(struct elect__local_record, instance_id); cut++) {
        struct elect__local_page page;
        int fd = new_file("job");
        for (uint64_t term = 2; term <= 5; term++)
            write_record(fd, term);
        int scratch = new_file("job");
        cr_assert_eq(elect__local_record_write(scratch, &record), 0);
        char bytes[512];
        cr_assert_eq(pread(scratch, bytes, sizeof bytes, slot_at(6)), (ssize_t)sizeof bytes);
        cr_assert_eq(pwrite(fd, bytes, cut, slot_at(6)), (ssize_t)cut);
        cr_assert_eq(elect__local_page_read(fd, &page), 0);
        cr_assert_eq(elect__local_page_top(&page)->term, 5, "cut at %zu", cut);
        cr_assert(elect__local_page_damaged(&page) || elect__local_record_valid(&page, 2), "cut at %zu", cut);
        close(scratch);
        close(fd);
    }
}

Test(local_record, every_flipped_bit_is_noticed)
{
    struct elect__local_page page;
    int fd = new_file("job");
    write_record(fd, 4);
    write_record(fd, 5);
    size_t used = offsetof(struct elect__local_record, instance_id) + strlen("node-5") + 1;
    for (size_t bit = 0; bit < used * 8; bit++) {
        unsigned char byte;
        off_t at = slot_at(5) + (off_t)(bit / 8);
        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        byte ^= (unsigned char)(1 << bit % 8);
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        cr_assert_eq(elect__local_page_read(fd, &page), 0);
        cr_assert_eq(elect__local_page_top(&page)->term, 4, "bit %zu", bit);
        cr_assert(elect__local_page_damaged(&page), "bit %zu", bit);
        byte ^= (unsigned char)(1 << bit % 8);
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
    }
    cr_assert_eq(top_term(fd), 5);
    close(fd);
}

Test(local_record, random_bytes_are_no_record)
{
    struct elect__local_page page;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        unsigned char *byte = (unsigned char *)&page;
        for (size_t i = 0; i < sizeof page; i += 8) {
            uint64_t bits = (uint64_t)rand() << 33 ^ (uint64_t)rand();
            memcpy(byte + i, &bits, 8);
        }
        for (int slot = 0; slot < ELECT__LOCAL_SLOTS; slot++)
            page.slots[slot].id_length &= 0x1ff;
        cr_assert_null(elect__local_page_top(&page));
    }
}

Test(local_record, a_record_in_a_foreign_slot_does_not_count)
{
    char bytes[512];
    struct elect__local_page page;
    int fd = new_file("job");
    write_record(fd, 5);
    cr_assert_eq(pread(fd, bytes, sizeof bytes, slot_at(5)), (ssize_t)sizeof bytes);
    cr_assert_eq(pwrite(fd, bytes, sizeof bytes, slot_at(2)), (ssize_t)sizeof bytes);
    cr_assert_eq(elect__local_page_read(fd, &page), 0);
    cr_assert(elect__local_record_valid(&page, 1));
    cr_assert_not(elect__local_record_valid(&page, 2));
    close(fd);
}

/* A checksum that fits says that the bytes were meant so, not by whom. */
Test(local_record, what_is_no_line_of_utf_8_does_not_count)
{
    static const char *const forged[] = {"a\xff", "a\nb", "\xed\xa0\x80", "\033[2J"};
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        struct elect__local_page page;
        struct elect__local_past pasts[ELECT__LOCAL_PASTS], past = {.term = 1}, at = {.term = 2};
        struct elect__local_header header;
        struct elect__local_record record = record_of(5);
        char error[512];
        int fd = new_file(forged[i]);
        snprintf(record.instance_id, sizeof record.instance_id, "%s", forged[i]);
        snprintf(past.instance_id, sizeof past.instance_id, "%s", forged[i]);
        snprintf(at.hostname, sizeof at.hostname, "%s", forged[i]);
        write_record(fd, 4);
        cr_assert_eq(elect__local_record_write(fd, &record), 0);
        cr_assert_eq(elect__local_past_write(fd, &past), 0);
        cr_assert_eq(elect__local_past_write(fd, &at), 0);
        cr_assert_eq(elect__local_page_read(fd, &page), 0);
        cr_assert_eq(elect__local_page_top(&page)->term, 4);
        cr_assert(elect__local_page_damaged(&page));
        cr_assert_eq(elect__local_past_read(fd, 1, pasts), 0);
        cr_assert(pasts[1].term == 0 && pasts[2].term == 0);
        cr_assert_eq(elect__local_header_check(fd, "f", NULL, &header, error, sizeof error), -1);
        cr_assert_str_eq(error, "f: damaged header (checksum); restore it, or remove it when nobody leads");
        close(fd);
    }
}

Test(local_record, a_truncated_file_is_told_from_an_empty_one)
{
    struct elect__local_page page;
    struct elect__local_header header;
    char error[512];
    int fd = new_file("job");
    write_record(fd, 1);
    const off_t sizes[] = {0, 100, 4096, 5000, 8191, ELECT__LOCAL_END - 1};
    for (int i = 5; i >= 0; i--) {
        cr_assert_eq(ftruncate(fd, sizes[i]), 0);
        cr_assert_eq(elect__local_header_check(fd, "job", "job", &header, error, sizeof error), -1);
        cr_assert_not_null(strstr(error, "truncated"), "%s", error);
    }
    cr_assert_eq(elect__local_page_read(fd, &page), -ENODATA);
    close(fd);
}

Test(local_record, the_header_names_the_election)
{
    struct elect__local_header header;
    char error[512], longest[201];
    int fd = new_file("job");
    cr_assert_eq(elect__local_header_check(fd, "f", "job", &header, error, sizeof error), 0);
    cr_assert_eq(elect__local_header_check(fd, "f", NULL, &header, error, sizeof error), 0);
    cr_assert_str_eq(header.name, "job");
    cr_assert_eq(elect__local_header_check(fd, "f", "jo", &header, error, sizeof error), -1);
    cr_assert_not_null(strstr(error, "belongs to the election \"job\""));
    close(fd);
    memset(longest, 'n', 200);
    longest[200] = '\0';
    fd = new_file(longest);
    cr_assert_eq(elect__local_header_check(fd, "f", longest, &header, error, sizeof error), 0, "%s", error);
    close(fd);
}

Test(local_record, an_info_belongs_to_its_term)
{
    char text[ELECT__LOCAL_INFO_MAX + 1], large[ELECT__LOCAL_INFO_MAX + 2];
    int fd = new_file("job");
    cr_assert_eq(elect__local_info_read(fd, 3, text), 0);
    cr_assert_str_eq(text, "");
    cr_assert_eq(elect__local_info_write(fd, 3, "{\"a\":1}"), 0);
    cr_assert_eq(elect__local_info_read(fd, 3, text), 0);
    cr_assert_str_eq(text, "{\"a\":1}");
    cr_assert_eq(elect__local_info_read(fd, 7, text), 0);
    cr_assert_str_eq(text, "", "that of the term before in this slot is not this term's");
    memset(large, 'i', sizeof large);
    large[ELECT__LOCAL_INFO_MAX + 1] = '\0';
    cr_assert_eq(elect__local_info_write(fd, 4, large), -EMSGSIZE);
    large[ELECT__LOCAL_INFO_MAX] = '\0';
    cr_assert_eq(elect__local_info_write(fd, 4, large), 0);
    cr_assert_eq(elect__local_info_read(fd, 4, text), 0);
    cr_assert_str_eq(text, large);
    cr_assert_eq(elect__local_info_read(fd, 3, text), 0);
    cr_assert_str_eq(text, "{\"a\":1}", "its neighbour is untouched");
    char wrong = 'x';
    cr_assert_eq(pwrite(fd, &wrong, 1, ELECT__LOCAL_INFO_AT + ELECT__LOCAL_INFO_STEP * 3 + 18), 1);
    cr_assert_eq(elect__local_info_read(fd, 3, text), 0);
    cr_assert_str_eq(text, "");
    close(fd);
}

Test(local_record, the_ring_keeps_32_terms_and_loses_damaged_ones)
{
    struct elect__local_past pasts[ELECT__LOCAL_PASTS];
    int fd = new_file("job");
    cr_assert_eq(elect__local_past_read(fd, 1, pasts), 0);
    for (int i = 0; i < ELECT__LOCAL_PASTS; i++)
        cr_assert_eq(pasts[i].term, 0);
    for (uint64_t term = 1; term <= 40; term++) {
        struct elect__local_past past = {.term = term, .epoch = term * 10};
        cr_assert_eq(elect__local_past_write(fd, &past), 0);
    }
    char wrong = 'x';
    cr_assert_eq(pwrite(fd, &wrong, 1, ELECT__LOCAL_PAST_AT + 3 * (off_t)sizeof *pasts + 60), 1);
    cr_assert_eq(elect__local_past_read(fd, 1, pasts), 0);
    for (uint64_t i = 0; i < ELECT__LOCAL_PASTS; i++) {
        uint64_t term = i == 3 ? 0 : i <= 8 ? 32 + i : i;
        cr_assert_eq(pasts[i].term, term, "entry %d", (int)i);
    }
    cr_assert_eq(elect__local_past_read(fd, 39, pasts), 0);
    for (uint64_t i = 0; i < ELECT__LOCAL_PASTS; i++)
        cr_assert_eq(pasts[i].term, i == 7 || i == 8 ? 32 + i : 0, "entry %d", (int)i);
    close(fd);
}

Test(local_record, a_wish_is_read_as_written)
{
    struct elect__local_page page;
    int fd = new_file("job");
    cr_assert_eq(elect__local_ask_write(fd, UINT64_C(1795233392001234)), 0);
    cr_assert_eq(elect__local_page_read(fd, &page), 0);
    cr_assert_eq(elect__local_page_ask(&page), UINT64_C(1795233392001234));
    page.ask.epoch ^= 1;
    cr_assert_eq(elect__local_page_ask(&page), 0);
    close(fd);
}
