/* json_patch.h - JSON Patch (RFC 6902), as far as an admission answer needs it. */
#ifndef CODIS_BASE_JSON_PATCH_H
#define CODIS_BASE_JSON_PATCH_H

#include <cjson/cJSON.h>

/* JSON Patch of the fewest operations that turn `from` into `to`: add, replace, remove; arrays are compared index by
 * index with a common prefix and suffix kept. Its values are those of `to`, which has to be there as long. NULL: no
 * memory. The caller owns the array (it may be empty). What `to` shares with `from` (json_own.h) needs no look. */
cJSON *json_patch_diff(const cJSON *from, const cJSON *to);

#endif
