/* libFuzzer: bytes as writes to the file of a local: election, whole, torn, damaged and forged. What was written whole is
 * read as it was written; of a torn write what was there before, or the new one, or nothing; and whatever the bytes,
 * what is read keeps the promises of local_record.h, and what is told of it is UTF-8. */
#include "fuzz.h"
#include "report.h"
#include "settings.h"
#include "stores/local_record.h"
#include "stores/local_store.h"
#include "text.h"
#include <sys/mman.h>

#define NAME "job"
enum { OPERATIONS = 64, SLOT = sizeof(struct elect__local_record) };

struct world {
    struct fuzz_bytes bytes;
    int fd;
    bool damaged; /* by something else than a write of ours: nothing is known of what is there */
    struct elect__local_record records[ELECT__LOCAL_SLOTS]; /* term 0: none */
    struct elect__local_past pasts[ELECT__LOCAL_PASTS];
    struct {
        uint64_t term;
        char text[ELECT__LOCAL_INFO_MAX + 1];
    } infos[ELECT__LOCAL_SLOTS];
    uint64_t asked;
};

static off_t record_at(uint64_t term)
{
    return ELECT__LOCAL_PAGE_AT + (off_t)(term % ELECT__LOCAL_SLOTS) * SLOT;
}

static void put_bytes(const struct world *w, const void *bytes, size_t length, off_t at)
{
    require(pwrite(w->fd, bytes, length, at) == (ssize_t)length);
}

static void get_bytes(int fd, void *bytes, size_t length, off_t at)
{
    require(pread(fd, bytes, length, at) == (ssize_t)length);
}

/* ---- what must hold of anything that is read ---- */

static bool same_record(const struct elect__local_record *a, const struct elect__local_record *b)
{
    size_t from = sizeof a->crc, to = offsetof(struct elect__local_record, instance_id);
    return memcmp((const char *)a + from, (const char *)b + from, to - from) == 0 &&
           strcmp(a->instance_id, b->instance_id) == 0;
}

static void check_promises(const struct elect__local_record *record, int slot)
{
    require(record->term != 0 && record->term % ELECT__LOCAL_SLOTS == (uint64_t)slot);
    require(strlen(record->instance_id) <= ELECT__LOCAL_ID_MAX && elect__utf8_line(record->instance_id));
    require(memchr(record->boot_id, '\0', sizeof record->boot_id) != NULL);
    require(memchr(record->incarnation, '\0', sizeof record->incarnation) != NULL);
}

static void check_page(struct world *w)
{
    struct elect__local_page page;
    const struct elect__local_record *top = NULL;
    require(elect__local_page_read(w->fd, &page) == 0);
    bool damaged = elect__local_page_damaged(&page);
    for (int i = 0; i < ELECT__LOCAL_SLOTS; i++) {
        if (!elect__local_record_valid(&page, i)) {
            require(w->damaged || damaged || w->records[i].term == 0);
            continue;
        }
        check_promises(&page.slots[i], i);
        require(w->damaged || same_record(&page.slots[i], &w->records[i]));
        if (top == NULL || page.slots[i].term > top->term)
            top = &page.slots[i];
    }
    require(elect__local_page_top(&page) == top);
    require(w->damaged || elect__local_page_ask(&page) == w->asked);
}

static void check_past(struct world *w)
{
    struct elect__local_past pasts[ELECT__LOCAL_PASTS];
    require(elect__local_past_read(w->fd, 1, pasts) == 0);
    for (int i = 0; i < ELECT__LOCAL_PASTS; i++) {
        if (pasts[i].term == 0)
            continue;
        require(pasts[i].term % ELECT__LOCAL_PASTS == (uint64_t)i);
        require(elect__utf8_line(pasts[i].instance_id) && elect__utf8_line(pasts[i].hostname));
        require(w->damaged || memcmp(&pasts[i], &w->pasts[i], sizeof pasts[i]) == 0);
    }
}

static const char *read_info(const struct world *w, uint64_t term)
{
    static char text[ELECT__LOCAL_INFO_MAX + 1];
    require(elect__local_info_read(w->fd, term, text) == 0);
    require(memchr(text, '\0', sizeof text) != NULL);
    return text;
}

/* What is told of the leader. */
static void check_leader(const struct world *w)
{
    struct elect__local_seat seat = {.fd = w->fd};
    struct elect__local_view view;
    struct elect__leader_view leader;
    struct elect__settings settings = {.store = "local:/x", .name = NAME};
    struct elect__status_view status = {
        .settings = &settings, .state = ELECT__REPORT_LED, .leader = &leader, .tier = ""};
    require(elect__local_page_read(w->fd, &view.page) == 0);
    view.top = elect__local_page_top(&view.page);
    if (view.top == NULL)
        return;
    cJSON *info = elect__local_leader(&seat, &view, &leader);
    char *json = elect__report_status(&status);
    cJSON *parsed = json ? cJSON_Parse(json) : NULL;
    require(parsed != NULL && elect__utf8_valid(json));
    const cJSON *told = cJSON_GetObjectItem(parsed, "leader");
    require(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(told, "instance_id")), view.top->instance_id) == 0);
    require(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(told, "metadata")), leader.metadata) == 0);
    require(elect__utf8_valid(leader.hostname) && elect__utf8_valid(leader.address));
    cJSON_Delete(parsed);
    cJSON_Delete(info);
    free(json);
}

/* ---- writes ---- */

/* A string as the options let it be: a line of UTF-8. */
static void take_line(struct world *w, char *out, size_t size)
{
    fuzz_string(&w->bytes, out, size);
    if (!elect__utf8_line(out))
        out[0] = '\0';
    memset(out + strlen(out), 0, size - strlen(out));
}

static struct elect__local_record take_record(struct world *w)
{
    struct elect__local_record record;
    memset(&record, 0, sizeof record);
    record.term = 1 + fuzz_draw(&w->bytes, fuzz_draw(&w->bytes, 4) ? 12 : UINT64_MAX);
    record.epoch = fuzz_draw(&w->bytes, ELECT__EPOCH_END);
    record.attempt = fuzz_draw(&w->bytes, UINT64_MAX);
    record.deadline_ns = (int64_t)fuzz_draw(&w->bytes, INT64_MAX);
    record.lock_ttl_ns = (int64_t)fuzz_draw(&w->bytes, INT64_MAX);
    record.started_at_ms = (int64_t)fuzz_draw(&w->bytes, 65536);
    record.released = (uint8_t)fuzz_draw(&w->bytes, 2);
    record.clock_known = (uint8_t)fuzz_draw(&w->bytes, 2);
    record.reason = (int32_t)fuzz_draw(&w->bytes, 9);
    fuzz_string(&w->bytes, record.boot_id, sizeof record.boot_id);
    fuzz_string(&w->bytes, record.incarnation, sizeof record.incarnation);
    take_line(w, record.instance_id, ELECT__LOCAL_ID_MAX + 1);
    return record;
}

static struct elect__local_past take_past(struct world *w)
{
    struct elect__local_past past;
    memset(&past, 0, sizeof past);
    past.term = 1 + fuzz_draw(&w->bytes, 40);
    past.epoch = fuzz_draw(&w->bytes, ELECT__EPOCH_END);
    past.started_at_ms = (int64_t)fuzz_draw(&w->bytes, 65536);
    past.ended_at_ms = (int64_t)fuzz_draw(&w->bytes, 65536);
    past.reason = (int32_t)fuzz_draw(&w->bytes, 9);
    take_line(w, past.instance_id, sizeof past.instance_id);
    take_line(w, past.hostname, sizeof past.hostname);
    return past;
}

/* As after a crash in the middle of the write that was just made: from some byte on it is as it was before. True: all of
 * it was written. */
static bool tear(struct world *w, const void *before, size_t length, off_t at)
{
    size_t written = (size_t)fuzz_draw(&w->bytes, length + 1);
    put_bytes(w, (const char *)before + written, length - written, at + (off_t)written);
    return written == length;
}

static void write_record(struct world *w, bool torn)
{
    struct elect__local_record record = take_record(w), before;
    struct elect__local_page page;
    int slot = (int)(record.term % ELECT__LOCAL_SLOTS);
    get_bytes(w->fd, &before, SLOT, record_at(record.term));
    require(elect__local_record_write(w->fd, &record) == 0);
    bool whole = !torn || tear(w, &before, SLOT, record_at(record.term));
    require(elect__local_page_read(w->fd, &page) == 0);
    bool valid = elect__local_record_valid(&page, slot);
    bool is_new = valid && same_record(&page.slots[slot], &record);
    require(!whole || is_new);
    require(!valid || is_new || w->damaged || same_record(&page.slots[slot], &w->records[slot]));
    if (is_new)
        w->records[slot] = record;
}

static void write_past(struct world *w, bool torn)
{
    struct elect__local_past past = take_past(w), before, pasts[ELECT__LOCAL_PASTS];
    size_t i = (size_t)(past.term % ELECT__LOCAL_PASTS);
    off_t at = ELECT__LOCAL_PAST_AT + (off_t)(i * sizeof past);
    get_bytes(w->fd, &before, sizeof before, at);
    require(elect__local_past_write(w->fd, &past) == 0);
    bool whole = !torn || tear(w, &before, sizeof before, at);
    require(elect__local_past_read(w->fd, 1, pasts) == 0);
    bool is_new = memcmp(&pasts[i], &past, sizeof past) == 0;
    require(!whole || is_new);
    require(pasts[i].term == 0 || is_new || w->damaged || memcmp(&pasts[i], &w->pasts[i], sizeof past) == 0);
    if (is_new)
        w->pasts[i] = past;
}

static void write_info(struct world *w, bool torn)
{
    static char text[ELECT__LOCAL_INFO_MAX + 2], before[ELECT__LOCAL_INFO_STEP];
    uint64_t term = 1 + fuzz_draw(&w->bytes, 12), slot = term % ELECT__LOCAL_SLOTS;
    off_t at = ELECT__LOCAL_INFO_AT + (off_t)(slot * ELECT__LOCAL_INFO_STEP);
    fuzz_string(&w->bytes, text, sizeof text);
    if (torn && !*text) /* read again, it looks like none */
        return;
    get_bytes(w->fd, before, sizeof before, at);
    int failure = elect__local_info_write(w->fd, term, text);
    require((failure == 0) == (strlen(text) <= ELECT__LOCAL_INFO_MAX));
    if (failure != 0)
        return;
    bool whole = !torn || tear(w, before, 16 + strlen(text), at);
    const char *got = read_info(w, term);
    bool is_new = strcmp(got, text) == 0, is_old = w->infos[slot].term == term && strcmp(got, w->infos[slot].text) == 0;
    require(!whole || is_new);
    require(!*got || is_new || is_old || w->damaged);
    if (!is_new)
        return;
    w->infos[slot].term = term;
    memcpy(w->infos[slot].text, text, sizeof w->infos[slot].text);
}

static void write_ask(struct world *w, bool torn)
{
    struct elect__local_page page;
    struct elect__local_ask before;
    const off_t at = ELECT__LOCAL_PAGE_AT + (off_t)offsetof(struct elect__local_page, ask);
    uint64_t epoch = fuzz_draw(&w->bytes, ELECT__EPOCH_END);
    get_bytes(w->fd, &before, sizeof before, at);
    require(elect__local_ask_write(w->fd, epoch) == 0);
    bool whole = !torn || tear(w, &before, sizeof before, at);
    require(elect__local_page_read(w->fd, &page) == 0);
    uint64_t asked = elect__local_page_ask(&page);
    require(!whole || asked == epoch);
    require(asked == 0 || asked == epoch || asked == w->asked || w->damaged);
    w->asked = asked;
}

/* ---- what no write of ours leaves behind ---- */

static void damage(struct world *w)
{
    static const off_t places[] = {0,
                                   ELECT__LOCAL_PAGE_AT,
                                   ELECT__LOCAL_PAGE_AT + SLOT,
                                   ELECT__LOCAL_PAST_AT,
                                   ELECT__LOCAL_INFO_AT,
                                   ELECT__LOCAL_INFO_AT + ELECT__LOCAL_INFO_STEP};
    char bytes[64];
    size_t length = 1 + (size_t)fuzz_draw(&w->bytes, sizeof bytes), place = (size_t)fuzz_draw(&w->bytes, 8);
    fuzz_take(&w->bytes, bytes, length);
    off_t at = place < sizeof places / sizeof places[0] ? places[place] + (off_t)fuzz_draw(&w->bytes, 64)
                                                        : (off_t)fuzz_draw(&w->bytes, ELECT__LOCAL_END - sizeof bytes);
    put_bytes(w, bytes, length, at);
    w->damaged = true;
}

/* Any bytes, with the checksum that fits them. */
static void forge_record(struct world *w)
{
    struct elect__local_record record;
    const size_t from = sizeof record.crc, to = offsetof(struct elect__local_record, instance_id);
    int slot = (int)fuzz_draw(&w->bytes, ELECT__LOCAL_SLOTS);
    fuzz_take(&w->bytes, &record, sizeof record);
    record.id_length %= ELECT__LOCAL_ID_MAX + 2;
    record.crc = elect__local_crc((const char *)&record + from, to + record.id_length - from);
    put_bytes(w, &record, sizeof record, ELECT__LOCAL_PAGE_AT + (off_t)slot * SLOT);
    w->damaged = true;
}

static void forge_past(struct world *w)
{
    struct elect__local_past past;
    size_t i = (size_t)fuzz_draw(&w->bytes, ELECT__LOCAL_PASTS);
    fuzz_take(&w->bytes, &past, sizeof past);
    past.crc = elect__local_crc((const char *)&past + sizeof past.crc, sizeof past - sizeof past.crc);
    put_bytes(w, &past, sizeof past, ELECT__LOCAL_PAST_AT + (off_t)(i * sizeof past));
    w->damaged = true;
}

static void forge_header(struct world *w)
{
    struct elect__local_header header;
    char error[512] = "";
    get_bytes(w->fd, &header, sizeof header, 0);
    header.name_length = (uint32_t)fuzz_draw(&w->bytes, ELECT__LOCAL_NAME_SIZE + 2);
    fuzz_take(&w->bytes, header.name, sizeof header.name);
    if (header.name_length <= ELECT__LOCAL_NAME_SIZE)
        header.crc = elect__local_crc(header.name, header.name_length);
    put_bytes(w, &header, sizeof header, 0);
    if (elect__local_header_check(w->fd, "file", NULL, &header, error, sizeof error) == 0) {
        require(strlen(header.name) <= header.name_length && header.name_length < ELECT__LOCAL_NAME_SIZE);
        require(elect__utf8_line(header.name));
    }
    require(elect__utf8_line(error));
    if (elect__local_header_check(w->fd, "file", NAME, &header, error, sizeof error) == 0)
        require(strcmp(header.name, NAME) == 0);
    require(elect__utf8_line(error));
}

static void operate(struct world *w)
{
    bool torn = fuzz_draw(&w->bytes, 2);
    switch (fuzz_draw(&w->bytes, 12)) {
    case 0:
        damage(w);
        break;
    case 1:
        forge_record(w);
        break;
    case 2:
        forge_past(w);
        break;
    case 3:
        forge_header(w);
        break;
    case 4:
    case 5:
        write_past(w, torn);
        break;
    case 6:
    case 7:
        write_info(w, torn);
        break;
    case 8:
        write_ask(w, torn);
        break;
    default:
        write_record(w, torn);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.bytes = (struct fuzz_bytes){data, size};
    w.fd = memfd_create("election", MFD_CLOEXEC);
    require(w.fd >= 0 && elect__local_file_init(w.fd, NAME) == 0);
    for (int i = 0; i < OPERATIONS && w.bytes.left > 0; i++) {
        operate(&w);
        check_page(&w);
    }
    check_past(&w);
    check_leader(&w);
    for (uint64_t term = 1; term <= 12; term++) {
        uint64_t slot = term % ELECT__LOCAL_SLOTS;
        const char *text = read_info(&w, term);
        require(!*text || w.damaged || (w.infos[slot].term == term && strcmp(text, w.infos[slot].text) == 0));
    }
    close(w.fd);
    return 0;
}
