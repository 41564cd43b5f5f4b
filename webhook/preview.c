#include "webhook/preview.h"

#include <string.h>

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

/* Of an ordinal that is no number: a pod whose name says nothing. */
#define NO_ORDINAL (-1)

static bool add_owner(cJSON *metadata, const char *kind, const char *name)
{
	cJSON *owner = cJSON_CreateObject();

	if (json_push(json_add_array(metadata, "ownerReferences"), owner) < 0)
		return false;
	return json_add_str(owner, "kind", kind) && json_add_str(owner, "name", name) &&
	       json_add_bool(owner, "controller", true);
}

static bool add_name(cJSON *metadata, const char *name, int64_t ordinal)
{
	return ordinal == NO_ORDINAL ? json_add_fmt(metadata, "generateName", "%s-", name) != NULL
				     : json_add_fmt(metadata, "name", "%s-%lld", name, (long long)ordinal) != NULL;
}

/* What its claim templates are for its pods. */
static bool add_claims(const cJSON *set, cJSON *spec)
{
	const cJSON *claims = json_get(set, "spec", "volumeClaimTemplates", NULL), *claim;
	cJSON *volumes = cJSON_GetObjectItemCaseSensitive(spec, "volumes");

	json_each(claim, spec ? claims : NULL) {
		const char *name = json_str(claim, "metadata", "name", NULL);
		cJSON *volume;

		if (!name)
			continue;
		if (!volumes && !(volumes = json_add_array(spec, "volumes")))
			return false;
		volume = cJSON_CreateObject();
		if (json_push(volumes, volume) < 0 || !json_add_str(volume, "name", name) ||
		    !json_add_object(volume, "persistentVolumeClaim"))
			return false;
	}
	return true;
}

/* NULL: no memory. */
static cJSON *pod_of(const cJSON *set, int64_t ordinal)
{
	const cJSON *template = json_get(set, "spec", "template", NULL);
	const char *name = json_str(set, "metadata", "name", NULL);
	const cJSON *namespace = json_get(set, "metadata", "namespace", NULL);
	cJSON *pod = cJSON_CreateObject(), *metadata = json_add_object(pod, "metadata");

	name = name ? name : "";
	if (add_name(metadata, name, ordinal) &&
	    add_owner(metadata, ordinal == NO_ORDINAL ? "ReplicaSet" : "StatefulSet", name) &&
	    add_copy(metadata, "namespace", namespace) &&
	    add_copy(metadata, "labels", json_get(template, "metadata", "labels", NULL)) &&
	    add_copy(metadata, "annotations", json_get(template, "metadata", "annotations", NULL)) &&
	    add_copy(pod, "spec", json_get(template, "spec", NULL)) &&
	    add_claims(set, cJSON_GetObjectItemCaseSensitive(pod, "spec")))
		return pod;
	cJSON_Delete(pod);
	return NULL;
}

/* Of what Kubernetes takes; where there is none, the first would be this one. */
static int64_t ordinal_of(const cJSON *set, bool last)
{
	int64_t start = json_int(0, set, "spec", "ordinals", "start", NULL);
	int64_t replicas = json_int(1, set, "spec", "replicas", NULL);

	start = start < 0 ? 0 : start > INT32_MAX ? INT32_MAX : start;
	replicas = replicas < 1 ? 1 : replicas > INT32_MAX ? INT32_MAX : replicas;
	return start + (last ? replicas - 1 : 0);
}

static void judge(const cJSON *set, int64_t ordinal, const char *namespace, const struct lookups *lookups,
		  struct admission_verdict *v)
{
	JSON_CLEANUP cJSON *pod = pod_of(set, ordinal);
	struct admission_request req = { .resource = "pods",
					 .subresource = "",
					 .namespace = namespace,
					 .name = "",
					 .operation = "CREATE",
					 .object = pod };

	admission_verdict_init(v);
	if (pod)
		mutate(&req, lookups, "", v);
	else
		admission_refuse_memory(v);
}

/* Which of its pods: the first or the last of a StatefulSet, or any of another. */
enum which { FIRST, LAST, ANY };

static int64_t ordinal_at(const cJSON *object, enum which which)
{
	return which == ANY ? NO_ORDINAL : ordinal_of(object, which == LAST);
}

static bool was_refused(const cJSON *set, enum which which, const char *namespace, const struct lookups *lookups)
{
	struct admission_verdict was;
	bool refused;

	if (!set)
		return false;
	judge(set, ordinal_at(set, which), namespace, lookups, &was);
	refused = was.allowed ? was.objection != NULL : was.code != 500;
	admission_verdict_release(&was);
	return refused;
}

static void warn_once(struct admission_verdict *v, const char *warning)
{
	for (int i = 0; i < v->warning_count; i++) {
		if (strcmp(v->warnings[i], warning) == 0)
			return;
	}
	admission_warn(v, "%s", warning);
}

static void preview_pod(const struct admission_request *req, const struct lookups *lookups, enum which which,
			bool new_template, struct admission_verdict *v)
{
	struct admission_verdict pod;

	judge(req->object, ordinal_at(req->object, which), req->namespace, lookups, &pod);
	if (pod.allowed && pod.objection && !was_refused(req->old_object, which, req->namespace, lookups))
		admission_refuse(
			v, 422,
			"%s, so a rolling update would end both members of a group before they have synced; or "
			"write a readinessProbe of your own that asks for its role",
			pod.objection);
	for (int i = 0; new_template && i < pod.warning_count; i++)
		warn_once(v, pod.warnings[i]);
	/* 500 is no word about the pod. */
	if (!pod.allowed && (pod.code == 500 || !was_refused(req->old_object, which, req->namespace, lookups)))
		admission_refuse(v, pod.code, "%s", pod.message);
	else if (!pod.allowed)
		warn_once(v, "see kubectl get events: its new pods are refused, as they were before");
	admission_verdict_release(&pod);
}

void preview_pods(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	const cJSON *old = req->old_object, *now = req->object;
	bool numbered = strcmp(req->resource, "statefulsets") == 0;
	int64_t first = ordinal_of(now, false), last = ordinal_of(now, true);
	bool new_template =
		!old || !json_equal(json_get(old, "spec", "template", NULL), json_get(now, "spec", "template", NULL));

	if (!numbered) {
		if (new_template)
			preview_pod(req, lookups, ANY, true, v);
		return;
	}
	if (new_template || first != ordinal_of(old, false))
		preview_pod(req, lookups, FIRST, new_template, v);
	if (v->allowed && last != first && (new_template || last != ordinal_of(old, true)))
		preview_pod(req, lookups, LAST, new_template, v);
}
