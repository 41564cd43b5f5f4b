#include "controller/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/codis/topology.h"
#include "common/kube/selector.h"

/* Of all pods' labels through all others' selectors: some 20 ms. 1,000 pods, and ten budgets of five terms each, are
 * less. */
#define LOOKS_MAX 100000

static void name_of(const struct budget_facts *f, int gid, char out[BUDGET_NAME_MAX])
{
	snprintf(out, BUDGET_NAME_MAX, "%.240s-group-%d", f->set, gid);
}

static void name_pod(const struct budget_facts *f, int ordinal, char out[POD_NAME_MAX])
{
	snprintf(out, POD_NAME_MAX, "%.240s-%d", f->set, ordinal);
}

static void ordinals_of(const struct budget_facts *f, int gid, int *first, int *end)
{
	codis_shape_members(&f->shape, gid, first, end);
}

static int members_of(const struct budget_facts *f, int gid)
{
	int first, end;

	ordinals_of(f, gid, &first, &end);
	return end - first;
}

/* --- what it shall be ----------------------------------------------------------------------------------------------
 */

static void add_selector(const struct budget_facts *f, int gid, cJSON *spec)
{
	cJSON *list = json_add_array(json_add_object(spec, "selector"), "matchExpressions");
	cJSON *is_one = cJSON_CreateObject(), *pods;
	int first, end;

	json_add_str(is_one, "key", CODIS_LABEL_POD_NAME);
	json_add_str(is_one, "operator", "In");
	pods = json_add_array(is_one, "values");
	ordinals_of(f, gid, &first, &end);
	for (int i = first; i < end; i++) {
		char pod[POD_NAME_MAX];

		name_pod(f, i, pod);
		json_push(pods, cJSON_CreateString(pod));
	}
	json_push(list, is_one);
}

static void add_spec(const struct budget_facts *f, int gid, cJSON *object)
{
	cJSON *spec = json_add_object(object, "spec");

	json_add_int(spec, "minAvailable", members_of(f, gid) - 1);
	add_selector(f, gid, spec);
}

static void add_metadata(const struct budget_facts *f, int gid, cJSON *object)
{
	cJSON *meta = json_add_object(object, "metadata"), *owner = cJSON_CreateObject(), *labels;
	char name[BUDGET_NAME_MAX];

	name_of(f, gid, name);
	json_add_str(meta, "name", name);
	json_add_str(meta, "namespace", f->namespace);
	labels = json_add_object(meta, "labels");
	json_add_str(labels, CODIS_LABEL_MANAGED_BY, CODIS_MANAGED_BY);
	json_add_str(labels, CODIS_LABEL_PRODUCT, f->product);
	json_add_fmt(labels, CODIS_LABEL_GROUP, "%d", gid);
	json_add_str(owner, "apiVersion", "apps/v1");
	json_add_str(owner, "kind", "StatefulSet");
	json_add_str(owner, "name", f->set);
	json_add_str(owner, "uid", f->set_uid);
	json_push(json_add_array(meta, "ownerReferences"), owner);
}

cJSON *budget_object(const struct budget_facts *f, int gid)
{
	cJSON *object = cJSON_CreateObject();

	json_add_str(object, "apiVersion", "policy/v1");
	json_add_str(object, "kind", "PodDisruptionBudget");
	add_metadata(f, gid, object);
	add_spec(f, gid, object);
	if (json_is_whole(object))
		return object;
	cJSON_Delete(object);
	return NULL;
}

/* --- what is to be done --------------------------------------------------------------------------------------------
 */

static bool is_owned(const struct budget_facts *f, const cJSON *budget)
{
	const char *uid =
		json_str(cJSON_GetArrayItem(json_get(budget, "metadata", "ownerReferences", NULL), 0), "uid", NULL);

	return codis_is_managed(budget) && uid && strcmp(uid, f->set_uid) == 0;
}

static int gid_of(const struct budget_facts *f, const cJSON *budget)
{
	const char *name = json_str(budget, "metadata", "name", NULL);
	size_t len = strlen(f->set);
	int gid = 0;

	if (name && strncmp(name, f->set, len) == 0)
		sscanf(name + len, "-group-%d", &gid);
	return gid;
}

/* The budgets, each where it belongs. */
struct sorted {
	int first, last;      /* groups that there are to be */
	const cJSON **ours;   /* of each of these, or NULL */
	const cJSON **others; /* that we have not made */
	int other_count;
	const cJSON *left; /* one of ours whose group is wanted no more */
};

static void sort_one(const struct budget_facts *f, const cJSON *budget, struct sorted *s)
{
	int gid = gid_of(f, budget);

	if (!codis_is_managed(budget))
		s->others[s->other_count++] = budget;
	else if (!is_owned(f, budget))
		return; /* of another StatefulSet, or of one of this name that is no more: Kubernetes takes it away */
	else if (gid < s->first || gid > s->last)
		s->left = budget;
	else
		s->ours[gid - s->first] = budget;
}

/* 0, or -1: no memory. sorted_release() in either case. */
static int sort_budgets(const struct budget_facts *f, struct sorted *s)
{
	*s = (struct sorted){ .first = 1, .last = 0 };
	codis_shape_groups(&f->shape, &s->first, &s->last);
	if (s->last > CODIS_GROUP_MAX)
		s->last = s->first > CODIS_GROUP_MAX ? s->first - 1 : CODIS_GROUP_MAX;
	s->ours = calloc((size_t)(s->last - s->first + 2), sizeof(s->ours[0]));
	s->others = calloc((size_t)f->count + 1, sizeof(s->others[0]));
	if (!s->ours || !s->others)
		return -1;
	for (int i = 0; i < f->count; i++)
		sort_one(f, f->budgets[i], s);
	return 0;
}

static void sorted_release(struct sorted *s)
{
	free(s->ours);
	free(s->others);
}

/* How much there is to look through in a selector: values, and for each term a label among all. */
static int64_t size_of(const cJSON *selector)
{
	int64_t size = cJSON_GetArraySize(json_get(selector, "matchLabels", NULL));
	const cJSON *term;

	cJSON_ArrayForEach(term, json_get(selector, "matchExpressions", NULL))
		size += 2 + cJSON_GetArraySize(json_get(term, "values", NULL));
	return size + 1;
}

bool budget_too_many(const struct budget_facts *f)
{
	int64_t size = 0;

	for (int i = 0; i < f->count && size * f->shape.replicas <= LOOKS_MAX; i++)
		size += codis_is_managed(f->budgets[i]) ? 0
							: size_of(json_get(f->budgets[i], "spec", "selector", NULL));
	return size * f->shape.replicas > LOOKS_MAX;
}

/* The labels of a pod: its own, else those that it will get; the caller's. NULL: no memory. */
static cJSON *labels_of(const struct budget_facts *f, int ordinal, const char *pod)
{
	const cJSON *own = json_get(f->pods, pod, "labels", NULL);
	cJSON *labels = own ? cJSON_Duplicate(own, true)
			    : codis_server_labels(f->labels, f->says_product ? f->product : NULL,
						  f->shape.group ? f->shape.group
								 : codis_group_of(ordinal, f->shape.server_replica));

	if (own || !labels)
		return labels;
	cJSON_DeleteItemFromObjectCaseSensitive(labels, CODIS_LABEL_POD_NAME);
	if (json_add_str(labels, CODIS_LABEL_POD_NAME, pod))
		return labels;
	cJSON_Delete(labels);
	return NULL;
}

/* How many other budgets select the pod, two at most, and which. -1: no memory. */
static int others_of(const struct budget_facts *f, const struct sorted *s, int ordinal, const char *pod,
		     const cJSON *found[2])
{
	JSON_CLEANUP cJSON *labels = labels_of(f, ordinal, pod);
	int n = 0;

	if (!labels)
		return -1;
	for (int k = 0; k < s->other_count && n < 2; k++) {
		if (selector_matches(json_get(s->others[k], "spec", "selector", NULL), labels))
			found[n++] = s->others[k];
	}
	return n;
}

/* Whether another budget selects any pod of the group: 1, 0, or -1: no memory. */
static int is_protected(const struct budget_facts *f, const struct sorted *s, int gid)
{
	const cJSON *found[2];
	char pod[POD_NAME_MAX];
	int first, end, n = 0;

	ordinals_of(f, gid, &first, &end);
	for (int i = first; i < end && n == 0 && s->other_count; i++) {
		name_pod(f, i, pod);
		n = others_of(f, s, i, pod, found);
	}
	return n > 0 ? 1 : n;
}

static const char *name_of_budget(const cJSON *budget)
{
	const char *name = json_str(budget, "metadata", "name", NULL);

	return name ? name : "";
}

int budget_twice(const struct budget_facts *f,
		 void (*tell)(void *ctx, const char *pod, const char *first, const char *second), void *ctx)
{
	struct sorted s;
	const cJSON *found[2];
	char pod[POD_NAME_MAX];
	int done = sort_budgets(f, &s);

	for (int i = 0; i < f->shape.replicas && done == 0 && s.other_count > 1; i++) {
		int n;

		name_pod(f, f->shape.start + i, pod);
		n = json_get(f->pods, pod, NULL) ? others_of(f, &s, f->shape.start + i, pod, found) : 0;
		if (n == 2)
			tell(ctx, pod, name_of_budget(found[0]), name_of_budget(found[1]));
		done = n < 0 ? -1 : 0;
	}
	sorted_release(&s);
	return done;
}

static void change(struct budget_change *out, enum budget_step step, const cJSON *budget, const char *why)
{
	const char *uid = json_str(budget, "metadata", "uid", NULL);

	out->step = step;
	out->why = why;
	snprintf(out->name, sizeof(out->name), "%s", name_of_budget(budget));
	if (uid)
		snprintf(out->uid, sizeof(out->uid), "%s", uid);
}

/* 0, or -1: no memory. */
static int next_of_group(const struct budget_facts *f, const struct sorted *s, int gid, struct budget_change *out)
{
	JSON_CLEANUP cJSON *wanted = budget_object(f, gid);
	const cJSON *ours = s->ours[gid - s->first];
	bool alone = members_of(f, gid) < 2;
	int protected = is_protected(f, s, gid);

	if (!wanted || protected < 0)
		return -1;
	out->gid = gid;
	if (ours && (alone || protected))
		change(out, BUDGET_DELETE, ours,
		       alone ? "a group of one could never be drained"
			     : "another budget selects its pods, and two evict none");
	else if (!alone && !protected && !ours)
		change(out, BUDGET_CREATE, wanted, "a drain may not take a whole group");
	else if (ours && !json_equal(json_get(ours, "spec", NULL), json_get(wanted, "spec", NULL)))
		change(out, BUDGET_CHANGE, ours, "the group has other members now");
	return 0;
}

static int next_of_all(const struct budget_facts *f, const struct sorted *s, int from_gid, struct budget_change *out)
{
	int count = s->last - s->first + 1;

	if (s->left) {
		change(out, BUDGET_DELETE, s->left, "its group is no more");
		return 0;
	}
	if (from_gid < s->first || from_gid > s->last)
		from_gid = s->first;
	for (int i = 0; i < count && out->step == BUDGET_RIGHT; i++) {
		if (next_of_group(f, s, s->first + (from_gid - s->first + i) % count, out) < 0)
			return -1;
	}
	return 0;
}

int budget_next(const struct budget_facts *f, int from_gid, struct budget_change *out)
{
	struct sorted s;
	int done;

	memset(out, 0, sizeof(*out));
	done = sort_budgets(f, &s);
	if (done == 0)
		done = next_of_all(f, &s, from_gid, out);
	sorted_release(&s);
	return done;
}
