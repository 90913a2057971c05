/* Text that came from outside. */
#ifndef ELECT_SRC_TEXT_H
#define ELECT_SRC_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELECT__SHOW_SIZE = 128 };

/* Well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF)? */
bool elect__utf8_valid(const char *text);
/* Well-formed, and without control characters (U+0000-001F, 007F-009F)? */
bool elect__utf8_line(const char *text);
/* How many bytes of text are an IPv4 or IPv6 address: all, or those before a zone; 0: it is no address. */
size_t elect__text_address(const char *text);
/* How many bytes of text fit in a buffer of size, its end included, without cutting a character. */
size_t elect__utf8_cut(const char *text, size_t size);
/* Is word one of words, which have "|" between? */
bool elect__word_in(const char *words, const char *word, size_t length);
/* Writes number in decimal; answers how many digits. Where ten thousand elections renew, snprintf is felt. */
enum { ELECT__DIGITS_SIZE = 21 };
size_t elect__text_digits(uint64_t number, char out[ELECT__DIGITS_SIZE]);
/* How many bytes text takes inside the quotes of a JSON string, as cJSON writes it. */
size_t elect__json_length(const char *text);
/* For error texts: what is not printable as \xNN, cut with "..." when long. Answers out. */
const char *elect__text_show(const char *text, char out[ELECT__SHOW_SIZE]);
/* What the system says of an error (strerrordesc_np, gai_strerror; NULL where it knows none), as it stands within a
 * sentence: "connection refused". Answers out. */
const char *elect__text_within(const char *sentence, char out[ELECT__SHOW_SIZE]);
#endif
