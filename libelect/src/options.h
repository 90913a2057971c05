/* Options: strings in, checked one by one against option_table.h when they are set, and as a whole by settings.h. */
#ifndef ELECT_SRC_OPTIONS_H
#define ELECT_SRC_OPTIONS_H
#include "option_table.h"
#include "settings.h"
#include <elect/elect.h>

enum { ELECT__ERROR_SIZE = 1024 }; /* longest error text, its end included */

enum elect__origin { ELECT__UNSET, ELECT__FROM_CODE, ELECT__FROM_ENV };

/* What was set, or NULL. Secrets come as they are: only for settings.c and whoever connects. */
const char *elect__options_value(const elect_options_t *options, enum elect__option option);
enum elect__origin elect__options_origin(const elect_options_t *options, enum elect__option option);

/* A deep copy without the error text; NULL: out of memory. */
elect_options_t *elect__options_copy(const elect_options_t *options);

/* Sets the text that elect_options_error answers; a format of "" clears it. Never fails: too long a text is cut.
 * options may be NULL. The arguments may point into the options themselves. */
void elect__options_fail(elect_options_t *options, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
