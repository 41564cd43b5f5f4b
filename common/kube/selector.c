#include "common/kube/selector.h"

#include <string.h>

#include "common/base/json.h"

static bool is_in(const cJSON *values, const char *label)
{
	const cJSON *value;

	cJSON_ArrayForEach(value, values) {
		if (cJSON_IsString(value) && strcmp(value->valuestring, label) == 0)
			return true;
	}
	return false;
}

static bool expression_holds(const cJSON *expression, const cJSON *labels)
{
	const char *key = json_str(expression, "key", NULL), *op = json_str(expression, "operator", NULL);
	const cJSON *values = json_get(expression, "values", NULL);
	const char *label = key ? json_str(labels, key, NULL) : NULL;

	if (!key || !op)
		return false;
	if (strcmp(op, "In") == 0)
		return label && is_in(values, label);
	if (strcmp(op, "NotIn") == 0)
		return !label || !is_in(values, label);
	if (strcmp(op, "Exists") == 0)
		return label != NULL;
	return strcmp(op, "DoesNotExist") == 0 && !label;
}

/* Nobody writes more of them, and each is looked for among all labels. */
#define TERMS_MAX 100

bool selector_matches(const cJSON *selector, const cJSON *labels)
{
	const cJSON *item;
	int terms = 0;

	if (!cJSON_IsObject(selector))
		return false;
	cJSON_ArrayForEach(item, json_get(selector, "matchLabels", NULL)) {
		/* Without a name: in a list, where an object belongs. */
		const char *label = terms < TERMS_MAX && item->string ? json_str(labels, item->string, NULL) : NULL;

		if (++terms > TERMS_MAX || !cJSON_IsString(item) || !label || strcmp(label, item->valuestring) != 0)
			return false;
	}
	cJSON_ArrayForEach(item, json_get(selector, "matchExpressions", NULL)) {
		if (++terms > TERMS_MAX || !expression_holds(item, labels))
			return false;
	}
	return true;
}
