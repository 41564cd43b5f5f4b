#include "webhook/budgets.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "common/kube/selector.h"
#include "webhook/lookups.h"

#define NAME_MAX_LEN 64
#define TROUBLE_MAX  256

/* The user's budgets that select the pods. */
struct protection {
	const char *namespace;
	const cJSON *labels;
	int64_t replicas;
	int count;
	char first[NAME_MAX_LEN], second[NAME_MAX_LEN];
	bool loose; /* the first lets several go */
};

/* Of one that selects a group by its label, it is that group's number that counts, which is not known here. */
static bool is_of_a_group(const cJSON *budget)
{
	return json_get(budget, "spec", "selector", "matchLabels", CODIS_LABEL_GROUP, NULL) != NULL;
}

/* Of "0%" and "100%" it is known, however many pods there are. */
static bool is_text(const cJSON *value, const char *text)
{
	return json_is(value, cJSON_String) && strcmp(value->valuestring, text) == 0;
}

static bool lets_several_go(const cJSON *budget, int64_t replicas)
{
	const cJSON *max = json_get(budget, "spec", "maxUnavailable", NULL);
	const cJSON *min = json_get(budget, "spec", "minAvailable", NULL);

	if (is_text(max, "0%") || is_text(min, "100%"))
		return false;
	if (max)
		return !cJSON_IsNumber(max) || max->valuedouble > 1;
	return min && (!cJSON_IsNumber(min) || (!is_of_a_group(budget) && min->valuedouble < (double)replicas - 1));
}

static int look_at(void *arg, const cJSON *budget)
{
	struct protection *p = arg;
	const char *namespace = json_str(budget, "metadata", "namespace", NULL);
	const char *name = json_str(budget, "metadata", "name", NULL);

	if (!namespace || strcmp(namespace, p->namespace) != 0 || codis_is_managed(budget) ||
	    !selector_matches(json_get(budget, "spec", "selector", NULL), p->labels))
		return 0;
	snprintf(p->count ? p->second : p->first, NAME_MAX_LEN, "%s", name ? name : "");
	if (!p->count)
		p->loose = lets_several_go(budget, p->replicas);
	return ++p->count == 2;
}

static const cJSON *template_of(const cJSON *set)
{
	return json_get(set, "spec", "template", NULL);
}

/* The labels that the first pods will have. NULL: no memory. */
static cJSON *labels_of(const cJSON *set)
{
	struct codis_pod pod;
	bool refused = codis_template_read(set, &pod, NULL) < 0;

	return codis_server_labels(json_get(template_of(set), "metadata", "labels", NULL),
				   !refused && pod.product.said == SAID_KNOWN ? pod.product.text : NULL, 1);
}

/* Where the budgets are not known, nobody is told. Empty: nothing is amiss. */
static void find_trouble(const cJSON *set, const char *namespace, const struct lookups *lookups,
			 struct admission_verdict *v, char out[TROUBLE_MAX])
{
	JSON_CLEANUP cJSON *labels = labels_of(set);
	struct protection p = { .namespace = namespace,
				.labels = labels,
				.replicas = json_int(1, set, "spec", "replicas", NULL) };

	out[0] = '\0';
	if (!labels)
		admission_refuse_memory(v);
	if (!labels || !lookups->each_budget || lookups->each_budget(lookups->budgets, look_at, &p) < 0)
		return;
	if (p.count == 2)
		snprintf(out, TROUBLE_MAX, "drop PodDisruptionBudget %.28s or %.28s: pods of two are never evicted",
			 p.first, p.second);
	else if (p.loose)
		snprintf(out, TROUBLE_MAX,
			 "drop PodDisruptionBudget %s: it may let a whole group go, and codis-controller keeps one a "
			 "group",
			 p.first);
}

/* What was so before the update is not told again. */
static bool was_so(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v,
		   const char *trouble)
{
	char before[TROUBLE_MAX];

	if (codis_component_of(template_of(req->old_object)) != CODIS_SERVER)
		return false;
	find_trouble(req->old_object, req->namespace, lookups, v, before);
	return strcmp(before, trouble) == 0;
}

void check_budget(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	char trouble[TROUBLE_MAX];

	find_trouble(req->object, req->namespace, lookups, v, trouble);
	if (trouble[0] && !was_so(req, lookups, v, trouble))
		admission_warn(v, "%s", trouble);
}
