/* The descriptors that a forked child must not keep; of the whole process, as fork is. A lock of an open file
 * description lives as long as any copy of its descriptor, so a child would keep a dead parent's leadership alive. */
#ifndef ELECT_SRC_FORK_LIST_H
#define ELECT_SRC_FORK_LIST_H

/* 0, or a negative errno. Any thread. */
int elect__fork_list_add(int fd);
/* Call it before fd is closed. */
void elect__fork_list_remove(int fd);
#endif
