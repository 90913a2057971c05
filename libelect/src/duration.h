/* Durations are written as in Go: 10s, 500ms, 1m30s, 1.5h. A bare number is refused, but for 0. */
#ifndef ELECT_SRC_DURATION_H
#define ELECT_SRC_DURATION_H
#include <stddef.h>
#include <stdint.h>

enum { ELECT__DURATION_SIZE = 40 }; /* of the longest that is formatted, its end included */

/* ELECT_OK or ELECT_EINVAL with the rule that text breaks in rule. Never negative. */
int32_t elect__duration_parse(const char *text, int64_t *out_ns, char *rule, size_t rule_size);

/* The shortest way that parses back to the same: 10s, 1m30s, 1.5s, 500ms. Not negative. Answers out. */
const char *elect__duration_format(int64_t ns, char out[ELECT__DURATION_SIZE]);
#endif
