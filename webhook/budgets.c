#include "webhook/budgets.h"

#include <string.h>

#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "common/kube/informer.h"
#include "common/kube/selector.h"

/* --- what there is ----------------------------------------------------------------------------------------------- */

static void prune(cJSON *budget)
{
	cJSON_DeleteItemFromObjectCaseSensitive(budget, "status");
	cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(budget, "metadata"), "annotations");
}

struct informer *budgets_watch(uv_loop_t *uv, struct kube_client *kube,
			       void (*on_error)(void *ctx, const struct error *err), void *ctx, struct error *err)
{
	struct informer_config config = {
		.path = "/apis/policy/v1/poddisruptionbudgets", .prune = prune, .on_error = on_error, .ctx = ctx
	};

	return informer_start(uv, kube, &config, err);
}

int budgets_each(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	if (!informer_synced(ctx))
		return -1;
	informer_each(ctx, fn, arg);
	return 0;
}

/* --- the warning ------------------------------------------------------------------------------------------------- */

struct protection {
	const char *namespace;
	const cJSON *labels;
	bool found;
};

static int look_at(void *arg, const cJSON *budget)
{
	struct protection *p = arg;
	const char *namespace = json_str(budget, "metadata", "namespace", NULL);

	p->found = namespace && strcmp(namespace, p->namespace) == 0 &&
		   selector_matches(json_get(budget, "spec", "selector", NULL), p->labels);
	return p->found;
}

static const cJSON *template_of(const cJSON *set)
{
	return json_get(set, "spec", "template", NULL);
}

static bool add_missing(cJSON *labels, const char *key, const char *value)
{
	return json_get(labels, key, NULL) || json_add_str(labels, key, value);
}

/* The labels that the first pods will have: the template's, and those that /mutate adds. NULL: no memory. */
static cJSON *labels_of(const cJSON *set)
{
	const cJSON *template = template_of(set), *given = json_get(template, "metadata", "labels", NULL);
	cJSON *labels = given ? cJSON_Duplicate(given, true) : cJSON_CreateObject();
	struct codis_pod pod;
	bool refused = codis_template_read(set, &pod, NULL) < 0;

	if (add_missing(labels, CODIS_LABEL_COMPONENT, codis_component_name(CODIS_SERVER)) &&
	    add_missing(labels, CODIS_LABEL_GROUP, "1") &&
	    (refused || pod.product.said != SAID_KNOWN || add_missing(labels, CODIS_LABEL_PRODUCT, pod.product.text)))
		return labels;
	cJSON_Delete(labels);
	return NULL;
}

/* Where the budgets are not known, nobody is told that there is none. */
static bool unprotected(const cJSON *set, const char *namespace, const struct lookups *lookups,
			struct admission_verdict *v)
{
	JSON_CLEANUP cJSON *labels = labels_of(set);
	struct protection p = { .namespace = namespace, .labels = labels };

	if (!labels)
		admission_refuse_memory(v);
	return labels && lookups->each_budget && lookups->each_budget(lookups->budgets, look_at, &p) == 0 && !p.found;
}

/* What was so before the update is not told again. */
static bool is_newly_so(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	const cJSON *before = template_of(req->old_object);

	if (codis_component_of(before) != CODIS_SERVER)
		return true;
	return !json_equal(json_get(before, "metadata", "labels", NULL),
			   json_get(template_of(req->object), "metadata", "labels", NULL)) &&
	       !unprotected(req->old_object, req->namespace, lookups, v);
}

void check_budget(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	if (is_newly_so(req, lookups, v) && unprotected(req->object, req->namespace, lookups, v))
		admission_warn(v, "add a PodDisruptionBudget (maxUnavailable 1) for these pods: none selects them yet, "
				  "so a drain may take a whole group");
}
