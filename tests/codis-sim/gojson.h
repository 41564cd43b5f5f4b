/* gojson.h - JSON the way Codis writes it: four blanks a level, members with empty values left out where it does. */
#ifndef CODIS_SIM_GOJSON_H
#define CODIS_SIM_GOJSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct buf;

/* Appends item to out. */
void gojson_print(const cJSON *item, struct buf *out);

/* Add a member unless it is "" or 0 or false (Go's omitempty). */
void gojson_str_unless_empty(cJSON *o, const char *name, const char *value);
void gojson_int_unless_zero(cJSON *o, const char *name, int value);
void gojson_true_only(cJSON *o, const char *name, bool value);

/* A string member copied to out (cut to size), "" when absent. */
void gojson_copy(const cJSON *o, const char *name, char *out, size_t size);

#endif
