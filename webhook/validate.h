/* validate.h - which StatefulSets of Codis are refused. Pure: the verdict follows from the request and the lookups. */
#ifndef CODIS_WEBHOOK_VALIDATE_H
#define CODIS_WEBHOOK_VALIDATE_H

#include <cjson/cJSON.h>

#include "common/codis/pod.h"

struct admission_request;
struct admission_verdict;

/* What is known of the cluster beside the request. All may be called on any thread. */
struct lookups {
	void *ctx;
	/* Calls fn with the StatefulSet, or with NULL when it is not known; it may not be kept. */
	void (*find)(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg);
	/* Calls fn for each StatefulSet (of all namespaces) until it returns non-zero. */
	void (*each)(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg);
	/* Why it cannot be told, as far as the other StatefulSets say, which product these servers are of; "" when it
	 * can. NULL: it always can. */
	void (*trouble)(void *ctx, const cJSON *set, char why[POD_WHY_MAX]);
	/* The same with `budgets` for each PodDisruptionBudget; -1: they are not known. NULL: never. */
	void *budgets;
	int (*each_budget)(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg);
};

/* For POST /validate: statefulsets and statefulsets/scale. v must be initialised. Refuses with 400 what is neither, and
 * with 422 what would break a cluster. An object that is already wrong stays editable in everything else. */
void validate(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v);

#endif
