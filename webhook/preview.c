#include "webhook/preview.h"

#include "common/base/json.h"
#include "common/kube/admission.h"
#include "webhook/mutate.h"

static bool add_copy(cJSON *object, const char *name, const cJSON *item)
{
	cJSON *copy = cJSON_Duplicate(item, true);

	if (!item || cJSON_AddItemToObject(object, name, copy))
		return true;
	cJSON_Delete(copy);
	return false;
}

static bool add_owner(cJSON *metadata, const char *name)
{
	cJSON *owner = cJSON_CreateObject();

	if (json_push(json_add_array(metadata, "ownerReferences"), owner) < 0)
		return false;
	return json_add_str(owner, "kind", "StatefulSet") && json_add_str(owner, "name", name) &&
	       json_add_bool(owner, "controller", true);
}

/* The pod with the lowest number. NULL: no memory. */
static cJSON *first_pod(const cJSON *set)
{
	const cJSON *template = json_get(set, "spec", "template", NULL);
	const char *name = json_str(set, "metadata", "name", NULL);
	const cJSON *namespace = json_get(set, "metadata", "namespace", NULL);
	int64_t start = json_int(0, set, "spec", "ordinals", "start", NULL);
	cJSON *pod = cJSON_CreateObject(), *metadata = json_add_object(pod, "metadata");

	name = name ? name : "";
	if (json_add_fmt(metadata, "name", "%s-%lld", name, (long long)(start < 0 ? 0 : start)) &&
	    add_owner(metadata, name) && add_copy(metadata, "namespace", namespace) &&
	    add_copy(metadata, "labels", json_get(template, "metadata", "labels", NULL)) &&
	    add_copy(metadata, "annotations", json_get(template, "metadata", "annotations", NULL)) &&
	    add_copy(pod, "spec", json_get(template, "spec", NULL)))
		return pod;
	cJSON_Delete(pod);
	return NULL;
}

void preview_pod(const cJSON *set, const char *namespace, const struct lookups *lookups, bool strict,
		 struct admission_verdict *v)
{
	JSON_CLEANUP cJSON *pod = first_pod(set);
	struct admission_request req = {
		.resource = "pods", .subresource = "", .namespace = namespace, .operation = "CREATE", .object = pod
	};
	struct admission_verdict first;

	if (!pod) {
		admission_refuse_memory(v);
		return;
	}
	admission_verdict_init(&first);
	mutate(&req, lookups, "", &first);
	for (int i = 0; i < first.warning_count; i++)
		admission_warn(v, "%s", first.warnings[i]);
	/* 500 is no word about the pod. */
	if (!first.allowed && (strict || first.code == 500))
		admission_refuse(v, first.code, "%s", first.message);
	else if (!first.allowed)
		admission_warn(v, "its pods will be refused: %s", first.message);
	admission_verdict_release(&first);
}
