/* json_arena.h - cJSON's memory for one request, given back all at once.
 *
 * A program that answers requests installs it once at its start. From then on what cJSON allocates between begin and
 * end on a thread lies in that thread's block, as long as it has room, and costs some instructions in place of an
 * allocation; cJSON_Delete() of it does nothing. What lies there must not be used after the end. All else, and all that
 * the block has no room for, is malloc's as ever: items of both kinds may be mixed in one tree and are deleted alike.
 */
#ifndef CODIS_BASE_JSON_ARENA_H
#define CODIS_BASE_JSON_ARENA_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* A review of 12 KB takes about 60 KiB of it. */
#define JSON_ARENA_SIZE (256u << 10)

/* cJSON_InitHooks. Before there are threads, and before any JSON. Without it begin and end do nothing. 0 or -1. */
int json_arena_install(void);

/* Not within each other. */
void json_arena_begin(void);
void json_arena_end(void);

/* Whether the item, which was made since begin, needs no cJSON_Delete(): all that was allocated since lies in the
 * block. */
bool json_arena_holds(const cJSON *item);
/* cJSON_Delete() of what was made since begin, where it is not needless. */
void json_arena_delete(cJSON *item);

#endif
