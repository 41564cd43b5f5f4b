/* What codis-webhook says: the one file of codisctl that includes a header of codis-webhook's, and this one alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch_apply.h"
#include "common/codis/component.h"
#include "common/kube/admission.h"
#include "webhook/offline.h"

#define VERDICT_CLEANUP __attribute__((cleanup(admission_verdict_release)))

/* --- what is said goes into the report ---------------------------------------------------------------------------- */

static bool same(const cJSON *a, const cJSON *b, const char *name)
{
	const char *x = json_str(a, name, NULL), *y = json_str(b, name, NULL);

	return x && y && strcmp(x, y) == 0;
}

/* What is said of several pods of an object is said once. */
cJSON *plan_note(cJSON *report, const char *list, const cJSON *object, const char *why)
{
	cJSON *all = cJSON_GetObjectItemCaseSensitive(report, list), *one = cJSON_CreateObject();
	const cJSON *other;

	json_add_str(one, "kind", json_str(object, "kind", NULL));
	json_add_str(one, "namespace", plan_namespace(object));
	json_add_str(one, "name", plan_name(object));
	json_add_str(one, "why", why);
	json_each(other, strcmp(list, "warnings") == 0 || strcmp(list, "refused") == 0 ? all : NULL) {
		if (same(one, other, "why") && same(one, other, "name") && same(one, other, "namespace") &&
		    same(one, other, "kind")) {
			cJSON_Delete(one);
			return NULL;
		}
	}
	return json_push(all, one) == 0 ? one : NULL;
}

static void note_verdict(struct plan *p, struct plan_object *of, const struct admission_verdict *v)
{
	for (int i = 0; i < v->warning_count; i++)
		plan_note(p->report, "warnings", of->object, v->warnings[i]);
	if (!v->allowed)
		plan_note(p->report, "refused", of->object, v->message);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

/* kube-system and codis-k8s' own namespace: the webhook is not asked about these. */
static bool is_left_out(const struct plan *p, const cJSON *object)
{
	const char *namespace = plan_namespace(object);

	return strcmp(namespace, "kube-system") == 0 || strcmp(namespace, p->cli->options.system) == 0;
}

static void refuse(struct plan *p, struct plan_object *o, const char *why)
{
	o->refused = true;
	plan_note(p->report, "refused", o->object, why);
}

static void refuse_kind(struct plan *p, struct plan_object *o, const struct plan_kind *meant)
{
	char why[200];

	snprintf(why, sizeof(why), "the API server does not know kind %.40s of %.40s: write kind %s, apiVersion %s",
		 json_str(o->object, "kind", NULL), json_str(o->object, "apiVersion", NULL), meant->kind,
		 meant->version);
	refuse(p, o, why);
}

static bool is_twice(const struct plan *p, const struct plan_object *o)
{
	for (const struct plan_object *other = p->objects; other < o; other++) {
		if (other->kind == o->kind && strcmp(plan_name(other->object), plan_name(o->object)) == 0 &&
		    strcmp(plan_namespace(other->object), plan_namespace(o->object)) == 0 &&
		    json_get(o->object, "metadata", "name", NULL))
			return true;
	}
	return false;
}

/* What the API server would not take, and what else would be planned as if it were something else. NULL: nothing. */
static const char *wrong_with(const struct plan *p, const struct plan_object *o)
{
	bool itself = o->kind->makes == PLAN_ITSELF;
	const cJSON *spec =
		itself ? json_get(o->object, "spec", NULL) : json_get(o->object, "spec", "template", "spec", NULL);
	const cJSON *replicas = json_get(o->object, "spec", "replicas", NULL);

	if (is_twice(p, o))
		return "it stands twice in what is planned: kubectl apply would leave the last one";
	if (o->kind->makes == PLAN_NO_PODS)
		return NULL;
	if (!cJSON_IsObject(spec) || !json_first(json_get(spec, "containers", NULL)))
		return itself ? "it has no spec.containers: the API server refuses that"
			      : "it has no spec.template.spec.containers: the API server refuses that";
	if (replicas && !json_is(replicas, cJSON_NULL) &&
	    (json_int_of(-1, replicas) < 0 || json_int_of(-1, replicas) > INT32_MAX))
		return "spec.replicas is no whole number from 0 to 2147483647: the API server refuses that";
	return NULL;
}

static void review(struct plan *p, struct offline *off, struct plan_object *o)
{
	VERDICT_CLEANUP struct admission_verdict v;

	admission_verdict_init(&v);
	offline_review(off, o->kind->resource, o->object, plan_there(p, o->object), &v);
	note_verdict(p, o, &v);
	o->refused = !v.allowed;
}

static int admit_object(struct plan *p, struct offline *off, size_t at, struct error *err)
{
	struct plan_object *o = &p->objects[at];
	const struct plan_kind *meant = plan_kind_meant(o->object);
	const char *wrong = o->kind ? wrong_with(p, o) : NULL;

	if (meant)
		refuse_kind(p, o, meant);
	else if (wrong)
		refuse(p, o, wrong);
	else if (!o->kind)
		plan_note(p->report, "not_looked_at", o->object, "codis-webhook is not asked about this kind");
	else if (is_left_out(p, o->object))
		plan_note(p->report, "not_looked_at", o->object, "codis-webhook is not asked about this namespace");
	else if (o->kind->resource)
		review(p, off, o);
	if (o->kind && o->kind->makes == PLAN_ONE_A_NODE)
		plan_note(p->report, "not_looked_at", o->object,
			  "where its pods stand is not planned: one on each node");
	if (o->kind && !o->refused && o->kind->makes != PLAN_NO_PODS && offline_know(off, o->object) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	return 0;
}

/* --- pods --------------------------------------------------------------------------------------------------------- */

/* The patch by the first pod of each object: those of the others differ by their group. */
static void note_patch(struct plan *p, const struct plan_pod *pod, const cJSON *patch)
{
	cJSON *one;

	if (!cJSON_GetArraySize(patch) || (pod > p->pods && pod[-1].of == pod->of))
		return;
	one = plan_note(p->report, "injected", p->objects[pod->of].object, "");
	json_add_str(one, "pod", plan_name(pod->made));
	json_set(one, "patch", cJSON_Duplicate(patch, true));
}

static int admit_pod(struct plan *p, const struct offline *off, struct plan_pod *pod, struct error *err)
{
	VERDICT_CLEANUP struct admission_verdict v;
	JSON_CLEANUP cJSON *patch = NULL;

	admission_verdict_init(&v);
	if (!is_left_out(p, pod->made))
		offline_review(off, "pods", pod->made, NULL, &v);
	note_verdict(p, &p->objects[pod->of], &v);
	if (!v.allowed)
		return 0;
	patch = json_patch_read(&v.patch, v.operations);
	if (!patch)
		return error_set(err, ERR_NOMEM, "no memory");
	note_patch(p, pod, patch);
	pod->pod = json_patch_apply(pod->made, patch, err);
	return pod->pod ? 0 : -1;
}

/* metadata, for a uid of our own: that of an object which was got from a cluster may be anything. */
static cJSON *uid_less(cJSON *object)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");

	cJSON_DeleteItemFromObjectCaseSensitive(metadata, "uid");
	return metadata;
}

/* Budgets first: in which order files are named says nothing of which there will be. */
static int complete_all(struct plan *p, struct offline *off, struct error *err)
{
	for (size_t i = 0; i < p->object_count; i++) {
		struct plan_object *o = &p->objects[i];
		const struct cli_options *options = &p->cli->options;
		const char *own = options->live ? cli_namespace(p->cli) : options->namespace,
			   *namespace = own ? own : "default";

		if (plan_complete(o->object, o->kind, namespace, err) < 0)
			return -1;
		json_add_fmt(uid_less(o->object), "uid", "plan-object-%zu", i);
		if (o->kind && o->kind->makes == PLAN_NO_PODS && offline_know(off, o->object) < 0)
			return error_set(err, ERR_NOMEM, "no memory");
	}
	return 0;
}

static int know_all_there(const struct plan *p, struct offline *off, struct error *err)
{
	const cJSON *object;
	int r = 0;

	json_each(object, p->there)
		r = r < 0 ? r : offline_know(off, object);
	return r < 0 ? error_set(err, ERR_NOMEM, "no memory") : 0;
}

static int admit(struct plan *p, struct offline *off, struct error *err)
{
	int r = know_all_there(p, off, err) < 0 ? -1 : complete_all(p, off, err);

	for (size_t i = 0; i < p->object_count && r == 0; i++)
		r = admit_object(p, off, i, err);
	for (size_t i = 0; i < p->object_count && r == 0; i++)
		r = p->objects[i].refused ? 0 : plan_make_pods(p, i, err);
	for (size_t i = 0; i < p->pod_count && r == 0; i++)
		r = admit_pod(p, off, &p->pods[i], err);
	plan_find_standing(p);
	return r;
}

int plan_admit(struct plan *p, struct error *err)
{
	struct offline *off = offline_new();
	int r = off ? admit(p, off, err) : error_set(err, ERR_NOMEM, "no memory");

	offline_free(off);
	return r;
}
