#include "file_name.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { LONGEST = 200, CUT = 160 };

static bool bare(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           (c == '.' && !first);
}

/* FNV-1a: only to tell names apart whose first 160 characters agree; local: compares
 * the whole name besides. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325;
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * 0x100000001b3;
    return value;
}

void elect__file_name(const char *name, char file[ELECT__FILE_NAME_SIZE])
{
    size_t length = 0;
    for (const char *c = name; *c != '\0' && length <= LONGEST; c++) {
        if (bare(*c, c == name))
            file[length++] = *c;
        else
            length += (size_t)snprintf(file + length, 4, "%%%02X", (unsigned)(unsigned char)*c);
    }
    file[length] = '\0';
    if (length > LONGEST) /* ~ is never bare, so no other name comes out like this */
        snprintf(file + CUT, ELECT__FILE_NAME_SIZE - CUT, "~%016llx", (unsigned long long)hash(name));
}
