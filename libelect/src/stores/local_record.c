#include "local_record.h"
#include "../text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char magic[8] = {'e', 'l', 'e', 'c', 't', 'l', 'c', '\n'};

uint32_t elect__local_crc(const void *bytes, size_t length)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const unsigned char *byte = bytes;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= byte[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static int read_at(int fd, void *bytes, size_t length, off_t at)
{
    char *to = bytes;
    while (length > 0) {
        ssize_t got = pread(fd, to, length, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return -ENODATA;
        to += got;
        at += got;
        length -= (size_t)got;
    }
    return 0;
}

static int write_at(int fd, const void *bytes, size_t length, off_t at)
{
    const char *from = bytes;
    while (length > 0) {
        ssize_t put = pwrite(fd, from, length, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        from += put;
        at += put;
        length -= (size_t)put;
    }
    return 0;
}

static bool blank(const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    return length == 0 || (byte[0] == 0 && memcmp(byte, byte + 1, length - 1) == 0);
}

/* ---- the page ---- */

static uint32_t record_crc(const struct elect__local_record *record)
{
    size_t from = sizeof record->crc;
    size_t to = offsetof(struct elect__local_record, instance_id) + record->id_length;
    return elect__local_crc((const char *)record + from, to - from);
}

bool elect__local_record_valid(const struct elect__local_page *page, int slot)
{
    const struct elect__local_record *record = &page->slots[slot];
    return record->id_length <= ELECT__LOCAL_ID_MAX && record->term != 0 &&
           record->term % ELECT__LOCAL_SLOTS == (uint64_t)slot && record->instance_id[record->id_length] == '\0' &&
           record->boot_id[ELECT__LOCAL_UUID_SIZE - 1] == '\0' &&
           record->incarnation[ELECT__LOCAL_UUID_SIZE - 1] == '\0' && record->crc == record_crc(record) &&
           elect__utf8_line(record->instance_id);
}

bool elect__local_page_damaged(const struct elect__local_page *page)
{
    for (int i = 0; i < ELECT__LOCAL_SLOTS; i++) {
        if (!blank(&page->slots[i], sizeof page->slots[i]) && !elect__local_record_valid(page, i))
            return true;
    }
    return false;
}

/* A read may overlap a write, and then looks like damage for a moment. */
int elect__local_page_read(int fd, struct elect__local_page *page)
{
    int failure = 0;
    for (int tries = 0; tries < 4; tries++) {
        failure = read_at(fd, page, sizeof *page, ELECT__LOCAL_PAGE_AT);
        if (failure != 0 || !elect__local_page_damaged(page))
            break;
    }
    return failure;
}

const struct elect__local_record *elect__local_page_top(const struct elect__local_page *page)
{
    const struct elect__local_record *top = NULL;
    for (int i = 0; i < ELECT__LOCAL_SLOTS; i++) {
        if ((top == NULL || page->slots[i].term > top->term) && elect__local_record_valid(page, i))
            top = &page->slots[i];
    }
    return top;
}

int elect__local_record_write(int fd, struct elect__local_record *record)
{
    size_t slot = (size_t)(record->term % ELECT__LOCAL_SLOTS);
    record->id_length = (uint16_t)strnlen(record->instance_id, ELECT__LOCAL_ID_MAX);
    record->crc = record_crc(record);
    return write_at(fd, record, sizeof *record, (off_t)(ELECT__LOCAL_PAGE_AT + slot * sizeof *record));
}

int elect__local_ask_write(int fd, uint64_t epoch)
{
    struct elect__local_ask ask = {.epoch = epoch, .crc = elect__local_crc(&epoch, sizeof epoch)};
    return write_at(fd, &ask, sizeof ask, ELECT__LOCAL_PAGE_AT + offsetof(struct elect__local_page, ask));
}

uint64_t elect__local_page_ask(const struct elect__local_page *page)
{
    const struct elect__local_ask *ask = &page->ask;
    return ask->crc == elect__local_crc(&ask->epoch, sizeof ask->epoch) ? ask->epoch : 0;
}

/* ---- infos ---- */

struct info_head {
    uint64_t term;
    uint32_t length;
    uint32_t crc; /* of term, length and text */
};
_Static_assert(sizeof(struct info_head) + ELECT__LOCAL_INFO_MAX <= ELECT__LOCAL_INFO_STEP, "the layout of the file");

static off_t info_at(uint64_t term)
{
    return (off_t)(ELECT__LOCAL_INFO_AT + term % ELECT__LOCAL_SLOTS * ELECT__LOCAL_INFO_STEP);
}

static uint32_t info_crc(const struct info_head *head, const char *text)
{
    return elect__local_crc(head, offsetof(struct info_head, crc)) ^ elect__local_crc(text, head->length);
}

int elect__local_info_write(int fd, uint64_t term, const char *text)
{
    char bytes[sizeof(struct info_head) + ELECT__LOCAL_INFO_MAX];
    struct info_head head = {.term = term, .length = (uint32_t)strlen(text)};
    if (head.length > ELECT__LOCAL_INFO_MAX)
        return -EMSGSIZE;
    head.crc = info_crc(&head, text);
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, text, head.length);
    return write_at(fd, bytes, sizeof head + head.length, info_at(term));
}

int elect__local_info_read(int fd, uint64_t term, char *text)
{
    struct info_head head;
    int failure = -ENODATA;
    for (int tries = 0; tries < 4; tries++) {
        text[0] = '\0';
        failure = read_at(fd, &head, sizeof head, info_at(term));
        if (failure != 0 || head.term != term || head.length > ELECT__LOCAL_INFO_MAX)
            break;
        failure = read_at(fd, text, head.length, info_at(term) + (off_t)sizeof head);
        if (failure != 0)
            break;
        text[head.length] = '\0';
        if (info_crc(&head, text) == head.crc)
            return 0;
    }
    text[0] = '\0';
    return failure == -ENODATA ? 0 : failure;
}

/* ---- past terms ---- */

static uint32_t past_crc(const struct elect__local_past *past)
{
    return elect__local_crc((const char *)past + sizeof past->crc, sizeof *past - sizeof past->crc);
}

int elect__local_past_write(int fd, struct elect__local_past *past)
{
    size_t index = (size_t)(past->term % ELECT__LOCAL_PASTS);
    past->crc = past_crc(past);
    return write_at(fd, past, sizeof *past, (off_t)(ELECT__LOCAL_PAST_AT + index * sizeof *past));
}

int elect__local_past_read(int fd, uint64_t from_term, struct elect__local_past pasts[ELECT__LOCAL_PASTS])
{
    int failure = read_at(fd, pasts, ELECT__LOCAL_PASTS * sizeof *pasts, ELECT__LOCAL_PAST_AT);
    if (failure != 0)
        return failure;
    for (int i = 0; i < ELECT__LOCAL_PASTS; i++) {
        struct elect__local_past *past = &pasts[i];
        bool valid = past->term >= from_term && past->term % ELECT__LOCAL_PASTS == (uint64_t)i &&
                     past->crc == past_crc(past) && past->instance_id[ELECT__LOCAL_TEXT_SIZE - 1] == '\0' &&
                     past->hostname[ELECT__LOCAL_TEXT_SIZE - 1] == '\0' && elect__utf8_line(past->instance_id) &&
                     elect__utf8_line(past->hostname);
        if (!valid)
            past->term = 0;
    }
    return 0;
}

/* ---- the file ---- */

static uint32_t header_crc(const struct elect__local_header *header)
{
    return elect__local_crc(header->name, header->name_length);
}

/* Ends the name, and looks whether it is one. */
static bool end_name(struct elect__local_header *header)
{
    if (header->name_length >= ELECT__LOCAL_NAME_SIZE || header->crc != header_crc(header))
        return false;
    header->name[header->name_length] = '\0';
    return strlen(header->name) == header->name_length && elect__utf8_line(header->name);
}

int elect__local_file_init(int fd, const char *name)
{
    char bytes[ELECT__LOCAL_INFO_AT] = {0};
    char block[4096] = {0};
    struct elect__local_header header = {.format = ELECT__LOCAL_FORMAT, .name_length = (uint32_t)strlen(name)};
    memcpy(header.magic, magic, sizeof magic);
    memcpy(header.name, name, header.name_length);
    header.crc = header_crc(&header);
    memcpy(bytes, &header, sizeof header);
    int failure = write_at(fd, bytes, sizeof bytes, 0);
    for (uint64_t term = 0; failure == 0 && term < ELECT__LOCAL_SLOTS; term++)
        failure = write_at(fd, block, sizeof block, info_at(term));
    return failure == 0 && ftruncate(fd, ELECT__LOCAL_END) != 0 ? -errno : failure;
}

int elect__local_header_check(int fd, const char *file, const char *name, struct elect__local_header *header,
                              char *error, size_t size)
{
    int failure = read_at(fd, header, sizeof *header, 0);
    if (failure != 0 && failure != -ENODATA)
        snprintf(error, size, "%s: can't be read: %s", file, strerrordesc_np(-failure));
    else if (failure != 0 || lseek(fd, 0, SEEK_END) < ELECT__LOCAL_END)
        snprintf(error, size,
                 "%s: truncated: a file of an election has %d bytes; restore it, or remove it when nobody leads", file,
                 ELECT__LOCAL_END);
    else if (memcmp(header->magic, magic, sizeof magic) != 0)
        snprintf(error, size, "%s: not a file of libelect (wrong magic); it is left as it is", file);
    else if (header->format != ELECT__LOCAL_FORMAT)
        snprintf(error, size, "%s: format version %u, this library knows version %d only; it is left as it is", file,
                 (unsigned)header->format, ELECT__LOCAL_FORMAT);
    else if (!end_name(header))
        snprintf(error, size, "%s: damaged header (checksum); restore it, or remove it when nobody leads", file);
    else if (name != NULL && strcmp(name, header->name) != 0)
        snprintf(error, size, "%s: belongs to the election \"%s\", not to \"%s\"", file, header->name, name);
    else
        return 0;
    return -1;
}
