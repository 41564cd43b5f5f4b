/* rivals.h - StatefulSets of codis-servers of one product that would make the same group. Pure. */
#ifndef CODIS_WEBHOOK_RIVALS_H
#define CODIS_WEBHOOK_RIVALS_H

#include <cjson/cJSON.h>

#include "common/codis/pod.h"

struct admission_request;
struct admission_verdict;
struct lookups;

/* A StatefulSet as it shall be. */
struct rivals_ask {
	char namespace[POD_NAMESPACE_MAX], name[POD_NAME_MAX];
	struct said_text product;
	struct codis_shape shape;
	/* It has servers, and is to have more; before: as it is. One that it meets already was let in long since. */
	bool grows;
	struct codis_shape before;
};

void rivals_ask_of(const cJSON *set, const struct admission_request *req, struct rivals_ask *out);

/* Refuses it where another one that has servers makes the same group. */
void rivals_check(const struct rivals_ask *ask, const struct lookups *lookups, struct admission_verdict *v);
/* Whether another one of the product has servers, and is not being deleted. */
bool rivals_has_others(const struct rivals_ask *ask, const struct lookups *lookups);

bool rivals_same_product(const struct said_text *a, const struct said_text *b);

#endif
