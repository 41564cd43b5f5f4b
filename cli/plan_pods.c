#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/plan.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/topology.h"

static const struct plan_kind kinds[] = {
	{ "StatefulSet", "apps/v1", "statefulsets", PLAN_NUMBERED },
	{ "Deployment", "apps/v1", "deployments", PLAN_REPLICAS },
	{ "DaemonSet", "apps/v1", "daemonsets", PLAN_ONE_A_NODE },
	{ "ReplicaSet", "apps/v1", NULL, PLAN_REPLICAS },
	{ "ReplicationController", "v1", NULL, PLAN_REPLICAS },
	{ "Job", "batch/v1", NULL, PLAN_JOB },
	{ "Pod", "v1", NULL, PLAN_ITSELF },
	{ "PodDisruptionBudget", "policy/v1", NULL, PLAN_NO_PODS },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *plan_name(const cJSON *object)
{
	const char *name = json_str(object, "metadata", "name", NULL);

	name = name ? name : json_str(object, "metadata", "generateName", NULL);
	return name ? name : "";
}

const char *plan_namespace(const cJSON *object)
{
	const char *namespace = json_str(object, "metadata", "namespace", NULL);

	return namespace ? namespace : "";
}

static bool is(const cJSON *object, const char *name, const char *text)
{
	const char *its = json_str(object, name, NULL);

	return its && strcmp(its, text) == 0;
}

const struct plan_kind *plan_kind_of(const cJSON *object)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (is(object, "kind", kinds[i].kind) && is(object, "apiVersion", kinds[i].version))
			return &kinds[i];
	}
	return NULL;
}

/* Of a group of its own ("apps.openkruise.io/v1") it is another kind. */
static bool is_ours(const char *version)
{
	const char *slash = strchr(version, '/');

	return !slash || !memchr(version, '.', (size_t)(slash - version));
}

const struct plan_kind *plan_kind_meant(const cJSON *object)
{
	const char *kind = json_str(object, "kind", NULL), *version = json_str(object, "apiVersion", NULL);

	for (size_t i = 0; kind && version && is_ours(version) && i < KINDS; i++) {
		if (strcasecmp(kind, kinds[i].kind) == 0)
			return plan_kind_of(object) ? NULL : &kinds[i];
	}
	return NULL;
}

/* --- what the API server writes ----------------------------------------------------------------------------------- */

static void add_default(cJSON *object, const char *name, const char *value)
{
	if (cJSON_IsObject(object) && !json_get(object, name, NULL))
		json_add_str(object, name, value);
}

/* The memory that a container may have at most is what it asks for, where it says no other. */
static void complete_resources(cJSON *resources)
{
	const cJSON *limit = json_get(resources, "limits", "memory", NULL);
	cJSON *requests = cJSON_GetObjectItemCaseSensitive(resources, "requests");

	if (!limit || json_get(requests, "memory", NULL))
		return;
	requests = requests ? requests : json_add_object(resources, "requests");
	json_set(requests, "memory", cJSON_Duplicate(limit, true));
}

static void complete_spec(cJSON *spec)
{
	cJSON *container;

	add_default(spec, "restartPolicy", "Always");
	add_default(spec, "schedulerName", "default-scheduler");
	if (cJSON_IsObject(spec) && !json_get(spec, "terminationGracePeriodSeconds", NULL))
		json_add_int(spec, "terminationGracePeriodSeconds", 30);
	json_each(container, json_get(spec, "containers", NULL))
		complete_resources(cJSON_GetObjectItemCaseSensitive(container, "resources"));
	json_each(container, json_get(spec, "initContainers", NULL))
		complete_resources(cJSON_GetObjectItemCaseSensitive(container, "resources"));
}

static cJSON *part(cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

int plan_complete(cJSON *object, const struct plan_kind *kind, const char *namespace, struct error *err)
{
	cJSON *spec = part(object, "spec");

	add_default(part(object, "metadata"), "namespace", namespace);
	if (kind && kind->makes == PLAN_NUMBERED)
		add_default(spec, "podManagementPolicy", "OrderedReady");
	if (kind && kind->makes == PLAN_ITSELF)
		complete_spec(spec);
	else if (kind && kind->makes != PLAN_NO_PODS)
		complete_spec(part(part(spec, "template"), "spec"));
	return json_is_whole(object) ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

/* --- pods --------------------------------------------------------------------------------------------------------- */

static void add_copy(cJSON *to, const char *name, const cJSON *item)
{
	if (item)
		json_set(to, name, cJSON_Duplicate(item, true));
}

/* As the plugin DefaultTolerationSeconds does. */
static void tolerate(cJSON *spec, const char *key)
{
	cJSON *tolerations = part(spec, "tolerations"), *one;
	const cJSON *t;

	json_each(t, tolerations) {
		const char *its = json_str(t, "key", NULL), *effect = json_str(t, "effect", NULL);

		if ((!its || !*its || strcmp(its, key) == 0) &&
		    (!effect || !*effect || strcmp(effect, "NoExecute") == 0))
			return;
	}
	one = cJSON_CreateObject();
	json_add_str(one, "key", key);
	json_add_str(one, "operator", "Exists");
	json_add_str(one, "effect", "NoExecute");
	json_add_int(one, "tolerationSeconds", 300);
	json_push(cJSON_IsArray(tolerations) ? tolerations : json_add_array(spec, "tolerations"), one);
}

static void add_owner(cJSON *metadata, const char *kind, const char *name)
{
	cJSON *owner = cJSON_CreateObject();

	json_add_str(owner, "apiVersion", strcmp(kind, "ReplicationController") == 0 ? "v1" : "apps/v1");
	json_add_str(owner, "kind", kind);
	json_add_str(owner, "name", name);
	json_add_bool(owner, "controller", true);
	json_push(json_add_array(metadata, "ownerReferences"), owner);
}

/* The volume that each pod of a StatefulSet has for itself. */
static void add_claims(const cJSON *set, const char *pod, cJSON *spec)
{
	const cJSON *claim;

	json_each(claim, json_get(set, "spec", "volumeClaimTemplates", NULL)) {
		const char *name = json_str(claim, "metadata", "name", NULL);
		cJSON *volumes = part(spec, "volumes"), *volume = cJSON_CreateObject();

		json_add_str(volume, "name", name ? name : "");
		json_add_fmt(json_add_object(volume, "persistentVolumeClaim"), "claimName", "%s-%s", name ? name : "",
			     pod);
		json_push(cJSON_IsArray(volumes) ? volumes : json_add_array(spec, "volumes"), volume);
	}
}

static void add_labels_of_set(cJSON *metadata, int64_t ordinal, const char *pod)
{
	cJSON *labels = part(metadata, "labels");

	labels = cJSON_IsObject(labels) ? labels : json_add_object(metadata, "labels");
	json_add_fmt(labels, CODIS_LABEL_POD_INDEX, "%lld", (long long)ordinal);
	json_add_str(labels, CODIS_LABEL_POD_NAME, pod);
}

/* Of a template; number: an ordinal, or which of equals. NULL: no memory. */
static cJSON *pod_of(const cJSON *object, const struct plan_kind *kind, int64_t number)
{
	const cJSON *template = json_get(object, "spec", "template", NULL);
	cJSON *pod = cJSON_CreateObject(), *metadata;
	char name[300];

	json_add_str(pod, "apiVersion", "v1");
	json_add_str(pod, "kind", "Pod");
	metadata = json_add_object(pod, "metadata");
	snprintf(name, sizeof(name), "%.250s-%lld", plan_name(object), (long long)number);
	json_add_str(metadata, "name", name);
	json_add_str(metadata, "namespace", plan_namespace(object));
	add_copy(metadata, "labels", json_get(template, "metadata", "labels", NULL));
	add_copy(metadata, "annotations", json_get(template, "metadata", "annotations", NULL));
	add_owner(metadata, strcmp(kind->kind, "Deployment") == 0 ? "ReplicaSet" : kind->kind, plan_name(object));
	add_copy(pod, "spec", json_get(template, "spec", NULL));
	if (kind->makes != PLAN_NUMBERED)
		return pod;
	add_labels_of_set(metadata, number, name);
	add_claims(object, name, part(pod, "spec"));
	return pod;
}

/* Takes the pod over. */
static int add_pod(struct plan *p, size_t object, cJSON *pod, struct error *err)
{
	size_t room = p->pod_room ? 2 * p->pod_room : 64;
	struct plan_pod *more;

	tolerate(part(pod, "spec"), "node.kubernetes.io/not-ready");
	tolerate(part(pod, "spec"), "node.kubernetes.io/unreachable");
	cJSON_DeleteItemFromObjectCaseSensitive(part(pod, "metadata"), "uid");
	json_add_fmt(part(pod, "metadata"), "uid", "plan-pod-%zu", p->pod_count);
	if (p->pod_count == p->pod_room) {
		more = reallocarray(p->pods, room, sizeof(*more));
		p->pods = more ? more : p->pods;
		p->pod_room = more ? room : p->pod_room;
	}
	if (p->pod_count == p->pod_room || !pod || !json_is_whole(pod)) {
		cJSON_Delete(pod);
		return error_set(err, ERR_NOMEM, "no memory");
	}
	p->pods[p->pod_count++] = (struct plan_pod){ .made = pod, .of = object, .node = -1 };
	return 0;
}

/* A number that Kubernetes takes; what is none it refuses itself. */
static int64_t count_of(const cJSON *object, const char *name)
{
	int64_t count = json_int(1, object, "spec", name, NULL);

	return count < 0 ? 0 : count;
}

int plan_make_pods(struct plan *p, size_t at, struct error *err)
{
	const struct plan_kind *kind = p->objects[at].kind;
	const cJSON *object = p->objects[at].object;
	enum plan_makes makes = kind ? kind->makes : PLAN_NO_PODS;
	int64_t count = count_of(object, makes == PLAN_JOB ? "parallelism" : "replicas");
	int64_t first = json_int(0, object, "spec", "ordinals", "start", NULL);

	if (makes == PLAN_NO_PODS || makes == PLAN_ONE_A_NODE)
		return 0;
	if (makes == PLAN_ITSELF && p->pod_count < PLAN_PODS)
		return add_pod(p, at, cJSON_Duplicate(object, true), err);
	if (makes == PLAN_ITSELF)
		return error_set(err, ERR_TOOBIG,
				 "Pod %.64s: with it there are more pods than are planned at once, which is %d",
				 plan_name(object), PLAN_PODS);
	if (count > PLAN_PODS || p->pod_count + (size_t)count > PLAN_PODS)
		return error_set(err, ERR_TOOBIG, "%s %.64s: %lld pods are more than are planned at once, which is %d",
				 kind->kind, plan_name(object), (long long)count, PLAN_PODS);
	first = makes != PLAN_NUMBERED ? 1 : first < 0 || first > CODIS_ORDINALS_MAX ? 0 : first;
	for (int64_t i = 0; i < count; i++) {
		if (add_pod(p, at, pod_of(object, kind, first + i), err) < 0)
			return -1;
	}
	return 0;
}
