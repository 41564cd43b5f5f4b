/* json_patch_apply.h - what the API server does with a JSON Patch: tests see by it what a patch comes to. */
#ifndef CODIS_TESTS_JSON_PATCH_APPLY_H
#define CODIS_TESTS_JSON_PATCH_APPLY_H

#include <cjson/cJSON.h>

struct error;

/* Applies a patch of add, replace, remove, test to a copy of `doc`. NULL and *err when it does not fit. */
cJSON *json_patch_apply(const cJSON *doc, const cJSON *patch, struct error *err);

#endif
