/* The one piece of process-wide state: the descriptors that a forked child must not keep. A lock of an open file
 * description lives as long as any copy of its descriptor, so a child would keep a dead parent's leadership alive. */
#ifndef ELECT_SRC_STORES_LOCAL_FORK_H
#define ELECT_SRC_STORES_LOCAL_FORK_H

/* 0, or a negative errno. Any thread. */
int elect__local_fork_add(int fd);
/* Call it before fd is closed. */
void elect__local_fork_remove(int fd);
#endif
