#include "text.h"
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The length of the well-formed character at s and its value; 0 for an ill-formed one. A string's end stops it. */
static size_t decode(const unsigned char *s, uint32_t *out)
{
    uint32_t value = s[0];
    if (value < 0x80) {
        *out = value;
        return 1;
    }
    size_t length = value >= 0xf0 ? 4 : value >= 0xe0 ? 3 : 2;
    if (value < 0xc2 || value > 0xf4)
        return 0;
    value &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3f);
    }
    /* Overlong forms and surrogates would give one name two spellings, or none that others accept. */
    if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000) || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *out = value;
    return length;
}

static bool is_control(uint32_t value)
{
    return value < 0x20 || (value >= 0x7f && value < 0xa0);
}

static bool valid(const char *text, bool controls)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        uint32_t value;
        size_t length = decode(s, &value);
        if (!length || (!controls && is_control(value)))
            return false;
        s += length;
    }
    return true;
}

bool elect__utf8_valid(const char *text)
{
    return valid(text, true);
}

bool elect__utf8_line(const char *text)
{
    return valid(text, false);
}

size_t elect__utf8_cut(const char *text, size_t size)
{
    size_t length = strlen(text);
    if (length < size)
        return length;
    length = size ? size - 1 : 0;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

size_t elect__text_address(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    size_t length = strcspn(text, "%");
    if (length >= sizeof address)
        return 0;
    memcpy(address, text, length);
    address[length] = '\0';
    bool is_v4 = text[length] == '\0' && inet_pton(AF_INET, address, &binary) == 1;
    return is_v4 || inet_pton(AF_INET6, address, &binary) == 1 ? length : 0;
}

bool elect__word_in(const char *words, const char *word, size_t length)
{
    while (words && *words) {
        size_t next = strcspn(words, "|");
        if (next == length && memcmp(words, word, length) == 0)
            return true;
        words += next + (words[next] == '|');
    }
    return false;
}

size_t elect__json_length(const char *text)
{
    size_t length = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        if (strchr("\"\\\b\f\n\r\t", *s))
            length += 2;
        else
            length += *s < 0x20 ? strlen("\\u0000") : 1;
    }
    return length;
}

const char *elect__text_show(const char *text, char out[ELECT__SHOW_SIZE])
{
    const unsigned char *s = (const unsigned char *)text;
    const size_t end = ELECT__SHOW_SIZE - sizeof("\\xff...");
    size_t used = 0;
    while (*s && used < end) {
        uint32_t value = 0;
        size_t length = decode(s, &value);
        if (length && !is_control(value)) {
            if (used + length > end)
                break;
            memcpy(out + used, s, length);
            used += length;
            s += length;
        } else {
            used += (size_t)snprintf(out + used, ELECT__SHOW_SIZE - used, "\\x%02x", *s++);
        }
    }
    snprintf(out + used, ELECT__SHOW_SIZE - used, "%s", *s ? "..." : "");
    return out;
}

const char *elect__text_within(const char *sentence, char out[ELECT__SHOW_SIZE])
{
    snprintf(out, ELECT__SHOW_SIZE, "%s", sentence ? sentence : "unknown error");
    if (out[0] >= 'A' && out[0] <= 'Z' && out[1] >= 'a' && out[1] <= 'z') /* not an abbreviation */
        out[0] = (char)(out[0] - 'A' + 'a');
    return out;
}

size_t elect__text_digits(uint64_t number, char out[ELECT__DIGITS_SIZE])
{
    char backwards[ELECT__DIGITS_SIZE];
    size_t count = 0;
    do
        backwards[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = backwards[count - 1 - i];
    out[count] = '\0';
    return count;
}
