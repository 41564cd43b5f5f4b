/* json_patch.h - JSON Patch (RFC 6902), as far as it is needed here. */
#ifndef CODIS_BASE_JSON_PATCH_H
#define CODIS_BASE_JSON_PATCH_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct buf;

/* Appends the text of a JSON Patch of the fewest operations that turn `from` into `to`, or nothing where both are
 * equal: add, replace, remove; arrays are compared index by index with a common prefix and suffix kept. What `to`
 * shares with `from` (json_own.h) needs no look. How many operations; -1: no memory, or over out's limit, and out is
 * then undefined. */
int json_patch_write(const cJSON *from, const cJSON *to, struct buf *out);

/* Adds an operation to a patch that is written by hand: "test", "add", "replace" or "remove" of path (RFC 6901). value
 * is taken over, whatever becomes of it; NULL: an operation without one. False: no memory, for that either. */
bool json_patch_push(cJSON *patch, const char *op, const char *path, cJSON *value);
bool json_patch_push_str(cJSON *patch, const char *op, const char *path, const char *value);

#endif
