#include "webhook/nodes.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/pod.h"

/* Those of the expressions about the key, all of which hold. */
static int least_of(const cJSON *expressions, const char *key)
{
	const cJSON *e;
	int least = INT_MAX;

	json_each(e, expressions) {
		const char *its = json_str(e, "key", NULL), *how = json_str(e, "operator", NULL);
		int count = cJSON_GetArraySize(json_get(e, "values", NULL));

		if (its && how && strcmp(its, key) == 0 && strcmp(how, "In") == 0 && count < least)
			least = count;
	}
	return least;
}

int nodes_allowed(const cJSON *pod_spec, const char *key)
{
	const cJSON *terms = json_get(pod_spec, "affinity", "nodeAffinity",
				      "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", NULL),
		    *term;
	bool host = strcmp(key, CODIS_HOSTNAME_KEY) == 0;
	int sum = 0;

	json_each(term, terms) {
		int count = least_of(json_get(term, "matchExpressions", NULL), key),
		    fields = host ? least_of(json_get(term, "matchFields", NULL), "metadata.name") : INT_MAX;

		count = fields < count ? fields : count;
		if (count > INT_MAX - sum)
			return INT_MAX;
		sum += count;
	}
	return sum ? sum : INT_MAX;
}
