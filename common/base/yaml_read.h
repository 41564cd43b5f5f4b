/* yaml_read.h - YAML as Kubernetes reads it, through libyaml: each document becomes the JSON value that
 * sigs.k8s.io/yaml makes of it.
 *
 * Plain scalars are null, true, false, numbers or texts (yaml_scalar.h); keys are texts, whatever they look like. A key
 * that stands twice in a mapping is refused. Anchors and aliases are copies and "<<" takes over the keys that are not
 * there; both count by what they become, so no text grows without bound. */
#ifndef CODIS_BASE_YAML_READ_H
#define CODIS_BASE_YAML_READ_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct error;

#define YAML_DEPTH      200 /* values within each other */
#define YAML_MERGED_MAX 256 /* keys that one mapping may have from others by "<<" */

/* Takes the document over; line is the first of it, from 1. -1 and *err ends the reading. */
typedef int (*yaml_document_fn)(void *ctx, cJSON *document, int line, struct error *err);

/* Calls fn with each document of the text that is not empty; before an error with those that stand before it. All of
 * them together may take max_bytes of memory, about, beside the text. 0, or -1 and *err, "line 7: ...": ERR_INVALID,
 * ERR_TOOBIG, ERR_NOMEM, or what fn says. */
int yaml_read(const char *text, size_t len, size_t max_bytes, yaml_document_fn fn, void *ctx, struct error *err);

#endif
