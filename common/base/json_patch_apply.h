/* json_patch_apply.h - what the API server makes of an object by a JSON Patch: `codisctl plan` and the tests see by it
 * what a patch comes to. */
#ifndef CODIS_BASE_JSON_PATCH_APPLY_H
#define CODIS_BASE_JSON_PATCH_APPLY_H

#include <cjson/cJSON.h>

struct buf;
struct error;

/* The array of so many operations in a text, empty where there is none; NULL: they are not so many. The caller's. */
cJSON *json_patch_read(const struct buf *text, int operations);
/* What json_patch_write() writes, likewise. NULL: it fails. */
cJSON *json_patch_diff(const cJSON *from, const cJSON *to);
/* Applies a patch of add, replace, remove, test to a copy of `doc`. NULL and *err when it does not fit. */
cJSON *json_patch_apply(const cJSON *doc, const cJSON *patch, struct error *err);

#endif
