/* json_patch.h - JSON Patch (RFC 6902), as far as an admission answer needs it. */
#ifndef CODIS_BASE_JSON_PATCH_H
#define CODIS_BASE_JSON_PATCH_H

#include <cjson/cJSON.h>

struct error;

/* JSON Patch of the fewest operations that turn `from` into `to`: add, replace, remove; arrays are compared index by
 * index with a common prefix and suffix kept. NULL: no memory. The caller owns the array (it may be empty). */
cJSON *json_patch_diff(const cJSON *from, const cJSON *to);
/* Applies a patch of add, replace, remove, test to a copy of `doc`. NULL and *err when it does not fit. */
cJSON *json_patch_apply(const cJSON *doc, const cJSON *patch, struct error *err);

#endif
