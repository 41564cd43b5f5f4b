/* room.h - whether a codis-server's data and a full resync have the memory that they need. Pure. */
#ifndef CODIS_WEBHOOK_ROOM_H
#define CODIS_WEBHOOK_ROOM_H

#include <cjson/cJSON.h>

struct admission_verdict;
struct cmdline;

/* Warns of a maxmemory that is known to be missing, or next to the container's limit of memory and above, and of
 * buffers that are little against it. What stands in the server's file is not known, and nothing is said. */
void room_warn(const cJSON *container, const struct cmdline *c, struct admission_verdict *v);

#endif
