/* The cluster as it is now: nodes, pods, StatefulSets and PodDisruptionBudgets, listed once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/plan.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/asks.h"
#include "common/codis/component.h"

#define LIST_MS 30000

/* Takes an object of a list; it is the page's. */
typedef int (*take_fn)(struct plan *p, const cJSON *object, struct error *err);

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static int take_node(struct plan *p, const cJSON *node, struct error *err)
{
	cJSON *copy = cJSON_Duplicate(node, true);

	if (!copy)
		return error_set(err, ERR_NOMEM, "no memory");
	cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(copy, "status"), "images");
	return plan_add_node(p, copy, err);
}

static int node_of(const struct plan *p, const cJSON *pod)
{
	const char *name = json_str(pod, "spec", "nodeName", NULL);

	for (size_t i = 0; name && i < p->node_count; i++) {
		if (strcmp(p->nodes[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static int keep_pod(struct plan *p, const cJSON *pod, int node, struct error *err)
{
	struct plan_standing *more;

	if (p->standing_count == PLAN_PODS)
		return error_set(err, ERR_TOOBIG, "the cluster has over %d pods of Codis", PLAN_PODS);
	more = reallocarray(p->standing, p->standing_count + 1, sizeof(*more));
	if (!more)
		return error_set(err, ERR_NOMEM, "no memory");
	p->standing = more;
	p->standing[p->standing_count] = (struct plan_standing){ .pod = cJSON_Duplicate(pod, true), .node = node };
	return p->standing[p->standing_count++].pod ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

/* Of others' pods only what they ask for counts. */
static int take_pod(struct plan *p, const cJSON *pod, struct error *err)
{
	const char *phase = json_str(pod, "status", "phase", NULL);
	int node = node_of(p, pod);
	uint32_t asked_mib;

	if (node < 0 || (phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)))
		return 0;
	if (codis_component_of(pod) != CODIS_NONE)
		return keep_pod(p, pod, node, err);
	asked_mib = asks_memory_mib(json_get(pod, "spec", NULL));
	p->nodes[node].pods++;
	p->nodes[node].memory_mib += asked_mib < UINT32_MAX - p->nodes[node].memory_mib ? asked_mib : 0;
	return 0;
}

/* A list's objects do not say their kind. */
static int keep(struct plan *p, const cJSON *object, const char *kind, struct error *err)
{
	cJSON *copy = cJSON_Duplicate(object, true);

	json_set(copy, "kind", cJSON_CreateString(kind));
	return json_push(p->there, copy) < 0 || !json_is_whole(copy) ? error_set(err, ERR_NOMEM, "no memory") : 0;
}

static int take_set(struct plan *p, const cJSON *set, struct error *err)
{
	bool ours = codis_component_of(json_get(set, "spec", "template", NULL)) != CODIS_NONE;

	return ours ? keep(p, set, "StatefulSet", err) : 0;
}

static int take_budget(struct plan *p, const cJSON *budget, struct error *err)
{
	return keep(p, budget, "PodDisruptionBudget", err);
}

/* --- how it is asked for ------------------------------------------------------------------------------------------ */

static int take_page(struct plan *p, const cJSON *page, take_fn take, struct error *err)
{
	const cJSON *object;

	json_each(object, json_get(page, "items", NULL)) {
		if (take(p, object, err) < 0)
			return -1;
	}
	return 0;
}

static int list(struct plan *p, const char *collection, take_fn take, struct error *err)
{
	char first[200], path[ASK_PATH_MAX];
	int pages = 0, more;

	snprintf(first, sizeof(first), "%s?limit=%d", collection, ASK_PAGE);
	text_copy(path, sizeof(path), first);
	do {
		JSON_CLEANUP cJSON *page = ask_get(p->cli, path, LIST_MS, err);

		if (!page || take_page(p, page, take, err) < 0)
			return -1;
		more = ask_next_page(first, page, &pages, path, err);
	} while (more == 1);
	return more;
}

int plan_live(struct plan *p, struct error *err)
{
	static const struct {
		const char *collection;
		take_fn take;
	} lists[] = {
		{ "/api/v1/nodes", take_node },
		{ "/api/v1/pods", take_pod },
		{ "/apis/apps/v1/statefulsets", take_set },
		{ "/apis/policy/v1/poddisruptionbudgets", take_budget },
	};

	p->there = cJSON_CreateArray();
	if (!p->there)
		return error_set(err, ERR_NOMEM, "no memory");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (list(p, lists[i].collection, lists[i].take, err) < 0)
			return -1;
	}
	return p->node_count ? 0 : error_set(err, ERR_NOTFOUND, "the cluster has no nodes");
}

/* --- who stands already ------------------------------------------------------------------------------------------- */

const cJSON *plan_there(const struct plan *p, const cJSON *object)
{
	const char *kind = json_str(object, "kind", NULL), *its;
	const cJSON *other;

	json_each(other, p->there) {
		its = json_str(other, "kind", NULL);
		if (kind && its && strcmp(kind, its) == 0 && strcmp(plan_name(other), plan_name(object)) == 0 &&
		    strcmp(plan_namespace(other), plan_namespace(object)) == 0)
			return other;
	}
	return NULL;
}

/* "codis-proxy-7689b9d8f6" of the Deployment codis-proxy. */
static bool is_owner(const struct plan_object *o, const char *owner)
{
	const char *name = plan_name(o->object);
	size_t len = strlen(name);

	if (strcmp(o->kind->kind, "Deployment") != 0)
		return strcmp(name, owner) == 0;
	return strncmp(owner, name, len) == 0 && owner[len] == '-' && !strchr(owner + len + 1, '-');
}

static bool is_its(const struct plan_object *o, const cJSON *pod)
{
	const char *kind = strcmp(o->kind->kind, "Deployment") == 0 ? "ReplicaSet" : o->kind->kind;
	const cJSON *owner;

	if (strcmp(plan_namespace(pod), plan_namespace(o->object)) != 0)
		return false;
	json_each(owner, json_get(pod, "metadata", "ownerReferences", NULL)) {
		const char *its_kind = json_str(owner, "kind", NULL), *its = json_str(owner, "name", NULL);

		if (its_kind && its && strcmp(its_kind, kind) == 0 && is_owner(o, its))
			return true;
	}
	return false;
}

/* Whether this one is the planned pod: by its name, or, where names have no meaning, any of its owner's. */
static bool is_pod(const struct plan *p, const struct plan_pod *pod, const cJSON *other)
{
	const struct plan_object *o = &p->objects[pod->of];

	if (o->kind->makes == PLAN_REPLICAS)
		return is_its(o, other);
	return strcmp(plan_name(other), plan_name(pod->made)) == 0 &&
	       strcmp(plan_namespace(other), plan_namespace(pod->made)) == 0;
}

void plan_find_standing(struct plan *p)
{
	for (size_t i = 0; i < p->pod_count; i++) {
		struct plan_pod *pod = &p->pods[i];

		for (size_t k = 0; k < p->standing_count && pod->pod && !pod->standing; k++) {
			struct plan_standing *s = &p->standing[k];

			if (s->planned || !is_pod(p, pod, s->pod))
				continue;
			s->planned = true;
			pod->standing = s;
		}
	}
	/* Those that are over of what is planned go: it is scaled in. */
	for (size_t k = 0; k < p->standing_count; k++) {
		for (size_t i = 0; i < p->object_count && !p->standing[k].planned; i++) {
			const struct plan_object *o = &p->objects[i];

			p->standing[k].goes =
				p->standing[k].goes || (o->kind && !o->refused && o->kind->makes != PLAN_NO_PODS &&
							is_its(o, p->standing[k].pod));
		}
	}
}
