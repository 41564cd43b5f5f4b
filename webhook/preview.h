/* preview.h - what the pods of a StatefulSet will be told, told when the StatefulSet is applied: pods are made by a
 * controller, and the warnings that it gets nobody reads. */
#ifndef CODIS_WEBHOOK_PREVIEW_H
#define CODIS_WEBHOOK_PREVIEW_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct admission_verdict;
struct lookups;

/* Adds the warnings that the StatefulSet's first pod would get to v. Where that pod would be refused: refuses, or only
 * warns (strict false). */
void preview_pod(const cJSON *set, const char *namespace, const struct lookups *lookups, bool strict,
		 struct admission_verdict *v);

#endif
