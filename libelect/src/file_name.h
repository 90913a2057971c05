/* Election names where not every character is allowed: in a folder, in a key. */
#ifndef ELECT_SRC_FILE_NAME_H
#define ELECT_SRC_FILE_NAME_H

enum { ELECT__FILE_NAME_SIZE = 208 };

/* Any name to a file name: percent-encoded, the long ones cut and told apart by a hash. A leading dot is encoded,
 * so that "." and the files that are being made have names of their own. */
void elect__file_name(const char *name, char file[ELECT__FILE_NAME_SIZE]);
#endif
