/* libFuzzer: any bytes as the record of a compare-and-set register. What is taken for a record keeps to the letter of it,
 * and says the same when it is written and read again. */
#include "fuzz.h"
#include "stores/cas_record.h"
#include "text.h"

enum { DEPTH_MAX = 32 };
#define YEAR_10000_MS INT64_C(253402300800000)

/* The deepest nesting of brackets outside of strings. */
static int depth_of(const char *text)
{
    int depth = 0, deepest = 0;
    bool quoted = false;
    for (; *text; text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (!quoted && strchr("[{", *text))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!quoted && strchr("]}", *text))
            depth--;
    }
    return deepest;
}

/* What cJSON takes for blanks. */
static const char *skip_blanks(const char *text)
{
    while (*text > 0 && *text <= ' ')
        text++;
    return text;
}

/* Every epoch in it that is a number, the terms' too, is written in digits alone. One that is none is of a field which the
 * reader does not know. A key with an escape in it is not looked at. */
static bool epochs_are_digits(const char *text)
{
    for (const char *at = strstr(text, "\"epoch\""); at; at = strstr(at + 1, "\"epoch\"")) {
        at = skip_blanks(at + strlen("\"epoch\""));
        if (*at != ':')
            continue;
        at = skip_blanks(at + 1);
        if (strchr("\"[{tfn", *at))
            continue;
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || strchr(".eE", at[digits]))
            return false;
    }
    return true;
}

static void check_term(const struct elect__term_view *term)
{
    require(elect__utf8_valid(term->instance_id) && elect__utf8_valid(term->hostname));
    require(term->epoch < ELECT__EPOCH_END && term->started_at_ms >= 0 && term->ended_at_ms >= 0);
    require(term->reason >= 0);
}

static void check_document(const struct elect__cas_document *document)
{
    const struct elect__cas_record *record = &document->record;
    const struct elect__leader_view *leader = &document->leader;
    require(record->epoch > 0 && record->epoch < ELECT__EPOCH_END - 1 && leader->epoch == record->epoch);
    require(record->lease_ns == 0 || (record->lease_ns >= 100 * ELECT__MS && record->lease_ns <= 3600 * ELECT__S));
    require(strlen(record->incarnation) == 32 && strspn(record->incarnation, "0123456789abcdef") == 32);
    require(record->seq < ELECT__EPOCH_END && record->depose < ELECT__EPOCH_END);
    require(elect__utf8_valid(leader->instance_id) && elect__utf8_valid(leader->hostname));
    require(elect__utf8_valid(leader->address) && elect__utf8_valid(leader->metadata));
    require(leader->started_at_ms >= 0 && leader->last_heartbeat_ms >= 0);
    require(document->count <= ELECT__CAS_TERMS);
    for (size_t i = 0; i < document->count; i++)
        check_term(&document->terms[i]);
}

static bool same_term(const struct elect__term_view *a, const struct elect__term_view *b)
{
    return strcmp(a->instance_id, b->instance_id) == 0 && strcmp(a->hostname, b->hostname) == 0 &&
           a->epoch == b->epoch && a->started_at_ms == b->started_at_ms && a->ended_at_ms == b->ended_at_ms &&
           a->reason == b->reason;
}

/* After written was written, read was read: all is there but the oldest terms, for which there may be no room. */
static void check_same(const struct elect__cas_document *written, const struct elect__cas_document *read)
{
    const struct elect__cas_record *a = &written->record, *b = &read->record;
    const struct elect__leader_view *x = &written->leader, *y = &read->leader;
    require(a->epoch == b->epoch && a->lease_ns == b->lease_ns && a->attempt == b->attempt && a->seq == b->seq);
    require(a->depose == b->depose && a->released == b->released && strcmp(a->incarnation, b->incarnation) == 0);
    require(strcmp(x->instance_id, y->instance_id) == 0 && strcmp(x->hostname, y->hostname) == 0);
    require(strcmp(x->address, y->address) == 0 && strcmp(x->metadata, y->metadata) == 0);
    require(x->started_at_ms == y->started_at_ms);
    require(a->released || x->last_heartbeat_ms >= YEAR_10000_MS || x->last_heartbeat_ms == y->last_heartbeat_ms);
    require(read->count <= written->count);
    for (size_t i = 0; i < read->count; i++)
        require(same_term(&written->terms[i], &read->terms[i]));
}

/* A new term comes first, and drives out no more than there is no room for. */
static void check_newest(const struct elect__cas_document *document)
{
    struct elect__term_view newest = {
        .instance_id = document->leader.instance_id, .hostname = "h", .epoch = document->record.epoch, .reason = 1};
    char *terms = elect__cas_terms_write(&newest, document);
    require(terms != NULL && strlen(terms) <= ELECT__CAS_TERMS_MAX);
    cJSON *array = cJSON_Parse(terms);
    require(cJSON_IsArray(array) && cJSON_GetArraySize(array) <= ELECT__CAS_TERMS);
    const cJSON *first = cJSON_GetArrayItem(array, 0);
    if (first)
        require(strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(first, "leaderID")), newest.instance_id) == 0);
    cJSON_Delete(array);
    free(terms);
}

static char *write_again(const struct elect__cas_document *document)
{
    char *terms = elect__cas_terms_write(NULL, document);
    require(terms != NULL && strlen(terms) <= ELECT__CAS_TERMS_MAX);
    char *text = elect__cas_record_write(&document->record, &document->leader, terms);
    require(text != NULL);
    free(terms);
    return text;
}

/* A text with blanks behind it says the same, up to the length at which nothing is read. */
static void check_length(const char *text, size_t size, bool taken)
{
    static char padded[ELECT__CAS_TEXT_MAX + 2];
    struct elect__cas_document document;
    memset(padded, ' ', ELECT__CAS_TEXT_MAX + 1);
    memcpy(padded, text, size);
    require(!elect__cas_record_read(padded, ELECT__CAS_TEXT_MAX + 1, &document));
    padded[ELECT__CAS_TEXT_MAX] = '\0';
    require(elect__cas_record_read(padded, ELECT__CAS_TEXT_MAX, &document) == taken);
    if (taken)
        elect__cas_record_free(&document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct elect__cas_document document, again;
    bool taken = elect__cas_record_read(text, size, &document);
    if (size <= ELECT__CAS_TEXT_MAX && size % 64 == 0)
        check_length(text, size, taken);
    if (taken) {
        require(size <= ELECT__CAS_TEXT_MAX && strlen(text) == size && elect__utf8_valid(text));
        require(depth_of(text) <= DEPTH_MAX);
        require(epochs_are_digits(text));
        check_document(&document);
        check_newest(&document);
        char *written = write_again(&document);
        if (strlen(written) <= ELECT__CAS_TEXT_MAX) {
            require(elect__cas_record_read(written, strlen(written), &again));
            check_document(&again);
            check_same(&document, &again);
            elect__cas_record_free(&again);
        }
        free(written);
        elect__cas_record_free(&document);
    }
    free(text);
    return 0;
}
